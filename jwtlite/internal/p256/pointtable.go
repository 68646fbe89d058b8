package p256

import (
	"sync"

	"filippo.io/nistec"
)

// A pointTable holds multiples of one point P, so that k*P is a sum of at most
// tableDigits of its entries, without doublings. A point takes 96 bytes, and the
// table 132 kB, for which Go allocates 136 kB.
//
// The scalar is written in base 2^digitBits with the digits -tableMultiples to
// tableMultiples: k = k0 + k1*2^digitBits + k2*2^(2*digitBits)... Row i holds
// 1, 2, ... tableMultiples times 2^(i*digitBits)*P.
type pointTable [tableDigits][tableMultiples]nistec.P256Point

// With digits of 6 bits, a multiple takes 43 additions. Digits of 5 bits would take
// 52, and 80 kB; digits of 7 bits would take 37, and 227 kB.
const (
	digitBits      = 6
	tableDigits    = (8*Size + digitBits - 1) / digitBits
	tableMultiples = 1 << (digitBits - 1)
)

func newPointTable(p *nistec.P256Point) *pointTable {
	t := new(pointTable)
	t[0][0].Set(p)
	for i := range t {
		row := &t[i]
		if i > 0 {
			row[0].Double(&t[i-1][tableMultiples-1])
		}
		for j := 1; j < len(row); j++ {
			row[j].Add(&row[j-1], &row[0])
		}
	}
	return t
}

// addMultiple adds k*P to sum. The entries that it reads depend on k, which is
// public.
func (t *pointTable) addMultiple(sum *nistec.P256Point, k *scalar) {
	var negative nistec.P256Point
	carry := 0
	for i := range t {
		digit := k.digit(i*digitBits) + carry
		carry = 0
		if digit > tableMultiples {
			digit -= 1 << digitBits
			carry = 1
		}
		switch {
		case digit > 0:
			sum.Add(sum, &t[i][digit-1])
		case digit < 0:
			sum.Add(sum, negative.Negate(&t[i][-digit-1]))
		}
	}
}

// digit returns the bits of s from bit to bit+digitBits-1.
func (s *scalar) digit(bit int) int {
	i, shift := bit/64, bit%64
	word := s[i] >> shift
	if shift > 64-digitBits && i+1 < len(s) {
		word |= s[i+1] << (64 - shift)
	}
	return int(word & (1<<digitBits - 1))
}

// generatorTable returns the table of the base point, which the first call makes.
var generatorTable = sync.OnceValue(func() *pointTable {
	return newPointTable(nistec.NewP256Point().SetGenerator())
})
