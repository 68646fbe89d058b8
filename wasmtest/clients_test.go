package wasmtest

import (
	"encoding/json"
	"testing"
	"time"
)

// A token without aud passes if its client is listed; one with aud never passes because
// of its client.
func TestClientsWithoutAudience(t *testing.T) {
	null := json.RawMessage("null")
	resource := notes(object{"clients": []string{"client-1", "client-2"}})
	for _, tt := range []struct {
		name    string
		claims  object
		refused string // empty if it goes on
	}{
		{"a listed client", object{"aud": nil}, ""},
		{"the other one, by azp", object{"aud": nil, "client_id": nil, "azp": "client-2"}, ""},
		{"another client", object{"aud": nil, "client_id": "client-3"}, "no audience"},
		{"another client with azp of a listed one", object{"aud": nil, "client_id": "client-3", "azp": "client-1"}, "no audience"},
		{"no client", object{"aud": nil, "client_id": nil}, "no audience"},
		{"null", object{"aud": null}, "no audience"},
		{"an empty list", object{"aud": []string{}}, "audience"},
		{"empty", object{"aud": ""}, "another audience"},
		{"another audience", object{"aud": "https://other.example.com"}, "another audience"},
		{"the client itself", object{"aud": "client-1"}, "another audience"},
		{"the resource, for another client", object{"client_id": "client-3"}, ""},
		{"an ID token", object{"aud": nil, "token_use": "id"}, "ID token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := func(s *Stream) {
				t.Helper()
				if tt.refused != "" {
					wantInvalid(t, s, tt.refused)
				} else {
					wantForwarded(t, s)
				}
			}
			h := newHost(t, Options{})
			vm := start(t, h, config(server(nil), resource, nil))
			token := rsaKey.bearer(claims(h, tt.claims))
			for range 2 { // new and known
				check(vm.Request(rpc("/notes", token)))
			}
			if tt.claims["token_use"] != nil {
				return // introspection calls it another type
			}
			h = newHost(t, Options{})
			vm = start(t, h, config(opaque(nil), resource, nil))
			a := newAsked(map[string]object{"opaque-1": aboutToken(h, tt.claims)})
			for range 2 {
				check(a.decided(h, vm, "opaque-1"))
			}
		})
	}
}

// Neither a resource without clients nor the strict profile waives the audience, nor does
// an answer of a userinfo endpoint, which is not about the client.
func TestClientsDoNotApply(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, object{
		"authorization_servers": []object{server(nil)},
		"resources":             []object{notes(object{"clients": []string{"client-1"}}), notes(object{"resource": "https://mcp.example.com/other"})},
	})
	token := rsaKey.bearer(claims(h, object{"aud": nil}))
	wantForwarded(t, vm.Request(rpc("/notes", token)))
	wantInvalid(t, vm.Request(rpc("/other", token)), "no audience")

	h = newHost(t, Options{})
	strict := with(opaque(nil), object{"jwks": keySet(rsaKey, ecKey), "typ": "at+jwt"})
	vm = start(t, h, config(strict, notes(object{"clients": []string{"client-1"}}), nil))
	wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"aud": nil})))), "no audience")

	h = newHost(t, Options{})
	s := with(userinfo(object{"audience_unchecked": nil, "claims": object{"audience": "aud", "client_id": "app", "scopes": "scope"}}), object{"jwks": keySet(rsaKey, ecKey)})
	vm = start(t, h, config(s, notes(object{"clients": []string{"client-1"}}), nil))
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"aud": nil})))))
	r := vm.Request(rpc("/notes", "Bearer gho_1"))
	h.Run(10*time.Millisecond, func() {
		for _, c := range h.Callouts() {
			c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(`{"sub":"alice","app":"client-1","scope":"read:notes"}`))
		}
	})
	wantInvalid(t, r, "no audience")
}
