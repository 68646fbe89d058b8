package jwtlite

import (
	"sync"

	"filippo.io/nistec"
)

// A pointTable holds multiples of one point P of P-256 so that k*P is a sum of
// at most tableDigits of its entries, with no doublings. Where a P256Point takes
// 96 bytes it takes 132 kB, 136 kB from Go's allocator.
//
// The scalar is written in base 2^digitBits with the digits -tableMultiples to
// tableMultiples: k = k0 + k1*2^digitBits + k2*2^(2*digitBits)... Row i holds
// 1, 2, ... tableMultiples times 2^(i*digitBits)*P.
type pointTable [tableDigits][tableMultiples]nistec.P256Point

// Digits of 6 bits take 43 additions. With 5 bits it would be 52, and 80 kB;
// with 7 bits 37, and 227 kB.
const (
	digitBits      = 6
	tableDigits    = (8*sizeP256 + digitBits - 1) / digitBits
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

// addMultiple adds k*P to sum. Which entries are read depends on k, which is
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

// digit returns the digitBits bits of k from bit on.
func (k *scalar) digit(bit int) int {
	i, shift := bit/64, bit%64
	word := k[i] >> shift
	if shift > 64-digitBits && i+1 < len(k) {
		word |= k[i+1] << (64 - shift)
	}
	return int(word & (1<<digitBits - 1))
}

// generatorTable is the table of the base point, made when first needed.
var generatorTable = sync.OnceValue(func() *pointTable {
	return newPointTable(nistec.NewP256Point().SetGenerator())
})
