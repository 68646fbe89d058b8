package p256

import "math/bits"

// uint256 is a number below 2^256, d its most significant 64 bits. The compiler
// keeps it in registers, which it would not do with an array.
type uint256 struct{ a, b, c, d uint64 }

// orderWords is n, as order is.
var orderWords = uint256{0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000}

// invert sets s, which is from 1 to n-1, to its inverse modulo n.
func (s *scalar) invert() {
	// Handbook of Applied Cryptography, algorithm 14.61, for an odd modulus. These
	// hold throughout: x = s*p and y = s*q modulo n, y is odd, and the greatest
	// common divisor of x and y is that of s and n, which is 1.
	x := uint256{s[0], s[1], s[2], s[3]}
	y, p, q := orderWords, uint256{a: 1}, uint256{}
	for x != (uint256{}) {
		for x.a&1 == 0 {
			x = x.half(0)
			carry := uint64(0)
			if p.a&1 != 0 {
				p, carry = p.plus(orderWords)
			}
			p = p.half(carry)
		}
		difference, borrow := x.minus(y)
		if borrow != 0 {
			difference, _ = y.minus(x)
			x, y, p, q = difference, x, q, p
		} else {
			x = difference
		}
		if p, borrow = p.minus(q); borrow != 0 {
			p, _ = p.plus(orderWords)
		}
	}
	*s = scalar{q.a, q.b, q.c, q.d}
}

func (x uint256) plus(y uint256) (sum uint256, carry uint64) {
	sum.a, carry = bits.Add64(x.a, y.a, 0)
	sum.b, carry = bits.Add64(x.b, y.b, carry)
	sum.c, carry = bits.Add64(x.c, y.c, carry)
	sum.d, carry = bits.Add64(x.d, y.d, carry)
	return sum, carry
}

func (x uint256) minus(y uint256) (difference uint256, borrow uint64) {
	difference.a, borrow = bits.Sub64(x.a, y.a, 0)
	difference.b, borrow = bits.Sub64(x.b, y.b, borrow)
	difference.c, borrow = bits.Sub64(x.c, y.c, borrow)
	difference.d, borrow = bits.Sub64(x.d, y.d, borrow)
	return difference, borrow
}

// half returns half of x + carry*2^256.
func (x uint256) half(carry uint64) uint256 {
	return uint256{x.a>>1 | x.b<<63, x.b>>1 | x.c<<63, x.c>>1 | x.d<<63, x.d>>1 | carry<<63}
}
