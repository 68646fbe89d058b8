package p256

import (
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

// A pointTable returns the same multiples as nistec.
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
			table.addMultiple(sum, &scalar) // sum is no longer zero
			if sum.Equal(want.Double(want)) != 1 {
				t.Fatalf("twice %x: %x, want %x", k, sum.Bytes(), want.Bytes())
			}
		}
	}
}
