package p256

import (
	"math/big"
	mathrand "math/rand/v2"
	"testing"

	"mcpauth/jwtlite/internal/montgomery"
)

var orderBig = new(big.Int).SetBytes([]byte(orderBytes))

// fill returns i as Size bytes.
func fill(i *big.Int) []byte { return i.FillBytes(make([]byte, Size)) }

func scalarOf(i *big.Int) (s scalar) {
	montgomery.SetBytes(s[:], fill(i))
	return s
}

// edgeScalars returns numbers from 1 to n-1 that are edge cases of the arithmetic modulo
// n or of the digits of a pointTable, and random numbers.
func edgeScalars(random *mathrand.Rand) []*big.Int {
	var scalars []*big.Int
	add := func(i *big.Int) {
		if i.Sign() > 0 && i.Cmp(orderBig) < 0 {
			scalars = append(scalars, i)
		}
	}
	one := big.NewInt(1)
	for bit := range uint(257) {
		power := new(big.Int).Lsh(one, bit)
		for _, i := range []*big.Int{power, new(big.Int).Sub(power, one), new(big.Int).Add(power, one)} {
			add(i)
			add(new(big.Int).Sub(orderBig, i))
			add(new(big.Int).Rsh(new(big.Int).Sub(orderBig, i), 1))
		}
	}
	// Numbers of equal digits: the largest, the smallest, those that carry.
	for _, digit := range []int64{1, tableMultiples - 1, tableMultiples, tableMultiples + 1, 1<<digitBits - 1} {
		i := new(big.Int)
		for range tableDigits {
			add(new(big.Int).Set(i))
			i.Add(i.Lsh(i, digitBits), big.NewInt(digit))
		}
	}
	for range 200 {
		b := make([]byte, Size)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		add(new(big.Int).Mod(new(big.Int).SetBytes(b), orderBig))
	}
	return scalars
}

func TestInvert(t *testing.T) {
	for _, s := range edgeScalars(mathrand.New(mathrand.NewPCG(11, 12))) {
		got := scalarOf(s)
		got.invert()
		if want := scalarOf(new(big.Int).ModInverse(s, orderBig)); got != want {
			t.Fatalf("%x: %x, want %x", s, got, want)
		}
	}
}

func FuzzInvert(f *testing.F) {
	f.Add(fill(big.NewInt(1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := new(big.Int).Mod(new(big.Int).SetBytes(b), orderBig)
		if s.Sign() == 0 {
			return
		}
		got := scalarOf(s)
		got.invert()
		if want := scalarOf(new(big.Int).ModInverse(s, orderBig)); got != want {
			t.Fatalf("%x: %x, want %x", s, got, want)
		}
	})
}
