package jwtlite

import (
	"encoding/binary"
	"math/bits"
	"runtime"
)

// Arithmetic modulo an odd number, of as much as verifying takes. It is here,
// and not left to filippo.io/bigmod, because that multiplies where it could
// square, and allocates for more than 2048 bits: in V8 a verification by RSA
// takes a quarter more time with it at 2048 bits and almost twice at 4096.

// modulus is an odd number to compute with. Numbers are slices of as many words
// as it has, the least significant first.
type modulus struct {
	n       []uint64
	inverse uint64   // -1/n modulo 2^64
	rr      []uint64 // R*R modulo n, where R = 2^(64*len(n))
}

// newModulus returns the modulus n, which is big-endian, odd and more than 1,
// with no leading zeros.
func newModulus(n []byte) *modulus {
	words := (len(n) + 7) / 8
	m := &modulus{n: make([]uint64, words), rr: make([]uint64, words)}
	setBytes(m.n, n)
	// Newton's iteration: an odd number is its own inverse modulo 8, and each
	// step doubles the bits that are right.
	inverse := m.n[0]
	for range 5 {
		inverse *= 2 - m.n[0]*inverse
	}
	m.inverse = -inverse
	// From the highest power of two below n to R, which is the Montgomery form
	// of 1, and from there as in power: to that of 2^(64*words), which is R*R.
	length := 64*words - bits.LeadingZeros64(m.n[words-1])
	m.rr[(length-1)/64] = 1 << ((length - 1) % 64)
	for range 64*words - (length - 1) {
		m.double(m.rr)
	}
	t := make([]uint64, 2*words)
	for i := bits.Len(uint(64*words)) - 1; i >= 0; i-- {
		m.square(m.rr, m.rr, t)
		if 64*words>>i&1 != 0 {
			m.double(m.rr)
		}
	}
	return m
}

// double sets x, which is below n, to 2*x modulo n.
func (m *modulus) double(x []uint64) {
	carry := uint64(0)
	for i, w := range x {
		x[i], carry = w<<1|carry, w>>63
	}
	if carry != 0 || !below(x, m.n) {
		m.subtract(x)
	}
}

// subtract sets x to x-n, or to that and 2^(64*len(n)).
func (m *modulus) subtract(x []uint64) {
	borrow := uint64(0)
	for i, w := range m.n {
		x[i], borrow = bits.Sub64(x[i], w, borrow)
	}
}

// setBytes sets x to a big-endian number that fits.
func setBytes(x []uint64, number []byte) {
	for i := range x {
		switch end := len(number) - 8*i; {
		case end >= 8:
			x[i] = binary.BigEndian.Uint64(number[end-8:])
		default:
			x[i] = 0
			for _, b := range number[:max(end, 0)] {
				x[i] = x[i]<<8 | uint64(b)
			}
		}
	}
}

// below tells whether x < y.
func below(x, y []uint64) bool {
	borrow := uint64(0)
	for i, w := range x {
		_, borrow = bits.Sub64(w, y[i], borrow)
	}
	return borrow != 0
}

// power sets z to x^e modulo n; x must be below n, e odd and more than 1. z and
// x may not overlap. t is scratch space, of twice the words.
func (m *modulus) power(z, x []uint64, e uint, t []uint64) {
	m.multiply(z, x, m.rr, t) // x*R, its Montgomery form
	for i := bits.Len(e) - 2; i >= 0; i-- {
		m.square(z, z, t)
		if e>>i&1 != 0 {
			m.multiply(z, z, x, t) // no longer in Montgomery form: e ends here,
			if i > 0 {
				m.multiply(z, z, m.rr, t) // or z goes back to it
			}
		}
	}
}

// multiply sets z to x*y/R modulo n.
func (m *modulus) multiply(z, x, y, t []uint64) {
	n := len(x)
	clear(t[:n])
	for i, w := range y {
		t[n+i] = addProduct(t[i:n+i], x, w)
	}
	m.reduce(z, t)
}

// square sets z to x*x/R modulo n.
func (m *modulus) square(z, x, t []uint64) {
	n := len(x)
	clear(t[:n])
	t[2*n-1] = 0
	// The products of different words, each once: x[i]*x[j] belongs to t[i+j].
	for i, w := range x[:n-1] {
		t[n+i] = addProduct(t[2*i+1:n+i], x[i+1:], w)
	}
	// Twice that, and the squares of the words.
	shifted, carry := uint64(0), uint64(0)
	for i, w := range x {
		hi, lo := bits.Mul64(w, w)
		t0, t1 := t[2*i], t[2*i+1]
		t[2*i], carry = bits.Add64(t0<<1|shifted, lo, carry)
		t[2*i+1], carry = bits.Add64(t1<<1|t0>>63, hi, carry)
		shifted = t1 >> 63
	}
	m.reduce(z, t)
}

// reduce sets z to t/R modulo n, for t below n*R: Handbook of Applied
// Cryptography, algorithm 14.32.
func (m *modulus) reduce(z, t []uint64) {
	n := len(m.n)
	carry := uint64(0)
	for i := range n {
		high := addProduct(t[i:n+i], m.n, t[i]*m.inverse)
		t[n+i], carry = bits.Add64(t[n+i], high, carry)
	}
	// What is left, carry and the upper half of t, is below 2*n.
	copy(z, t[n:2*n])
	if carry != 0 || !below(z, m.n) {
		m.subtract(z)
	}
}

// addProduct adds x*y to z, which has as many words, and returns the carry. The
// else keeps it small enough for the compiler to inline.
func addProduct(z, x []uint64, y uint64) (carry uint64) {
	if runtime.GOARCH == "wasm" {
		return addProductHalves(z, x, y)
	} else {
		return addProductWords(z, x, y)
	}
}

func addProductWords(z, x []uint64, y uint64) (carry uint64) {
	for i, w := range z {
		hi, lo := bits.Mul64(x[i], y)
		lo, c := bits.Add64(lo, w, 0)
		hi, _ = bits.Add64(hi, 0, c)
		lo, c = bits.Add64(lo, carry, 0)
		carry, _ = bits.Add64(hi, 0, c)
		z[i] = lo
	}
	return carry
}

// addProductHalves is for machines that multiply 32 by 32 bits. It does four
// words in each turn, since turns of a loop are dear in V8.
func addProductHalves(z, x []uint64, y uint64) (carry uint64) {
	y0, y1 := y&low, y>>32
	for len(z) >= 4 && len(x) >= 4 {
		z4, x4 := (*[4]uint64)(z), (*[4]uint64)(x)
		z4[0], carry = multiplyAdd(x4[0], y0, y1, z4[0], carry)
		z4[1], carry = multiplyAdd(x4[1], y0, y1, z4[1], carry)
		z4[2], carry = multiplyAdd(x4[2], y0, y1, z4[2], carry)
		z4[3], carry = multiplyAdd(x4[3], y0, y1, z4[3], carry)
		z, x = z[4:], x[4:]
	}
	for i, w := range z {
		z[i], carry = multiplyAdd(x[i], y0, y1, w, carry)
	}
	return carry
}

// low are the lower 32 bits of a word.
const low = 1<<32 - 1

// multiplyAdd returns x*y + a + b, where y = y0 + y1*2^32. None of the sums
// overflows.
func multiplyAdd(x, y0, y1, a, b uint64) (lo, hi uint64) {
	x0, x1 := x&low, x>>32
	w0 := x0*y0 + a&low + b&low
	w1 := x0*y1 + a>>32 + w0>>32
	w2 := x1*y0 + b>>32 + w1&low
	return w2<<32 | w0&low, x1*y1 + w1>>32 + w2>>32
}
