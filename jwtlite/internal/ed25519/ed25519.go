// Package ed25519 verifies Ed25519 signatures: RFC 8032, section 5.1.7. Nothing here is
// constant-time: keys and signatures are public.
//
// filippo.io/edwards25519 would add 86 kB to the plugin.
package ed25519

import (
	"slices"
	"sync"
	"unsafe"

	"mcpauth/jwtlite/internal/montgomery"
	"mcpauth/jwtlite/internal/sha512"
)

// Lengths in bytes.
const (
	PublicKeySize = 32
	SignatureSize = 64
)

// field is modulo 2^255-19, order modulo the order of the base point: section 5.1.
var (
	field = montgomery.New([]byte("\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xed"))
	order = montgomery.New([]byte("\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x14\xde\xf9\xde\xa2\xf7\x9c\xd6\x58\x12\x63\x1a\x5c\xf5\xd3\xed"))
)

// PublicKey is a point. It does not change.
type PublicKey struct {
	encoded [PublicKeySize]byte
	table   table // of the negative point
}

// NewPublicKey reads a public key. It returns false unless encoded is the one encoding of
// a point on the curve (section 5.1.3), and the order of that point is large. A point of
// small order is no key that anybody makes: it would verify signatures that nobody made.
func NewPublicKey(encoded []byte) (*PublicKey, bool) {
	if len(encoded) != PublicKeySize {
		return nil, false
	}
	k := &PublicKey{encoded: [PublicKeySize]byte(encoded)}
	a := newArithmetic()
	p, ok := a.decode(&k.encoded)
	if !ok {
		return nil, false
	}
	multiple := p
	for range 3 { // 8 is the cofactor
		a.double(&multiple)
	}
	if a.isNeutral(&multiple) {
		return nil, false
	}
	a.negate(&p)
	k.table.fill(&a, &p)
	return k, true
}

// Verify verifies a signature. It demands the equation without the cofactor, S*B = R + k*A,
// an S below the order of the base point, and the one encoding of R, as crypto/ed25519 does.
func (k *PublicKey) Verify(message string, signature []byte) bool {
	if len(signature) != SignatureSize {
		return false
	}
	var s, h montgomery.Element
	if setLittleEndian(s[:4], signature[32:]); !order.Exceeds(s[:4]) {
		return false
	}
	digest := sha512.Sum512(text(signature[:32]), text(k.encoded[:]), message)
	reduceDigest(&h, &digest)

	a := newArithmetic()
	r := a.combine(baseTable(), &s, &k.table, &h) // S*B - k*A
	encoded := a.encode(&r)
	return slices.Equal(encoded[:], signature[:32])
}

// text returns b as a string that shares its memory.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// reduceDigest sets h to the digest, a little-endian number, modulo the order.
func reduceDigest(h *montgomery.Element, digest *[sha512.Size]byte) {
	f := order.Field()
	// SetBytes takes numbers below the order only. The order has 253 bits.
	const step = 31
	var radix, part montgomery.Element
	f.SetBytes(&radix, []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"+
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")) // 2^(8*step)
	slices.Reverse(digest[:])
	var sum montgomery.Element
	for from := len(digest) % step; ; from += step {
		f.SetBytes(&part, digest[max(from-step, 0):from])
		f.Multiply(&sum, &sum, &radix)
		f.Add(&sum, &sum, &part)
		if from == len(digest) {
			break
		}
	}
	*h = f.Number(&sum)
}

// setLittleEndian sets x to a little-endian number.
func setLittleEndian(x []uint64, number []byte) {
	var b [32]byte
	copy(b[:], number)
	slices.Reverse(b[:])
	montgomery.SetBytes(x, b[:])
}

// baseTable returns the table of the base point: section 5.1.
var baseTable = sync.OnceValue(func() *table {
	var encoded [32]byte
	for i := range encoded {
		encoded[i] = 0x66
	}
	encoded[0] = 0x58 // y = 4/5, x is even
	a := newArithmetic()
	p, ok := a.decode(&encoded)
	if !ok {
		panic("ed25519: the base point is not on the curve")
	}
	t := new(table)
	t.fill(&a, &p)
	return t
})
