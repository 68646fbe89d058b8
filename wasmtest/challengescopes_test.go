package wasmtest

import (
	"strings"
	"testing"
)

// stepped is the usual resource with tools that need more than it requires.
func stepped(members object) object {
	return notes(with(object{
		"scopes_supported": []string{"read:notes", "write:notes", "notes:admin"},
		"tools":            object{"add_note": []string{"write:notes"}, "purge": []string{"notes:admin"}},
		"scope_hierarchy":  object{"notes:admin": []string{"write:notes"}},
	}, members))
}

// Each 401 and each 400 names challenge_scopes: whichever of them makes a client
// start anew, the client registers with what it names. A 403 names what the
// operation needs.
func TestChallengeScopes(t *testing.T) {
	const all = "read:notes write:notes notes:admin"
	for _, tt := range []struct {
		name    string
		members object
		first   string // the scopes of a 401; empty for a challenge without
	}{
		{"by default", nil, "read:notes"},
		{"all", object{"challenge_scopes": "all"}, all},
		{"a list, in its order, implied ones too", object{"challenge_scopes": []string{"notes:admin", "write:notes", "read:notes"}}, "notes:admin write:notes read:notes"},
		{"a part", object{"challenge_scopes": []string{"read:notes", "write:notes"}}, "read:notes write:notes"},
		{"all, none required", object{"required_scopes": []string{}, "challenge_scopes": "all"}, all},
		{"none", object{"required_scopes": []string{}}, ""},
		{"one of another name", object{"required_scopes": []string{"Read"}, "scopes_supported": []string{"api://1/Read"}, "challenge_scopes": "all"}, "api://1/Read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(server(nil), stepped(tt.members), nil))
			scope := ""
			if tt.first != "" {
				scope = `scope="` + tt.first + `", `
			}
			rest := scope + `resource_metadata="` + prmURL + `"`
			for _, c := range []struct {
				name, authorization string
				status              int
				challenge           string // up to error_description
			}{
				{"no token", "", 401, "Bearer " + rest},
				{"another scheme", "Basic dXNlcjpwYXNz", 401, "Bearer " + rest},
				{"no JWT", "Bearer abc", 401, `Bearer error="invalid_token", ` + rest},
				{"expired", rsaKey.bearer(claims(h, object{"exp": 1})), 401, `Bearer error="invalid_token", ` + rest},
				{"another audience", rsaKey.bearer(claims(h, object{"aud": "x"})), 401, `Bearer error="invalid_token", ` + rest},
				{"another issuer", rsaKey.bearer(claims(h, object{"iss": "https://x.example"})), 401, `Bearer error="invalid_token", ` + rest},
				{"two tokens", "Bearer a, Bearer b", 400, `Bearer error="invalid_request", ` + rest},
			} {
				for _, origin := range [][][2]string{nil, {{"origin", "https://app.example"}}} {
					for range 2 { // the answer to a request without a token is made once
						s := vm.Request(rpc("/notes", c.authorization, origin...))
						wantStatus(t, s, c.status)
						got, _, _ := strings.Cut(s.Local().Headers.Get("www-authenticate"), ", error_description=")
						if got != c.challenge {
							t.Errorf("%s: challenge %s, want %s", c.name, got, c.challenge)
						}
					}
				}
			}
		})
	}
}

// So does the 401 for a token that its server knows nothing of.
func TestChallengeScopesForOpaqueTokens(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), stepped(object{"challenge_scopes": "all"}), nil))
	s := newAsked(map[string]object{"old": aboutToken(h, object{"exp": 1})}).decided(h, vm, "old")
	wantError(t, s, 401, "invalid_token")
	if c := parseChallenge(t, s.Local().Headers.Get("www-authenticate")); c["scope"] != "read:notes write:notes notes:admin" {
		t.Errorf("challenge with scope %q", c["scope"])
	}
}

// A 403 names what the operation needs, whatever the first challenge names.
func TestChallengeScopesAreNotThoseOfA403(t *testing.T) {
	h := newHost(t, Options{})
	for _, members := range []object{nil, {"challenge_scopes": "all"}, {"challenge_scopes": []string{"read:notes", "notes:admin"}}} {
		vm := start(t, h, config(server(nil), stepped(members), nil))
		for _, tt := range []struct{ scope, tool, needs string }{
			{"read:notes", "add_note", "read:notes write:notes"},
			{"read:notes", "purge", "read:notes notes:admin"},
			{"notes:admin", "list_notes", "read:notes"},
		} {
			s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": tt.scope})), mirrored("tools/call", tt.tool)...), false)
			wantInsufficient(t, s, tt.needs)
			s = vm.Open(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": tt.scope}))), false)
			s.Body(call(tt.tool), true)
			wantInsufficient(t, s, tt.needs)
		}
	}
}
