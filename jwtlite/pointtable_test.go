package jwtlite

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"math/big"
	mathrand "math/rand/v2"
	"testing"

	"filippo.io/nistec"
)

func multiple(t *testing.T, p *nistec.P256Point, k *big.Int) *nistec.P256Point {
	t.Helper()
	q, err := nistec.NewP256Point().ScalarMult(p, fill(k))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// A pointTable gives the multiples that nistec gives.
func TestPointTable(t *testing.T) {
	scalars := append(edgeScalars(mathrand.New(mathrand.NewPCG(13, 14))), new(big.Int))
	for _, p := range []*nistec.P256Point{
		nistec.NewP256Point().SetGenerator(),
		multiple(t, nistec.NewP256Point().SetGenerator(), big.NewInt(0x1234567)),
	} {
		table := newPointTable(p)
		for _, k := range scalars {
			want := multiple(t, p, k)
			sum := nistec.NewP256Point()
			scalar := scalarOf(k)
			table.addMultiple(sum, &scalar)
			if sum.Equal(want) != 1 {
				t.Fatalf("%x: %x, want %x", k, sum.Bytes(), want.Bytes())
			}
			table.addMultiple(sum, &scalar) // to something that is there
			if sum.Equal(want.Double(want)) != 1 {
				t.Fatalf("twice %x: %x, want %x", k, sum.Bytes(), want.Bytes())
			}
		}
	}
}

// signed is a signature made from the numbers of its verification: R = u1*G +
// u2*Q, r is R's x modulo n, s = r/u2 and e = u1*s.
type signed struct{ digest, signature []byte }

func sign(t *testing.T, q *nistec.P256Point, u1, u2 *big.Int) signed {
	t.Helper()
	p := multiple(t, nistec.NewP256Point().SetGenerator(), u1)
	p.Add(p, multiple(t, q, u2))
	r := big.NewInt(0x1234567) // any, where R is at infinity: it is no signature
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

// checkECDSA wants one answer from a key with a table, without, and from the
// standard library, and that this is what is expected.
func checkECDSA(t *testing.T, q *nistec.P256Point, s signed, want bool) {
	t.Helper()
	point := q.Bytes()
	key, err := newECKey(point)
	if err != nil {
		t.Fatal(err)
	}
	x, y := new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
	digest := [32]byte(s.digest)
	standard := ecdsa.VerifyASN1(&ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}, s.digest, ECDSASignatureDER(nil, s.signature))
	without := verifyECDSA(key, &digest, s.signature)
	with := verifyECDSA(prepared(t, key), &digest, s.signature)
	if standard != want || without != want || with != want {
		t.Errorf("key %x, digest %x, signature %x: %v with a table, %v without, %v by crypto/ecdsa, want %v",
			point, s.digest, s.signature, with, without, standard, want)
	}
}

// The keys G, -G, 2*G and others, with numbers u1 and u2 that reach every case
// of the addition, among them sums of equal and of opposite points.
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
			// A bit less than a signature.
			s := sign(t, q, u1, u2)
			s.signature = mutate(random, s.signature)
			checkECDSA(t, q, s, string(s.signature) == string(sign(t, q, u1, u2).signature))
		}
		// The digest zero.
		checkECDSA(t, q, sign(t, q, new(big.Int), scalars[0]), true)
		checkECDSA(t, q, sign(t, q, new(big.Int), scalars[len(scalars)-1]), true)
	}
}

// An x of R from n up to the field's p, which leaves x-n as r, is too rare to
// come by: here R is chosen first, and the key made to fit.
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
			continue // no r
		}
		checkECDSA(t, q, signWithR(r, u1, u2), true)
		checkECDSA(t, q, signWithR(new(big.Int).Add(r, big.NewInt(1)), u1, u2), false)
	}
}

// Only so many keys of a set are prepared, and none for RS256.
func TestPrepare(t *testing.T) {
	s := testSigners()
	r, e := s.set.keys[0], s.set.keys[1]
	var keys []*Key
	for range 2 * maxPrepared {
		k, err := parseSPKI(e.SPKI())
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, r, k)
	}
	set := &KeySet{keys}
	Software{}.Prepare(set)
	first := keys[1].table.Load()
	Software{}.Prepare(set) // changes nothing
	count := 0
	signature := s.sign(ES256, "x")
	for i, k := range keys {
		if k.table.Load() != nil {
			count++
			if i > 2*maxPrepared || k.algorithm != ES256 {
				t.Errorf("key %d is prepared", i)
			}
		}
		if (Software{}.Verify(k, "x", signature) == nil) != (k.algorithm == ES256) {
			t.Errorf("key %d", i)
		}
	}
	if count != maxPrepared || keys[1].table.Load() != first {
		t.Errorf("%d keys are prepared", count)
	}
}

// A key may be prepared while others verify with it.
func TestPrepareWhileVerifying(t *testing.T) {
	s := testSigners()
	key, err := parseSPKI(s.set.keys[1].SPKI())
	if err != nil {
		t.Fatal(err)
	}
	signature := s.sign(ES256, "x")
	done := make(chan error)
	for i := range 4 {
		go func() {
			if i%2 == 0 {
				Software{}.Prepare(&KeySet{[]*Key{key}})
			}
			done <- Software{}.Verify(key, "x", signature)
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
