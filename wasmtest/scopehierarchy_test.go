package wasmtest

import (
	"strings"
	"testing"
)

// A broader scope counts as the narrower ones that it implies, in whatever form
// the token has it.
func TestScopeHierarchy(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(object{
		"required_scopes": []string{"read:notes", "write:notes", "audit"},
		"scope_hierarchy": object{"write:notes": []string{"read:notes"}, "notes:admin": []string{"write:notes"}, "all": []string{"notes:admin", "audit"}},
	}), nil))
	for _, tt := range []struct {
		name      string
		claims    object
		forwarded bool
	}{
		{"all as they are", object{"scope": "read:notes write:notes audit"}, true},
		{"one implied", object{"scope": "write:notes audit"}, true},
		{"over two steps", object{"scope": "notes:admin audit"}, true},
		{"over three steps", object{"scope": "all"}, true},
		{"scope array", object{"scope": []string{"notes:admin", "audit"}}, true},
		{"scp", object{"scope": nil, "scp": "notes:admin audit"}, true},
		{"scp array", object{"scope": nil, "scp": []string{"audit", "notes:admin"}}, true},
		{"scopes", object{"scope": nil, "scopes": []string{"all"}}, true},
		{"a narrower one", object{"scope": "read:notes audit"}, false},
		{"not all", object{"scope": "notes:admin"}, false},
		{"another case", object{"scope": "All"}, false},
		{"none", object{"scope": nil}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			token := rsaKey.bearer(claims(h, tt.claims))
			for range 2 { // new and known
				s := vm.Request(rpc("/notes", token))
				if tt.forwarded {
					wantForwarded(t, s)
					continue
				}
				wantError(t, s, 403, "insufficient_scope")
				// All that is needed, but not what the rest implies.
				if c := s.Local().Headers.Get("www-authenticate"); !strings.HasPrefix(c, `Bearer error="insufficient_scope", scope="write:notes audit", resource_metadata="`) {
					t.Errorf("challenge %s", c)
				}
			}
		})
	}
	t.Run("what the server learns", func(t *testing.T) {
		s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": "all"}))))
		wantForwarded(t, s)
		if got := s.Upstream().Get("x-mcpauth-scope"); got != "all" {
			t.Errorf("x-mcpauth-scope %q, want what the token has", got)
		}
	})
	t.Run("the first challenge says what to start with", func(t *testing.T) {
		s := vm.Request(rpc("/notes", ""))
		wantError(t, s, 401, "unauthorized")
		if c := s.Local().Headers.Get("www-authenticate"); c != `Bearer scope="write:notes audit", resource_metadata="`+prmURL+`"` {
			t.Errorf("challenge %s", c)
		}
	})
}

// Each resource has its own hierarchy.
func TestScopeHierarchyOfAnotherResource(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, object{
		"authorization_servers": []object{server(nil)},
		"resources": []object{
			notes(object{"scope_hierarchy": object{"admin": []string{"read:notes"}}, "audiences": []string{"both"}}),
			notes(object{"resource": "https://mcp.example.com/other", "audiences": []string{"both"}}),
		},
	})
	token := rsaKey.bearer(claims(h, object{"aud": "both", "scope": "admin"}))
	for range 2 {
		wantForwarded(t, vm.Request(rpc("/notes", token)))
		wantError(t, vm.Request(rpc("/other", token)), 403, "insufficient_scope")
	}
}
