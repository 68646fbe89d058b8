package wasmtest

import "testing"

// null is JSON's; nil would remove a member.
var null = (*int)(nil)

// A claim that is null is absent, and what must be there is missing.
func TestNullClaims(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(object{"claim_to_headers": []object{{"claim_name": "email", "header_name": "x-email"}}}), nil))
	c := claims(h, nil)
	for name, want := range map[string]string{
		"iss": "issuer", "aud": "names no audience", "exp": "no expiry",
		"sub": "", "client_id": "", "azp": "", "nbf": "", "iat": "", "jti": "", "scp": "", "scopes": "", "typ": "", "token_use": "",
		"nonce": "", "at_hash": "", "events": "", "cnf": "", "email": "", "x": "",
	} {
		s := vm.Request(rpc("/notes", rsaKey.bearer(with(c, object{name: null}))))
		if want != "" {
			wantInvalid(t, s, want)
			continue
		}
		if header := map[string]string{"sub": "x-mcpauth-subject", "client_id": "x-mcpauth-client", "email": "x-email"}[name]; header != "" && s.Upstream().Has(header) {
			t.Errorf("%s: %s is %q", name, header, s.Upstream().Get(header))
		}
		wantForwarded(t, s)
	}
	// The next name for the same takes its place.
	s := vm.Request(rpc("/notes", rsaKey.bearer(with(c, object{"client_id": null, "azp": "other", "scope": null, "scp": []string{"read:notes"}}))))
	if s.Upstream().Get("x-mcpauth-client") != "other" || s.Upstream().Get("x-mcpauth-scope") != "read:notes" {
		t.Errorf("headers %v", s.Upstream())
	}
	wantForwarded(t, s)
	wantError(t, vm.Request(rpc("/notes", rsaKey.bearer(with(c, object{"scope": null})))), 403, "insufficient_scope")
	wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(with(c, object{"sub": null, "client_id": null})))), "neither a subject nor a client")
	wantInvalid(t, vm.Request(rpc("/notes", rsaKey.bearer(with(c, object{"aud": []any{resource, null}})))), "malformed")

	for name, want := range map[string]string{"kid": "", "typ": "", "jwk": "", "alg": "malformed", "crit": "critical", "b64": "critical"} {
		s := vm.Request(rpc("/notes", "Bearer "+rsaKey.sign(toJSON(with(rsaKey.header(), object{name: null})), toJSON(c))))
		if want == "" {
			wantForwarded(t, s)
		} else {
			wantInvalid(t, s, want)
		}
	}
}

func TestNullInTheStrictProfile(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(object{"typ": "at+jwt", "max_token_lifetime_seconds": 7200}), notes(nil), nil))
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"nbf": null})))))
	for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
		wantError(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{name: null})))), 401, "invalid_token")
	}
	token := rsaKey.sign(toJSON(with(rsaKey.header(), object{"typ": null})), toJSON(claims(h, nil)))
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+token)), "type")
}

// Some servers write every member that a JWK may have.
func TestNullInKeys(t *testing.T) {
	absent := object{"use": null, "key_ops": null, "alg": null, "x5c": null, "x5t": null, "d": null, "p": null, "q": null, "dp": null, "dq": null, "qi": null, "oth": null, "k": null}
	set := object{"further": null, "keys": []object{
		with(with(rsaKey.jwk(), absent), object{"crv": null, "x": null, "y": null}), with(with(ecKey.jwk(), absent), object{"n": null, "e": null, "kid": null}),
	}}
	inlineAndFetched(t, set, func(t *testing.T, h *Host, send func(string) *Stream) {
		wantForwarded(t, send(rsaKey.token(claims(h, nil))))
		wantForwarded(t, send(ecKey.token(claims(h, nil))))
		wantForwarded(t, send(ecKey.noKid(claims(h, nil))))
	})
}

func TestNullInIntrospection(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(nil), nil))
	about := aboutToken(h, nil)
	known := map[string]object{}
	all := []string{"iss", "exp", "nbf", "iat", "sub", "jti", "client_id", "username", "token_type", "token_use", "cnf", "nonce", "scp"}
	everything := with(about, nil)
	for _, name := range all {
		known[name] = with(about, object{name: null})
		everything[name] = null
	}
	known["everything"] = everything
	known["aud"], known["active"] = with(about, object{"aud": null}), with(about, object{"active": null})
	a := newAsked(known)
	for _, name := range append(all, "everything") {
		s := a.decided(h, vm, name)
		if s.State() != Forwarded {
			t.Errorf("%s: null: %s", name, describe(s))
		}
	}
	wantInvalid(t, a.decided(h, vm, "aud"), "names no audience")
	wantInvalid(t, a.decided(h, vm, "active"), "not active")
	// No expiry is not for ever: the answer is believed for max_cache_seconds.
	asked := a.count["exp"]
	h.Run(61e9, nil)
	a.known["exp"] = object{"active": false}
	wantInvalid(t, a.decided(h, vm, "exp"), "not active")
	if a.count["exp"] != asked+1 {
		t.Errorf("asked %d times", a.count["exp"])
	}
	// Nor does it do where a lifetime is asked for.
	vm = start(t, h, config(with(opaque(nil), object{"max_token_lifetime_seconds": 7200}), notes(nil), nil))
	a.known["endless"], a.known["unborn"] = with(about, object{"exp": null}), with(about, object{"iat": null})
	wantInvalid(t, a.decided(h, vm, "endless"), "expiry")
	wantInvalid(t, a.decided(h, vm, "unborn"), "lacks a required claim")
}

func TestNullInUserinfo(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(userinfo(object{"audience_unchecked": nil, "claims": object{
		"subject": "sub", "client_id": "client", "scopes": "scope", "audience": "aud", "expires": "exp"}}),
		object{"resource": resource}, nil))
	answer := func(body object) *Stream {
		s := vm.Request(rpc("/notes", "Bearer token-"+b64([]byte(toJSON(body)))))
		h.Run(10e6, nil)
		for _, c := range h.Callouts() {
			c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(toJSON(body)))
		}
		h.Run(10e6, nil)
		return s
	}
	wantForwarded(t, answer(object{"sub": "alice", "aud": resource, "client": null, "scope": null, "exp": null, "nonce": null, "cnf": null, "iss": null, "email": null}))
	wantInvalid(t, answer(object{"sub": "alice", "aud": null}), "names no audience")
	wantInvalid(t, answer(object{"sub": null, "aud": resource}), "names no user")
}
