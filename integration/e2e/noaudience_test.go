package e2e

import (
	"net/http"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
)

// TestClientsWithoutAudience: tokens that name no audience pass for known clients only.
func TestClientsWithoutAudience(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		g := own.start(t, own.options(toJSON(object{
			"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
			"resources":             []object{{"resource": notes, "required_scopes": []string{"read:notes"}, "clients": []string{"test-client"}}},
		})))
		mint := func(claims map[string]any) string {
			return own.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes", Claims: claims})
		}
		good := mint(map[string]any{"aud": nil})
		eventually(t, recovery, func() string { return passes(g, good) })
		for _, c := range []struct{ name, token, refused string }{
			{"a listed client", good, ""},
			{"the resource", mint(map[string]any{"client_id": "other"}), ""},
			{"another client", mint(map[string]any{"aud": nil, "client_id": "other"}), "the token names no audience"},
			{"an empty audience", mint(map[string]any{"aud": ""}), "the token is for another audience"},
			{"an empty list", mint(map[string]any{"aud": []string{}}), "the token names no audience"},
			{"another audience", mint(map[string]any{"aud": open}), "the token is for another audience"},
		} {
			for range 3 {
				a := g.do(t, toolCall(http1, "/notes", bearer(c.token)))
				if c.refused == "" && a.status != http.StatusOK || c.refused != "" && (a.status != http.StatusUnauthorized || !strings.Contains(a.challenge(), c.refused)) {
					t.Errorf("%s: status %d, challenge %s", c.name, a.status, a.challenge())
				}
			}
		}
	})
}
