package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
)

const (
	pages = "https://app.example.com" // an origin
	hers  = "https://mcp.example.com/pages"
)

// rulesConfig has resources that differ in hosts, scopes and origins, among a
// thousand others.
func (s *stage) rulesConfig() string {
	resources := []object{
		{
			"resource": notes, "root_metadata": true, "required_scopes": []string{"write:notes", "read:notes"},
			"scope_hierarchy":  object{"write:notes": []string{"read:notes"}, "notes:admin": []string{"write:notes"}},
			"claim_to_headers": []object{{"claim_name": "realm_access.roles", "header_name": "x-tenant"}},
		},
		{"resource": "https://tenants.example.com/notes", "match": object{"hosts": []string{"*.tenants.example.com"}}},
		{"resource": hers, "allowed_origins": []string{pages, "https://*.apps.example.com"}},
	}
	for i := range 1000 {
		resources = append(resources, object{"resource": fmt.Sprintf("https://mcp.example.com/servers/%d", i)})
	}
	return toJSON(object{"authorization_servers": []object{{"issuer": s.auth.Issuer(), "cluster": "auth"}}, "resources": resources})
}

func TestRulesOfResources(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		g := own.start(t, own.options(own.rulesConfig()))
		token := func(resource, scope string, claims map[string]any) http.Header {
			return bearer(own.auth.Mint(authserver.Token{Resource: resource, Scope: scope, Claims: claims}))
		}
		admin := token(notes, "notes:admin", map[string]any{"realm_access": map[string]any{"roles": []string{"a", "b"}}})
		eventually(t, recovery, func() string {
			a, err := g.send(toolCall(http1, "/notes", admin))
			if err != nil || a.status != 200 {
				return fmt.Sprintf("%v, %+v", err, a)
			}
			return ""
		})
		for _, p := range protocols {
			t.Run(string(p), func(t *testing.T) {
				ask := func(method, path, host string, h http.Header) *answer {
					r := toolCall(p, path, h)
					if method != "" {
						r = request{proto: p, method: method, path: path, header: h}
					}
					r.host = host
					return g.do(t, r)
				}
				status := func(a *answer, want int) {
					t.Helper()
					if a.status != want {
						t.Errorf("status %d, want %d: %.200s", a.status, want, a.body)
					}
				}

				t.Run("broader scope", func(t *testing.T) {
					status(ask("", "/notes", "", admin), 200)
					if got := own.mcp.Last().Header.Get("x-tenant"); got != `["a","b"]` {
						t.Errorf("realm_access.roles: %q", got)
					}
					a := ask("", "/notes", "", token(notes, "read:notes", nil))
					status(a, 403)
					if want := challengeFor("insufficient_scope", "write:notes", notesPRM); !strings.HasPrefix(a.challenge(), want) {
						t.Errorf("challenge %s, want %s", a.challenge(), want)
					}
				})
				t.Run("wildcard host", func(t *testing.T) {
					tenants := token("https://tenants.example.com/notes", "", nil)
					status(ask("", "/notes", "a.b.tenants.example.com", tenants), 200)
					status(ask("", "/notes", "tenants.example.com", tenants), 401)
					status(ask("", "/notes", "a.b.tenants.example.com", admin), 401)
				})
				t.Run("one of a thousand", func(t *testing.T) {
					status(ask("", "/servers/567/x", "", token("https://mcp.example.com/servers/567", "", nil)), 200)
					status(ask("", "/servers/568", "", token("https://mcp.example.com/servers/567", "", nil)), 401)
				})
				t.Run("audience in capitals", func(t *testing.T) {
					status(ask("", "/notes", "", token("HTTPS://MCP.EXAMPLE.COM/notes", "notes:admin", nil)), 200)
					status(ask("", "/notes", "", token("HTTPS://MCP.EXAMPLE.COM/NOTES", "notes:admin", nil)), 401)
				})
				t.Run("metadata at the root, and its tag", func(t *testing.T) {
					a := ask("GET", wellKnown, "", nil)
					status(a, 200)
					var document struct{ Resource string }
					if json.Unmarshal([]byte(a.body), &document); document.Resource != notes {
						t.Errorf("document %s", a.body)
					}
					tag := a.header.Get("Etag")
					for _, method := range []string{"GET", "HEAD"} {
						a = ask(method, wellKnown+"/notes", "", headers("If-None-Match", `"x", W/`+tag))
						status(a, 304)
						if a.body != "" || a.header.Get("Etag") != tag || a.header.Get("Cache-Control") == "" {
							t.Errorf("%v %q", a.header, a.body)
						}
					}
					status(ask("GET", wellKnown+"/notes", "", headers("If-None-Match", `"x"`)), 200)
				})
				t.Run("origins", func(t *testing.T) {
					good := token(hers, "", nil)
					from := func(origin string, h http.Header) http.Header {
						h = h.Clone()
						if h == nil {
							h = http.Header{}
						}
						h.Set("Origin", origin)
						return h
					}
					for _, origin := range []string{pages, "https://x.apps.example.com"} {
						status(ask("", "/pages", "", from(origin, good)), 200)
						a := ask("", "/pages", "", from(origin, nil))
						status(a, 401)
						if a.header.Get("Access-Control-Allow-Origin") != origin || a.header.Get("Vary") != "Origin" || a.header.Get("Access-Control-Allow-Credentials") != "" {
							t.Errorf("%s: %v", origin, a.header)
						}
					}
					before := own.mcp.Requests()
					for _, origin := range []string{"https://evil.example.com", "null", "https://apps.example.com"} {
						preflight := from(origin, headers("Access-Control-Request-Method", "POST"))
						for _, a := range []*answer{ask("", "/pages", "", from(origin, good)), ask("", "/pages", "", from(origin, nil)), ask("OPTIONS", "/pages", "", preflight)} {
							status(a, 403)
							if a.errorCode() != "origin_not_allowed" || a.header.Get("Access-Control-Allow-Origin") != "" || a.challenge() != "" {
								t.Errorf("%s: %v %s", origin, a.header, a.body)
							}
						}
						a := ask("GET", wellKnown+"/pages", "", from(origin, nil))
						status(a, 200)
						if a.header.Get("Access-Control-Allow-Origin") != "*" {
							t.Errorf("%s: %v", origin, a.header)
						}
					}
					if n := own.mcp.Requests() - before; n != 0 {
						t.Errorf("%d requests of other pages reached the MCP server", n)
					}
				})
			})
		}
	})
}

// TestBesideTheCORSFilter: mcpauth answers preflights and refusals; Envoy's own
// filter, behind it, lets pages read what the server answers.
func TestBesideTheCORSFilter(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		options := own.options(toJSON(object{
			"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
			"resources":             []object{{"resource": hers, "allowed_origins": []string{pages}}},
		}))
		options.Pages = []string{pages}
		g := own.start(t, options)
		good := bearer(own.auth.Mint(authserver.Token{Resource: hers}))
		good.Set("Origin", pages)
		var a *answer
		eventually(t, recovery, func() string {
			var err error
			if a, err = g.send(toolCall(http1, "/pages", good)); err != nil || a.status != 200 {
				return fmt.Sprintf("%v, %+v", err, a)
			}
			return ""
		})
		origins := func(a *answer) string { return strings.Join(a.header.Values("Access-Control-Allow-Origin"), " | ") }
		if origins(a) != pages || !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "Mcp-Session-Id") {
			t.Errorf("the server's answer: %v", a.header)
		}
		for name, c := range map[string]struct {
			request request
			status  int
		}{
			"preflight": {request{method: "OPTIONS", path: "/pages", header: headers("Origin", pages, "Access-Control-Request-Method", "POST")}, 204},
			"no token":  {request{method: "POST", path: "/pages", header: headers("Origin", pages)}, 401},
		} {
			if a := g.do(t, c.request); a.status != c.status || origins(a) != pages {
				t.Errorf("%s: %d %v", name, a.status, a.header)
			}
		}
		if a := g.do(t, request{method: "POST", path: "/pages", header: headers("Origin", "https://evil.example.com")}); a.status != 403 || origins(a) != "" {
			t.Errorf("another page: %d %v", a.status, a.header)
		}
	})
}
