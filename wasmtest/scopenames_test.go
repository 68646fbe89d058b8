package wasmtest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// The scopes of a token are in the first claim of scope_claims that is there, and
// x-mcpauth-scope has these.
func TestScopeClaims(t *testing.T) {
	for _, tt := range []struct {
		name   string
		list   []string // scope_claims
		claims object
		scopes string // that the server sees; empty if the token lacks a scope
	}{
		{"by default", nil, object{"scope": "read:notes", "roles": []string{"other"}}, "read:notes"},
		{"by default, elsewhere", nil, object{"scope": nil, "roles": []string{"read:notes"}}, ""},
		{"roles", []string{"scp", "roles"}, object{"scope": nil, "roles": []string{"read:notes", "x"}}, "read:notes x"},
		{"roles that do not count", []string{"scp", "roles"}, object{"scope": nil, "scp": "x", "roles": []string{"read:notes"}}, ""},
		{"permissions, whatever scope says", []string{"permissions"}, object{"permissions": []string{"read:notes"}}, "read:notes"},
		{"scope, which is not listed", []string{"permissions"}, nil, ""},
		{"a string", []string{"permissions"}, object{"permissions": "a read:notes"}, "a read:notes"},
		{"at a path", []string{"realm_access.roles"}, object{"realm_access": object{"roles": []string{"read:notes"}}}, "read:notes"},
		{"an array with other values", []string{"permissions"}, object{"permissions": []any{"read:notes", 1}}, ""},
		{"a name with a space", []string{"permissions"}, object{"permissions": []string{"not read:notes"}}, ""},
		{"null", []string{"permissions", "scope"}, object{"permissions": json.RawMessage("null")}, "read:notes write:notes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			members := object{}
			if tt.list != nil {
				members["scope_claims"] = tt.list
			}
			check := func(s *Stream) {
				t.Helper()
				if tt.scopes == "" {
					wantInsufficient(t, s, "read:notes")
					return
				}
				if got := s.Upstream().Get("x-mcpauth-scope"); got != tt.scopes {
					t.Errorf("x-mcpauth-scope %q, want %q", got, tt.scopes)
				}
				wantForwarded(t, s)
			}
			h := newHost(t, Options{})
			vm := start(t, h, config(server(members), notes(nil), nil))
			token := rsaKey.bearer(claims(h, tt.claims))
			for range 2 { // new and known
				check(vm.Request(rpc("/notes", token)))
			}
			h = newHost(t, Options{})
			vm = start(t, h, config(with(opaque(nil), members), notes(nil), nil))
			a := newAsked(map[string]object{"opaque-1": aboutToken(h, tt.claims)})
			for range 2 {
				check(a.decided(h, vm, "opaque-1"))
			}
		})
	}
}

// scope_claims are for JWTs of a server with userinfo, not for what its endpoint says
// about other tokens: that is about the user.
func TestScopeClaimsBesideUserinfo(t *testing.T) {
	h := newHost(t, Options{})
	s := with(userinfo(object{"claims": object{"scopes": "granted"}}), object{"jwks": keySet(rsaKey, ecKey), "scope_claims": []string{"roles"}})
	vm := start(t, h, config(s, notes(nil), nil))
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": nil, "roles": "read:notes"})))))
	for token, answer := range map[string]string{"gho_1": `{"sub":"alice","roles":["read:notes"]}`, "gho_2": `{"sub":"alice","granted":"read:notes","roles":[]}`} {
		s := vm.Request(rpc("/notes", "Bearer "+token))
		h.Run(10*time.Millisecond, func() {
			for _, c := range h.Callouts() {
				c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(answer))
			}
		})
		if token == "gho_1" {
			wantInsufficient(t, s, "read:notes")
		} else {
			wantForwarded(t, s)
		}
	}
}

// What clients are told has the prefix, in metadata and every challenge; tokens do not
// have it.
func TestScopePrefix(t *testing.T) {
	const prefix = "api://1/"
	onBoth(t, server(object{"scope_prefix": prefix}), notes(object{
		"scopes_supported": []string{"openid", "Notes.Read", "Notes.Write", "Notes.All"}, "required_scopes": []string{"Notes.Read"},
		"challenge_scopes": "all", "scope_hierarchy": object{"Notes.All": []string{"Notes.Write"}},
		"tools": object{"add_note": []string{"Notes.Write"}, "purge": []string{"Notes.All"}},
	}), func(t *testing.T, h *Host, vm *VM, stops bool) {
		s := vm.Request(request("GET", prm+"/notes"))
		wantStatus(t, s, 200)
		if want := `"scopes_supported":["openid","api://1/Notes.Read","api://1/Notes.Write","api://1/Notes.All"]`; !strings.Contains(string(s.Local().Body), want) {
			t.Errorf("metadata %s, want %s", s.Local().Body, want)
		}
		s = vm.Request(rpc("/notes", ""))
		wantError(t, s, 401, "unauthorized")
		if got := parseChallenge(t, s.Local().Headers.Get("www-authenticate"))["scope"]; got != "openid api://1/Notes.Read api://1/Notes.Write api://1/Notes.All" {
			t.Errorf("a 401 names %q", got)
		}
		for scope, want := range map[string]string{"Notes.Write": "api://1/Notes.Read", "api://1/Notes.Read": "api://1/Notes.Read"} {
			wantInsufficient(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": scope})))), want)
		}
		token := rsaKey.bearer(claims(h, object{"scope": nil, "scp": "Notes.Read"}))
		for range 2 {
			wantForwarded(t, vm.Request(rpc("/notes", token)))
			s := vm.Open(rpc("/notes", token), false)
			s.Body("["+call("add_note")+","+call("purge")+"]", true)
			wantInsufficient(t, s, "api://1/Notes.Read api://1/Notes.All")
		}
		s = vm.Request(rpc("/notes", token))
		if got := s.Upstream().Get("x-mcpauth-scope"); got != "Notes.Read" {
			t.Errorf("x-mcpauth-scope %q", got)
		}
	})
}
