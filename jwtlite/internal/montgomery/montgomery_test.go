package montgomery

import (
	"math"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"testing"
)

// checkPower compares x^e modulo n with what math/big computes.
func checkPower(t *testing.T, n, x *big.Int, e uint) {
	t.Helper()
	m := New(n.Bytes())
	words := len(m.n)
	wordsOf := func(i *big.Int) []uint64 {
		w := make([]uint64, words)
		SetBytes(w, i.FillBytes(make([]byte, (n.BitLen()+7)/8)))
		return w
	}
	base := wordsOf(x)
	if !m.Exceeds(base) || below(m.n, base) || below(base, base) {
		t.Fatalf("%x is not below %x", x, n)
	}
	// The contents of the scratch space must not matter.
	got, scratch := make([]uint64, words), make([]uint64, 2*words)
	for i := range scratch {
		scratch[i] = math.MaxUint64
	}
	m.Power(got, base, e, scratch)
	if want := wordsOf(new(big.Int).Exp(x, new(big.Int).SetUint64(uint64(e)), n)); !slices.Equal(got, want) {
		t.Fatalf("%x^%d modulo %x: %x, want %x", x, e, n, got, want)
	}
}

func TestPower(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(19, 20))
	one := big.NewInt(1)
	number := func(bits int) *big.Int {
		b := make([]byte, (bits+7)/8)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		i := new(big.Int).SetBytes(b)
		return i.Rsh(i, uint(8*len(b)-bits))
	}
	for _, bits := range []uint{2048, 2049, 2056, 2111, 2112, 3072, 4096, 8192} {
		top := new(big.Int).Lsh(one, bits-1)
		moduli := []*big.Int{
			new(big.Int).Add(top, one), // the smallest and the largest of this size
			new(big.Int).Sub(new(big.Int).Lsh(one, bits), one),
		}
		for range 4 {
			n := number(int(bits))
			moduli = append(moduli, n.SetBit(n.SetBit(n, 0, 1), int(bits-1), 1))
		}
		for _, n := range moduli {
			for _, x := range []*big.Int{
				new(big.Int), one, big.NewInt(2), new(big.Int).Sub(n, one), new(big.Int).Sub(n, big.NewInt(2)),
				new(big.Int).Rsh(n, 1), new(big.Int).Sub(top, one), new(big.Int).Mod(number(int(bits)), n),
			} {
				for _, e := range []uint{3, 5, 17, 257, 65537, math.MaxUint32, 0xaaaaaaab} {
					checkPower(t, n, x, e)
				}
			}
		}
	}
}

func FuzzPower(f *testing.F) {
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff"), []byte("\x01"), uint32(65537))
	f.Fuzz(func(t *testing.T, n, x []byte, e uint32) {
		modulus := new(big.Int).SetBytes(n)
		if modulus.SetBit(modulus, 0, 1); len(n) > 64 || modulus.BitLen() < 2 || e < 2 {
			return
		}
		checkPower(t, modulus, new(big.Int).Mod(new(big.Int).SetBytes(x), modulus), uint(e|1))
	})
}

// addProductHalves runs in WebAssembly only, where these tests do not.
func TestAddProductHalves(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(21, 22))
	word := func() uint64 {
		edges := []uint64{0, 1, low, low + 1, low << 32, math.MaxUint64, math.MaxUint64 - 1, 1 << 63}
		if i := random.IntN(2 * len(edges)); i < len(edges) {
			return edges[i]
		}
		return random.Uint64()
	}
	for range 200_000 {
		x, z := make([]uint64, random.IntN(12)), []uint64(nil)
		for i := range x {
			x[i] = word()
			z = append(z, word())
		}
		y := word()
		want := slices.Clone(z)
		wantCarry := addProductWords(want, x, y)
		got := slices.Clone(z)
		if carry := addProductHalves(got, x, y); carry != wantCarry || !slices.Equal(got, want) {
			t.Fatalf("%x + %x * %x: %x and %x, want %x and %x", z, x, y, got, carry, want, wantCarry)
		}
	}
}
