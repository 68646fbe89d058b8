package montgomery

import "math/bits"

// maxElementWords is the size of an Element: P-521 needs the most.
const maxElementWords = 9

// Element is a number modulo n in the Montgomery form, x*R modulo n for x. Words that n
// does not need are zero, so that equal numbers are equal Elements.
type Element [maxElementWords]uint64

// Field computes with Elements modulo n, which has at most 576 bits. The results of its
// methods may overlap the arguments. It holds scratch space: goroutines must not share it.
type Field struct {
	m *Modulus
	t [2 * maxElementWords]uint64
}

// Field returns a Field for the modulus.
func (m *Modulus) Field() Field { return Field{m: m} }

// SetBytes sets z to a big-endian number and reports whether it is below n.
func (f *Field) SetBytes(z *Element, number []byte) bool {
	*z = Element{}
	n := f.m.Words()
	SetBytes(z[:n], number)
	if len(number) > 8*n || !f.m.Exceeds(z[:n]) {
		return false
	}
	f.m.multiply(z[:n], z[:n], f.m.rr, f.t[:2*n])
	return true
}

// Number returns z as an ordinary number, its least significant 64 bits first.
func (f *Field) Number(z *Element) (number Element) {
	one := Element{1}
	f.Multiply(&number, z, &one)
	return number
}

// Multiply sets z to x*y.
func (f *Field) Multiply(z, x, y *Element) {
	n := f.m.Words()
	f.m.multiply(z[:n], x[:n], y[:n], f.t[:2*n])
}

// Square sets z to x*x.
func (f *Field) Square(z, x *Element) {
	n := f.m.Words()
	f.m.square(z[:n], x[:n], f.t[:2*n])
}

// Add sets z to x+y.
func (f *Field) Add(z, x, y *Element) {
	carry := uint64(0)
	for i := range f.m.n {
		z[i], carry = bits.Add64(x[i], y[i], carry)
	}
	if z := z[:len(f.m.n)]; carry != 0 || !below(z, f.m.n) {
		f.m.subtract(z)
	}
}

// Subtract sets z to x-y.
func (f *Field) Subtract(z, x, y *Element) {
	borrow := uint64(0)
	for i := range f.m.n {
		z[i], borrow = bits.Sub64(x[i], y[i], borrow)
	}
	if borrow == 0 {
		return
	}
	carry := uint64(0)
	for i, w := range f.m.n {
		z[i], carry = bits.Add64(z[i], w, carry)
	}
}

// Power sets z to x^e, for a big-endian e with one bit set or more.
func (f *Field) Power(z, x *Element, e string) {
	base, started := *x, false
	for i := range len(e) {
		for bit := 7; bit >= 0; bit-- {
			if started {
				f.Square(z, z)
			}
			switch {
			case e[i]>>bit&1 == 0:
			case started:
				f.Multiply(z, z, &base)
			default:
				*z, started = base, true
			}
		}
	}
}
