package wasmtest

import (
	"fmt"
	"testing"
	"time"
)

// inline and fetched run a test with a key set that stands in the configuration
// and with one that is fetched, on a host that verifies signatures and on one that
// does not.
func inlineAndFetched(t *testing.T, set object, test func(t *testing.T, h *Host, send func(token string) *Stream)) {
	for name, functions := range map[string]map[string]ForeignFunction{"verified by the host": nil, "verified by the plugin": {}} {
		t.Run("inline, "+name, func(t *testing.T) {
			h := newHost(t, Options{Functions: functions})
			vm := start(t, h, config(server(object{"jwks": set}), notes(nil), nil))
			test(t, h, func(token string) *Stream { return vm.Request(rpc("/notes", "Bearer "+token)) })
		})
		t.Run("fetched, "+name, func(t *testing.T) {
			h := newHost(t, Options{Functions: functions})
			vm := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
			served := documents{"/keys": toJSON(set)}
			served.run(h, 2*time.Second)
			test(t, h, func(token string) *Stream {
				s := vm.Request(rpc("/notes", "Bearer "+token))
				if s.State() == Held {
					served.run(h, 11*time.Second)
				}
				return s
			})
		})
	}
}

// noKid is a token without kid.
func (s *signer) noKid(claims object) string {
	return s.sign(toJSON(with(s.header(), object{"kid": nil})), toJSON(claims))
}

// A key that is listed twice is one key.
func TestEqualKeysAreOne(t *testing.T) {
	for _, key := range []*signer{rsaKey, ecKey} {
		again := with(key.jwk(), object{"use": nil, "alg": nil, "x5t": "x"})
		alias := with(key.jwk(), object{"kid": "alias"})
		inlineAndFetched(t, object{"keys": []object{key.jwk(), again, alias, key.jwk(), key.jwk(), key.jwk()}}, func(t *testing.T, h *Host, send func(string) *Stream) {
			c := claims(h, nil)
			wantForwarded(t, send(key.token(c)))
			wantForwarded(t, send(key.noKid(c)))
			wantForwarded(t, send((&signer{"alias", key.rsa, key.ec}).token(c)))
			calls := h.ForeignCalls("verify_signature")
			other := &signer{key.kid, otherRSA.rsa, nil}
			if key.ec != nil {
				other = &signer{key.kid, nil, otherEC.ec}
			}
			s := send(other.noKid(with(c, object{"sub": "mallory"})))
			wantInvalid(t, s, "signature does not verify")
			if n := h.ForeignCalls("verify_signature") - calls; n > 2 { // a second time after a fetch
				t.Errorf("one key was tried %d times", n)
			}
		})
	}
}

// Different keys under one kid, and those that fit a token without one, are tried
// in their order, four at most.
func TestSeveralKeysAreTried(t *testing.T) {
	var keys []*signer
	var list []object
	for range 5 {
		k := newEC("same")
		keys, list = append(keys, k), append(list, k.jwk())
	}
	stranger := newEC("same")
	for _, count := range []int{2, 4, 5} {
		t.Run(fmt.Sprint(count, " keys"), func(t *testing.T) {
			set := object{"keys": append([]object{rsaKey.jwk(), with(ecKey.jwk(), object{"use": "enc"})}, list[:count]...)}
			inlineAndFetched(t, set, func(t *testing.T, h *Host, send func(string) *Stream) {
				c := claims(h, nil)
				for i, k := range keys[:min(count, 4)] {
					wantForwarded(t, send(k.token(with(c, object{"jti": fmt.Sprint(i)}))))
					wantForwarded(t, send(k.noKid(with(c, object{"jti": fmt.Sprint(i)}))))
				}
				refused := "signature does not verify"
				if count > 4 {
					refused = "signing key of the token is ambiguous"
					wantInvalid(t, send(keys[4].token(c)), refused)
				}
				calls := h.ForeignCalls("verify_signature")
				wantInvalid(t, send(stranger.token(c)), refused)
				if n := h.ForeignCalls("verify_signature") - calls; n > 2*min(count, 4) {
					t.Errorf("%d signatures verified for one token", n)
				}
				wantInvalid(t, send(stranger.noKid(c)), refused)
				wantForwarded(t, send(rsaKey.noKid(c)))
				wantInvalid(t, send((&signer{kid: "other", ec: keys[0].ec}).token(c)), "unknown")
			})
		})
	}
}

// A server that gives each new key the same kid, and publishes both for a while:
// the tokens of both are good, and those of the withdrawn one are not.
func TestRotationUnderOneKid(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
	c := claims(h, object{"exp": h.Clock().Now().Unix() + 7200})
	before, after := newEC("k"), newEC("k")
	documents{"/keys": toJSON(keySet(before))}.run(h, 2*time.Second)
	wantForwarded(t, vm.Request(rpc("/notes", before.bearer(c))))
	s := vm.Request(rpc("/notes", after.bearer(c)))
	if s.State() != Held {
		t.Fatalf("got %s, want held", describe(s))
	}
	documents{"/keys": toJSON(keySet(before, after))}.run(h, 11*time.Second)
	wantForwarded(t, s)
	wantForwarded(t, vm.Request(rpc("/notes", before.bearer(c))))
	documents{"/keys": toJSON(keySet(after))}.run(h, 20*time.Minute)
	s = vm.Request(rpc("/notes", before.bearer(c)))
	documents{"/keys": toJSON(keySet(after))}.run(h, 11*time.Second)
	wantInvalid(t, s, "signature")
	wantForwarded(t, vm.Request(rpc("/notes", after.bearer(c))))
}
