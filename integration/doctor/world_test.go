package doctor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/envoy-example/mcpserver"
)

type object = map[string]any

func toJSON(v any) string {
	doc, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(doc)
}

// A world is an Envoy with the plugin, an Envoy without it, and the servers of both. All
// deployments but a few are resources of one Envoy, each with an authorization server of
// its own.
type world struct {
	t       *testing.T
	port    *loopback.Port
	plugin  *envoy.Process
	plain   *envoy.Process // has no plugin
	mcp     *mcpserver.Server
	servers []object // authorization_servers
	list    []object // resources
	cluster []envoy.Cluster
	auth    map[string]*authserver.Server // by resource path
	tokens  []string                      // that no output may have
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, auth: map[string]*authserver.Server{}}
	var err error
	if w.port, err = loopback.Reserve(0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.port.Release)
	if w.mcp, err = mcpserver.Start(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.mcp.Close() })
	upstream := httptest.NewServer(http.HandlerFunc(w.serveUpstream))
	t.Cleanup(upstream.Close)
	w.cluster = []envoy.Cluster{envoy.ClusterAt("mcp", upstream.Listener.Addr().String()), envoy.ClusterAt("dead", deadAddress(t))}
	return w
}

// serveUpstream is the MCP server, with paths at which it is another one.
func (w *world) serveUpstream(rw http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/upstream-path":
		http.NotFound(rw, r)
	case "/upstream-host":
		http.Error(rw, "Invalid Host header", http.StatusMisdirectedRequest)
	case "/upstream-auth":
		http.Error(rw, "a token, please", http.StatusUnauthorized)
	case "/upstream-page":
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprint(rw, "<!doctype html><p>Welcome")
	default:
		httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: w.mcp.Addr()}).ServeHTTP(rw, r)
	}
}

// deadAddress returns an address at which nobody listens, and will not.
func deadAddress(t *testing.T) string {
	t.Helper()
	p, err := loopback.Reserve(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Release)
	return p.Addr()
}

// A change changes the answers of an authorization server.
type change func(next http.Handler) http.Handler

// at changes the answer at the paths that end with one of some texts, separated by spaces.
func at(suffixes string, answer http.HandlerFunc) change {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, s := range strings.Fields(suffixes) {
				if strings.HasSuffix(r.URL.Path, s) && r.Method != http.MethodOptions {
					answer(w, r)
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// metadataPlaces are where the metadata is.
const metadataPlaces = "/oauth-authorization-server /openid-configuration"

// metadataWith changes members of the metadata; nil takes one away.
func metadataWith(changes object) change {
	return func(next http.Handler) http.Handler {
		return at(metadataPlaces, func(w http.ResponseWriter, r *http.Request) {
			recorded := httptest.NewRecorder()
			next.ServeHTTP(recorded, r)
			var m object
			if err := json.Unmarshal(recorded.Body.Bytes(), &m); err != nil {
				panic(err)
			}
			for k, v := range changes {
				if m[k] = v; v == nil {
					delete(m, k)
				}
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Access-Control-Allow-Origin", "*")
			fmt.Fprint(w, toJSON(m))
		})(next)
	}
}

// answers is a handler that always answers the same.
func answers(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// hangs is a handler that does not answer for long.
func hangs(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}

// An authServer is an authorization server that listens by itself.
type authServer struct {
	*authserver.Server
	issuer, address string
}

// startServer starts an authorization server with changed answers.
func (w *world) startServer(o authserver.Options, c change) authServer {
	w.t.Helper()
	l := w.listen()
	o.Origin, o.Listener = "http://"+l.Addr().String(), w.listen() // nobody asks at the second
	s, err := authserver.Start(o)
	if err != nil {
		w.t.Fatal(err)
	}
	var handler http.Handler = s
	if c != nil {
		handler = c(s)
	}
	web := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go web.Serve(l)
	w.t.Cleanup(func() { web.Close(); s.Close() })
	return authServer{s, o.Origin, l.Addr().String()}
}

// add adds a resource with an authorization server of its own. server and resource are
// changes of the configuration.
func (w *world) add(path string, o authserver.Options, c change, server, resource object) {
	w.t.Helper()
	started := w.startServer(o, c)
	issuer, name := started.issuer, strings.Trim(path, "/")
	w.cluster = append(w.cluster, envoy.ClusterAt(name, started.address))
	w.auth[path] = started.Server
	s := object{"issuer": issuer, "cluster": name}
	for k, v := range server {
		if rename, ok := v.(func(string) string); ok {
			v = rename(issuer)
		}
		s[k] = v
	}
	w.servers = append(w.servers, s)
	r := object{
		"resource": w.url(path), "authorization_servers": []any{s["issuer"]},
		"scopes_supported": []string{"read:notes", "write:notes"}, "required_scopes": []string{"read:notes"}, "challenge_scopes": "all",
	}
	for k, v := range resource {
		if r[k] = v; v == nil {
			delete(r, k)
		}
	}
	w.list = append(w.list, r)
}

// share adds a resource with the authorization server of another one.
func (w *world) share(path, with string, resource object) {
	r := object{
		"resource": w.url(path), "authorization_servers": []any{w.auth[with].Issuer()},
		"scopes_supported": []string{"read:notes", "write:notes"}, "required_scopes": []string{"read:notes"}, "challenge_scopes": "all",
	}
	for k, v := range resource {
		r[k] = v
	}
	w.auth[path] = w.auth[with]
	w.list = append(w.list, r)
}

func (w *world) url(path string) string { return w.port.Origin() + path }

// config is the plugin's configuration.
func (w *world) config() string {
	return toJSON(object{"authorization_servers": w.servers, "resources": w.list})
}

// token returns a good token for the resource with a path, with changes.
func (w *world) token(path string, changes object) string {
	t := authserver.Token{Resource: w.url(path), Scope: "read:notes write:notes", Claims: changes}
	token := w.auth[path].Mint(t)
	w.tokens = append(w.tokens, token)
	return token
}

// guard is a filter that demands the verdict header below /guarded only.
const guard = `- name: envoy.filters.http.rbac
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
    rules:
      action: ALLOW
      policies:
        passed:
          permissions: [{any: true}]
          principals: [{header: {name: x-mcpauth-verdict, string_match: {exact: token}}}]
        elsewhere:
          permissions: [{not_rule: {url_path: {path: {prefix: /guarded}}}}]
          principals: [{any: true}]`

// options are those of the Envoy with the plugin.
func (w *world) options(wasm string) envoy.Options {
	return envoy.Options{Wasm: wasm, Plugin: w.config(), Upstream: "mcp", Clusters: w.cluster, Port: w.port.Number(), Filters: guard, Workers: 1}
}

// start starts both Envoys.
func (w *world) start() {
	w.t.Helper()
	wasm, err := envoy.Wasm()
	if err != nil {
		w.t.Fatal(err)
	}
	binary, err := envoy.Binary(w.t.Context(), "1.40.0")
	if err != nil {
		w.t.Fatal(err)
	}
	if w.plugin, err = envoy.Start(w.t.Context(), binary, w.options(wasm)); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if w.t.Failed() {
			log := w.plugin.Log()
			w.t.Logf("log of Envoy:\n%s", log[max(0, len(log)-6000):])
		}
		w.plugin.Stop()
	})
	mcp := envoy.ClusterAt("mcp", w.mcp.Addr())
	bootstrap := strings.NewReplacer(
		"GUARD", strings.ReplaceAll(guard, "\n", "\n          "),
		"MCP_PORT", fmt.Sprint(mcp.Port), "DEAD_PORT", fmt.Sprint(w.cluster[1].Port)).Replace(plainBootstrap)
	if w.plain, err = envoy.Start(w.t.Context(), binary, envoy.Options{Workers: 1, Bootstrap: bootstrap}); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.plain.Stop)
}

// plainBootstrap is an Envoy without the plugin.
const plainBootstrap = `
admin:
  address: {socket_address: {address: 127.0.0.1, port_value: 0}}
static_resources:
  listeners:
  - name: gateway
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: gateway
          http_filters:
          GUARD
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /open}
                route: {cluster: mcp}
              - match: {prefix: /guarded}
                route: {cluster: mcp}
              - match: {prefix: /dead}
                route: {cluster: dead}
  clusters:
  - name: mcp
    connect_timeout: 2s
    load_assignment:
      cluster_name: mcp
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: MCP_PORT}}}}]}]
  - name: dead
    connect_timeout: 2s
    load_assignment:
      cluster_name: dead
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: DEAD_PORT}}}}]}]
`

// A front is a proxy before the gateway, which changes requests or responses.
type front struct {
	request  func(r *http.Request)
	response func(r *http.Response)
	answer   http.HandlerFunc // in place of the gateway, if it returns true for the path
	paths    string           // for which answer answers, by their ends; empty for all
}

// handler returns the front.
func (f front) handler(gateway string) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { // keeps the Host header
			r.Out.URL.Scheme, r.Out.URL.Host = "http", gateway
			if f.request != nil {
				f.request(r.Out)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if f.response != nil {
				f.response(r)
			}
			return nil
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.answer != nil && (f.paths == "" || strings.Contains(r.URL.Path, f.paths)) {
			f.answer(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// frontAt starts a front on a port that was reserved.
func (w *world) frontAt(l net.Listener, f front) {
	web := &http.Server{Handler: f.handler(w.port.Addr()), ReadHeaderTimeout: 10 * time.Second}
	go web.Serve(l)
	w.t.Cleanup(func() { web.Close() })
}

// listen returns a listener on a free port.
func (w *world) listen() net.Listener {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	return l
}

// bigDocument has ten megabytes.
var bigDocument = `{"x":"` + string(bytes.Repeat([]byte("x"), 10<<20)) + `"}`
