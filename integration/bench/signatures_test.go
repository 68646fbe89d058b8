package main

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/envoy-example/envoy"
)

// The host's verify_signature and jwtlite give the same answer, whatever a
// signature looks like: the two builds that are compared for speed must not
// differ in what they let in.
func TestHostAndJwtliteAgree(t *testing.T) {
	names := []string{"mcpauth", "jwtlite"}
	b, err := newBench(t.Context(), settings{Tokens: 1, Algorithms: usual, Variants: names})
	if err != nil {
		t.Fatal(err)
	}
	defer b.gateway.release()
	bootstrap, err := b.gateway.bootstrap(b.gateway.variants...)
	if err != nil {
		t.Fatal(err)
	}
	process, err := envoy.Start(t.Context(), b.binary, envoy.Options{Bootstrap: bootstrap, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer process.Stop()
	for _, line := range []string{"signatures: by the host's verify_signature", "signatures: by jwtlite, the host is not asked"} {
		if !strings.Contains(process.Log(), line) {
			t.Fatalf("no %q in the log: the two builds are one", line)
		}
	}

	ask := func(v *variant, token string) (status int, answer string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+v.Port.Addr()+"/notes", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	for _, algorithm := range usual {
		m, err := b.keys.mint(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 4 { // signatures differ in their leading zeros and signs
			token, err := m.token(n)
			if err != nil {
				t.Fatal(err)
			}
			dot := strings.LastIndexByte(token, '.')
			signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range b.keys.signatures(algorithm, signature) {
				token := token[:dot+1] + base64.RawURLEncoding.EncodeToString(s.signature)
				var answers []string
				for i := range b.gateway.variants {
					v := b.gateway.variants[i]
					status, answer := ask(v, token)
					if want := map[bool]int{true: 200, false: 401}[s.good]; status != want {
						t.Errorf("%s, %s, %s: status %d, want %d: %s", algorithm, s.name, v.Name, status, want, answer)
					}
					answers = append(answers, answer)
				}
				if answers[0] != answers[1] {
					t.Errorf("%s, %s: %q", algorithm, s.name, answers)
				}
			}
		}
	}
}

type signature struct {
	name      string
	signature []byte
	good      bool
}

// signatures returns forms of a good signature: those that a lax verifier takes
// for good as well, and those that one trips over.
func (k keys) signatures(algorithm jose.SignatureAlgorithm, good []byte) []signature {
	flip := func(i int) []byte {
		s := slices.Clone(good)
		s[i] ^= 1
		return s
	}
	list := []signature{
		{"good", good, true},
		{"empty", nil, false},
		{"first bit", flip(0), false},
		{"middle", flip(len(good) / 2), false},
		{"last bit", flip(len(good) - 1), false},
		{"zeros", make([]byte, len(good)), false},
		{"ones", slices.Repeat([]byte{0xff}, len(good)), false},
		{"a zero before", append([]byte{0}, good...), false},
		{"a zero after", append(slices.Clone(good), 0), false},
		{"cut short", good[:len(good)-1], false},
		{"cut at the front", good[1:], false},
	}
	if algorithm == jose.RS256 {
		n := k[algorithm].(*rsa.PrivateKey).N
		plus := new(big.Int).Add(new(big.Int).SetBytes(good), n)
		return append(list,
			signature{"plus the modulus", plus.Bytes(), false},
			signature{"the modulus", n.Bytes(), false},
			signature{"one", append(make([]byte, len(good)-1), 1), false},
			signature{"the modulus less one", new(big.Int).Sub(n, big.NewInt(1)).Bytes(), false},
		)
	}
	key := k[algorithm].(*ecdsa.PrivateKey)
	n := key.Params().N
	r, s := good[:32], good[32:]
	bytes32 := func(v *big.Int) []byte { return v.FillBytes(make([]byte, 32)) }
	less := bytes32(new(big.Int).Sub(n, new(big.Int).SetBytes(s)))
	sequence := func(r, s []byte) []byte {
		integer := func(b []byte) []byte { return append([]byte{2, byte(len(b) + 1), 0}, b...) }
		body := append(integer(r), integer(s)...)
		return append([]byte{0x30, byte(len(body))}, body...)
	}
	return append(list,
		// Both of a pair verify: RFC 7518 does not ask for the low one.
		signature{"the other s", slices.Concat(r, less), true},
		signature{"r and s exchanged", slices.Concat(s, r), false},
		signature{"r = 0", slices.Concat(make([]byte, 32), s), false},
		signature{"s = 0", slices.Concat(r, make([]byte, 32)), false},
		signature{"r = n", slices.Concat(bytes32(n), s), false},
		signature{"s = n", slices.Concat(r, bytes32(n)), false},
		signature{"DER", sequence(r, s), false},
	)
}
