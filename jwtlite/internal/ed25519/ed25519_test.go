package ed25519

import (
	std "crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"testing"

	"mcpauth/jwtlite/internal/montgomery"
	"mcpauth/jwtlite/internal/sha512"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// order as a number.
func orderNumber() *big.Int {
	l, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	return l.Add(l, new(big.Int).Lsh(big.NewInt(1), 252))
}

// Verify agrees with crypto/ed25519 about good signatures and changed ones.
func TestAgreesWithStandardLibrary(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(41, 42))
	for n := range 20 {
		public, private, err := std.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, ok := NewPublicKey(public)
		if !ok {
			t.Fatalf("%x is refused", public)
		}
		message := make([]byte, 37*n)
		rand.Read(message)
		good := std.Sign(private, message)
		// S plus the order is the same number modulo the order.
		s := slices.Clone(good[32:])
		slices.Reverse(s)
		plus := new(big.Int).Add(new(big.Int).SetBytes(s), orderNumber()).FillBytes(make([]byte, 32))
		slices.Reverse(plus)
		tries := [][]byte{good, append(slices.Clone(good[:32]), plus...), append(make([]byte, 32), good[32:]...), make([]byte, 64), good[1:], append(good, 0), nil}
		for range 10 {
			changed := slices.Clone(good[:64])
			changed[random.IntN(64)] ^= 1 << random.IntN(8)
			tries = append(tries, changed)
		}
		for i, try := range tries {
			want := len(try) == 64 && std.Verify(public, message, try)
			if got := key.Verify(string(message), try); got != want || got != (i == 0) {
				t.Fatalf("try %d: %v, want %v", i, got, want)
			}
		}
		if key.Verify(string(message)+"x", good[:64]) {
			t.Fatal("another message verifies")
		}
	}
}

// All encodings of the eight points of small order, and of points that are not on the
// curve or written in another way, are no keys.
func TestRefusedKeys(t *testing.T) {
	for _, bad := range []string{
		"0100000000000000000000000000000000000000000000000000000000000000", // (0, 1)
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // (0, -1)
		"0000000000000000000000000000000000000000000000000000000000000000", // of order 4
		"0000000000000000000000000000000000000000000000000000000000000080", // of order 4
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // of order 8
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", // of order 8
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // of order 8
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", // of order 8
		"0100000000000000000000000000000000000000000000000000000000000080", // (-0, 1)
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", // (-0, -1)
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p+1
		"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p+3, and 3 is on the curve
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"0200000000000000000000000000000000000000000000000000000000000000", // not on the curve
		"", "01",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511aff",
	} {
		if _, ok := NewPublicKey(unhex(t, bad)); ok {
			t.Errorf("%s is accepted", bad)
		}
	}
	// The same y as above in its one encoding.
	if _, ok := NewPublicKey(unhex(t, "0300000000000000000000000000000000000000000000000000000000000000")); !ok {
		t.Error("y = 3 is refused")
	}
}

// A point of mixed order is a key: the verdict on its signatures is that of crypto/ed25519,
// which does not multiply by the cofactor.
func TestMixedOrder(t *testing.T) {
	public, private, err := std.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := newArithmetic()
	p, ok := a.decode((*[32]byte)(public))
	small, ok2 := a.decode((*[32]byte)(unhex(t, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")))
	if !ok || !ok2 {
		t.Fatal("not on the curve")
	}
	a.add(&p, &small)
	mixed := a.encode(&p)
	key, ok := NewPublicKey(mixed[:])
	if !ok {
		t.Fatal("refused")
	}
	// The signature by the key of large order satisfies the equation for mixed exactly if
	// k is a multiple of 8. k depends on mixed, so make the signature by hand.
	digest := sha512.Sum512(string(private.Seed()))
	digest[0] &= 248
	digest[31] = digest[31]&127 | 64
	little := func(b []byte) *big.Int {
		b = slices.Clone(b)
		slices.Reverse(b)
		return new(big.Int).SetBytes(b)
	}
	secret, l := little(digest[:32]), orderNumber()
	verified := 0
	for n := range 64 {
		message := string(rune('a' + n))
		r := big.NewInt(int64(n + 1))
		base := baseTable()
		bigR := a.combine(base, element(r), base, &montgomery.Element{})
		encoded := a.encode(&bigR)
		hash := sha512.Sum512(string(encoded[:]), string(mixed[:]), message)
		s := new(big.Int).Mul(little(hash[:]), secret)
		s.Mod(s.Add(s, r), l)
		tail := s.FillBytes(make([]byte, 32))
		slices.Reverse(tail)
		signature := append(encoded[:], tail...)
		got := key.Verify(message, signature)
		if want := std.Verify(mixed[:], []byte(message), signature); got != want {
			t.Errorf("%d: %v, want %v", n, got, want)
		}
		if got {
			verified++
		}
	}
	if verified == 0 || verified == 64 {
		t.Errorf("%d of 64 verify", verified)
	}
}

func element(i *big.Int) *montgomery.Element {
	var e montgomery.Element
	montgomery.SetBytes(e[:], i.FillBytes(make([]byte, 8*len(e))))
	return &e
}

func TestReduceDigest(t *testing.T) {
	l := orderNumber()
	check := func(digest [64]byte) {
		t.Helper()
		reversed := slices.Clone(digest[:])
		slices.Reverse(reversed)
		want := element(new(big.Int).Mod(new(big.Int).SetBytes(reversed), l))
		var got montgomery.Element
		if reduceDigest(&got, &digest); got != *want {
			t.Fatalf("%x: %x, want %x", reversed, got, *want)
		}
	}
	var digest [64]byte
	check(digest)
	for i := range digest {
		digest[i] = 0xff
		check(digest)
	}
	for range 100 {
		rand.Read(digest[:])
		check(digest)
	}
}

func FuzzVerify(f *testing.F) {
	public, private, err := std.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(public), "x", std.Sign(private, []byte("x")))
	f.Fuzz(func(t *testing.T, public []byte, message string, signature []byte) {
		key, ok := NewPublicKey(public)
		if !ok || len(signature) != SignatureSize {
			return
		}
		if got, want := key.Verify(message, signature), std.Verify(public, []byte(message), signature); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
