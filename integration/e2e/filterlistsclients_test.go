package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/mcpserver"
)

// TestFilterListsForClients: real clients see the tools that they may call, at a server
// that answers with JSON and at one that answers with event streams.
func TestFilterListsForClients(t *testing.T) {
	places := map[string][]string{}
	for version, s := range stages {
		places[version] = s.startFittingLists(t)
	}
	for _, c := range mcpClients(t) {
		t.Run(c.name+" "+c.version+" MCP "+c.protocol, func(t *testing.T) {
			on(t, c.envoys, func(t *testing.T, s *stage) {
				urls := places[s.version]
				if c.slow {
					urls = urls[2:]
				}
				trips, err := c.visit(c, "whoami", urls...)
				if err != nil || len(trips) != len(urls) {
					t.Fatalf("%d trips, want %d: %v", len(trips), len(urls), err)
				}
				for _, trip := range trips {
					want, status := []string{"add_note", "list_notes", "whoami"}, http.StatusOK
					if strings.HasSuffix(trip.URL, "/outsider") {
						want, status = []string{"list_notes", "whoami"}, http.StatusForbidden
					}
					slices.Sort(trip.Tools)
					if !slices.Equal(trip.Tools, want) {
						t.Errorf("%s: the tools %q, want %q", trip.URL, trip.Tools, want)
					}
					r, err := http.NewRequest(http.MethodPost, trip.URL, strings.NewReader(tool("add_note")))
					if err != nil {
						t.Fatal(err)
					}
					r.Header = bearer(trip.Token, "Content-Type", "application/json", "Accept", "application/json, text/event-stream")
					a, err := http.DefaultClient.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					a.Body.Close()
					if (a.StatusCode == http.StatusForbidden) != (status == http.StatusForbidden) {
						t.Errorf("%s: a call of add_note has status %d, want %d", trip.URL, a.StatusCode, status)
					}
				}
			})
		})
	}
}

// startFittingLists starts a gateway, and returns the URLs of its resources. Those that end
// in outsider have a rule for add_note that no token meets.
func (s *stage) startFittingLists(t *testing.T) (urls []string) {
	t.Helper()
	port := reserve(t)
	streaming, err := mcpserver.StartStreaming(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { streaming.Close() })
	auth, err := authserver.Start(authserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { auth.Close() })
	streams := fmt.Sprint("localhost:", port.Number())
	var resources []object
	for _, host := range []string{strings.TrimPrefix(port.Origin(), "http://"), streams} {
		for who, issuer := range map[string]string{"insider": auth.Issuer(), "outsider": "nobody"} {
			url := "http://" + host + "/mcp/" + who
			urls = append(urls, url)
			resources = append(resources, object{
				"resource": url, "match": object{"hosts": []string{host}}, "filter_lists": "claims",
				"scopes_supported": []string{"read:notes", "write:notes"}, "required_scopes": []string{"read:notes"},
				"tools": object{"add_note": object{"claims": object{"iss": issuer}}},
			})
		}
	}
	o := s.options(toJSON(object{
		"authorization_servers":           []object{{"issuer": auth.Issuer(), "cluster": "auth"}},
		"allow_on_headers_stop_iteration": s.version == versions[0],
		"resources":                       resources,
	}))
	o.Port, o.HeadersStopIteration = port.Number(), s.version == versions[0]
	o.Clusters[1] = envoy.ClusterAt("auth", auth.Addr())
	o.Clusters = append(o.Clusters, envoy.ClusterAt("streaming", streaming.Addr()))
	o.Hosts = map[string]string{streams: "streaming"}
	s.start(t, o)
	return urls
}

// TestFilterListsOfServers: two callers of each server of docs/identity.md, and of a server
// with the transport of MCP 2024-11-05, see different lists.
func TestFilterListsOfServers(t *testing.T) {
	s := stages[versions[0]]
	o := s.options("")
	o.Hosts = map[string]string{}
	var resources []object
	add := func(name, address string) {
		host := strings.NewReplacer(" ", "-", ",", "").Replace(strings.ToLower(name)) + ".example.com"
		o.Clusters = append(o.Clusters, envoy.ClusterAt(host, address))
		o.Hosts[host] = host
		resources = append(resources, object{
			"resource": "https://" + host, "match": object{"hosts": []string{host}}, "filter_lists": "all",
			"tools": object{"whoami": object{"claims": object{"groups": "insiders"}}},
		})
	}
	text := section(t, "identity.md", "## Read the caller in the server")
	for _, m := range regexp.MustCompile("(?ms)^\\*\\*(.+?)\\*\\*.*?^```\\w+\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		add(m[1], startServer(t, m[2], documentedServers[m[1]]))
	}
	server := mcp.NewServer(&mcp.Implementation{Name: "old", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami"}, func(context.Context, *mcp.CallToolRequest, object) (*mcp.CallToolResult, object, error) {
		return nil, object{"subject": "somebody"}, nil
	})
	old := httptest.NewUnstartedServer(mcp.NewSSEHandler(func(*http.Request) *mcp.Server { return server }, &mcp.SSEOptions{DisableLocalhostProtection: true}))
	old.Start()
	t.Cleanup(old.Close)
	const oldName = "Old transport"
	add(oldName, old.Listener.Addr().String())

	o.Plugin = toJSON(object{
		"authorization_servers":           []object{{"issuer": s.auth.Issuer(), "cluster": "auth"}},
		"allow_on_headers_stop_iteration": true, "resources": resources,
	})
	o.HeadersStopIteration = true
	g := s.start(t, o)
	for host := range o.Hosts {
		t.Run(host, func(t *testing.T) {
			for group, want := range map[string]string{"insiders": "[whoami]", "others": "[]"} {
				token := s.auth.Mint(authserver.Token{Resource: "https://" + host, Claims: object{"groups": []string{group}}})
				tools, callErr, err := toolsOf(t, g, host, token, strings.HasPrefix(host, "old"))
				if err != nil || fmt.Sprint(tools) != want {
					t.Errorf("%s see %v, %v; want %s", group, tools, err, want)
				}
				if (callErr == nil) != (group == "insiders") {
					t.Errorf("%s call whoami: %v", group, callErr)
				}
			}
		})
	}
}

// toolsOf lists the tools of a server, and calls whoami, with the official Go SDK.
func toolsOf(t *testing.T, g *gateway, host, token string, old bool) (tools []string, callErr, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	client := &http.Client{Transport: callerAt{asCaller(token), host}}
	var transport mcp.Transport = &mcp.StreamableClientTransport{Endpoint: "http://" + g.Addr() + "/mcp", HTTPClient: client}
	if old {
		transport = &mcp.SSEClientTransport{Endpoint: "http://" + g.Addr() + "/sse", HTTPClient: client}
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "mcpauth test", Version: "1"}, nil).Connect(ctx, transport, nil)
	if err != nil {
		return nil, nil, err
	}
	defer session.Close()
	list, err := session.ListTools(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range list.Tools {
		tools = append(tools, t.Name)
	}
	_, callErr = session.CallTool(ctx, &mcp.CallToolParams{Name: "whoami"})
	return tools, callErr, nil
}

// callerAt sends requests as asCaller does, to another host of the gateway.
type callerAt struct {
	asCaller
	host string
}

func (c callerAt) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = c.host
	r.Header.Set("Authorization", "Bearer "+string(c.asCaller))
	return http.DefaultTransport.RoundTrip(r)
}
