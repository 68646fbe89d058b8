package wasmtest

import (
	"strings"
	"testing"
	"time"
)

// A token seen before costs neither a signature nor shared data.
func TestKnownTokenIsCheap(t *testing.T) {
	vm := usualVM(t)
	token := rsaKey.bearer(claims(vm.host, nil))
	vm.Request(rpc("/notes", token)).Close()
	before := vm.host.ForeignCalls("verify_signature")
	s := vm.Request(rpc("/notes", token))
	wantForwarded(t, s)
	if n := vm.host.ForeignCalls("verify_signature") - before; n != 0 {
		t.Errorf("%d signatures verified for a known token", n)
	}
	for _, name := range []string{"proxy_get_shared_data", "proxy_set_shared_data", "proxy_call_foreign_function",
		"proxy_define_metric", "proxy_increment_metric", "proxy_record_metric", "proxy_get_property"} {
		if n := s.HostCalls()[name]; n != 0 {
			t.Errorf("%d calls of %s for a known token", n, name)
		}
	}
}

func TestKnownTokenStillExpires(t *testing.T) {
	vm := usualVM(t)
	token := rsaKey.bearer(claims(vm.host, object{"exp": vm.host.Clock().Now().Unix() + 100}))
	wantForwarded(t, vm.Request(rpc("/notes", token)))
	vm.host.Run(150e9, nil)
	wantForwarded(t, vm.Request(rpc("/notes", token))) // 60 s of clock skew
	vm.host.Run(20e9, nil)
	wantError(t, vm.Request(rpc("/notes", token)), 401, "invalid_token")
}

// A known token is known for the resource it was checked for, and by its
// whole text.
func TestKnownTokenIsNotTakenForAnother(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, object{
		"authorization_servers": []object{server(nil)},
		"resources": []object{notes(nil), {"resource": "https://mcp.example.com/admin"},
			notes(object{"resource": "https://mcp.example.com/strict", "audiences": []string{resource}, "required_scopes": []string{"admin"}})},
	})
	token := rsaKey.token(claims(h, nil))
	wantForwarded(t, vm.Request(rpc("/notes", "Bearer "+token)))
	wantError(t, vm.Request(rpc("/admin", "Bearer "+token)), 401, "invalid_token")
	wantError(t, vm.Request(rpc("/strict", "Bearer "+token)), 403, "insufficient_scope")
	wantForwarded(t, vm.Request(rpc("/notes", "Bearer "+token)))
	wantError(t, vm.Request(rpc("/notes", "Bearer "+token+"A")), 401, "invalid_token")
	wantError(t, vm.Request(rpc("/notes", "Bearer "+token[:len(token)-1])), 401, "invalid_token")
	parts := strings.Split(token, ".")
	other := strings.Split(rsaKey.token(claims(h, object{"sub": "mallory"})), ".")
	wantError(t, vm.Request(rpc("/notes", "Bearer "+parts[0]+"."+other[1]+"."+parts[2])), 401, "invalid_token")
}

// Nor is it good before its time, if the clock goes back.
func TestKnownTokenBeforeItsTime(t *testing.T) {
	for _, claim := range []string{"nbf", "iat"} {
		vm := usualVM(t)
		now := vm.host.Clock().Now()
		token := rsaKey.bearer(claims(vm.host, object{claim: now.Unix()}))
		wantForwarded(t, vm.Request(rpc("/notes", token)))
		vm.host.Clock().SetWall(now.Add(-59 * time.Second)) // 60 s of clock skew
		wantForwarded(t, vm.Request(rpc("/notes", token)))
		vm.host.Clock().SetWall(now.Add(-61 * time.Second))
		wantInvalid(t, vm.Request(rpc("/notes", token)), "not yet valid|future")
	}
}

func TestWithoutTokenCache(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(nil), object{"token_cache": object{"max_entries": 0}}))
	token := rsaKey.bearer(claims(h, nil))
	for range 3 {
		before := h.ForeignCalls("verify_signature")
		wantForwarded(t, vm.Request(rpc("/notes", token)))
		if n := h.ForeignCalls("verify_signature") - before; n != 1 {
			t.Errorf("%d signatures verified, want 1 each time", n)
		}
	}
}
