package curve

import "mcpauth/jwtlite/internal/montgomery"

// point is a point in projective coordinates: x = X/Z, y = Y/Z. The point at infinity has
// the Z 0.
type point struct{ x, y, z montgomery.Element }

// arithmetic computes with points of a curve.
type arithmetic struct {
	montgomery.Field
	curve *Curve
}

func (c *Curve) arithmetic() arithmetic { return arithmetic{c.field.Field(), c} }

// newPoint reads an uncompressed point and reports whether it is on the curve.
func (c *Curve) newPoint(encoded []byte) (p point, ok bool) {
	if len(encoded) != 1+2*c.size || encoded[0] != 0x04 {
		return p, false
	}
	a := c.arithmetic()
	if !a.SetBytes(&p.x, encoded[1:1+c.size]) || !a.SetBytes(&p.y, encoded[1+c.size:]) {
		return p, false
	}
	p.z = c.one
	// y² = x³ - 3x + b
	var left, right montgomery.Element
	a.Square(&left, &p.y)
	a.Square(&right, &p.x)
	for range 3 {
		a.Subtract(&right, &right, &c.one)
	}
	a.Multiply(&right, &right, &p.x)
	a.Add(&right, &right, &c.b)
	return p, left == right
}

// table holds 1 to 15 times a point.
type table [1<<digitBits - 1]point

const digitBits = 4

func (t *table) fill(c *Curve, p *point) {
	a := c.arithmetic()
	t[0] = *p
	for i := 1; i < len(t); i++ {
		a.add(&t[i], &t[i-1], p)
	}
}

// combine returns u*P + v*Q, for the tables of P and Q.
func (a *arithmetic) combine(p *table, u *montgomery.Element, q *table, v *montgomery.Element) (sum point) {
	sum.y = a.curve.one // infinity
	for bit := 8*a.curve.size - digitBits; bit >= 0; bit -= digitBits {
		for range digitBits {
			a.double(&sum)
		}
		if digit := u[bit/64] >> (bit % 64) & (1<<digitBits - 1); digit != 0 {
			a.add(&sum, &sum, &p[digit-1])
		}
		if digit := v[bit/64] >> (bit % 64) & (1<<digitBits - 1); digit != 0 {
			a.add(&sum, &sum, &q[digit-1])
		}
	}
	return sum
}

// The formulas are complete for groups of prime order: they hold for all points, equal,
// opposite and infinite ones included. See Renes, Costello, Batina, "Complete addition
// formulas for prime order elliptic curves", algorithms 4 and 6.

// add sets sum, which may be p or q, to p + q.
func (a *arithmetic) add(sum, p, q *point) {
	var t0, t1, t2, t3, t4, x, y, z montgomery.Element
	b := &a.curve.b
	a.Multiply(&t0, &p.x, &q.x)
	a.Multiply(&t1, &p.y, &q.y)
	a.Multiply(&t2, &p.z, &q.z)
	a.cross(&t3, &p.x, &p.y, &q.x, &q.y, &t0, &t1)
	a.cross(&t4, &p.y, &p.z, &q.y, &q.z, &t1, &t2)
	a.cross(&y, &p.x, &p.z, &q.x, &q.z, &t0, &t2)
	a.Multiply(&z, b, &t2)
	a.Subtract(&x, &y, &z)
	a.triple(&x)
	a.Subtract(&z, &t1, &x)
	a.Add(&x, &t1, &x)
	a.Multiply(&y, b, &y)
	a.triple(&t2)
	a.Subtract(&y, &y, &t2)
	a.Subtract(&y, &y, &t0)
	a.triple(&y)
	a.triple(&t0)
	a.Subtract(&t0, &t0, &t2)
	a.Multiply(&t1, &t4, &y)
	a.Multiply(&t2, &t0, &y)
	a.Multiply(&y, &x, &z)
	a.Add(&sum.y, &y, &t2)
	a.Multiply(&x, &t3, &x)
	a.Subtract(&sum.x, &x, &t1)
	a.Multiply(&z, &t4, &z)
	a.Multiply(&t1, &t3, &t0)
	a.Add(&sum.z, &z, &t1)
}

// cross sets z to u1*v2 + v1*u2, where uu is u1*u2 and vv is v1*v2.
func (a *arithmetic) cross(z, u1, v1, u2, v2, uu, vv *montgomery.Element) {
	var t montgomery.Element
	a.Add(&t, u1, v1)
	a.Add(z, u2, v2)
	a.Multiply(z, &t, z)
	a.Subtract(z, z, uu)
	a.Subtract(z, z, vv)
}

// triple sets z to 3*z.
func (a *arithmetic) triple(z *montgomery.Element) {
	x := *z
	a.Add(z, z, z)
	a.Add(z, z, &x)
}

// double sets p to 2*p.
func (a *arithmetic) double(p *point) {
	var t0, t1, t2, t3, x, y, z montgomery.Element
	b := &a.curve.b
	a.Square(&t0, &p.x)
	a.Square(&t1, &p.y)
	a.Square(&t2, &p.z)
	a.Multiply(&t3, &p.x, &p.y)
	a.Add(&t3, &t3, &t3)
	a.Multiply(&z, &p.x, &p.z)
	a.Add(&z, &z, &z)
	a.Multiply(&y, b, &t2)
	a.Subtract(&y, &y, &z)
	a.triple(&y)
	a.Subtract(&x, &t1, &y)
	a.Add(&y, &t1, &y)
	a.Multiply(&y, &x, &y)
	a.Multiply(&x, &x, &t3)
	a.triple(&t2)
	a.Multiply(&z, b, &z)
	a.Subtract(&z, &z, &t2)
	a.Subtract(&z, &z, &t0)
	a.triple(&z)
	a.triple(&t0)
	a.Subtract(&t0, &t0, &t2)
	a.Multiply(&t0, &t0, &z)
	a.Add(&y, &y, &t0)
	a.Multiply(&t0, &p.y, &p.z)
	a.Add(&t0, &t0, &t0)
	a.Multiply(&z, &t0, &z)
	a.Subtract(&p.x, &x, &z)
	a.Multiply(&z, &t0, &t1)
	a.Add(&z, &z, &z)
	a.Add(&p.z, &z, &z)
	p.y = y
}
