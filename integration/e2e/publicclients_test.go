package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/mcpserver"
)

// An exchange is a request of a client and the status of its response.
type exchange struct {
	method, rpc string // the HTTP method, and the method of the message in the body
	tool        string
	token       bool // it has an Authorization header
	status      int
}

func (e exchange) String() string {
	with := "without a token"
	if e.token {
		with = "with a token"
	}
	return strings.Join(strings.Fields(fmt.Sprint(e.method, " ", e.rpc, " ", e.tool, " ", with, ": ", e.status)), " ")
}

// A wiretap stands between clients and a gateway, and keeps what they say to each other at
// paths under /mcp.
type wiretap struct {
	*httptest.Server
	proxy *httputil.ReverseProxy

	mu        sync.Mutex
	exchanges map[string][]exchange // by path
}

// closedStream is a path at which the stream of a session gets 401 from the wiretap, in
// the place of what the gateway says.
const closedStream = "/mcp/closed-stream"

const metadataPath = "/.well-known/oauth-protected-resource"

func newWiretap(t *testing.T) *wiretap {
	t.Helper()
	w := &wiretap{exchanges: map[string][]exchange{}}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

// lead makes the wiretap lead to a gateway.
func (w *wiretap) lead(g *gateway) {
	to := &url.URL{Scheme: "http", Host: g.Addr()}
	w.proxy = &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
	}}
}

func (w *wiretap) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var message struct {
		Method string
		Params struct{ Name string }
	}
	json.Unmarshal(body, &message) // other bodies have no method
	e := exchange{r.Method, message.Method, message.Params.Name, r.Header.Get("Authorization") != "", 0}
	path := r.URL.Path
	w.mu.Lock()
	i := len(w.exchanges[path])
	w.exchanges[path] = append(w.exchanges[path], e)
	w.mu.Unlock()
	p := *w.proxy
	p.ModifyResponse = func(res *http.Response) error {
		if path == closedStream && res.StatusCode == http.StatusMethodNotAllowed {
			res.StatusCode = http.StatusUnauthorized
			res.Header.Set("WWW-Authenticate", `Bearer resource_metadata="`+w.URL+metadataPath+path+`"`)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.exchanges[path][i].status = res.StatusCode
		return nil
	}
	p.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, _ error) {} // the client has left
	p.ServeHTTP(rw, r)
}

// take returns the exchanges at a path, and forgets them.
func (w *wiretap) take(path string) []exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.exchanges[path]
	delete(w.exchanges, path)
	return list
}

// looks is what a client does where it may look before it signs in.
type looks struct {
	// early: where the stream of its session gets 401, it signs in then, or fails.
	early bool
	// reopens: it opens that stream once it has signed in; retries: it tries again a second
	// after 405, and opens the stream if it has signed in by then.
	reopens, retries bool
}

// url returns the URL of a path. That of a path under /mcp/modern has another host.
func (w *wiretap) url(path string) string {
	if strings.HasPrefix(path, "/mcp/modern/") {
		return strings.Replace(w.URL, "127.0.0.1", "localhost", 1) + path
	}
	return w.URL + path
}

// publicGateway starts a gateway behind a wiretap. At its resources clients can look before
// they sign in. The MCP server has sessions; under /mcp/modern it has none, as clients of
// MCP 2026-07-28 want it.
func (s *stage) publicGateway(t *testing.T, auth *authserver.Server, paths ...string) *wiretap {
	t.Helper()
	sessions, err := mcpserver.StartWithSessions(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sessions.Close() })
	w := newWiretap(t)
	var resources []object
	for _, path := range paths {
		resources = append(resources, object{
			"resource": w.url(path), "scopes_supported": []string{"read:notes", "write:notes"}, "required_scopes": []string{"read:notes"},
			"public": object{"methods": []string{"initialize", "server/discover", "ping", "notifications/*", "logging/setLevel", "subscriptions/listen"}, "lists": true, "tools": []string{"list_notes"}},
		})
	}
	o := s.options(toJSON(object{
		"authorization_servers": []object{{"issuer": auth.Issuer(), "cluster": "public-auth"}}, "allow_on_headers_stop_iteration": true, "resources": resources,
	}))
	o.Clusters = append(o.Clusters, envoy.ClusterAt("public-auth", auth.Addr()), envoy.ClusterAt("sessions", sessions.Addr()))
	o.Hosts = map[string]string{w.Listener.Addr().String(): "sessions"} // other hosts go to the stage's server
	o.HeadersStopIteration = true
	w.lead(s.start(t, o))
	return w
}

// TestClientsLookBeforeTheySignIn: real clients connect, list and call a public tool
// without a token and without anybody who signs in. They sign in when a tool needs it,
// through the whole flow, and the call succeeds.
func TestClientsLookBeforeTheySignIn(t *testing.T) {
	auth, err := authserver.Start(authserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { auth.Close() })
	const signsIn, looksOnly, modern = "/mcp/signs-in", "/mcp/looks-only", "/mcp/modern"
	taps := map[string]*wiretap{}
	for version, s := range stages {
		taps[version] = s.publicGateway(t, auth, signsIn, looksOnly, closedStream, modern+signsIn, modern+looksOnly)
	}
	for _, c := range mcpClients(t) {
		prefix := ""
		if c.protocol >= "2026-07-28" {
			prefix = modern
		}
		t.Run(c.name+" "+c.version+" MCP "+c.protocol, func(t *testing.T) {
			on(t, c.envoys, func(t *testing.T, s *stage) {
				w := taps[s.version]
				visit := func(t *testing.T, path, tools string) (trip, []exchange) {
					t.Helper()
					trips, err := c.visit(c, tools, w.url(path))
					got := w.take(path)
					if err != nil || len(trips) != 1 {
						t.Fatalf("%d visits, %v: %v", len(trips), err, got)
					}
					return trips[0], got
				}
				t.Run("signs in", func(t *testing.T) {
					told, got := visit(t, prefix+signsIn, `list_notes add_note={"text":"hello"} whoami`)
					c.lookedFirst(t, told, got)
				})
				if s.version != c.envoys[0] {
					return // what follows depends on the client alone
				}
				t.Run("only looks", func(t *testing.T) {
					told, got := visit(t, prefix+looksOnly, "list_notes")
					if len(told.Asked) > 0 || len(told.Results) != 1 || slices.ContainsFunc(got, func(e exchange) bool { return e.token || e.status == http.StatusUnauthorized }) {
						t.Errorf("it asked for %q, results %s: %v", told.Asked, toJSON(told.Results), got)
					}
				})
				if prefix != "" {
					return // there is no such stream
				}
				t.Run("closed stream", func(t *testing.T) {
					_, err := c.visit(c, strings.Repeat("list_notes ", 5), w.url(closedStream))
					got, searched := w.take(closedStream), w.take(metadataPath+closedStream)
					if early := err != nil || len(searched) > 0; early != c.looks.early {
						t.Errorf("it signs in early: %v, want %v; %v: %v", early, c.looks.early, err, got)
					}
				})
			})
		})
	}
}

// lookedFirst checks the visit of a client that has called a tool for which it had to
// sign in.
func (c *mcpClient) lookedFirst(t *testing.T, told trip, got []exchange) {
	t.Helper()
	if len(told.Asked) != 1 || len(told.Results) != 3 {
		t.Fatalf("it asked for %q, results %s: %v", told.Asked, toJSON(told.Results), got)
	}
	var caller mcpserver.Caller
	if err := json.Unmarshal(told.Results[2].Result, &caller); err != nil {
		t.Fatal(err)
	}
	if caller.Identity["x-mcpauth-subject"] != authserver.User {
		t.Errorf("the server sees the caller %v", caller.Identity)
	}
	private := slices.IndexFunc(got, func(e exchange) bool { return e.tool == "add_note" })
	if private < 0 || got[private].token || got[private].status != http.StatusUnauthorized {
		t.Fatalf("no 401 for the private tool: %v", got)
	}
	for i, e := range got[:private] {
		ok := e.status < 300 || e.method != http.MethodPost && e.status == http.StatusMethodNotAllowed
		if e.token || !ok {
			t.Errorf("%v, before it called the private tool: %v", e, got[:i])
		}
	}
	if !slices.ContainsFunc(got[:private], func(e exchange) bool { return e.rpc == "tools/list" }) || !slices.ContainsFunc(got[:private], func(e exchange) bool { return e.tool == "list_notes" }) {
		t.Errorf("it did not look: %v", got)
	}
	if c.looks.retries {
		return
	}
	opened := slices.ContainsFunc(got[private:], func(e exchange) bool { return e.method == http.MethodGet && e.token && e.status == http.StatusOK })
	if want := c.looks.reopens && c.protocol < "2026-07-28"; opened != want {
		t.Errorf("it opened the stream after it signed in: %v, want %v: %v", opened, want, got)
	}
}
