package jwtlite

import "encoding/binary"

// scalar is a number modulo n, the order of P-256, its least significant 64 bits
// first.
type scalar [sizeP256 / 8]uint64

// set sets x to a big-endian number and reports whether it is from 1 to n-1.
func (x *scalar) set(number []byte) bool {
	setBytes(x[:], number)
	return below(x[:], orderP256.n) && *x != (scalar{})
}

// setReduced sets x to a big-endian number modulo n. There are no 256 bits that
// n goes into twice.
func (x *scalar) setReduced(number []byte) {
	setBytes(x[:], number)
	if !below(x[:], orderP256.n) {
		orderP256.subtract(x[:])
	}
}

// bytes returns x in big-endian form.
func (x *scalar) bytes() (b [sizeP256]byte) {
	for i, w := range x {
		binary.BigEndian.PutUint64(b[sizeP256-8-8*i:], w)
	}
	return b
}
