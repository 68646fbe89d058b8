package e2e

import (
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// spanCollector receives spans by OTLP over HTTP.
type spanCollector struct {
	address string
	mu      sync.Mutex
	spans   []*trace.Span
}

func collectSpans(t *testing.T) *spanCollector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &spanCollector{address: l.Addr().String()}
	server := &http.Server{Handler: c}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return c
}

func (c *spanCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var export collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &export)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range export.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// attributes returns the attributes of each span, by the value of id in the query of its
// request.
func (c *spanCollector) attributes() map[string]map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]map[string]string{}
	for _, span := range c.spans {
		attributes := map[string]string{}
		for _, a := range span.Attributes {
			attributes[a.Key] = a.Value.GetStringValue()
		}
		_, id, _ := strings.Cut(attributes["http.url"], "?id=")
		all[id] = attributes
	}
	return all
}

// TestTraces: the tags that operations.md gives are in the spans that Envoy exports, with
// the verified caller, and with nothing that a client claims.
func TestTraces(t *testing.T) {
	blocks := fenced(section(t, "operations.md", "## Traces"), "yaml")
	if len(blocks) != 2 {
		t.Fatalf("operations.md: %d examples of tracing, want that of formats and that of headers", len(blocks))
	}
	tracing := parseYAML(t, blocks[0]).(object)["tracing"].(object)
	headerTags := parseYAML(t, blocks[1]).(object)["custom_tags"]
	onEach(t, func(t *testing.T, s *stage) {
		if before(s.version, 37) {
			_, _, err := traced(t, s, tracing)
			if failed, ok := errors.AsType[*envoy.StartError](err); !ok || !strings.Contains(failed.Log, "custom_tags") {
				t.Errorf("Envoy %s knows formats as tags, or fails otherwise: %v", s.version, err)
			}
		} else {
			testTraces(t, s, tracing, "mcpauth.issuer")
		}
		byHeader := maps.Clone(tracing)
		byHeader["custom_tags"] = headerTags
		testTraces(t, s, byHeader, "")
	})
}

// traced starts a gateway with a configuration of tracing, and its collector.
func traced(t *testing.T, s *stage, tracing object) (*stage, *spanCollector, error) {
	t.Helper()
	own, c := keyStage(t, s, authserver.Options{}), collectSpans(t)
	o := own.options(toJSON(object{
		"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
		"resources": []object{{"resource": notes, "required_scopes": []string{"read:notes"},
			"filter_state": []string{"subject", "client", "issuer"}}},
	}))
	o.Clusters = append(o.Clusters, envoy.ClusterAt("otel", c.address))
	o.Tracing = toJSON(tracing)
	g, err := startGateway(t.Context(), s.binary, "traced", o)
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(g.Stop)
	own.strict = g
	return own, c, nil
}

func testTraces(t *testing.T, s *stage, tracing object, issuerTag string) {
	t.Helper()
	own, c, err := traced(t, s, tracing)
	if err != nil {
		t.Fatal(err)
	}
	g := own.strict
	eventually(t, recovery, func() string { return passes(g, own.minted("RS256")) })
	forged := []string{"x-mcpauth-subject", "mallory", "x-mcpauth-client", "mallory", "wasm.mcpauth-subject", "mallory"}
	token := own.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes"})
	lacking := own.auth.Mint(authserver.Token{Resource: notes})
	verified := map[string]bool{"passed": true}
	for id, r := range map[string]request{
		"passed":    {path: "/notes", header: bearer(token, forged...)},
		"lacking":   {path: "/notes", header: bearer(lacking, forged...)},
		"none":      {path: "/notes", header: headers(forged...)},
		"malformed": {path: "/notes", header: bearer("x.y.z", forged...)},
		"elsewhere": {path: "/elsewhere", header: headers(forged...)},
	} {
		r.path += "?id=" + id
		g.do(t, r)
	}
	eventually(t, recovery, func() string {
		all := c.attributes()
		for _, id := range []string{"passed", "lacking", "none", "malformed", "elsewhere"} {
			if all[id] == nil {
				return "no span of the request " + id
			}
		}
		return ""
	})
	for id, attributes := range c.attributes() {
		subject, client, issuer := "", "", ""
		if verified[id] || id == "" { // passes has no id
			subject, client, issuer = authserver.User, "test-client", own.auth.Issuer()
		}
		if attributes["mcpauth.subject"] != subject || attributes["mcpauth.client"] != client {
			t.Errorf("%s: subject %q, client %q, want %q, %q", id, attributes["mcpauth.subject"], attributes["mcpauth.client"], subject, client)
		}
		if issuerTag != "" && attributes[issuerTag] != issuer {
			t.Errorf("%s: issuer %q, want %q", id, attributes[issuerTag], issuer)
		}
		for name, value := range attributes {
			if strings.Contains(value, "mallory") {
				t.Errorf("%s: %s is what the client sent", id, name)
			}
		}
	}
}
