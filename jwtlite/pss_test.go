package jwtlite

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // the hash functions of PS256, PS384 and PS512
	_ "crypto/sha512"
	"math/big"
	mathrand "math/rand/v2"
	"testing"
)

// PS256, PS384 and PS512 agree with the standard library, for moduli whose size leaves each
// number of unused bits at the start of the encoded message, none included.
func TestPSSAgreesWithStandardLibrary(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(51, 52))
	hashes := map[Algorithm]crypto.Hash{PS256: crypto.SHA256, PS384: crypto.SHA384, PS512: crypto.SHA512}
	for _, bits := range []int{2048, 2049, 2050, 2055, 2056, 2057} {
		private, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		key := mustKey(t, &private.PublicKey)
		for alg, hash := range hashes {
			input := rand.Text()
			h := hash.New()
			h.Write([]byte(input))
			digest := h.Sum(nil)
			sign := func(salt int) []byte {
				signature, err := rsa.SignPSS(rand.Reader, private, hash, digest, &rsa.PSSOptions{SaltLength: salt})
				if err != nil {
					t.Fatal(err)
				}
				return signature
			}
			// raw returns the signature of an encoded message, by RSASP1.
			raw := func(em *big.Int) []byte {
				return new(big.Int).Exp(em, private.D, private.N).FillBytes(make([]byte, (bits+7)/8))
			}
			good := sign(hash.Size())
			em := new(big.Int).Exp(new(big.Int).SetBytes(good), big.NewInt(int64(private.E)), private.N)
			tries := [][]byte{
				good, sign(0), sign(hash.Size() - 1), sign(hash.Size() + 1), sign(20), sign(rsa.PSSSaltLengthAuto),
				new(big.Int).Add(new(big.Int).SetBytes(good), private.N).Bytes(), make([]byte, len(good)),
				raw(new(big.Int).SetBit(em, 0, 1)), // the last byte is not 0xbc
			}
			// The bit above the encoded message, where the modulus has room for it.
			if above := new(big.Int).SetBit(em, bits-1, 1); above.Cmp(private.N) < 0 {
				tries = append(tries, raw(above))
			}
			for range 6 {
				tries = append(tries, mutate(random, good))
			}
			for i, try := range tries {
				want := rsa.VerifyPSS(&private.PublicKey, hash, digest, try, &rsa.PSSOptions{SaltLength: hash.Size()})
				got := Software{}.Verify(key, alg, input, try)
				if (got == nil) != (want == nil) || (got == nil) != bytes.Equal(try, good) {
					t.Fatalf("%s, %d bits, try %d: %v, want %v", alg, bits, i, got, want)
				}
			}
		}
	}
}

// The padding of a PSS signature must be zeros and one.
func TestPSSPadding(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key := mustKey(t, &private.PublicKey)
	const hash = crypto.SHA256
	sum := func(parts ...[]byte) []byte {
		h := hash.New()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	salt := bytes.Repeat([]byte{7}, 32)
	seed := sum(make([]byte, 8), sum([]byte("x")), salt)
	// signature signs the encoded message with the given padding before the salt.
	signature := func(padding []byte) []byte {
		db := append(bytes.Clone(padding), salt...)
		for i := 0; i < len(db); i += 32 {
			for j, b := range sum(seed, []byte{0, 0, 0, byte(i / 32)}) {
				if i+j < len(db) {
					db[i+j] ^= b
				}
			}
		}
		db[0] &= 0x7f
		em := append(append(db, seed...), 0xbc)
		return new(big.Int).Exp(new(big.Int).SetBytes(em), private.D, private.N).FillBytes(make([]byte, 256))
	}
	padding := append(make([]byte, 256-32-32-2), 1)
	if err := (Software{}).Verify(key, PS256, "x", signature(padding)); err != nil {
		t.Fatal(err)
	}
	for i := range padding {
		if i > 3 && i < len(padding)-3 && i%20 != 0 {
			continue
		}
		bad := bytes.Clone(padding)
		bad[i] ^= 2
		if (Software{}).Verify(key, PS256, "x", signature(bad)) == nil {
			t.Errorf("byte %d of the padding is not checked", i)
		}
	}
}
