package montgomery

import (
	"math/big"
	mathrand "math/rand/v2"
	"testing"
)

// Field computes what math/big computes, for the moduli of the curves, and for the
// smallest and the largest of some sizes.
func TestField(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(23, 24))
	one := big.NewInt(1)
	power := func(bits uint) *big.Int { return new(big.Int).Lsh(one, bits) }
	for _, n := range []*big.Int{
		new(big.Int).Sub(power(521), one), new(big.Int).Sub(power(255), big.NewInt(19)),
		new(big.Int).Add(power(383), one), new(big.Int).Sub(power(384), one), new(big.Int).Add(power(384), one),
		new(big.Int).Sub(power(576), one), big.NewInt(3),
	} {
		m := New(n.Bytes())
		f := m.Field()
		numbers := []*big.Int{new(big.Int), one, big.NewInt(2), new(big.Int).Sub(n, one), new(big.Int).Rsh(n, 1)}
		for range 8 {
			b := make([]byte, 72)
			for i := range b {
				b[i] = byte(random.Uint32())
			}
			numbers = append(numbers, new(big.Int).Mod(new(big.Int).SetBytes(b), n))
		}
		element := func(i *big.Int) (e Element) {
			if !f.SetBytes(&e, i.Bytes()) {
				t.Fatalf("%x is not below %x", i, n)
			}
			return e
		}
		check := func(name string, got Element, want *big.Int) {
			t.Helper()
			want = new(big.Int).Mod(want, n)
			if got != element(want) {
				t.Fatalf("modulo %x, %s: not %x", n, name, want)
			}
			number := f.Number(&got)
			for i, w := range number {
				if w != new(big.Int).Rsh(want, uint(64*i)).Uint64() {
					t.Fatalf("modulo %x, Number of %x: %x", n, want, number)
				}
			}
		}
		for _, x := range numbers {
			x = new(big.Int).Mod(x, n)
			for _, y := range numbers {
				y = new(big.Int).Mod(y, n)
				a, b := element(x), element(y)
				for i := range f.t {
					f.t[i] = random.Uint64() // the contents of the scratch space must not matter
				}
				var z Element
				f.Multiply(&z, &a, &b)
				check("product", z, new(big.Int).Mul(x, y))
				f.Add(&z, &a, &b)
				check("sum", z, new(big.Int).Add(x, y))
				f.Subtract(&z, &a, &b)
				check("difference", z, new(big.Int).Sub(x, y))
				if e := y.Bytes(); len(e) > 0 {
					f.Power(&z, &a, "\x00"+string(e))
					check("power", z, new(big.Int).Exp(x, y, n))
				}
				z = a
				f.Square(&z, &z)
				check("square", z, new(big.Int).Mul(x, x))
				z = a
				f.Add(&z, &z, &z)
				f.Subtract(&z, &a, &z)
				check("overlapping", z, new(big.Int).Neg(x))
			}
		}
		var z Element
		if f.SetBytes(&z, n.Bytes()) || f.SetBytes(&z, append([]byte{1}, make([]byte, 8*m.Words())...)) {
			t.Errorf("a number that is not below %x is accepted", n)
		}
	}
}
