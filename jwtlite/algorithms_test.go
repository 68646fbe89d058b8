package jwtlite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// joseKeys are private keys of each type, by the name of the type.
var joseKeys = sync.OnceValue(func() map[keyType]crypto.Signer {
	keys := map[keyType]crypto.Signer{}
	var err error
	if keys[typeRSA], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		panic(err)
	}
	for t, curve := range map[keyType]elliptic.Curve{typeP256: elliptic.P256(), typeP384: elliptic.P384(), typeP521: elliptic.P521()} {
		if keys[t], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			panic(err)
		}
	}
	if _, keys[typeEd25519], err = ed25519.GenerateKey(rand.Reader); err != nil {
		panic(err)
	}
	return keys
})

// joseKey returns the public key for an algorithm as a JWK, with "alg" if declared is set.
func joseKey(t testing.TB, alg Algorithm, declared bool) string {
	t.Helper()
	jwk := jose.JSONWebKey{Key: joseKeys()[algorithms[alg].key].Public(), KeyID: "k"}
	if declared {
		jwk.Algorithm = alg.String()
	}
	doc, err := jwk.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// joseToken returns a token that go-jose has signed.
func joseToken(t testing.TB, alg Algorithm) string {
	t.Helper()
	key := jose.JSONWebKey{Key: joseKeys()[algorithms[alg].key], KeyID: "k"}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg.String()), Key: key}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(goodPayload))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func mustKeySet(t testing.TB, algorithms []Algorithm, jwks ...string) *KeySet {
	t.Helper()
	set, skipped, err := ParseKeySet([]byte(`{"keys":[`+strings.Join(jwks, ",")+`]}`), algorithms...)
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	return set
}

// Tokens that another library signs are accepted with each algorithm, and no longer once a
// bit of them has changed.
func TestEachAlgorithm(t *testing.T) {
	for alg := RS256; alg < algorithmLimit; alg++ {
		compact := joseToken(t, alg)
		dot := strings.LastIndexByte(compact, '.')
		policy := testPolicy
		policy.Algorithms = []Algorithm{alg}
		for _, declared := range []bool{true, false} {
			set := mustKeySet(t, policy.Algorithms, joseKey(t, alg, declared))
			var token Token
			if err := accept(&policy, set, &token, compact, testNow); err != nil {
				t.Errorf("%s: %v", alg, err)
			}
			key, input, signature := set.keys[0], token.SigningInput(), append([]byte(nil), token.Signature()...)
			fromPEM, err := ParsePublicKeyPEM([]byte(pemOf(key.SPKI())), "", alg)
			if err != nil {
				t.Fatalf("%s: %v", alg, err)
			}
			if err := (Software{}).Verify(fromPEM, alg, input, signature); err != nil {
				t.Errorf("%s, a key in PEM: %v", alg, err)
			}
			for i := range signature {
				if i > 4 && i < len(signature)-4 && i%37 != 0 {
					continue
				}
				signature[i] ^= 1
				if err := (Software{}).Verify(key, alg, input, signature); err != ErrSignature {
					t.Errorf("%s, byte %d changed: %v", alg, i, err)
				}
				signature[i] ^= 1
			}
			for _, other := range [][]byte{nil, signature[1:], signature[:len(signature)-1], append([]byte{0}, signature...), append(signature[:len(signature):len(signature)], 0), make([]byte, len(signature))} {
				if err := (Software{}).Verify(key, alg, input, other); err != ErrSignature {
					t.Errorf("%s, %d bytes: %v", alg, len(other), err)
				}
			}
			if err := (Software{}).Verify(key, alg, input+"x", signature); err != ErrSignature {
				t.Errorf("%s, another text: %v", alg, err)
			}
			if n := testing.AllocsPerRun(3, func() { (Software{}).Verify(key, alg, input, signature) }); n != 0 {
				t.Errorf("%s: %v allocations", alg, n)
			}
		}
		var unsigned Token
		if err := unsigned.Parse(compact[:dot+1]); err != nil {
			t.Fatal(err)
		}
		if err := mustKeySet(t, nil, joseKey(t, alg, false)).Verify(Software{}, &unsigned); err != ErrSignature {
			t.Errorf("%s without a signature: %v", alg, err)
		}
	}
}

// RFC 8725, section 3.1: no signature verifies with another algorithm than the one it was
// made with, whatever the header says, and a key is used with its own algorithms only.
func TestNoCrossUse(t *testing.T) {
	for signed := RS256; signed < algorithmLimit; signed++ {
		compact := joseToken(t, signed)
		parts := strings.Split(compact, ".")
		for named := RS256; named < algorithmLimit; named++ {
			header := encode64(`{"alg":"` + named.String() + `","kid":"k"}`)
			var renamed, original Token
			if err := renamed.Parse(header + "." + parts[1] + "." + parts[2]); err != nil {
				t.Fatal(err)
			}
			if err := original.Parse(compact); err != nil {
				t.Fatal(err)
			}
			for _, declared := range []bool{true, false} {
				set := mustKeySet(t, nil, joseKey(t, named, declared))
				if err := set.Verify(Software{}, &renamed); err != ErrSignature {
					t.Errorf("signed with %s, named %s: %v", signed, named, err)
				}
				// The key of another algorithm does not verify the token as it is.
				want := ErrUnknownKey
				if named == signed || !declared && algorithms[named].key == algorithms[signed].key {
					want = nil
				}
				if err := set.Verify(Software{}, &original); err != want {
					t.Errorf("signed with %s, key for %s (declared: %v): %v, want %v", signed, named, declared, err, want)
				}
				if err := (Software{}).Verify(set.keys[0], signed, original.SigningInput(), original.Signature()); (err == nil) != (want == nil) {
					t.Errorf("signed with %s, key for %s: Software: %v", signed, named, err)
				}
			}
			// A key without "alg" is bound to the algorithms that are accepted.
			if algorithms[named].key == algorithms[signed].key && named != signed {
				set := mustKeySet(t, []Algorithm{named}, joseKey(t, signed, false))
				if err := set.Verify(Software{}, &original); err != ErrUnknownKey {
					t.Errorf("signed with %s where %s is accepted: %v", signed, named, err)
				}
			}
		}
	}
	// The zero Key and algorithms that are none verify nothing.
	key := mustKeySet(t, nil, joseKey(t, RS256, false)).keys[0]
	for _, alg := range []Algorithm{0, algorithmLimit, 15, 16, 255} {
		if key.Allows(alg) || (Software{}).Verify(key, alg, "x", nil) != ErrSignature {
			t.Errorf("algorithm %d is allowed", alg)
		}
		if alg.String() != "none" {
			t.Errorf("algorithm %d is called %s", alg, alg)
		}
	}
	if err := (Software{}).Verify(new(Key), RS256, "x", nil); err != ErrSignature {
		t.Error(err)
	}
}

// Keys that none of the accepted algorithms is for are skipped, with a reason.
func TestAcceptedAlgorithms(t *testing.T) {
	for _, test := range []struct {
		jwk      string
		accepted []Algorithm
		reason   string
	}{
		{joseKey(t, RS256, true), []Algorithm{RS512, ES256}, "the key is not usable: it is for RS256, which is not in algorithms"},
		{joseKey(t, RS256, false), []Algorithm{ES256}, "the key is not usable: it is an RSA key, and none of algorithms is for such keys"},
		{joseKey(t, ES384, true), []Algorithm{RS256, ES256}, "the key is not usable: it is for ES384, which is not in algorithms"},
		{joseKey(t, ES384, false), []Algorithm{RS256, ES256}, "the key is not usable: it is a P-384 key, and none of algorithms is for such keys"},
		{joseKey(t, ES512, false), []Algorithm{ES384}, "the key is not usable: it is a P-521 key, and none of algorithms is for such keys"},
		{joseKey(t, ES384, false), []Algorithm{ES384}, ""},
		{joseKey(t, RS384, false), []Algorithm{RS256}, ""},
	} {
		_, skipped, err := ParseKeySet([]byte(`{"keys":[`+test.jwk+`]}`), test.accepted...)
		if test.reason == "" {
			if err != nil {
				t.Errorf("%s for %v: %v", test.jwk, test.accepted, err)
			}
			continue
		}
		if err != ErrNoUsableKey || len(skipped) != 1 || skipped[0].Reason.Error() != test.reason || !errors.Is(skipped[0].Reason, ErrKey) {
			t.Errorf("%s for %v: %v, %v", test.jwk, test.accepted, err, skipped)
		}
	}
}
