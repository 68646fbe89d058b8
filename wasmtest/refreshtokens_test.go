package wasmtest

import "testing"

// JWTs that are refresh tokens by a claim that no RFC defines are no access tokens.
func TestRefreshTokensByTheirClaims(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(nil), nil))
	for _, members := range []object{{"type": "refresh"}, {"type": "Refresh_Token"}, {"ati": "2f6f0a"}} {
		wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, members)))), "type")
	}
	for _, members := range []object{{"type": "access"}, {"type": "user"}, {"type": 1}, {"type": []string{"x"}}} {
		wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, members)))))
	}
}
