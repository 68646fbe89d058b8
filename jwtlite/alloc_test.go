package jwtlite

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"testing"
)

// largeToken has about as many claims as the tokens of large identity providers.
func largeToken(s signers) string {
	payload := goodPayload[:len(goodPayload)-1] + `,"name":"J\u00fcrgen","realm_access":{"roles":["a","b"]},"groups":["g1","g2","g3"],"aud2":null,"ver":1.0}`
	return s.token(goodHeader, payload)
}

// nobody is a Verifier that refuses every signature.
type nobody struct{}

func (nobody) Verify(*Key, Algorithm, string, []byte) error { return ErrSignature }

// Verifying the token of a request allocates nothing.
func TestAllocations(t *testing.T) {
	s := testSigners()
	compact := largeToken(s)
	arrays := s.token(`{"alg":"RS256","kid":"\u0072"}`, `{"iss":"https://auth.example.com","aud":["\u0061","https://mcp.example.com/notes"],"exp":1.8000003e9,"sub":"a","scp":["a b","\u0063"]}`)
	var token Token
	for _, compact := range []string{compact, arrays, "x", s.token(goodHeader, goodPayload+"x")} {
		want := token.Parse(compact)
		if n := testing.AllocsPerRun(100, func() {
			if token.Parse(compact) != want {
				t.Fatal("another result")
			}
		}); n != 0 {
			t.Errorf("Parse: %v allocations", n)
		}
	}
	if err := token.Parse(arrays); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if testPolicy.CheckHeader(&token) != nil || testPolicy.CheckClaims(&token, testNow) != nil {
			t.Fatal("refused")
		}
		c := token.Claims()
		if _, ok := c.Lookup("scp"); !ok || !c.HasScope("c") || !c.HasAudience("a") {
			t.Fatal("claims")
		}
	}); n != 0 {
		t.Errorf("checks: %v allocations", n)
	}
	var scopes [8]string
	if n := testing.AllocsPerRun(100, func() {
		if len(token.Claims().AppendScopes(scopes[:0])) != 3 {
			t.Fatal("scopes")
		}
	}); n != 0 {
		t.Errorf("AppendScopes: %v allocations", n)
	}
	for _, size := range []int{1, maxKeys} {
		var keys []*Key
		for i := range size {
			keys = append(keys, &Key{algorithms: setOf(RS256), id: fmt.Sprint("r", i), spki: []byte{byte(i), byte(i >> 8)}})
		}
		keys[size-1].id = "r"
		set, err := NewKeySet(keys...)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if found, err := set.Find(&token); len(found.Keys()) != 1 || err != nil {
				t.Fatal(err)
			}
			if set.Verify(nobody{}, &token) != ErrSignature {
				t.Fatal("verified")
			}
		}); n != 0 {
			t.Errorf("Find and Verify among %d: %v allocations", size, n)
		}
	}
	der, signature := make([]byte, 0, 141), s.sign(ES256, "x")
	if n := testing.AllocsPerRun(100, func() { der, _ = ECDSASignatureDER(der[:0], ES256, signature) }); n != 0 {
		t.Errorf("ECDSASignatureDER: %v allocations", n)
	}
}

// Verifying a signature allocates nothing either, valid or not.
func TestVerifyAllocations(t *testing.T) {
	s := testSigners()
	r, e := s.set.keys[0], s.set.keys[1]
	private, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name      string
		key       *Key
		signature []byte
	}{
		{"RS256", r, s.sign(RS256, "x")},
		{"RS256, 3072 bits", mustKey(t, &private.PublicKey), signers{rsa: private}.sign(RS256, "x")},
		{"ES256", e, s.sign(ES256, "x")},
		{"ES256, prepared", prepared(t, e), s.sign(ES256, "x")},
	} {
		other := append([]byte(nil), test.signature...)
		other[len(other)-1] ^= 1
		large := bytes.Repeat([]byte{0xff}, len(other))
		for i, signature := range [][]byte{test.signature, other, large, make([]byte, len(other)), nil} {
			var want error
			if i > 0 {
				want = ErrSignature
			}
			if n := testing.AllocsPerRun(10, func() {
				if err := (Software{}).Verify(test.key, first(test.key), "x", signature); err != want {
					t.Fatalf("%s: %v, want %v", test.name, err, want)
				}
			}); n != 0 {
				t.Errorf("%s, signature %d: %v allocations", test.name, i, n)
			}
		}
	}
}
