package curve

//lint:file-ignore SA1019 The tests compute with points, which crypto/ecdh does not offer.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"math/big"
	mathrand "math/rand/v2"
	"testing"

	"mcpauth/jwtlite/internal/montgomery"
)

var curves = []struct {
	std    elliptic.Curve
	own    func() *Curve
	digest int
}{{elliptic.P384(), P384, 48}, {elliptic.P521(), P521, 64}}

// Verify agrees with crypto/ecdsa about good signatures and changed ones.
func TestAgreesWithStandardLibrary(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(31, 32))
	for _, test := range curves {
		c, n := test.own(), test.std.Params().N
		size := c.Size()
		for range 3 {
			private, err := ecdsa.GenerateKey(test.std, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			point := elliptic.Marshal(test.std, private.X, private.Y)
			key, ok := c.NewPublicKey(point)
			if !ok {
				t.Fatalf("%x is not on the curve", point)
			}
			for i := range 2 {
				digest := make([]byte, test.digest)
				rand.Read(digest)
				if i == 0 { // the largest digest is above the order of P-384
					for i := range digest {
						digest[i] = 0xff
					}
				}
				r, s, err := ecdsa.Sign(rand.Reader, private, digest)
				if err != nil {
					t.Fatal(err)
				}
				pair := func(r, s *big.Int) []byte {
					return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
				}
				good := pair(r, s)
				zero, other := new(big.Int), new(big.Int).Sub(n, s)
				tries := [][]byte{good, pair(r, other), pair(zero, s), pair(r, zero), pair(n, s), pair(r, n), pair(s, r), good[1:], append([]byte{0}, good...), nil}
				if plus := new(big.Int).Add(r, n); plus.BitLen() <= 8*size {
					tries = append(tries, pair(plus, s))
				}
				for range 4 {
					changed := append([]byte(nil), good...)
					changed[random.IntN(len(changed))] ^= 1 << random.IntN(8)
					tries = append(tries, changed)
				}
				for i, try := range tries {
					want := len(try) == 2*size && ecdsa.Verify(&private.PublicKey, digest, new(big.Int).SetBytes(try[:size]), new(big.Int).SetBytes(try[size:]))
					if got := key.Verify(digest, try); got != want || got != (i < 2) {
						t.Fatalf("%s, try %d: %v, want %v", test.std.Params().Name, i, got, want)
					}
				}
				digest[0] ^= 1
				if key.Verify(digest, good) {
					t.Fatal("another digest verifies")
				}
			}
		}
	}
}

// The sum is right where addition formulas that are not complete fail: for equal,
// opposite and infinite points.
func TestCombine(t *testing.T) {
	for _, test := range curves {
		c, std := test.own(), test.std
		n := std.Params().N
		a := c.arithmetic()
		g := c.generatorTable[0]
		for _, factor := range []*big.Int{big.NewInt(1), big.NewInt(2), big.NewInt(15), big.NewInt(16), new(big.Int).Sub(n, big.NewInt(1)), new(big.Int).Rsh(n, 1)} {
			// Q = factor*G, and u*G + v*Q = (u + v*factor)*G.
			qx, qy := std.ScalarBaseMult(factor.Bytes())
			q, ok := c.newPoint(elliptic.Marshal(std, qx, qy))
			if !ok {
				t.Fatal("not on the curve")
			}
			var tableG, tableQ table
			tableG.fill(c, &g)
			tableQ.fill(c, &q)
			for _, u := range []*big.Int{new(big.Int), big.NewInt(1), big.NewInt(16), new(big.Int).Sub(n, big.NewInt(1)), new(big.Int).Sub(n, factor), new(big.Int).Mod(new(big.Int).Neg(new(big.Int).Lsh(factor, 4)), n)} {
				for _, v := range []*big.Int{new(big.Int), big.NewInt(1), big.NewInt(16), new(big.Int).Sub(n, big.NewInt(1))} {
					sum := a.combine(&tableG, words(u), &tableQ, words(v))
					k := new(big.Int).Mul(v, factor)
					k.Mod(k.Add(k, u), n)
					if (k.Sign() == 0) != (sum.z == (montgomery.Element{})) {
						t.Fatalf("%s: %d*G + %d*(%d*G): infinity is %v", std.Params().Name, u, v, factor, k.Sign() != 0)
					}
					if k.Sign() == 0 {
						continue
					}
					x, y := std.ScalarBaseMult(k.Bytes())
					want, ok := c.newPoint(elliptic.Marshal(std, x, y))
					if !ok || !a.equal(&sum, &want) {
						t.Fatalf("%s: %d*G + %d*(%d*G) is wrong", std.Params().Name, u, v, factor)
					}
				}
			}
		}
	}
}

// equal reports whether p and q, which are not infinite, are one point.
func (a *arithmetic) equal(p, q *point) bool {
	var left, right, up, down montgomery.Element
	a.Multiply(&left, &p.x, &q.z)
	a.Multiply(&right, &q.x, &p.z)
	a.Multiply(&up, &p.y, &q.z)
	a.Multiply(&down, &q.y, &p.z)
	return left == right && up == down
}

func words(i *big.Int) *montgomery.Element {
	var e montgomery.Element
	montgomery.SetBytes(e[:], i.FillBytes(make([]byte, 8*len(e))))
	return &e
}

// A point that is not on the curve, or not written as SEC 1 demands, is no key.
func TestNewPublicKey(t *testing.T) {
	for _, test := range curves {
		c, params := test.own(), test.std.Params()
		good := elliptic.Marshal(test.std, params.Gx, params.Gy)
		if _, ok := c.NewPublicKey(good); !ok {
			t.Fatal("the generator is refused")
		}
		change := func(i int, b byte) []byte {
			p := append([]byte(nil), good...)
			p[i] ^= b
			return p
		}
		// x + p is the same number modulo p, where it fits.
		size := c.Size()
		larger := append([]byte(nil), good...)
		if plus := new(big.Int).Add(params.Gx, params.P); plus.BitLen() <= 8*size {
			plus.FillBytes(larger[1 : 1+size])
		} else {
			larger = nil
		}
		for i, bad := range [][]byte{nil, {0}, good[1:], good[:len(good)-1], append(good, 0), change(0, 1), change(0, 6), change(size, 1), change(2*size, 1), larger, make([]byte, 1+2*size), append([]byte{4}, make([]byte, 2*size)...)} {
			if _, ok := c.NewPublicKey(bad); ok {
				t.Errorf("%s: bad point %d is accepted", params.Name, i)
			}
		}
	}
}
