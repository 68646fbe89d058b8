package e2e

import (
	"net/http"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
)

// TestScopeNames: the scopes of tokens are in claims of another name, and clients request
// them with a prefix.
func TestScopeNames(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		g := own.start(t, own.options(toJSON(object{
			"authorization_servers": []object{{
				"issuer": own.auth.Issuer(), "cluster": "auth", "scope_claims": []string{"scp", "roles"}, "scope_prefix": "api://notes/",
			}},
			"resources": []object{{"resource": notes, "scopes_supported": []string{"Read", "Write"}, "required_scopes": []string{"Read"}}},
		})))
		mint := func(claims map[string]any) string {
			return own.auth.Mint(authserver.Token{Resource: notes, Claims: claims})
		}
		user := mint(map[string]any{"scp": "Read Write", "roles": []string{"other"}})
		eventually(t, recovery, func() string { return passes(g, user) })
		for _, c := range []struct {
			name, token string
			scopes      string // that the server sees; empty if the token lacks a scope
		}{
			{"a user", user, "Read Write"},
			{"an application", mint(map[string]any{"roles": []string{"Read"}}), "Read"},
			{"a user's roles", mint(map[string]any{"scp": "Write", "roles": []string{"Read"}}), ""},
			{"a claim that does not count", mint(map[string]any{"scope": "Read"}), ""},
		} {
			for range 3 {
				a := g.do(t, toolCall(http2, "/notes", bearer(c.token)))
				switch {
				case c.scopes == "":
					if a.status != http.StatusForbidden || !strings.Contains(a.challenge(), `scope="api://notes/Read"`) {
						t.Errorf("%s: status %d, challenge %s", c.name, a.status, a.challenge())
					}
				case a.status != http.StatusOK || own.mcp.Last().Header.Get("X-Mcpauth-Scope") != c.scopes:
					t.Errorf("%s: status %d, scopes %q", c.name, a.status, own.mcp.Last().Header.Get("X-Mcpauth-Scope"))
				}
			}
		}
		if a := g.do(t, request{path: "/notes"}); !strings.Contains(a.challenge(), `scope="api://notes/Read"`) {
			t.Errorf("without a token: %d, %s", a.status, a.challenge())
		}
		if a := g.do(t, request{path: "/.well-known/oauth-protected-resource/notes"}); !strings.Contains(a.body, `"scopes_supported":["api://notes/Read","api://notes/Write"]`) {
			t.Errorf("metadata: %d, %s", a.status, a.body)
		}
	})
}
