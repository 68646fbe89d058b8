// Package p256 verifies ECDSA signatures on the curve P-256. Nothing here is
// constant-time: keys, digests and signatures are public.
//
// The points come from filippo.io/nistec. crypto/ecdsa would bring the whole of
// Go's FIPS 140-3 module with it.
package p256

import (
	"sync/atomic"

	"filippo.io/nistec"

	"mcpauth/jwtlite/internal/montgomery"
)

// Size is the length in bytes of a coordinate and of a scalar.
const Size = 32

// orderBytes is n, the order of the base point: SP 800-186, section 3.2.1.3.
const orderBytes = "" +
	"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51"

var order = montgomery.New([]byte(orderBytes))

// PublicKey is a point on the curve. Any number of goroutines may use it.
type PublicKey struct {
	point *nistec.P256Point
	table atomic.Pointer[pointTable] // of point; nil before Prepare
}

// NewPublicKey returns the key in the uncompressed form of SEC 1, section 2.3.3,
// which has 1+2*Size bytes. It returns false if point is not on the curve.
func NewPublicKey(point []byte) (*PublicKey, bool) {
	if len(point) != 1+2*Size || point[0] != 0x04 {
		return nil, false
	}
	q, err := nistec.NewP256Point().SetBytes(point)
	if err != nil {
		return nil, false
	}
	return &PublicKey{point: q}, true
}

// Prepare makes Verify faster by a table of 136 kB. All keys share another one.
func (k *PublicKey) Prepare() {
	if k.table.Load() == nil {
		generatorTable()
		k.table.Store(newPointTable(k.point))
	}
}

// Prepared reports whether the key has a table.
func (k *PublicKey) Prepared() bool { return k.table.Load() != nil }

// Verify verifies a signature, r and s of Size bytes each, as FIPS 186-5, section
// 6.4.2 does.
func (k *PublicKey) Verify(digest *[Size]byte, signature []byte) bool {
	if len(signature) != 2*Size {
		return false
	}
	var r, s, e, u1, u2 scalar
	if !r.set(signature[:Size]) || !s.set(signature[Size:]) {
		return false
	}
	e.setReduced(digest[:])
	s.invert()
	var scratch [2 * len(r)]uint64
	order.Multiply(u1[:], e[:], s[:], scratch[:])
	order.Multiply(u2[:], r[:], s[:], scratch[:])

	sum := nistec.NewP256Point() // u1*G + u2*Q
	generatorTable().addMultiple(sum, &u1)
	if table := k.table.Load(); table != nil {
		table.addMultiple(sum, &u2)
	} else {
		factor := u2.bytes()
		p, err := nistec.NewP256Point().ScalarMult(k.point, factor[:])
		if err != nil {
			return false
		}
		sum.Add(sum, p)
	}
	x, err := sum.BytesX() // fails for the point at infinity
	if err != nil {
		return false
	}
	var v scalar
	v.setReduced(x)
	return v == r
}
