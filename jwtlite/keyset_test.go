package jwtlite

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// rsaJWK and ecJWK are usable keys; tests change them by replacing text.
func rsaJWK() string {
	k := testSigners().rsa.PublicKey
	return fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"AQAB"}`, encode64(string(k.N.Bytes())))
}

func ecJWK() string {
	der := testSigners().set.keys[1].SPKI()
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, encode64(string(der[27:59])), encode64(string(der[59:])))
}

// and returns a JWK with further members in front.
func and(jwk, members string) string { return "{" + members + "," + jwk[1:] }

func TestJWK(t *testing.T) {
	r, e := rsaJWK(), ecJWK()
	modulus := func(n *big.Int) string {
		return fmt.Sprintf(`{"kty":"RSA","n":%q,"e":"AQAB"}`, encode64(string(n.Bytes())))
	}
	one := big.NewInt(1)
	bits := func(n uint) *big.Int { return new(big.Int).Add(new(big.Int).Lsh(one, n-1), one) }
	x := strings.Split(e, `"`)[11]
	y := strings.Split(e, `"`)[15]
	// A key that declares no algorithm is for all those of its type.
	want := func(jwk string, alg Algorithm) algorithmSet {
		if strings.Contains(jwk, `"alg":"`) {
			return setOf(alg)
		}
		return algorithmsFor(algorithms[alg].key)
	}
	tests := []struct {
		name, jwk string
		want      error // nil for a key that is usable
		alg       Algorithm
		id        string
	}{
		{"RSA", r, nil, RS256, ""},
		{"EC", e, nil, ES256, ""},
		{"OKP", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, nil, EdDSA, ""},
		{"OKP for EdDSA", `{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, nil, EdDSA, ""},
		{"OKP for Ed25519", `{"kty":"OKP","crv":"Ed25519","alg":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, nil, EdDSA, ""},
		{"RSA with all", and(r, `"kid":"k","use":"sig","key_ops":["verify"],"alg":"RS256","x5c":["?"],"x5t":7,"ext":true`), nil, RS256, "k"},
		{"EC with all", and(e, `"kid":"k","use":"sig","key_ops":["sign","verify"],"alg":"ES256"`), nil, ES256, "k"},
		{"kid escaped", and(e, `"kid":"\u006b"`), nil, ES256, "k"},
		{"modulus with a leading zero", strings.Replace(modulus(new(big.Int).SetBit(bits(2048), 2047, 1)), `"n":"`, `"n":"AAAA`, 1), nil, RS256, ""},
		{"RSA with members of null", and(r, `"kid":null,"use":null,"key_ops":null,"alg":null,"d":null,"oth":null,"crv":null,"x":null`), nil, RS256, ""},
		{"EC with members of null", and(e, `"kid":"k","use":null,"key_ops":null,"alg":null,"d":null,"n":null`), nil, ES256, "k"},
		{"smallest modulus", modulus(bits(2048)), nil, RS256, ""},
		{"largest modulus", modulus(bits(8192)), nil, RS256, ""},
		{"e 3", strings.Replace(r, "AQAB", "Aw", 1), nil, RS256, ""},
		{"largest e", strings.Replace(r, "AQAB", "_____w", 1), nil, RS256, ""},

		{"not an object", `7`, errKeyObject, 0, ""},
		{"null", `null`, errKeyObject, 0, ""},
		{"duplicate kid", and(e, `"kid":"a","kid":"b"`), errKeyDuplicate, 0, ""},
		{"duplicate x, escaped", and(e, `"\u0078":"a"`), errKeyDuplicate, 0, ""},
		{"no kty", strings.Replace(e, `"kty":"EC",`, ``, 1), errKeyType, 0, ""},
		{"kty null", strings.Replace(e, `"EC"`, `null`, 1), errKeyType, 0, ""},
		{"x null", strings.Replace(e, `"`+x+`"`, `null`, 1), errCoordinates, 0, ""},
		{"key_ops of null", and(r, `"key_ops":[null]`), errKeyMember, 0, ""},
		{"kty number", strings.Replace(e, `"EC"`, `1`, 1), errKeyMember, 0, ""},
		{"kty ec", strings.Replace(e, `"EC"`, `"ec"`, 1), errKeyType, 0, ""},
		{"OKP X25519", `{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, errCurve, 0, ""},
		{"OKP Ed448", `{"kty":"OKP","crv":"Ed448","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, errCurve, 0, ""},
		{"OKP P-256", `{"kty":"OKP","crv":"P-256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, errCurve, 0, ""},
		{"EC Ed25519", `{"kty":"EC","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, errCurve, 0, ""},
		{"OKP for ES256", `{"kty":"OKP","crv":"Ed25519","alg":"ES256","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, errAlgorithmType, 0, ""},
		{"OKP for Ed448", `{"kty":"OKP","crv":"Ed25519","alg":"Ed448","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, unusable("its algorithm Ed448 is none that is verified here"), 0, ""},
		{"OKP private", `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, errPrivateKey, 0, ""},
		{"OKP of 31 bytes", `{"kty":"OKP","crv":"Ed25519","x":"` + encode64(strings.Repeat("x", 31)) + `"}`, errEd25519, 0, ""},
		{"OKP padded", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="}`, errEd25519, 0, ""},
		{"OKP of small order", `{"kty":"OKP","crv":"Ed25519","x":"` + encode64("\x01"+strings.Repeat("\x00", 31)) + `"}`, errEd25519, 0, ""},
		{"OKP without x", `{"kty":"OKP","crv":"Ed25519"}`, errEd25519, 0, ""},
		{"kty oct", `{"kty":"oct","k":"AAAA","kid":"s"}`, errSymmetricKey, 0, "s"},
		{"private RSA", and(r, `"d":"AQAB"`), errPrivateKey, 0, ""},
		{"private RSA by a prime", and(r, `"p":"AQAB"`), errPrivateKey, 0, ""},
		{"private EC", and(e, `"d":"AQAB","kid":"leaked"`), errPrivateKey, 0, "leaked"},
		{"use enc", and(r, `"use":"enc"`), errUse, 0, ""},
		{"use empty", and(r, `"use":""`), errUse, 0, ""},
		{"use array", and(r, `"use":["sig"]`), errKeyMember, 0, ""},
		{"key_ops encrypt", and(r, `"key_ops":["encrypt"]`), errKeyOps, 0, ""},
		{"key_ops empty", and(r, `"key_ops":[]`), errKeyOps, 0, ""},
		{"key_ops string", and(r, `"key_ops":"verify"`), errKeyMember, 0, ""},
		{"key_ops of numbers", and(r, `"key_ops":[1]`), errKeyMember, 0, ""},
		{"alg HS512", and(r, `"alg":"HS512"`), unusable("its algorithm HS512 is none that is verified here"), 0, ""},
		{"RSA for ES384", and(r, `"alg":"ES384"`), errAlgorithmType, 0, ""},
		{"P-256 for ES384", and(e, `"alg":"ES384"`), errAlgorithmType, 0, ""},
		{"P-384 for ES256", and(strings.Replace(e, "P-256", "P-384", 1), `"alg":"ES256"`), errAlgorithmType, 0, ""},
		{"P-521 for ES384", and(strings.Replace(e, "P-256", "P-521", 1), `"alg":"ES384"`), errAlgorithmType, 0, ""},
		{"alg RSA-OAEP", and(r, `"alg":"RSA-OAEP"`), errKeyAlgorithm, 0, ""},
		{"alg none", and(r, `"alg":"none"`), unusable("its algorithm none is none that is verified here"), 0, ""},
		{"alg empty", and(r, `"alg":""`), errKeyAlgorithm, 0, ""},
		{"RSA for ES256", and(r, `"alg":"ES256"`), errAlgorithmType, 0, ""},
		{"EC for RS256", and(e, `"alg":"RS256"`), errAlgorithmType, 0, ""},
		{"alg number", and(e, `"alg":1`), errKeyMember, 0, ""},
		{"kid number", and(e, `"kid":1`), errKeyMember, 0, ""},

		{"P-384 with 32 bytes", strings.Replace(e, "P-256", "P-384", 1), errCoordinates, 0, ""},
		{"P-521 with 32 bytes", strings.Replace(e, "P-256", "P-521", 1), errCoordinates, 0, ""},
		{"secp256k1", strings.Replace(e, "P-256", "secp256k1", 1), errCurve, 0, ""},
		{"no crv", strings.Replace(e, `"crv":"P-256",`, ``, 1), errCurve, 0, ""},
		{"no y", strings.Replace(e, `"y"`, `"Y"`, 1), errCoordinates, 0, ""},
		{"31-byte x", strings.Replace(e, x, encode64(strings.Repeat("x", 31)), 1), errCoordinates, 0, ""},
		{"33-byte x", strings.Replace(e, x, encode64("\x00"+string(testSigners().set.keys[1].SPKI()[27:59])), 1), errCoordinates, 0, ""},
		{"64-byte x and no y", strings.Replace(strings.Replace(e, x, encode64(strings.Repeat("x", 64)), 1), y, "", 1), errCoordinates, 0, ""},
		{"padded x", strings.Replace(e, x, x+"=", 1), errCoordinates, 0, ""},
		{"x and y swapped", fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, y, x), errNotOnCurve, 0, ""},
		{"zero point", fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%[1]q}`, encode64(strings.Repeat("\x00", 32))), errNotOnCurve, 0, ""},
		{"x not below p", fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, encode64(strings.Repeat("\xff", 32)), y), errNotOnCurve, 0, ""},

		{"no n", strings.Replace(r, `"n"`, `"N"`, 1), errRSAEncoding, 0, ""},
		{"no e", strings.Replace(r, `"e"`, `"E"`, 1), errRSAEncoding, 0, ""},
		{"n in the standard alphabet", strings.Replace(r, `"n":"`, `"n":"+/+/`, 1), errRSAEncoding, 0, ""},
		{"e padded", strings.Replace(r, "AQAB", "Aw==", 1), errRSAEncoding, 0, ""},
		{"e a number", strings.Replace(r, `"AQAB"`, `65537`, 1), errKeyMember, 0, ""},
		{"e zero", strings.Replace(r, "AQAB", "AA", 1), errExponent, 0, ""},
		{"e one", strings.Replace(r, "AQAB", "AQ", 1), errExponent, 0, ""},
		{"e even", strings.Replace(r, "AQAB", "AQAA", 1), errExponent, 0, ""},
		{"e of 33 bits", strings.Replace(r, "AQAB", "AQAAAAE", 1), errExponent, 0, ""},
		{"e of many bytes", strings.Replace(r, "AQAB", encode64(strings.Repeat("\xff", 256)), 1), errExponent, 0, ""},
		{"even modulus", modulus(new(big.Int).Sub(bits(2048), one)), errModulusEven, 0, ""},
		{"modulus of 2047 bits", modulus(bits(2047)), errModulusSize, 0, ""},
		{"modulus of 1024 bits", modulus(bits(1024)), errModulusSize, 0, ""},
		{"modulus of 8193 bits", modulus(bits(8193)), errModulusSize, 0, ""},
		{"modulus zero", strings.Replace(modulus(one), `"AQ"`, `"AA"`, 1), errModulusSize, 0, ""},
	}
	for _, test := range tests {
		// Alone, the key leaves the set without a usable key. Beside another, it is
		// skipped.
		set, skipped, err := ParseKeySet([]byte(`{"keys":[` + test.jwk + `]}`))
		if test.want == nil {
			if err != nil || len(skipped) > 0 || set.Len() != 1 {
				t.Errorf("%s: %v, %v", test.name, err, skipped)
			} else if k := set.keys[0]; k.algorithms != want(test.jwk, test.alg) || k.ID() != test.id {
				t.Errorf("%s: %b, %q", test.name, k.algorithms, k.ID())
			}
			continue
		}
		if err != ErrNoUsableKey {
			t.Errorf("%s: %v", test.name, err)
		}
		set, skipped, err = ParseKeySet([]byte(`{"keys":[` + e + `,` + test.jwk + `,` + r + `]}`))
		if err != nil || set.Len() != 2 || len(skipped) != 1 || skipped[0].Index != 1 || skipped[0].KeyID != test.id || skipped[0].Reason.Error() != test.want.Error() {
			t.Errorf("%s beside others: %v, %v", test.name, err, skipped)
		}
		if !errors.Is(test.want, ErrKey) {
			t.Errorf("%s: %v is no ErrKey", test.name, test.want)
		}
	}
}

func TestParseKeySetErrors(t *testing.T) {
	e := ecJWK()
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for name, test := range map[string]struct {
		doc  string
		want error
	}{
		"empty":              {``, ErrKeySet},
		"HTML":               {`<html>`, ErrKeySet},
		"null":               {`null`, ErrKeySet},
		"array of keys":      {`[` + e + `]`, ErrKeySet},
		"one key":            {e, ErrKeySet},
		"keys twice":         {`{"keys":[` + e + `],"keys":[]}`, ErrKeySet},
		"keys twice escaped": {`{"keys":[` + e + `],"\u006beys":[]}`, ErrKeySet},
		"Keys":               {`{"Keys":[` + e + `]}`, ErrKeySet},
		"keys object":        {`{"keys":` + e + `}`, ErrKeySet},
		"keys null":          {`{"keys":null}`, ErrKeySet},
		"trailing text":      {`{"keys":[` + e + `]}x`, ErrKeySet},
		"cut short":          {`{"keys":[` + e, ErrKeySet},
		"too deep":           {`{"keys":[` + e + `],"x":` + deep + `}`, ErrKeySet},
		"too large":          {`{"keys":[` + e + `]}` + strings.Repeat(" ", maxKeySetSize), ErrKeySet},
		"too many":           {`{"keys":[` + strings.Repeat(`{},`, maxKeys) + e + `]}`, ErrKeySet},
		"no keys":            {`{"keys":[]}`, ErrNoUsableKey},
		"no usable key":      {`{"keys":[{},{}]}`, ErrNoUsableKey},
	} {
		if set, _, err := ParseKeySet([]byte(test.doc)); !errors.Is(err, test.want) || set != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	set, skipped, err := ParseKeySet([]byte(` { "x" : [ { } ] , "keys" : [ ` + strings.Repeat(`{},`, maxKeys-1) + e + ` ] } `))
	if err != nil || set.Len() != 1 || len(skipped) != maxKeys-1 {
		t.Errorf("the largest set: %v", err)
	}
}

// The caller may overwrite the document after ParseKeySet.
func TestParseKeySetKeepsNothing(t *testing.T) {
	doc := []byte(`{"keys":[` + and(ecJWK(), `"kid":"one"`) + `,{"kty":"oct","kid":"two"}]}`)
	set, skipped, err := ParseKeySet(doc)
	if err != nil {
		t.Fatal(err)
	}
	clear(doc)
	if set.keys[0].ID() != "one" || skipped[0].KeyID != "two" {
		t.Errorf("%q, %q", set.keys[0].ID(), skipped[0].KeyID)
	}
}

func TestFind(t *testing.T) {
	key := func(alg Algorithm, id, spki string) *Key {
		return &Key{algorithms: setOf(alg), id: id, spki: []byte(spki)}
	}
	r1, r2, e1, e2 := key(RS256, "1", "r1"), key(RS256, "2", "r2"), key(ES256, "1", "e1"), key(ES256, "2", "e2")
	r0, e0, e00 := key(RS256, "", "r0"), key(ES256, "", "e0"), key(ES256, "", "e00")
	r1other, r1again, r2asR1 := key(RS256, "1", "other"), key(RS256, "1", "r1"), key(RS256, "2", "r1")
	many := []*Key{r1}
	for i := range 5 {
		many = append(many, key(RS256, "1", fmt.Sprint("many", i)))
	}
	five := many[:5]
	for _, test := range []struct {
		name   string
		keys   []*Key
		header string
		want   []*Key
		err    error // of Find, else of Verify by a Verifier that refuses all
	}{
		{"by kid", []*Key{r1, r2, e1, e2}, `{"alg":"ES256","kid":"2"}`, []*Key{e2}, ErrSignature},
		{"by kid and alg", []*Key{r1, e1}, `{"alg":"RS256","kid":"1"}`, []*Key{r1}, ErrSignature},
		{"kid of a key for another alg", []*Key{r1, e2}, `{"alg":"ES256","kid":"1"}`, nil, ErrUnknownKey},
		{"unknown kid", []*Key{r1}, `{"alg":"RS256","kid":"3"}`, nil, ErrUnknownKey},
		{"no kid, one key for alg", []*Key{r1, e1, e2}, `{"alg":"RS256"}`, []*Key{r1}, ErrSignature},
		{"no kid, no key for alg", []*Key{r1}, `{"alg":"ES256"}`, nil, ErrUnknownKey},
		{"empty kid is as none", []*Key{r1}, `{"alg":"RS256","kid":""}`, []*Key{r1}, ErrSignature},
		{"null kid is as none", []*Key{r1}, `{"alg":"RS256","kid":null}`, []*Key{r1}, ErrSignature},
		{"kid, the only key has none", []*Key{r0, e1}, `{"alg":"RS256","kid":"3"}`, []*Key{r0}, ErrSignature},
		{"kid, another key has one", []*Key{e0, e1}, `{"alg":"ES256","kid":"3"}`, nil, ErrUnknownKey},

		{"one key twice", []*Key{r1, r1again}, `{"alg":"RS256","kid":"1"}`, []*Key{r1}, ErrSignature},
		{"one key under two kids, no kid", []*Key{r1, r2asR1}, `{"alg":"RS256"}`, []*Key{r1}, ErrSignature},
		{"one key under two kids, the second", []*Key{r1, r2asR1}, `{"alg":"RS256","kid":"2"}`, []*Key{r2asR1}, ErrSignature},
		{"two keys under one kid", []*Key{r1, r2, r1other, r1again}, `{"alg":"RS256","kid":"1"}`, []*Key{r1, r1other}, ErrSignature},
		{"no kid, two keys for alg", []*Key{r1, e1, e2}, `{"alg":"ES256"}`, []*Key{e1, e2}, ErrSignature},
		{"kid, two keys have none", []*Key{e0, e00, e0}, `{"alg":"ES256","kid":"3"}`, []*Key{e0, e00}, ErrSignature},
		{"four", many[:4], `{"alg":"RS256","kid":"1"}`, many[:4], ErrSignature},
		{"four, and one of them again", append(many[:4:4], r1again), `{"alg":"RS256","kid":"1"}`, many[:4], ErrSignature},
		{"five", five, `{"alg":"RS256","kid":"1"}`, many[:4], ErrAmbiguousKey},
		{"six, no kid", many, `{"alg":"RS256"}`, many[:4], ErrAmbiguousKey},

		{"alg none", []*Key{r0}, `{"alg":"none"}`, nil, ErrAlgorithm},
		{"alg HS256", []*Key{r0}, `{"alg":"HS256"}`, nil, ErrAlgorithm},
	} {
		set, err := NewKeySet(test.keys...)
		if err != nil {
			t.Fatal(err)
		}
		var token Token
		if err := token.Parse(encode64(test.header) + "." + encode64(`{}`) + "."); err != nil {
			t.Fatal(err)
		}
		found, err := set.Find(&token)
		if got := found.Keys(); !slices.Equal(got, test.want) || (err != nil) != (test.want == nil) {
			t.Errorf("%s: %v, %v", test.name, got, err)
		}
		if err == nil {
			err = set.Verify(nobody{}, &token)
		}
		if !errors.Is(err, test.err) {
			t.Errorf("%s: %v", test.name, err)
		}
		for _, k := range test.want {
			if err := set.Verify(only{k}, &token); err != nil {
				t.Errorf("%s: %v is not tried: %v", test.name, k, err)
			}
		}
	}
	if _, err := r0set().Find(new(Token)); err != ErrAlgorithm {
		t.Errorf("the zero Token: %v", err)
	}
	if k := r0set().Key(0); !k.Allows(RS256) {
		t.Errorf("Key(0) is %v", k)
	}
}

// only is a Verifier that accepts the signatures of one key.
type only struct{ k *Key }

func (v only) Verify(k *Key, _ Algorithm, _ string, _ []byte) error {
	if k != v.k {
		return ErrSignature
	}
	return nil
}

func r0set() *KeySet {
	set, err := NewKeySet(&Key{algorithms: setOf(RS256)})
	if err != nil {
		panic(err)
	}
	return set
}

func TestNewKeySetErrors(t *testing.T) {
	if _, err := NewKeySet(); err != ErrNoUsableKey {
		t.Error(err)
	}
	if _, err := NewKeySet(nil); err != ErrNoUsableKey {
		t.Error(err)
	}
	if _, err := NewKeySet(new(Key)); err != ErrNoUsableKey {
		t.Error(err)
	}
	if _, err := NewKeySet(make([]*Key, maxKeys+1)...); !errors.Is(err, ErrKeySet) {
		t.Error(err)
	}
}

// SPKI returns the same DER as the standard library, for all sizes of the numbers.
func TestSPKI(t *testing.T) {
	var publics []any
	for _, bits := range []uint{2048, 2049, 2055, 2056, 3072, 4096, 8192} {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		n.SetBit(n, 0, 1)
		for _, e := range []int{3, 127, 129, 255, 257, 65537, 1<<31 - 1} {
			publics = append(publics, &rsa.PublicKey{N: n, E: e})
		}
	}
	for range 20 {
		for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
			k, err := ecdsa.GenerateKey(curve, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			publics = append(publics, &k.PublicKey)
		}
	}
	for _, public := range publics {
		want, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		k, err := ParsePublicKeyPEM(publicPEM(public), "k", 0)
		if err != nil {
			t.Errorf("%x: %v", want, err)
		} else if string(k.SPKI()) != string(want) || k.ID() != "k" {
			t.Errorf("%x, want %x", k.SPKI(), want)
		}
	}
}

func pemOf(der []byte) string {
	return "-----BEGIN PUBLIC KEY-----\n" + base64.StdEncoding.EncodeToString(der) + "\n-----END PUBLIC KEY-----\n"
}

func TestPEMErrors(t *testing.T) {
	s := testSigners()
	good := string(publicPEM(&s.ec.PublicKey))
	if _, err := ParsePublicKeyPEM([]byte("\n\n"+strings.ReplaceAll(good, "\n", "\r\n")+" \n"), "", 0); err != nil {
		t.Errorf("space around and CRLF: %v", err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(s.ec)
	if err != nil {
		t.Fatal(err)
	}
	rsaDER, ecDER := s.set.keys[0].SPKI(), s.set.keys[1].SPKI()
	replace := func(der []byte, old, new string) string {
		changed := strings.Replace(string(der), old, new, 1)
		if changed == string(der) || len(old) != len(new) {
			t.Fatalf("%x is not in %x", old, der)
		}
		return pemOf([]byte(changed))
	}
	for name, test := range map[string]struct {
		pem  string
		alg  Algorithm
		want error
	}{
		"empty":                 {"", 0, errPEM},
		"DER":                   {string(ecDER), 0, errPEM},
		"text in front":         {"key:\n" + good, 0, errPEM},
		"text behind":           {good + "x", 0, errPEM},
		"two keys":              {good + good, 0, errPEM},
		"headers":               {strings.Replace(good, "KEY-----\n", "KEY-----\nProc-Type: 4\n\n", 1), 0, errPEM},
		"no end":                {good[:len(good)-10], 0, errPEM},
		"broken base64":         {strings.Replace(good, "M", "*", 1), 0, errPEM},
		"broken, then good":     {strings.Replace(good, "M", "*", 1) + good, 0, errPEM},
		"too large":             {strings.Replace(good, "\n", "\n"+strings.Repeat("\n", maxPEMSize), 1), 0, errPEM},
		"private key":           {strings.ReplaceAll(pemOf(private), "PUBLIC", "PRIVATE"), 0, errPEM},
		"private key as public": {pemOf(private), 0, errSPKI},
		"PKCS #1 as SPKI":       {pemOf(x509.MarshalPKCS1PublicKey(&s.rsa.PublicKey)), 0, errSPKI},
		"P-224":                 {string(publicPEM(&p224.PublicKey)), 0, errCurve},
		"1024 bits":             {string(publicPEM(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 3})), 0, errModulusSize},
		"e 1":                   {replace(rsaDER, "\x02\x03\x01\x00\x01", "\x02\x03\x01\x00\x00"), 0, errExponent},
		"RSA for ES256":         {string(publicPEM(&s.rsa.PublicKey)), ES256, errAlgorithmType},
		"EC for RS256":          {good, RS256, errAlgorithmType},
		"alg out of range":      {good, 99, errAlgorithmType},
		"trailing bytes":        {pemOf(append(append([]byte(nil), ecDER...), 0)), 0, errSPKI},
		"cut short":             {pemOf(ecDER[:len(ecDER)-1]), 0, errSPKI},
		"long form of a length": {pemOf(append([]byte{0x30, 0x81}, ecDER[1:]...)), 0, errSPKI},
		"indefinite length":     {replace(ecDER, "\x30\x59", "\x30\x80"), 0, errSPKI},
		"unused bits":           {replace(ecDER, "\x03\x42\x00\x04", "\x03\x42\x01\x04"), 0, errSPKI},
		"compressed point":      {replace(ecDER, "\x03\x42\x00\x04", "\x03\x42\x00\x02"), 0, errUncompressed},
		"not on the curve":      {pemOf(append(append([]byte(nil), ecDER[:90]...), ecDER[90]^1)), 0, errNotOnCurve},
		"RSASSA-PSS":            {replace(rsaDER, oidRSAEncryption, oidRSAEncryption[:10]+"\x0a"), 0, errSPKIType},
		"another curve":         {replace(ecDER, oidP256, oidP256[:9]+"\x01"), 0, errCurve},
		"parameters not NULL":   {replace(rsaDER, "\x05\x00\x03", "\x04\x00\x03"), 0, errSPKI},
		"negative modulus":      {replace(rsaDER, "\x02\x82\x01\x01\x00", "\x02\x82\x01\x01\xff"), 0, errSPKI},
	} {
		if _, err := ParsePublicKeyPEM([]byte(test.pem), "", test.alg); err != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}
