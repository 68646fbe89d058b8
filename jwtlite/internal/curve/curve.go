// Package curve verifies ECDSA signatures on the curves P-384 and P-521. Nothing here is
// constant-time: keys, digests and signatures are public.
//
// It is for hosts that do not verify these signatures themselves, so it is small rather
// than fast: filippo.io/nistec would add 312 kB to the plugin. The package p256 is faster.
package curve

import (
	"sync"

	"mcpauth/jwtlite/internal/montgomery"
)

// Curve is a curve y² = x³ - 3x + b over a field of prime order, with a group of prime
// order.
type Curve struct {
	size           int // of a coordinate and of a scalar, in bytes
	field, order   *montgomery.Modulus
	fieldMinus2    string // exponents: x^(p-2) is 1/x modulo the prime p
	orderMinus2    string
	b, one         montgomery.Element
	generatorTable table
}

// P384 returns the curve P-384: SP 800-186, section 3.2.1.4.
var P384 = sync.OnceValue(func() *Curve {
	return newCurve("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"+
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe"+
		"\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"+
			"\xff\xff\xff\xff\xff\xff\xff\xff\xc7\x63\x4d\x81\xf4\x37\x2d\xdf"+
			"\x58\x1a\x0d\xb2\x48\xb0\xa7\x7a\xec\xec\x19\x6a\xcc\xc5\x29\x73",
		"\xb3\x31\x2f\xa7\xe2\x3e\xe7\xe4\x98\x8e\x05\x6b\xe3\xf8\x2d\x19"+
			"\x18\x1d\x9c\x6e\xfe\x81\x41\x12\x03\x14\x08\x8f\x50\x13\x87\x5a"+
			"\xc6\x56\x39\x8d\x8a\x2e\xd1\x9d\x2a\x85\xc8\xed\xd3\xec\x2a\xef",
		"\x04\xaa\x87\xca\x22\xbe\x8b\x05\x37\x8e\xb1\xc7\x1e\xf3\x20\xad\x74"+
			"\x6e\x1d\x3b\x62\x8b\xa7\x9b\x98\x59\xf7\x41\xe0\x82\x54\x2a\x38"+
			"\x55\x02\xf2\x5d\xbf\x55\x29\x6c\x3a\x54\x5e\x38\x72\x76\x0a\xb7"+
			"\x36\x17\xde\x4a\x96\x26\x2c\x6f\x5d\x9e\x98\xbf\x92\x92\xdc\x29"+
			"\xf8\xf4\x1d\xbd\x28\x9a\x14\x7c\xe9\xda\x31\x13\xb5\xf0\xb8\xc0"+
			"\x0a\x60\xb1\xce\x1d\x7e\x81\x9d\x7a\x43\x1d\x7c\x90\xea\x0e\x5f")
})

// P521 returns the curve P-521: SP 800-186, section 3.2.1.5.
var P521 = sync.OnceValue(func() *Curve {
	return newCurve("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"+
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"+
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"+
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"+
		"\xff\xff",
		"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"+
			"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"+
			"\xff\xfa\x51\x86\x87\x83\xbf\x2f\x96\x6b\x7f\xcc\x01\x48\xf7\x09"+
			"\xa5\xd0\x3b\xb5\xc9\xb8\x89\x9c\x47\xae\xbb\x6f\xb7\x1e\x91\x38"+
			"\x64\x09",
		"\x00\x51\x95\x3e\xb9\x61\x8e\x1c\x9a\x1f\x92\x9a\x21\xa0\xb6\x85"+
			"\x40\xee\xa2\xda\x72\x5b\x99\xb3\x15\xf3\xb8\xb4\x89\x91\x8e\xf1"+
			"\x09\xe1\x56\x19\x39\x51\xec\x7e\x93\x7b\x16\x52\xc0\xbd\x3b\xb1"+
			"\xbf\x07\x35\x73\xdf\x88\x3d\x2c\x34\xf1\xef\x45\x1f\xd4\x6b\x50"+
			"\x3f\x00",
		"\x04\x00\xc6\x85\x8e\x06\xb7\x04\x04\xe9\xcd\x9e\x3e\xcb\x66\x23\x95"+
			"\xb4\x42\x9c\x64\x81\x39\x05\x3f\xb5\x21\xf8\x28\xaf\x60\x6b\x4d"+
			"\x3d\xba\xa1\x4b\x5e\x77\xef\xe7\x59\x28\xfe\x1d\xc1\x27\xa2\xff"+
			"\xa8\xde\x33\x48\xb3\xc1\x85\x6a\x42\x9b\xf9\x7e\x7e\x31\xc2\xe5"+
			"\xbd\x66"+
			"\x01\x18\x39\x29\x6a\x78\x9a\x3b\xc0\x04\x5c\x8a\x5f\xb4\x2c\x7d"+
			"\x1b\xd9\x98\xf5\x44\x49\x57\x9b\x44\x68\x17\xaf\xbd\x17\x27\x3e"+
			"\x66\x2c\x97\xee\x72\x99\x5e\xf4\x26\x40\xc5\x50\xb9\x01\x3f\xad"+
			"\x07\x61\x35\x3c\x70\x86\xa2\x72\xc2\x40\x88\xbe\x94\x76\x9f\xd1"+
			"\x66\x50")
})

// newCurve returns the curve with the field of order p and a group of order n with the
// generator g, an uncompressed point.
func newCurve(p, n, b, g string) *Curve {
	c := &Curve{
		size: len(p), field: montgomery.New([]byte(p)), order: montgomery.New([]byte(n)),
		fieldMinus2: minus2(p), orderMinus2: minus2(n),
	}
	a := c.arithmetic()
	a.SetBytes(&c.one, []byte{1})
	a.SetBytes(&c.b, []byte(b))
	generator, ok := c.newPoint([]byte(g))
	if !ok {
		panic("curve: the generator is not on the curve")
	}
	c.generatorTable.fill(c, &generator)
	return c
}

// minus2 returns n-2, for a big-endian n whose last byte is at least 2.
func minus2(n string) string {
	last := len(n) - 1
	return n[:last] + string([]byte{n[last] - 2})
}

// Size is the length in bytes of a coordinate and of a scalar.
func (c *Curve) Size() int { return c.size }

// PublicKey is a point on a curve. It does not change.
type PublicKey struct {
	curve *Curve
	table table
}

// NewPublicKey returns the key in the uncompressed form of SEC 1, section 2.3.3, which has
// 1+2*Size bytes. It returns false if point is not on the curve.
func (c *Curve) NewPublicKey(point []byte) (*PublicKey, bool) {
	q, ok := c.newPoint(point)
	if !ok {
		return nil, false
	}
	k := &PublicKey{curve: c}
	k.table.fill(c, &q)
	return k, true
}

// Verify verifies a signature, r and s of Size bytes each, as FIPS 186-5, section 6.4.2
// does. The digest is at most as long as the order of the group.
func (k *PublicKey) Verify(digest, signature []byte) bool {
	c := k.curve
	if len(signature) != 2*c.size || len(digest) > c.size {
		return false
	}
	scalars := c.order.Field()
	var r, s, e, u1, u2 montgomery.Element
	if !scalars.SetBytes(&r, signature[:c.size]) || !scalars.SetBytes(&s, signature[c.size:]) ||
		r == (montgomery.Element{}) || s == (montgomery.Element{}) {
		return false
	}
	words := c.order.Words()
	montgomery.SetBytes(u1[:words], digest)
	c.order.Reduce(u1[:words]) // a digest as long as n is below 2*n
	// 1/s has the Montgomery form s^(n-2). The product of a number that is in that form
	// and one that is not is an ordinary number.
	scalars.Power(&s, &s, c.orderMinus2)
	scalars.Multiply(&u1, &u1, &s)
	e = scalars.Number(&r)
	scalars.Multiply(&u2, &e, &s)

	a := c.arithmetic()
	sum := a.combine(&c.generatorTable, &u1, &k.table, &u2)
	if sum.z == (montgomery.Element{}) {
		return false // infinity has no coordinates
	}
	a.Power(&sum.z, &sum.z, c.fieldMinus2) // 1/Z
	a.Multiply(&sum.x, &sum.x, &sum.z)
	v := a.Number(&sum.x)
	c.order.Reduce(v[:words]) // the order of the field is below 2*n
	return v == e
}
