package providers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/envoy-example/mcpserver"
)

// gateway is Envoy with the plugin, in front of an MCP server.
type gateway struct {
	*envoy.Process
	port *loopback.Port
	mcp  *mcpserver.Server
}

// newGateway reserves the address of a gateway: the provider's settings and the
// plugin's name it before Envoy starts.
func newGateway(t *testing.T) *gateway {
	t.Helper()
	port, err := loopback.Reserve(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Release)
	server, err := mcpserver.Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return &gateway{port: port, mcp: server}
}

// resource is what the pages call https://mcp.example.com/mcp.
func (g *gateway) resource() string { return g.port.Origin() + "/mcp" }

// pageConfig is a configuration of a page, with the addresses of this machine:
// places are pairs of an origin of the page and a real one.
func (g *gateway) pageConfig(t *testing.T, page, heading string, places ...string) map[string]any {
	t.Helper()
	text, err := pageBlock(page, heading, "json")
	if err != nil {
		t.Fatal(err)
	}
	text = strings.NewReplacer(append([]string{"https://mcp.example.com", g.port.Origin()}, places...)...).Replace(text)
	if strings.Contains(text, "example.com") {
		t.Fatalf("%s: an origin that the test does not know: %s", page, text)
	}
	var config map[string]any
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	return config
}

// start starts Envoy with a configuration of the plugin.
func (g *gateway) start(t *testing.T, config map[string]any, env map[string]string, clusters ...envoy.Cluster) {
	t.Helper()
	wasm, err := envoy.Wasm()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := envoy.Binary(t.Context(), envoy.DefaultVersion)
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	g.Process, err = envoy.Start(t.Context(), binary, envoy.Options{
		Wasm: wasm, Plugin: string(document), PluginEnv: env, Port: g.port.Number(),
		HeadersStopIteration: config["allow_on_headers_stop_iteration"] == true,
		Upstream:             "mcp", Clusters: append(clusters, envoy.ClusterAt("mcp", g.mcp.Addr())),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Envoy:\n%s", g.Log())
		}
		g.Stop()
	})
	if theServer(config)["introspection"] == nil {
		g.awaitKeys(t)
	}
}

// awaitKeys waits until the gateway has the provider's keys, which a provider that
// has just started may take long to answer: until then it answers 503, and not
// every client tries again.
func (g *gateway) awaitKeys(t *testing.T) {
	t.Helper()
	for begin := time.Now(); !strings.Contains(g.Log(), " usable keys from "); time.Sleep(50 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatal("the gateway has no keys")
		}
	}
}

// answer is what the gateway answers to a tool call.
type answer struct {
	status    int
	challenge string
	body      string
}

func (a answer) String() string {
	return fmt.Sprintf("status %d, challenge %q, body %.300q", a.status, a.challenge, a.body)
}

// call calls a tool of the MCP server with a token.
func (g *gateway) call(t *testing.T, tool, token string) answer {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `","arguments":{"text":"x"}}}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.resource(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("MCP-Protocol-Version", "2025-11-25")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header.Get("WWW-Authenticate"), string(text)}
}

// becomes calls whoami until the status is the wanted one, and returns how long
// that takes. It fails after the time that the pages promise.
func (g *gateway) becomes(t *testing.T, token string, status int, within time.Duration) time.Duration {
	t.Helper()
	begin := time.Now()
	for {
		a := g.call(t, "whoami", token)
		took := time.Since(begin)
		if a.status == status {
			return took
		}
		if took > within {
			t.Fatalf("after %v: %v, want status %d", took, a, status)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// browserFor returns the URL of a browser with a user in front of it: given an
// authorization URL as its parameter url, it redirects to where the provider
// sends the user in the end.
func browserFor(t *testing.T, u person) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := u.visit(r.Context(), r.URL.Query().Get("url"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Location", to.String())
		w.WriteHeader(http.StatusFound)
	}))
	t.Cleanup(s.Close)
	return s.URL
}
