package p256

import (
	"encoding/binary"

	"mcpauth/jwtlite/internal/montgomery"
)

// scalar is a number modulo n, the order of the base point, its least significant
// 64 bits first.
type scalar [Size / 8]uint64

// set sets s to a big-endian number and reports whether it is from 1 to n-1.
func (s *scalar) set(number []byte) bool {
	montgomery.SetBytes(s[:], number)
	return order.Exceeds(s[:]) && *s != (scalar{})
}

// setReduced sets s to a big-endian number modulo n. A number of 256 bits is below
// 2*n.
func (s *scalar) setReduced(number []byte) {
	montgomery.SetBytes(s[:], number)
	order.Reduce(s[:])
}

// bytes returns s in big-endian form.
func (s *scalar) bytes() (b [Size]byte) {
	for i, w := range s {
		binary.BigEndian.PutUint64(b[Size-8-8*i:], w)
	}
	return b
}
