package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// clientsHost publishes client ID metadata documents, as whoever makes a client does. Envoy
// sends it what the gateway asks of https://clients.example.com.
type clientsHost struct {
	*httptest.Server
	documents map[string]http.HandlerFunc // by path
	requests  atomic.Int32
}

const clientsOrigin = "https://clients.example.com"

func newClientsHost(t *testing.T) *clientsHost {
	h := &clientsHost{documents: map[string]http.HandlerFunc{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.requests.Add(1)
		serve := h.documents[r.URL.Path]
		if serve == nil || r.Host != "clients.example.com" || r.Header.Get("Cookie") != "" || r.Method != "GET" {
			http.NotFound(w, r)
			return
		}
		serve(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

// document serves a document.
func document(members object) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=300")
		w.Write([]byte(toJSON(members)))
	}
}

func appDocument(path string, more object) object {
	return merged(object{
		"client_id": clientsOrigin + path, "client_name": "An App", "client_uri": clientsOrigin, "logo_uri": clientsOrigin + "/logo.png",
		"redirect_uris": []string{"http://127.0.0.1:3000/callback", "http://localhost/callback"}, "grant_types": []string{"authorization_code"}, "response_types": []string{"code"}, "token_endpoint_auth_method": "none",
	}, more)
}

// documentGateway is a gateway that registers no clients, and accepts the documents of
// clientsHost.
func documentGateway(t *testing.T, s *stage, h *clientsHost) (*stage, *gateway) {
	t.Helper()
	port := reserve(t)
	client := providerClient
	client.RedirectURIs = []string{port.Origin() + "/callback"}
	own := keyStage(t, s, authserver.Options{NoRegistration: true, Clients: []authserver.Client{client}, DefaultResource: port.Origin() + "/mcp"})
	own.port = port
	options := own.options(toJSON(object{
		"allow_on_headers_stop_iteration": true,
		"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth", "oauth_proxy": object{
			"client_id": providerClient.ID, "client_secret": providerClient.Secret, "signing_key": signingKey,
			"client_id_metadata_documents": []object{{"url": clientsOrigin + "/*", "cluster": "clients"}},
		}}},
		"resources": []object{{"resource": port.Origin() + "/mcp", "scopes_supported": []string{"read:notes", "write:notes"}, "required_scopes": []string{"read:notes"}}},
	}))
	options.Port, options.HeadersStopIteration = port.Number(), true
	options.Clusters = append(options.Clusters, envoy.ClusterAt("clients", h.Listener.Addr().String()))
	return own, own.start(t, options)
}

// TestClientIDMetadataDocuments: the SDKs that know client ID metadata documents sign in by
// one at a gateway that registers no clients.
func TestClientIDMetadataDocuments(t *testing.T) {
	var all []*mcpClient
	for _, c := range mcpClients(t) {
		if slices.Contains([]string{"Go SDK", "TypeScript SDK", "Python SDK"}, c.name) && c.protocol >= "2025-11-25" {
			c.clientURL = clientsOrigin + "/apps/app.json"
			all = append(all, c)
		}
	}
	onEach(t, func(t *testing.T, s *stage) {
		h := newClientsHost(t)
		h.documents["/apps/app.json"] = document(appDocument("/apps/app.json", nil))
		own, g := documentGateway(t, s, h)
		for _, c := range all {
			t.Run(c.name+" "+c.version+" MCP "+c.protocol, func(t *testing.T) {
				before := own.auth.Secrets()
				visits, err := c.visit(c, "whoami", own.port.Origin()+"/mcp")
				if err != nil || len(visits) != 1 {
					t.Fatal(err, visits)
				}
				c.check(t, visits[0], place{"", own.port.Origin() + "/mcp", own.auth.Issuer(), "read:notes", providerClient.ID})
				if visits[0].ClientID != c.clientURL {
					t.Errorf("client %q", visits[0].ClientID)
				}
				if own.auth.Secrets() != before+1 {
					t.Error("the exchange did not come with the secret")
				}
			})
		}
		if n := h.requests.Load(); n < 1 || n > 2 {
			t.Errorf("%d requests for the document, want one by each worker", n)
		}
		if a := g.do(t, request{proto: http1, method: "GET", path: "/.well-known/oauth-authorization-server"}); strings.Contains(a.body, "registration_endpoint") || !strings.Contains(a.body, `"client_id_metadata_document_supported":true`) {
			t.Errorf("%s", a.body)
		}
		for path, serve := range map[string]http.HandlerFunc{
			"/other.json":    document(appDocument("/apps/app.json", nil)),
			"/redirect.json": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/apps/app.json", http.StatusFound) },
			"/large.json":    document(appDocument("/large.json", object{"x": strings.Repeat("x", 10<<20)})),
			"/secret.json":   document(appDocument("/secret.json", object{"client_secret": "s"})),
			"/twice.json": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Write([]byte(`{"redirect_uris":["https://evil.example/cb"],` + toJSON(appDocument("/twice.json", nil))[1:]))
			},
			"/slow.json":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			"/elsewhere":     document(appDocument("/elsewhere", object{"redirect_uris": []string{"https://evil.example/cb"}})),
			"/not-there":     nil,
			"https://evil./": nil,
		} {
			h.documents[path] = serve
			id := clientsOrigin + path
			if strings.HasPrefix(path, "https:") {
				id = path
			}
			query := url.Values{"response_type": {"code"}, "client_id": {id}, "redirect_uri": {"http://127.0.0.1:1/callback"}, "code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"}}
			a := g.do(t, request{proto: http1, method: "GET", path: "/authorize?" + query.Encode()})
			if a.status != 400 || a.header.Get("Location") != "" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || strings.Contains(a.body, "<form") {
				t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
			}
		}
		if own.auth.Requests("/register") != 0 {
			t.Error("a registration has reached the provider")
		}
	})
}
