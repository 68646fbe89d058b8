package e2e

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"mcpauth/envoy-example/loopback"
)

// TestStepUp: a tool that needs more scope than the client has asked for. The
// real clients follow the 403 to a token with both, and the call succeeds; with
// allow_on_headers_stop_iteration and without.
func TestStepUp(t *testing.T) {
	urls := map[string][]string{}
	for version, s := range stages {
		for _, stops := range []bool{false, true} {
			port, err := loopback.Reserve(0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(port.Release)
			o := s.options(toJSON(object{
				"authorization_servers":           []object{{"issuer": s.auth.Issuer(), "cluster": "auth"}},
				"allow_on_headers_stop_iteration": stops,
				"resources": []object{{
					"resource": port.Origin() + "/mcp", "scopes_supported": []string{"read:notes", "write:notes"}, "required_scopes": []string{"read:notes"},
					"tools": object{"add_note": []string{"write:notes"}},
				}},
			}))
			o.Port, o.HeadersStopIteration = port.Number(), stops
			s.start(t, o)
			urls[version] = append(urls[version], port.Origin()+"/mcp")
		}
	}
	for _, c := range mcpClients(t) {
		if c.scope != "" || c.wide {
			continue // asks for all scopes at once, so that no more is needed
		}
		t.Run(c.name+" "+c.version+" MCP "+c.protocol, func(t *testing.T) {
			on(t, c.envoys, func(t *testing.T, s *stage) {
				visits, err := c.visit(c, `whoami add_note={"text":"hello"} list_notes`, urls[s.version]...)
				if err != nil || len(visits) != len(urls[s.version]) {
					t.Fatalf("%d visits, %v", len(visits), err)
				}
				for _, v := range visits {
					if len(v.Asked) != 2 || v.Asked[0] != "read:notes" || !sameScopes(v.Asked[1], bothScopes) {
						t.Errorf("it asked for the scopes %q", v.Asked)
					}
					if len(v.Results) != 3 || !strings.Contains(string(v.Results[2].Result), "hello") {
						t.Errorf("results %s", toJSON(v.Results))
					}
					if got := scopeOf(t, v.Token); !sameScopes(got, bothScopes) {
						t.Errorf("the token has the scopes %q", got)
					}
				}
			})
		})
	}
}

func sameScopes(a, b string) bool {
	return slices.Equal(slices.Sorted(slices.Values(strings.Fields(a))), slices.Sorted(slices.Values(strings.Fields(b))))
}

// scopeOf is the scope claim of a token.
func scopeOf(t *testing.T, token string) string {
	t.Helper()
	var claims struct{ Scope string }
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%.40q is no JWT", token)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims.Scope
}
