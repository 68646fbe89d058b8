package jwtlite

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	mathrand "math/rand/v2"
	"testing"
)

// mutate returns a copy of b with a few random changes, some of which change its length.
func mutate(random *mathrand.Rand, b []byte) []byte {
	b = append([]byte(nil), b...)
	switch random.IntN(8) {
	case 0:
		return append(b, 0)
	case 1:
		return append([]byte{0}, b...)
	case 2:
		return b[:len(b)-1]
	case 3:
		return b[1:]
	}
	for range 1 + random.IntN(2) {
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
	}
	return b
}

func mustKey(t *testing.T, public any) *Key {
	t.Helper()
	k, err := ParsePublicKeyPEM(publicPEM(public), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// prepared returns a copy of a key that has been prepared.
func prepared(t testing.TB, k *Key) *Key {
	t.Helper()
	again, err := parseSPKI(k.SPKI())
	if err != nil {
		t.Fatal(err)
	}
	Software{}.Prepare(&KeySet{[]*Key{again}})
	return again
}

func TestRS256AgreesWithStandardLibrary(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(3, 4))
	for _, bits := range []int{2048, 2056, 3072} {
		private, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		key := mustKey(t, &private.PublicKey)
		s := signers{rsa: private}
		for range 10 {
			input := rand.Text()
			digest := sha256.Sum256([]byte(input))
			signature := s.sign(RS256, input)
			n := private.N.Bytes()
			// The same number plus the modulus, if that fits.
			larger := new(big.Int).Add(new(big.Int).SetBytes(signature), private.N)
			tries := [][]byte{signature, nil, {}, make([]byte, len(n)), n, larger.Bytes()}
			for range 20 {
				tries = append(tries, mutate(random, signature))
			}
			for i, try := range tries {
				want := rsa.VerifyPKCS1v15(&private.PublicKey, crypto.SHA256, digest[:], try)
				got := Software{}.Verify(key, first(key), input, try)
				if (got == nil) != (want == nil) || (got == nil) != (i == 0 || bytes.Equal(try, signature)) || got != nil && got != ErrSignature {
					t.Fatalf("%d bits, %x: %v, want %v", bits, try, got, want)
				}
			}
			if (Software{}).Verify(key, first(key), input+"x", signature) != ErrSignature {
				t.Fatal("another text verifies")
			}
		}
	}
}

func TestES256AgreesWithStandardLibrary(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(5, 6))
	n := elliptic.P256().Params().N
	half := func(i *big.Int) []byte { return i.FillBytes(make([]byte, 32)) }
	for range 50 {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key := mustKey(t, &private.PublicKey)
		withTable := prepared(t, key)
		s := signers{ec: private}
		for range 5 {
			input := rand.Text()
			digest := sha256.Sum256([]byte(input))
			signature := s.sign(ES256, input)
			r, v := signature[:32], signature[32:]
			tries := [][]byte{
				signature,
				// (r, n-s) is a valid signature too, as always in ECDSA.
				append(append([]byte(nil), r...), half(new(big.Int).Sub(n, new(big.Int).SetBytes(v)))...),
				nil,
				make([]byte, 64),
				append(append([]byte(nil), r...), make([]byte, 32)...),
				append(make([]byte, 32), v...),
				append(append([]byte(nil), r...), half(n)...),
				append(half(n), v...),
			}
			for range 20 {
				tries = append(tries, mutate(random, signature))
			}
			for i, try := range tries {
				// The standard library accepts r and s of any length in DER, so
				// that the length is checked here.
				der, ok := ECDSASignatureDER(nil, ES256, try)
				want := ok && ecdsa.VerifyASN1(&private.PublicKey, digest[:], der)
				got := Software{}.Verify(key, first(key), input, try)
				if again := (Software{}).Verify(withTable, first(withTable), input, try); again != got {
					t.Fatalf("%x: %v with the key prepared, %v without", try, again, got)
				}
				if (got == nil) != want || (got == nil) != (i <= 1 || bytes.Equal(try, signature)) || got != nil && got != ErrSignature {
					t.Fatalf("%x: %v, want %v", try, got, want)
				}
			}
		}
	}
}

// A key verifies with its own algorithm only, and the zero Key not at all.
func TestVerifyWithAnotherKey(t *testing.T) {
	s := testSigners()
	for _, signature := range [][]byte{s.sign(RS256, "x"), s.sign(ES256, "x"), nil} {
		verified := 0
		for _, key := range []*Key{s.set.keys[0], s.set.keys[1], {}} {
			if (Software{}).Verify(key, first(key), "x", signature) == nil {
				verified++
			}
		}
		if want := min(len(signature), 1); verified != want {
			t.Errorf("%d keys verify %x", verified, signature)
		}
	}
}

func TestECDSASignatureDER(t *testing.T) {
	long := "0220" + "7f00000000000000000000000000000000000000000000000000000000000000"
	longer := "0221" + "00ff00000000000000000000000000000000000000000000000000000000000000"
	for _, test := range []struct{ r, s, want string }{
		{"00", "00", "3006" + "020100" + "020100"},
		{"01", "7f", "3006" + "020101" + "02017f"},
		{"80", "ff00", "3009" + "02020080" + "020300ff00"},
		{"7f00000000000000000000000000000000000000000000000000000000000000", "01", "3025" + long + "020101"},
		{"ff00000000000000000000000000000000000000000000000000000000000000", "ff00000000000000000000000000000000000000000000000000000000000000", "3046" + longer + longer},
	} {
		for alg, size := range map[Algorithm]int{ES256: 32, ES384: 48, ES512: 66} {
			sig := make([]byte, 2*size)
			r, s := unhex(t, test.r), unhex(t, test.s)
			copy(sig[size-len(r):], r)
			copy(sig[2*size-len(s):], s)
			got, ok := ECDSASignatureDER([]byte("a"), alg, sig)
			if want := "a" + string(unhex(t, test.want)); !ok || string(got) != want {
				t.Errorf("%s, %s, %s: %x, want %x", alg, test.r, test.s, got, want)
			}
		}
	}
	// The largest takes a length of two bytes.
	for alg, size := range map[Algorithm]int{ES256: 64, ES384: 96, ES512: 132} {
		sig := bytes.Repeat([]byte{0xff}, size)
		got, ok := ECDSASignatureDER(nil, alg, sig)
		var read struct{ R, S *big.Int }
		rest, err := asn1.Unmarshal(got, &read)
		if !ok || err != nil || len(rest) > 0 || !bytes.Equal(append(read.R.Bytes(), read.S.Bytes()...), sig) || len(got) > 141 {
			t.Errorf("%s: %x, %v", alg, got, err)
		}
	}
	for alg, sizes := range map[Algorithm][]int{
		ES256: {0, 63, 65, 72, 96, 132}, ES384: {0, 64, 95, 97, 132}, ES512: {0, 64, 96, 131, 133, 138}, RS256: {0, 64, 256}, 0: {0, 64}, algorithmLimit: {64},
	} {
		for _, n := range sizes {
			if got, ok := ECDSASignatureDER([]byte("a"), alg, make([]byte, n)); ok || string(got) != "a" {
				t.Errorf("%s, %d bytes: %x", alg, n, got)
			}
		}
	}
}
