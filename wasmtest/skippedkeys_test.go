package wasmtest

import (
	"strings"
	"testing"
	"time"
)

// Keys that are not used do not keep the plugin from starting, and one line says
// which they are.
func TestUnusableInlineKeysAreSkipped(t *testing.T) {
	h := newHost(t, Options{})
	set := object{"keys": []object{
		{"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "o"}, {"kty": "AKP"}, with(rsaKey.jwk(), object{"kid": "ps", "alg": "PS256"}),
		with(rsaKey.jwk(), object{"kid": "enc", "use": "enc"}), rsaKey.jwk(), ecKey.jwk(),
	}}
	vm := start(t, h, config(server(object{"jwks": set, "algorithms": []string{"RS256"}}), notes(nil), nil))
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	wantInvalid(t, vm.Request(rpc("/notes", ecKey.bearer(claims(h, nil)))), "algorithm ES256 is not accepted")
	for _, kid := range []string{"ps", "enc"} {
		wantInvalid(t, vm.Request(rpc("/notes", (&signer{kid: kid, rsa: rsaKey.rsa}).bearer(claims(h, nil)))), "key")
	}
	lines := 0
	for _, l := range h.Logs() {
		if !strings.Contains(l.Message, "skipped") {
			continue
		}
		lines++
		if l.Level != LogInfo || !strings.HasPrefix(l.Message, "mcpauth: issuer "+issuer+": 1 usable key") || !strings.Contains(l.Message, "PS256") {
			t.Errorf("log line %q", l.Message)
		}
	}
	if lines != 1 {
		t.Errorf("%d lines about skipped keys\n%s", lines, h.LogText())
	}
	// With nothing to skip there is no such line.
	h = newHost(t, Options{})
	start(t, h, usual())
	if strings.Contains(h.LogText(), "skipped") {
		t.Error(h.LogText())
	}
}

// A set with no usable key is refused, and each key's reason is told.
func TestNoUsableKey(t *testing.T) {
	ps := with(rsaKey.jwk(), object{"alg": "PS256"})
	set := object{"keys": []object{ps, with(rsaKey.jwk(), object{"use": "enc"}), {"kty": "AKP"}}}
	reasons := []string{
		"it is for PS256, which is not in algorithms", "it is not for signatures", "its type is not RSA, EC or OKP",
	}
	log := wantRefused(t, toJSON(config(server(object{"jwks": set}), notes(nil), nil)),
		"authorization_servers[0].jwks.keys[0]", "authorization_servers[0].jwks.keys[1]", "authorization_servers[0].jwks.keys[2]")
	for _, reason := range reasons {
		if !strings.Contains(log, reason) {
			t.Errorf("the log does not say that %s:\n%s", reason, log)
		}
	}
	wantRefused(t, toJSON(config(server(object{"jwks": keySet(ecKey), "algorithms": []string{"RS256"}}), notes(nil), nil)), "authorization_servers[0].jwks.keys[0]")

	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
	documents{"/keys": toJSON(set)}.run(h, 2*time.Second)
	for i, reason := range reasons {
		if want := "keys[" + string(rune('0'+i)) + "]"; !strings.Contains(h.LogText(), want) || !strings.Contains(h.LogText(), reason) {
			t.Errorf("the log does not say of %s that %s:\n%s", want, reason, h.LogText())
		}
	}
	many := object{"keys": []object{}}
	for range 200 {
		many["keys"] = append(many["keys"].([]object), ps)
	}
	h.ForgetLogs()
	documents{"/keys": toJSON(many)}.run(h, 10*time.Minute)
	for _, l := range h.Logs() {
		if len(l.Message) > 4096 {
			t.Errorf("a line of %d bytes", len(l.Message))
		}
	}
	documents{"/keys": toJSON(keySet(rsaKey))}.run(h, time.Minute)
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
}
