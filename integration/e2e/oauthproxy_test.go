package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
)

// providerClient is the client that was registered by hand.
var providerClient = authserver.Client{ID: "the gateway", Secret: "s3cr3t:&+ü", RedirectURIs: []string{"http://127.0.0.1/callback"}}

func reserve(t *testing.T) *loopback.Port {
	t.Helper()
	port, err := loopback.Reserve(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Release() })
	return port
}

// ownGateway starts a gateway of its own for a test, with resources at their true
// addresses. Its CORS filter knows the origins of pages.
func ownGateway(t *testing.T, s *stage, port *loopback.Port, o authserver.Options, paths []string, server, resource, top object, pages ...string) (*stage, *gateway) {
	t.Helper()
	o.DefaultResource = port.Origin() + paths[0]
	own := keyStage(t, s, o)
	own.port = port
	var resources []object
	for _, path := range paths {
		resources = append(resources, merged(object{
			"resource": port.Origin() + path, "scopes_supported": []string{"read:notes", "write:notes"}, "required_scopes": []string{"read:notes"},
		}, resource))
	}
	c := object{
		"authorization_servers": []object{merged(object{"issuer": own.auth.Issuer(), "cluster": "auth"}, server)},
		"resources":             resources,
	}
	options := own.options(toJSON(merged(c, top)))
	options.Port, options.HeadersStopIteration = port.Number(), top["allow_on_headers_stop_iteration"] == true
	options.Pages = append(options.Pages, pages...)
	return own, own.start(t, options)
}

func merged(objects ...object) object {
	all := object{}
	for _, o := range objects {
		for name, value := range o {
			all[name] = value
		}
	}
	return all
}

// proxyGateway is a gateway that stands for a provider without registration, for
// a resource with a path and one that is the whole origin. The provider knows the
// gateway's own redirect URI only, and names itself if named is set.
func proxyGateway(t *testing.T, s *stage, named bool, pages ...string) (*stage, *gateway) {
	t.Helper()
	port := reserve(t)
	client := providerClient
	client.RedirectURIs = []string{port.Origin() + "/callback"}
	o := authserver.Options{NoRegistration: true, NoIssuerParameter: !named, Clients: []authserver.Client{client}}
	return ownGateway(t, s, port, o, []string{"/mcp", ""}, object{"oauth_proxy": object{
		"client_id": providerClient.ID, "client_secret": providerClient.Secret, "signing_key": signingKey,
		"redirect_uris": []string{"http://127.0.0.1/callback", "http://localhost/callback", "http://127.0.0.1/oauth/callback",
			"http://127.0.0.1/v1", "http://127.0.0.1/v2"},
	}}, nil, object{"allow_on_headers_stop_iteration": true}, pages...)
}

const signingKey = "the key of the tests has 32 bytes"

// registerAt registers a client with a gateway, and returns its ID.
func registerAt(t *testing.T, origin string, name string, uris ...string) string {
	t.Helper()
	res, err := clients[http1].Post(origin+"/register", "application/json", strings.NewReader(toJSON(object{"client_name": name, "redirect_uris": uris})))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var registered struct {
		ID string `json:"client_id"`
	}
	if err := json.NewDecoder(res.Body).Decode(&registered); err != nil || res.StatusCode != 201 {
		t.Fatal(res.StatusCode, err)
	}
	return registered.ID
}

// TestProviderWithoutRegistration: clients that can only register by themselves
// get tokens of a provider where they cannot, at a resource with a path and at
// one that is a whole origin; the secret came with each exchange.
func TestProviderWithoutRegistration(t *testing.T) {
	all := mcpClients(t)
	onEach(t, func(t *testing.T, s *stage) {
		own, _ := proxyGateway(t, s, true)
		places := []place{
			{"path", own.port.Origin() + "/mcp", own.auth.Issuer(), "read:notes", providerClient.ID},
			{"root", own.port.Origin(), own.auth.Issuer(), "read:notes", providerClient.ID},
		}
		for _, c := range all {
			t.Run(c.name+" "+c.version+" MCP "+c.protocol, func(t *testing.T) {
				visits, err := c.visit(c, "whoami", places[0].url, places[1].url)
				if err != nil || len(visits) != len(places) {
					t.Fatal(err, visits)
				}
				for i, p := range places {
					c.check(t, visits[i], p)
					if id := visits[i].ClientID; id == providerClient.ID || strings.Count(id, ".") != 1 {
						t.Errorf("client %q", id)
					}
				}
			})
		}
		if n := own.auth.Secrets(); n == 0 || n != own.auth.Requests("/token") {
			t.Errorf("%d of %d exchanges came with the secret", n, own.auth.Requests("/token"))
		}
		if n := own.auth.Requests("/register"); n != 0 {
			t.Errorf("%d registrations have reached the provider", n)
		}
	})
}

// TestOAuthProxyOnTheWire: what the gateway asks and answers as an authorization
// server, by each protocol.
func TestOAuthProxyOnTheWire(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own, g := proxyGateway(t, s, false)
		const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
		const callback = "http://127.0.0.1:12345/callback"
		for _, p := range protocols {
			t.Run(string(p), func(t *testing.T) {
				cookie := "" // of the browser
				client := registerAt(t, own.port.Origin(), "a client", callback)
				send := func(method, path string, form url.Values) *answer {
					r := request{proto: p, method: method, path: path, header: http.Header{"Origin": {pages}}}
					if path == "/authorize" {
						r.header.Set("Origin", "null")
					}
					if cookie != "" {
						r.header.Set("Cookie", "a=b; "+cookie)
					}
					if form != nil {
						r.header.Set("Content-Type", "application/x-www-form-urlencoded")
						r.body = form.Encode()
					}
					a := g.do(t, r)
					if set := a.header.Get("Set-Cookie"); set != "" {
						cookie, _, _ = strings.Cut(set, ";")
					}
					return a
				}
				a := send("GET", "/.well-known/oauth-authorization-server", nil)
				var metadata struct {
					Issuer        string
					TokenEndpoint string `json:"token_endpoint"`
				}
				if json.Unmarshal([]byte(a.body), &metadata); a.status != 200 || metadata.Issuer != own.port.Origin() || metadata.TokenEndpoint != own.port.Origin()+"/token" {
					t.Errorf("%d %s", a.status, a.body)
				}
				query := url.Values{"response_type": {"code"}, "client_id": {client}, "redirect_uri": {callback}, "scope": {"read:notes"}, "state": {"s"},
					"code_challenge": {challenge}, "code_challenge_method": {"S256"}, "resource": {own.port.Origin()}}
				a = send("GET", "/authorize?"+query.Encode(), nil)
				if a.status != 200 || cookie == "" || !strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
					t.Fatalf("%d %v %s", a.status, a.header, a.body)
				}
				_, sealed, _ := strings.Cut(a.body, `name="request" value="`)
				sealed, _, _ = strings.Cut(sealed, `"`)
				a = send("POST", "/authorize", url.Values{"request": {sealed}, "decision": {"agree"}})
				if a.status != 303 || !strings.HasPrefix(a.header.Get("Location"), own.auth.Endpoint("authorize")+"?") {
					t.Fatalf("%d %v %s", a.status, a.header, a.body)
				}
				res, err := clients[http1].Get(a.header.Get("Location"))
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				returned := location(t, res.Header.Get("Location"))
				if !strings.HasPrefix(returned.String(), own.port.Origin()+"/callback?") {
					t.Fatalf("%d %s", res.StatusCode, returned)
				}
				browser := cookie
				cookie = ""
				if a = send("GET", returned.RequestURI(), nil); a.status != 400 || !strings.Contains(a.body, "another browser") {
					t.Errorf("without the cookie: %d %s", a.status, a.body)
				}
				cookie = browser
				a = send("GET", returned.RequestURI(), nil)
				back := location(t, a.header.Get("Location"))
				if a.status != 302 || !strings.HasPrefix(back.String(), callback+"?") || back.Query().Get("state") != "s" || back.Query().Get("iss") != own.port.Origin() {
					t.Fatalf("%d %s %s", a.status, back, a.body)
				}
				if a = send("GET", returned.RequestURI(), nil); a.status != 400 || !strings.Contains(a.body, "completed before") {
					t.Errorf("twice: %d %s", a.status, a.body)
				}
				form := url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {callback}, "code": {back.Query().Get("code")},
					"code_verifier": {verifier}, "resource": {own.port.Origin()}}
				before, secrets := own.auth.Requests("/token"), own.auth.Secrets()
				for name, value := range map[string]string{"code_verifier": "short", "redirect_uri": "https://evil.example/cb", "client_id": "x", "code": returned.Query().Get("code")} {
					bad := maps.Clone(form)
					bad.Set(name, value)
					if a = send("POST", "/token", bad); a.status != 400 {
						t.Errorf("%s: %d %s", name, a.status, a.body)
					}
				}
				if n := own.auth.Requests("/token"); n != before {
					t.Errorf("%d bad forms have reached the provider", n-before)
				}
				a = send("POST", "/token", form)
				var tokens struct {
					AccessToken string `json:"access_token"`
				}
				if json.Unmarshal([]byte(a.body), &tokens); a.status != 200 || tokens.AccessToken == "" || a.header.Get("Cache-Control") != "no-store" ||
					a.header.Get("Access-Control-Allow-Origin") != "*" {
					t.Fatalf("%d %v %s", a.status, a.header, a.body)
				}
				if a = send("POST", "/token", form); a.status != 400 || !strings.Contains(a.body, `"invalid_grant"`) {
					t.Errorf("a code twice: %d %s", a.status, a.body)
				}
				r := toolCall(p, "/", bearer(tokens.AccessToken))
				if a = g.do(t, r); a.status != 200 {
					t.Errorf("%d %s", a.status, a.body)
				}
				if n := own.auth.Secrets(); n != secrets+1 {
					t.Errorf("%d exchanges came with the secret, want 1", n-secrets)
				}
				seen := own.mcp.Requests()
				other := maps.Clone(form)
				other.Set("client_id", registerAt(t, own.port.Origin(), "a client", callback))
				if a = send("POST", "/token", other); a.status != 400 || !strings.Contains(a.body, `"invalid_grant"`) {
					t.Errorf("a code of another client: %d %s", a.status, a.body)
				}
				a = send("POST", "/revoke", url.Values{"client_id": {client}, "token": {tokens.AccessToken}})
				if a.status != 200 {
					t.Errorf("%d %s", a.status, a.body)
				}
				if a = send("POST", "/token", url.Values{"x": {strings.Repeat("a", 70_000)}}); a.status != 413 {
					t.Errorf("%d %s", a.status, a.body)
				}
				own.auth.Override("/token", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
				if a = send("POST", "/token", form); a.status != 503 || a.header.Get("Retry-After") == "" {
					t.Errorf("%d %s", a.status, a.body)
				}
				own.auth.Override("/token", nil)
				if own.mcp.Requests() != seen {
					t.Error("something has reached the MCP server")
				}
			})
		}
		if log := g.Log(); strings.Contains(log, providerClient.Secret) {
			t.Error("Envoy's log has the secret")
		}
	})
}

// TestOAuthEndpointsAreLimited: the example lets one client address call the endpoints of
// oauth_proxy so often, and no other path is slowed down.
func TestOAuthEndpointsAreLimited(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own, port := keyStage(t, s, authserver.Options{}), reserve(t)
		g := own.start(t, envoy.Options{Bootstrap: own.exampleConfig(t, port)})
		counts := map[int]int{}
		for i := range 130 {
			path := []string{"/register", "/authorize?x=" + strings.Repeat("y", i), "/token/", "/callback", "/revoke"}[i%5]
			counts[g.do(t, request{proto: http1, method: "POST", path: path}).status]++
		}
		if counts[429] != 10 || counts[404] != 120 {
			t.Errorf("statuses %v, want 120 of 404, and then 429", counts)
		}
		for range 20 {
			if a := g.do(t, toolCall(http1, "/notes", nil)); a.status != 401 {
				t.Errorf("status %d at another path", a.status)
			}
		}
	})
}

func location(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestOldClients: a client of MCP 2025-03-26 knows no metadata of resources and
// asks the MCP server's own origin for an authorization server's. No header names
// its version.
func TestOldClients(t *testing.T) {
	old := &mcpClient{name: "TypeScript SDK", version: pinned(t, "@modelcontextprotocol/sdk", "clients", "typescript", "v1.11", "package.json"), scope: bothScopes}
	command := node(t, "typescript", "v1.11")
	for name, start := range map[string]func(t *testing.T, s *stage) (*stage, *gateway){
		"the authorization server's own metadata": func(t *testing.T, s *stage) (*stage, *gateway) {
			return ownGateway(t, s, reserve(t), authserver.Options{}, []string{"/mcp"}, nil, object{"serve_authorization_server_metadata": true}, nil)
		},
		"the gateway as authorization server": func(t *testing.T, s *stage) (*stage, *gateway) {
			return proxyGateway(t, s, false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *stage) {
				own, _ := start(t, s)
				visits, err := old.run(command, "whoami", []string{own.port.Origin() + "/mcp"})
				if err != nil || len(visits) != 1 {
					t.Fatal(err, visits)
				}
				client := ""
				if strings.HasPrefix(name, "the gateway") {
					client = providerClient.ID
				}
				old.check(t, visits[0], place{"", own.port.Origin() + "/mcp", own.auth.Issuer(), "read:notes", client})
			})
		})
	}
}
