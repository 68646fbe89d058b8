package wasmtest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// badKeySets are documents that an authorization server may serve by mistake.
func badKeySets() map[string]string {
	many := make([]string, 10_000)
	for i := range many {
		many[i] = toJSON((&signer{kid: fmt.Sprint(i), ec: ecKey.ec}).jwk())
	}
	return map[string]string{
		"empty":                  "",
		"HTML":                   "<!doctype html><html><body>502 Bad Gateway</body></html>",
		"null":                   "null",
		"number":                 "1",
		"array":                  toJSON([]any{keySet(rsaKey)}),
		"no keys member":         "{}",
		"zero keys":              `{"keys":[]}`,
		"keys is an object":      `{"keys":{"0":` + toJSON(rsaKey.jwk()) + `}}`,
		"keys is null":           `{"keys":null}`,
		"keys of wrong types":    `{"keys":[1,"x",null,[],true]}`,
		"members of wrong types": `{"keys":[{"kty":1,"n":2,"e":3,"kid":4},{"kty":"EC","crv":[],"x":{},"y":null}]}`,
		"secret keys only":       `{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"rsa-1","alg":"HS256"}]}`,
		"encryption keys only":   toJSON(object{"keys": []object{with(rsaKey.jwk(), object{"use": "enc"})}}),
		"512-bit RSA":            `{"keys":[{"kty":"RSA","kid":"rsa-1","n":"` + b64([]byte(strings.Repeat("\xc5", 64))) + `","e":"AQAB"}]}`,
		"exponent 1":             toJSON(object{"keys": []object{with(rsaKey.jwk(), object{"e": "AQ"})}}),
		"point off the curve":    toJSON(object{"keys": []object{with(ecKey.jwk(), object{"y": ecKey.jwk()["x"]})}}),
		"cut off":                toJSON(keySet(rsaKey, ecKey))[:300],
		"10 MB":                  `{"keys":[` + toJSON(rsaKey.jwk()) + `],"x":"` + strings.Repeat("x", 10<<20) + `"}`,
		"10 MB of white space":   strings.Repeat(" ", 10<<20) + toJSON(keySet(rsaKey)),
		"10,000 keys":            `{"keys":[` + strings.Join(many, ",") + `]}`,
		"1,000 keys":             `{"keys":[` + strings.Join(many[:1000], ",") + `]}`,
		"deep nesting":           `{"x":` + strings.Repeat("[", 60_000) + strings.Repeat("]", 60_000) + `,"keys":[` + toJSON(with(rsaKey.jwk(), object{"kty": "x"})) + `]}`,
		"binary":                 "\x00\x01\x02\xff\xfe",
	}
}

func TestBadDocumentsNeverReplaceGoodKeys(t *testing.T) {
	for name, document := range badKeySets() {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
			documents{"/keys": toJSON(keySet(rsaKey))}.run(h, 2*time.Second)
			before := h.Dispatched()
			documents{"/keys": document}.run(h, 12*time.Minute)
			if h.Dispatched() == before {
				t.Error("no refresh in 12 minutes")
			}
			later := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
			documents{"/keys": document}.run(h, 2*time.Second)
			for _, vm := range []*VM{vm, later} {
				wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
			}
			// And the server is believed again once it recovers.
			documents{"/keys": toJSON(keySet(otherRSA))}.run(h, 2*time.Minute)
			wantForwarded(t, vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil)))))
		})
	}
}

// Only 200 brings keys, whatever the body says.
func TestOtherStatusesBringNoKeys(t *testing.T) {
	for _, status := range []string{"201", "204", "206", "302", "304", "400", "404", "500", "503"} {
		t.Run(status, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
			documents{"/keys": toJSON(keySet(rsaKey))}.run(h, 2*time.Second)
			answer := func() {
				for _, c := range h.Callouts() {
					c.Answer(status, Headers{{"location", issuer + "/keys"}}, []byte(toJSON(keySet(otherRSA))))
				}
			}
			h.Run(12*time.Minute, answer)
			wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
			s := vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil))))
			h.Run(11*time.Second, answer)
			wantUnavailable(t, s) // it may be a key that just could not be fetched
		})
	}
}

func TestBadFirstDocuments(t *testing.T) {
	for name, document := range badKeySets() {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
			held := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
			documents{"/keys": document}.run(h, 11*time.Second)
			wantUnavailable(t, held)
			if size := vm.MemorySize(); size > 64<<20 {
				t.Errorf("%d bytes of memory", size)
			}
			documents{"/keys": toJSON(keySet(rsaKey))}.run(h, time.Minute)
			wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		})
	}
}

// Keys that cannot be used do not spoil those beside them.
func TestUnusableKeysAreSkipped(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
	set := object{"keys": []any{
		object{"kty": "oct", "k": "c2VjcmV0", "kid": "h"}, object{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, object{"kty": "AKP"}, 1,
		with(rsaKey.jwk(), object{"kid": "enc", "use": "enc"}), with(rsaKey.jwk(), object{"kid": "ps", "alg": "PS256"}),
		rsaKey.jwk(), ecKey.jwk(),
	}}
	documents{"/keys": toJSON(set)}.run(h, 2*time.Second)
	for _, key := range []*signer{rsaKey, ecKey} {
		wantForwarded(t, vm.Request(rpc("/notes", key.bearer(claims(h, nil)))))
	}
	for _, kid := range []string{"enc", "ps", "h"} {
		s := vm.Request(rpc("/notes", (&signer{kid: kid, rsa: rsaKey.rsa}).bearer(claims(h, nil))))
		documents{"/keys": toJSON(set)}.run(h, 11*time.Second)
		wantInvalid(t, s, "key")
	}
}

func TestServerDownKeepsTheLastKeys(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	goodServer(rsaKey).run(h, 2*time.Second)
	for range 3 {
		h.Run(time.Hour, func() {
			for _, c := range h.Callouts() {
				c.Fail()
			}
		})
		wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		// It may be signed by a new key under the old ID: nobody knows.
		bad := vm.Request(rpc("/notes", impostorRSA.bearer(claims(h, nil))))
		h.Run(11*time.Second, func() {
			for _, c := range h.Callouts() {
				c.Fail()
			}
		})
		wantUnavailable(t, bad)
	}
}
