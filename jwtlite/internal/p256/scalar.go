package p256

import (
	"encoding/binary"

	"mcpauth/jwtlite/internal/montgomery"
)

// scalar is a number modulo n, the order of the base point, its least significant
// 64 bits first.
type scalar [Size / 8]uint64

// set sets x to a big-endian number and reports whether it is from 1 to n-1.
func (x *scalar) set(number []byte) bool {
	montgomery.SetBytes(x[:], number)
	return order.Exceeds(x[:]) && *x != (scalar{})
}

// setReduced sets x to a big-endian number modulo n. A number of 256 bits is below
// 2*n.
func (x *scalar) setReduced(number []byte) {
	montgomery.SetBytes(x[:], number)
	order.Reduce(x[:])
}

// bytes returns x in big-endian form.
func (x *scalar) bytes() (b [Size]byte) {
	for i, w := range x {
		binary.BigEndian.PutUint64(b[Size-8-8*i:], w)
	}
	return b
}
