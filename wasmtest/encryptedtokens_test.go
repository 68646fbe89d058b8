package wasmtest

import (
	"strings"
	"testing"
	"time"
)

// jwe is an encrypted token as Auth0 issues it where no audience is asked for.
var jwe = b64([]byte(`{"alg":"dir","enc":"A256GCM","iss":"`+issuer+`/"}`)) + "..QUFBQUFBQUFBQUFB.bWFkZXVw.QUFBQUFBQUFBQUFBQUFBQQ"

// Nobody but its server can read an encrypted token: it is asked about as an
// opaque one is, where somebody is asked.
func TestEncryptedTokens(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(with(opaque(nil), object{"jwks": keySet(rsaKey)}), notes(nil), nil))
	about := aboutToken(h, nil)
	a := newAsked(map[string]object{jwe: about})
	wantForwarded(t, a.decided(h, vm, jwe))
	wantForwarded(t, a.decided(h, vm, jwe))
	if a.count[jwe] != 1 {
		t.Errorf("asked %d times", a.count[jwe])
	}
	wantInvalid(t, a.decided(h, vm, jwe[:len(jwe)-1]+"g"), "not active")
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	asked := a.total
	header, rest, _ := strings.Cut(jwe, ".")
	for name, token := range map[string]string{
		"four parts":     jwe[:strings.LastIndexByte(jwe, '.')],
		"six parts":      jwe + ".AAAA",
		"three parts":    header + ".AAAA.AAAA",
		"no enc":         b64([]byte(`{"alg":"dir"}`)) + "." + rest,
		"enc is null":    b64([]byte(`{"alg":"dir","enc":null}`)) + "." + rest,
		"enc twice":      b64([]byte(`{"alg":"dir","enc":"A256GCM","enc":"A256GCM"}`)) + "." + rest,
		"no JSON":        b64([]byte(`{"alg":"dir","enc":"A256GCM"`)) + "." + rest,
		"padded header":  header + "=." + rest,
		"a JWS, doubled": rsaKey.token(claims(h, nil)) + ".AAAA.AAAA",
	} {
		s := vm.Request(rpc("/notes", "Bearer "+token))
		if h.Run(10*time.Millisecond, nil); a.total != asked || len(h.Callouts()) != 0 {
			t.Errorf("%s: the server is asked", name)
		}
		wantInvalid(t, s, "malformed")
	}
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+jwe+"&x=y")), "characters")

	t.Run("userinfo", func(t *testing.T) {
		h := newHost(t, Options{})
		vm := start(t, h, config(userinfo(nil), object{"resource": resource}, nil))
		s := vm.Request(rpc("/notes", "Bearer "+jwe))
		h.Run(10*time.Millisecond, nil)
		if len(h.Callouts()) != 1 || h.Callouts()[0].Headers.Get("authorization") != "Bearer "+jwe {
			t.Fatalf("%d callouts", len(h.Callouts()))
		}
		h.Callouts()[0].Answer("200", Headers{{"content-type", "application/json"}}, []byte(`{"sub":"alice"}`))
		h.Run(10*time.Millisecond, nil)
		wantForwarded(t, s)
	})
	t.Run("nobody is asked", func(t *testing.T) {
		vm := usualVM(t)
		wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+jwe)), "^the token is malformed: it is encrypted$")
		if vm.host.Run(time.Second, nil); vm.host.Dispatched() != 0 {
			t.Error("somebody is asked")
		}
	})
}
