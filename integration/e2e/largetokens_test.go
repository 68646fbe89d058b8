package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
)

// TestLargeTokens: a user in a thousand groups gets in where max_token_bytes allows
// it, through the limits that Envoy has by default, with a host that verifies the
// signature; elsewhere the token is too large.
func TestLargeTokens(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		groups := make([]string, 1000)
		for i := range groups {
			groups[i] = fmt.Sprintf("%08x-aaaa-bbbb-cccc-0123456789ab", i)
		}
		for limit, want := range map[int]int{65536: http.StatusOK, 16384: http.StatusUnauthorized} {
			g := own.start(t, own.options(toJSON(object{
				"max_token_bytes":       limit,
				"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
				"resources":             []object{{"resource": notes, "required_scopes": []string{"read:notes"}}},
			})))
			eventually(t, recovery, func() string { return passes(g, own.minted("RS256")) })
			for _, p := range protocols {
				for _, algorithm := range []string{"RS256", "ES256"} {
					token := own.auth.Mint(authserver.Token{Algorithm: algorithm, Resource: notes, Scope: "read:notes", Claims: map[string]any{"groups": groups}})
					if len(token) < 50<<10 {
						t.Fatal(len(token))
					}
					for range 2 { // the second time from the cache, or from that of the other worker
						a := g.do(t, toolCall(p, "/notes", bearer(token)))
						if a.status != want || want != http.StatusOK && !strings.Contains(a.challenge(), "the token is too large") {
							t.Errorf("limit %d, %s, %s: status %d, challenge %s", limit, p, algorithm, a.status, a.challenge())
						}
					}
				}
			}
		}
	})
}
