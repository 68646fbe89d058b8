package wasmtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// random is the same in each run, so that a failure can be seen again.
func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func randomBytes(r *rand.Rand, limit int) string {
	b := make([]byte, r.IntN(limit))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// wantRefusal checks that a request did not pass and the VM is alive.
func wantRefusal(t *testing.T, vm *VM, s *Stream, what string) {
	t.Helper()
	if s.State() != Answered || s.Local().Status < 400 || s.Local().Status >= 500 {
		t.Fatalf("%q: got %s, want a 4xx; dead: %v", what, describe(s), vm.Dead())
	}
	for _, kv := range s.Local().Headers {
		if strings.ContainsAny(kv[1], "\r\n\x00") {
			t.Fatalf("%q: header %q", what, kv)
		}
	}
	if c := s.Local().Headers.Get("www-authenticate"); c != "" {
		parseChallenge(t, c)
	}
}

func TestRandomAuthorizationNeverPasses(t *testing.T) {
	vm := usualVM(t)
	r := random()
	for range 3000 {
		for _, prefix := range []string{"", "Bearer ", "Bearer eyJ", "Bearer e30.e30."} {
			value := prefix + randomBytes(r, 200)
			wantRefusal(t, vm, vm.Request(rpc("/notes", "", [2]string{"authorization", value})), value)
		}
	}
}

// Tokens that are nearly right.
func TestMutatedTokensNeverPass(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, usual())
	r := random()
	for _, key := range []*signer{rsaKey, ecKey} {
		good := key.token(claims(h, nil))
		wantForwarded(t, vm.Request(rpc("/notes", "Bearer "+good)))
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ,\x00\xff"
		try := func(token string) {
			if token != good && strings.TrimSpace(token) != good {
				wantRefusal(t, vm, vm.Request(rpc("/notes", "Bearer "+token)), token)
			}
		}
		for i := range good {
			c := string(alphabet[r.IntN(len(alphabet))])
			try(good[:i] + c + good[i+1:]) // changed
			try(good[:i] + good[i+1:])     // left out
			try(good[:i] + c + good[i:])   // put in
			try(good[:i])                  // cut off
		}
		// The bits of the last character that decode to nothing.
		for _, c := range alphabet[:64] {
			try(good[:len(good)-1] + string(c))
		}
		wantForwarded(t, vm.Request(rpc("/notes", "Bearer "+good)))
	}
}

// Signed text of any kind, as a server that is itself confused may issue it.
func TestSignedGarbageNeverPasses(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, usual())
	r := random()
	header, payload := toJSON(ecKey.header()), toJSON(claims(h, object{"aud": "x"}))
	splice := func(text string) string {
		at := r.IntN(len(text))
		return text[:at] + randomBytes(r, 8) + text[min(len(text), at+r.IntN(8)):]
	}
	for range 1000 {
		for _, token := range []string{
			ecKey.sign(splice(header), payload), ecKey.sign(header, splice(payload)), ecKey.sign(randomBytes(r, 50), randomBytes(r, 200)),
		} {
			wantRefusal(t, vm, vm.Request(rpc("/notes", "Bearer "+token)), token)
		}
	}
	for name, claim := range map[string]string{
		"number out of range": `"exp":1e999999999`, "long number": `"exp":` + strings.Repeat("9", 5000), "long fraction": `"exp":0.` + strings.Repeat("0", 5000) + "1",
		"negative zero": `"exp":-0`, "leading zero": `"exp":01`, "hexadecimal": `"exp":0x7fffffff`, "NaN": `"exp":NaN`,
		"unpaired surrogate": `"sub":"\ud800"`, "invalid UTF-8": "\"sub\":\"\xff\"", "raw line break": "\"sub\":\"a\nb\"",
	} {
		t.Run(name, func(t *testing.T) {
			c := toJSON(claims(h, object{"exp": nil, "sub": nil}))
			s := vm.Request(rpc("/notes", "Bearer "+ecKey.sign(header, c[:len(c)-1]+","+claim+"}")))
			wantRefusal(t, vm, s, claim) // those about sub have no exp either
		})
	}
}

func TestRandomHeadersNeverPass(t *testing.T) {
	vm := start(t, newHost(t, Options{}), twoResources(nil))
	r := random()
	for range 2000 {
		headers := Headers{}
		for _, name := range []string{":method", ":path", ":authority", "authorization", "origin", "access-control-request-method", "access-control-request-headers"} {
			for range r.IntN(3) {
				headers = headers.With(name, randomBytes(r, 40))
			}
		}
		for range r.IntN(20) {
			headers = headers.With(randomBytes(r, 20), randomBytes(r, 100))
		}
		if s := vm.Request(headers); s.State() != Answered {
			t.Fatalf("%q: got %s, dead: %v", headers, describe(s), vm.Dead())
		}
	}
}

func TestRandomPathsNeverPass(t *testing.T) {
	vm := start(t, newHost(t, Options{}), twoResources(nil))
	r := random()
	parts := []string{"/", "/", "notes", "admin", "..", ".", "%2e", "%2F", "%", ";", "?", "#", "\\", "//", "private", "%00", "x", "%6e", prm, "\xff"}
	for range 5000 {
		path := "/"
		for range r.IntN(8) {
			path += parts[r.IntN(len(parts))]
		}
		if s := vm.Request(rpc(path, "")); s.State() != Answered {
			t.Fatalf("%q: got %s, dead: %v", path, describe(s), vm.Dead())
		}
	}
}

func TestHugeInputsAreBounded(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, usual())
	const size = 1 << 20
	for name, s := range map[string]func() *Stream{
		"token":  func() *Stream { return vm.Request(rpc("/notes", "Bearer "+strings.Repeat("x", size))) },
		"dots":   func() *Stream { return vm.Request(rpc("/notes", "Bearer "+strings.Repeat(".", size))) },
		"spaces": func() *Stream { return vm.Request(rpc("/notes", "Bearer "+strings.Repeat(" ", size))) },
		"commas": func() *Stream { return vm.Request(rpc("/notes", "Bearer "+strings.Repeat("a,", size/2))) },
		"scheme": func() *Stream { return vm.Request(rpc("/notes", strings.Repeat("x", size))) },
		"signed claims": func() *Stream {
			return vm.Request(rpc("/notes", ecKey.bearer(claims(h, object{"x": strings.Repeat("x", size)}))))
		},
		"path":         func() *Stream { return vm.Request(rpc("/notes/"+strings.Repeat("../", size/3), "")) },
		"encoded path": func() *Stream { return vm.Request(rpc("/notes/"+strings.Repeat("%41", size/3), "")) },
		"slashes":      func() *Stream { return vm.Request(rpc(strings.Repeat("/", size), "")) },
		"authority": func() *Stream {
			return vm.Request(Headers{{":method", "GET"}, {":path", "/notes"}, {":authority", strings.Repeat("a", size)}})
		},
	} {
		t.Run(name, func(t *testing.T) { wantRefusal(t, vm, s(), name) })
	}
	t.Run("headers", func(t *testing.T) {
		many := rpc("/notes", "")
		for i := range 1000 {
			many = many.With(fmt.Sprintf("x-mcpauth-%d", i), "forged")
		}
		wantRefusal(t, vm, vm.Request(many), "many headers")
	})
	if size := vm.MemorySize(); size > 64<<20 {
		t.Errorf("%d bytes of memory", size)
	}
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
}
