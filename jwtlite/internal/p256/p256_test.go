package p256

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"math/big"
	mathrand "math/rand/v2"
	"testing"

	"filippo.io/nistec"
)

// signed is a signature that is computed from the numbers of its verification: R = u1*G
// + u2*Q, r is the x of R modulo n, s = r/u2 and e = u1*s.
type signed struct{ digest, signature []byte }

func sign(t *testing.T, q *nistec.P256Point, u1, u2 *big.Int) signed {
	t.Helper()
	p := multiple(t, nistec.NewP256Point().SetGenerator(), u1)
	p.Add(p, multiple(t, q, u2))
	r := big.NewInt(0x1234567) // any number, if R is at infinity: no signature is valid then
	if p.IsInfinity() == 0 {
		x, err := p.BytesX()
		if err != nil {
			t.Fatal(err)
		}
		r.Mod(r.SetBytes(x), orderBig)
	}
	return signWithR(r, u1, u2)
}

func signWithR(r, u1, u2 *big.Int) signed {
	s := new(big.Int).ModInverse(u2, orderBig)
	s.Mod(s.Mul(s, r), orderBig)
	e := new(big.Int).Mul(u1, s)
	return signed{fill(e.Mod(e, orderBig)), append(fill(r), fill(s)...)}
}

// checkECDSA checks that a key with a table, a key without, and the standard library
// all return want.
func checkECDSA(t *testing.T, q *nistec.P256Point, s signed, want bool) {
	t.Helper()
	point := q.Bytes()
	key, ok := NewPublicKey(point)
	if !ok {
		t.Fatalf("%x is not on the curve", point)
	}
	x, y := new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
	digest := [32]byte(s.digest)
	standard := len(s.signature) == 2*Size && ecdsa.Verify(&ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}, s.digest,
		new(big.Int).SetBytes(s.signature[:Size]), new(big.Int).SetBytes(s.signature[Size:]))
	without := key.Verify(&digest, s.signature)
	key.Prepare()
	with := key.Verify(&digest, s.signature)
	if standard != want || without != want || with != want {
		t.Errorf("key %x, digest %x, signature %x: %v with a table, %v without, %v by crypto/ecdsa, want %v",
			point, s.digest, s.signature, with, without, standard, want)
	}
}

// The keys G, -G, 2*G and others, with numbers u1 and u2 that reach every case of the
// addition, such as sums of equal and of opposite points.
func TestECDSAEdges(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(15, 16))
	scalars := edgeScalars(random)
	one := big.NewInt(1)
	for _, d := range []*big.Int{
		one, new(big.Int).Sub(orderBig, one), big.NewInt(2), big.NewInt(tableMultiples), big.NewInt(1 << digitBits),
		scalars[len(scalars)-1], scalars[len(scalars)-2],
	} {
		q := multiple(t, nistec.NewP256Point().SetGenerator(), d)
		for range 40 {
			u1, u2 := scalars[random.IntN(len(scalars))], scalars[random.IntN(len(scalars))]
			checkECDSA(t, q, sign(t, q, u1, u2), true)
			// R at infinity: u1 = -u2*d.
			opposite := new(big.Int).Mul(u2, d)
			opposite.Sub(orderBig, opposite.Mod(opposite, orderBig))
			checkECDSA(t, q, sign(t, q, opposite, u2), false)
			// u1*G = u2*q.
			equal := new(big.Int).Sub(orderBig, opposite)
			checkECDSA(t, q, sign(t, q, equal, u2), true)
			// A signature that has been changed.
			s := sign(t, q, u1, u2)
			s.signature = mutate(random, s.signature)
			checkECDSA(t, q, s, string(s.signature) == string(sign(t, q, u1, u2).signature))
		}
		// The digest zero.
		checkECDSA(t, q, sign(t, q, new(big.Int), scalars[0]), true)
		checkECDSA(t, q, sign(t, q, new(big.Int), scalars[len(scalars)-1]), true)
	}
}

// An x of R from n up to the p of the field leaves x-n as r. It is too rare to find, so
// that this test chooses R first and computes the key from it.
func TestECDSAWrap(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(17, 18))
	scalars := edgeScalars(random)
	found := 0
	for x := new(big.Int).Set(orderBig); found < 20; x.Add(x, big.NewInt(1)) {
		p, err := nistec.NewP256Point().SetBytes(append([]byte{byte(2 + found%2)}, fill(x)...))
		if err != nil {
			continue // no point has this x
		}
		found++
		u1, u2 := scalars[random.IntN(len(scalars))], scalars[random.IntN(len(scalars))]
		// q = (R - u1*G) / u2
		minus := multiple(t, nistec.NewP256Point().SetGenerator(), new(big.Int).Sub(orderBig, u1))
		q := multiple(t, minus.Add(minus, p), new(big.Int).ModInverse(u2, orderBig))
		r := new(big.Int).Sub(x, orderBig)
		if r.Sign() == 0 {
			continue // r must not be zero
		}
		checkECDSA(t, q, signWithR(r, u1, u2), true)
		checkECDSA(t, q, signWithR(new(big.Int).Add(r, big.NewInt(1)), u1, u2), false)
	}
}

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

// Prepare makes one table for a key, however often it is called.
func TestPrepareTwice(t *testing.T) {
	key, ok := NewPublicKey(nistec.NewP256Point().SetGenerator().Bytes())
	if !ok || key.Prepared() {
		t.Fatal(ok)
	}
	key.Prepare()
	first := key.table.Load()
	if key.Prepare(); !key.Prepared() || key.table.Load() != first {
		t.Error("another table")
	}
}

func TestNewPublicKey(t *testing.T) {
	good := nistec.NewP256Point().SetGenerator().Bytes()
	compressed := nistec.NewP256Point().SetGenerator().BytesCompressed()
	off := append([]byte(nil), good...)
	off[64] ^= 1
	for _, bad := range [][]byte{nil, {0}, compressed, good[:64], append(good[:65:65], 0), off} {
		if _, ok := NewPublicKey(bad); ok {
			t.Errorf("%x is a key", bad)
		}
	}
}
