package ed25519

import (
	"encoding/binary"
	"slices"

	"mcpauth/jwtlite/internal/montgomery"
)

// point is a point in extended coordinates: x = X/Z, y = Y/Z, x*y = T/Z. Z is not 0.
type point struct{ x, y, z, t montgomery.Element }

// constants are numbers in Montgomery form.
type constants struct {
	one   montgomery.Element
	d     montgomery.Element // of the equation -x² + y² = 1 + d*x²*y²
	d2    montgomery.Element // 2*d
	rootI montgomery.Element // a square root of -1
}

var curve = func() (c constants) {
	f := field.Field()
	f.SetBytes(&c.one, []byte{1})
	f.SetBytes(&c.d, []byte("\x52\x03\x6c\xee\x2b\x6f\xfe\x73\x8c\xc7\x40\x79\x77\x79\xe8\x98"+
		"\x00\x70\x0a\x4d\x41\x41\xd8\xab\x75\xeb\x4d\xca\x13\x59\x78\xa3"))
	f.Add(&c.d2, &c.d, &c.d)
	f.SetBytes(&c.rootI, []byte("\x2b\x83\x24\x80\x4f\xc1\xdf\x0b\x2b\x4d\x00\x99\x3d\xfb\xd7\xa7"+
		"\x2f\x43\x18\x06\xad\x2f\xe4\x78\xc4\xee\x1b\x27\x4a\x0e\xa0\xb0"))
	return c
}()

// Exponents for p = 2^255-19, big-endian.
const (
	ones        = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	minus2      = "\x7f" + ones + "\xeb" // p-2: x^(p-2) is 1/x
	minus5Over8 = "\x0f" + ones + "\xfd" // (p-5)/8
)

// arithmetic computes with points.
type arithmetic struct{ montgomery.Field }

func newArithmetic() arithmetic { return arithmetic{field.Field()} }

// decode reads a point: RFC 8032, section 5.1.3. It returns false if encoded is not the
// one encoding of a point on the curve.
func (a *arithmetic) decode(encoded *[32]byte) (p point, ok bool) {
	bytes := *encoded
	odd := uint64(bytes[31] >> 7)
	bytes[31] &= 0x7f
	slices.Reverse(bytes[:])
	if !a.SetBytes(&p.y, bytes[:]) { // y must be below p
		return p, false
	}
	// x² = u/v, with u = y² - 1 and v = d*y² + 1.
	var u, v, v3, x, check, zero montgomery.Element
	a.Square(&u, &p.y)
	a.Multiply(&v, &u, &curve.d)
	a.Subtract(&u, &u, &curve.one)
	a.Add(&v, &v, &curve.one)
	// x = u*v³ * (u*v⁷)^((p-5)/8), perhaps times a root of -1.
	a.Square(&v3, &v)
	a.Multiply(&v3, &v3, &v)
	a.Square(&x, &v3)
	a.Multiply(&x, &x, &v)
	a.Multiply(&x, &x, &u)
	a.Power(&x, &x, minus5Over8)
	a.Multiply(&x, &x, &v3)
	a.Multiply(&x, &x, &u)
	a.Square(&check, &x)
	a.Multiply(&check, &check, &v)
	if check != u {
		a.Multiply(&x, &x, &curve.rootI)
		a.Square(&check, &x)
		a.Multiply(&check, &check, &v)
		if check != u {
			return p, false
		}
	}
	if number := a.Number(&x); number[0]&1 != odd {
		if x == zero { // there is no odd 0
			return p, false
		}
		a.Subtract(&x, &zero, &x)
	}
	p.x, p.z = x, curve.one
	a.Multiply(&p.t, &p.x, &p.y)
	return p, true
}

// encode is RFC 8032, section 5.1.2.
func (a *arithmetic) encode(p *point) (encoded [32]byte) {
	var inverse, x, y montgomery.Element
	a.Power(&inverse, &p.z, minus2)
	a.Multiply(&x, &p.x, &inverse)
	a.Multiply(&y, &p.y, &inverse)
	x, y = a.Number(&x), a.Number(&y)
	for i := range len(encoded) / 8 {
		binary.LittleEndian.PutUint64(encoded[8*i:], y[i])
	}
	encoded[31] |= byte(x[0]&1) << 7
	return encoded
}

func (a *arithmetic) negate(p *point) {
	var zero montgomery.Element
	a.Subtract(&p.x, &zero, &p.x)
	a.Subtract(&p.t, &zero, &p.t)
}

// isNeutral reports whether p is (0, 1).
func (*arithmetic) isNeutral(p *point) bool {
	return p.x == (montgomery.Element{}) && p.y == p.z
}

// table holds 1 to 15 times a point.
type table [1<<digitBits - 1]point

const digitBits = 4

func (t *table) fill(a *arithmetic, p *point) {
	t[0] = *p
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1]
		a.add(&t[i], p)
	}
}

// combine returns u*P + v*Q, for the tables of P and Q and numbers below 2^256.
func (a *arithmetic) combine(p *table, u *montgomery.Element, q *table, v *montgomery.Element) (sum point) {
	sum.y, sum.z = curve.one, curve.one
	for bit := 256 - digitBits; bit >= 0; bit -= digitBits {
		for range digitBits {
			a.double(&sum)
		}
		if digit := u[bit/64] >> (bit % 64) & (1<<digitBits - 1); digit != 0 {
			a.add(&sum, &p[digit-1])
		}
		if digit := v[bit/64] >> (bit % 64) & (1<<digitBits - 1); digit != 0 {
			a.add(&sum, &q[digit-1])
		}
	}
	return sum
}

// The formulas are those of RFC 8032, section 5.1.4, which are complete.

// add sets p to p + q.
func (a *arithmetic) add(p, q *point) {
	var e, f, g, h, t montgomery.Element
	a.Subtract(&e, &p.y, &p.x)
	a.Subtract(&t, &q.y, &q.x)
	a.Multiply(&e, &e, &t) // A
	a.Add(&f, &p.y, &p.x)
	a.Add(&t, &q.y, &q.x)
	a.Multiply(&f, &f, &t) // B
	a.Add(&h, &f, &e)
	a.Subtract(&e, &f, &e)
	a.Multiply(&t, &p.t, &q.t)
	a.Multiply(&t, &t, &curve.d2) // C
	a.Multiply(&g, &p.z, &q.z)
	a.Add(&g, &g, &g) // D
	a.Subtract(&f, &g, &t)
	a.Add(&g, &g, &t)
	a.finish(p, &e, &f, &g, &h)
}

// double sets p to 2*p.
func (a *arithmetic) double(p *point) {
	var e, f, g, h, t montgomery.Element
	a.Square(&t, &p.x) // A
	a.Square(&g, &p.y) // B
	a.Add(&h, &t, &g)
	a.Subtract(&g, &t, &g)
	a.Add(&e, &p.x, &p.y)
	a.Square(&e, &e)
	a.Subtract(&e, &h, &e)
	a.Square(&f, &p.z)
	a.Add(&f, &f, &f) // C
	a.Add(&f, &f, &g)
	a.finish(p, &e, &f, &g, &h)
}

// finish is the end of both formulas.
func (a *arithmetic) finish(p *point, e, f, g, h *montgomery.Element) {
	a.Multiply(&p.x, e, f)
	a.Multiply(&p.y, g, h)
	a.Multiply(&p.t, e, h)
	a.Multiply(&p.z, f, g)
}
