// Package montgomery computes modulo an odd number, as far as the verification of
// signatures needs it. Nothing here is constant-time: all the numbers are public.
//
// filippo.io/bigmod multiplies where it could square, and allocates for more than
// 2048 bits: in V8, an RSA verification takes a quarter more time with it at 2048
// bits, and almost twice the time at 4096.
package montgomery

import (
	"encoding/binary"
	"math/bits"
	"runtime"
)

// Modulus is an odd number n to compute with. The numbers below n are slices of
// [Modulus.Words] words, the least significant first. R is 2^(64*Words).
type Modulus struct {
	n       []uint64
	inverse uint64   // -1/n modulo 2^64
	rr      []uint64 // R*R modulo n
}

// New returns the modulus n, which must be odd and greater than 1, in big-endian
// order without leading zeros.
func New(n []byte) *Modulus {
	words := (len(n) + 7) / 8
	m := &Modulus{n: make([]uint64, words), rr: make([]uint64, words)}
	SetBytes(m.n, n)
	// Newton's iteration: an odd number is its own inverse modulo 8, and each
	// step doubles the number of correct bits.
	inverse := m.n[0]
	for range 5 {
		inverse *= 2 - m.n[0]*inverse
	}
	m.inverse = -inverse
	// Doubling takes the highest power of two below n to R modulo n, which is the
	// Montgomery form of 1. Squaring and doubling, as in Power, take that to the
	// Montgomery form of 2^(64*words), which is R*R.
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
func (m *Modulus) double(x []uint64) {
	carry := uint64(0)
	for i, w := range x {
		x[i], carry = w<<1|carry, w>>63
	}
	if carry != 0 || !below(x, m.n) {
		m.subtract(x)
	}
}

// subtract sets x to x-n modulo 2^(64*len(n)).
func (m *Modulus) subtract(x []uint64) {
	borrow := uint64(0)
	for i, w := range m.n {
		x[i], borrow = bits.Sub64(x[i], w, borrow)
	}
}

// Words returns the number of words of a number modulo n.
func (m *Modulus) Words() int { return len(m.n) }

// SetBytes sets x to a big-endian number, which must fit.
func SetBytes(x []uint64, number []byte) {
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

// Exceeds reports whether x is below n.
func (m *Modulus) Exceeds(x []uint64) bool { return below(x, m.n) }

// Reduce sets x, which is below 2*n, to x modulo n.
func (m *Modulus) Reduce(x []uint64) {
	if !below(x, m.n) {
		m.subtract(x)
	}
}

// below reports whether x < y.
func below(x, y []uint64) bool {
	borrow := uint64(0)
	for i, w := range x {
		_, borrow = bits.Sub64(w, y[i], borrow)
	}
	return borrow != 0
}

// Power sets z to x^e modulo n, for x below n and e odd and greater than 1. z and x
// must not overlap. t is scratch space of 2*Words words.
func (m *Modulus) Power(z, x []uint64, e uint, t []uint64) {
	m.multiply(z, x, m.rr, t) // x*R, its Montgomery form
	for i := bits.Len(e) - 2; i >= 0; i-- {
		m.square(z, z, t)
		if e>>i&1 != 0 {
			// x is not in Montgomery form, so z leaves that form. After the last
			// bit of e, which is set, that is right; before it, z goes back.
			m.multiply(z, z, x, t)
			if i > 0 {
				m.multiply(z, z, m.rr, t)
			}
		}
	}
}

// Multiply sets z to x*y modulo n, for x and y below n. z and y must not overlap.
// t is scratch space of 2*Words words.
func (m *Modulus) Multiply(z, x, y, t []uint64) {
	m.multiply(z, x, m.rr, t)
	m.multiply(z, z, y, t)
}

// multiply sets z to x*y/R modulo n.
func (m *Modulus) multiply(z, x, y, t []uint64) {
	n := len(x)
	clear(t[:n])
	for i, w := range y {
		t[n+i] = addProduct(t[i:n+i], x, w)
	}
	m.reduce(z, t)
}

// square sets z to x*x/R modulo n.
func (m *Modulus) square(z, x, t []uint64) {
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
func (m *Modulus) reduce(z, t []uint64) {
	n := len(m.n)
	carry := uint64(0)
	for i := range n {
		high := addProduct(t[i:n+i], m.n, t[i]*m.inverse)
		t[n+i], carry = bits.Add64(t[n+i], high, carry)
	}
	// The upper half of t, with the carry, is below 2*n.
	copy(z, t[n:2*n])
	if carry != 0 || !below(z, m.n) {
		m.subtract(z)
	}
}

// addProduct adds x*y to z, which has as many words as x, and returns the carry.
// The compiler inlines it because of the else.
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

// addProductHalves is addProduct for WebAssembly, which multiplies 64 bits by 64
// without the upper half of the product. It computes four words in each iteration,
// since iterations are expensive in V8.
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

// low selects the lower 32 bits of a word.
const low = 1<<32 - 1

// multiplyAdd returns x*y + a + b, where y = y0 + y1*2^32. No sum overflows.
func multiplyAdd(x, y0, y1, a, b uint64) (lo, hi uint64) {
	x0, x1 := x&low, x>>32
	w0 := x0*y0 + a&low + b&low
	w1 := x0*y1 + a>>32 + w0>>32
	w2 := x1*y0 + b>>32 + w1&low
	return w2<<32 | w0&low, x1*y1 + w1>>32 + w2>>32
}
