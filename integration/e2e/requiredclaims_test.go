package e2e

import (
	"net/http"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
)

// wantDenied checks a 403 that names a claim, has no challenge, and lets nothing through.
func wantDenied(t *testing.T, a *answer, claim string) {
	t.Helper()
	want := "the token lacks a required value of the claim " + claim
	if a.status != http.StatusForbidden || a.errorCode() != "access_denied" || a.challenge() != "" || !strings.Contains(a.body, `"`+want+`"`) {
		t.Errorf("status %d, challenge %q, body %s; want 403 %q", a.status, a.challenge(), a.body, want)
	}
}

// TestRequiredClaims: a resource and its rules want claims, of tokens in both protocols,
// with and without a body, the first time and later.
func TestRequiredClaims(t *testing.T) {
	more := object{
		"required_claims": object{"client_id": []string{"test-client", "other"}},
		"tools": object{
			"delete_note": object{"scopes": []string{"write:notes"}, "claims": object{"realm_access.roles": []string{"editor", "admin"}}},
		},
	}
	onEachRuledWith(t, more, func(t *testing.T, g *ruled) {
		mint := func(scope string, claims map[string]any) string {
			return g.stage.auth.Mint(authserver.Token{Resource: notes, Scope: scope, Claims: claims})
		}
		editor := map[string]any{"realm_access": map[string]any{"roles": []string{"viewer", "editor"}}}
		stranger := mint("read:notes write:notes", map[string]any{"client_id": "stranger"})
		for _, c := range []struct {
			name, token, body string
			denied            string // the claim that is missing
			status            int
		}{
			{"no claim of the resource", stranger, tool("list_notes"), "client_id", 403},
			{"no claim of the resource, no body", stranger, "", "client_id", 403},
			{"no rule", g.read, tool("list_notes"), "", 200},
			{"no claim of the rule", g.write, tool("delete_note"), "realm_access.roles", 403},
			{"neither a claim nor a scope", g.read, tool("delete_note"), "realm_access.roles", 403},
			{"no scope", mint("read:notes", editor), tool("delete_note"), "", 403},
			{"claim and scope", mint("read:notes write:notes", editor), tool("delete_note"), "", 200},
			{"a batch", g.write, "[" + tool("list_notes") + "," + tool("delete_note") + "]", "realm_access.roles", 403},
		} {
			for _, p := range protocols {
				for range 3 {
					g.server.forget()
					r := request{proto: p, method: http.MethodPost, path: "/notes", header: bearer(c.token, "Content-Type", "application/json"), body: c.body}
					if c.body == "" {
						r.method = http.MethodDelete
					}
					a := g.do(t, r)
					switch {
					case c.denied != "":
						wantDenied(t, a, c.denied)
						if _, body := g.server.seen(); body != "" {
							t.Errorf("%s: the server has received %q", c.name, body)
						}
					case a.status != c.status || c.status == 403 && !strings.Contains(a.challenge(), `scope="read:notes write:notes"`):
						t.Errorf("%s: status %d, challenge %q, body %s", c.name, a.status, a.challenge(), a.body)
					}
				}
			}
		}
	})
}
