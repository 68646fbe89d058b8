// Package rsa verifies signatures of RSASSA-PKCS1-v1_5 with SHA-256. Nothing here is
// constant-time: keys, digests and signatures are public.
package rsa

import (
	"slices"

	"mcpauth/jwtlite/internal/montgomery"
	"mcpauth/jwtlite/internal/sha256"
)

// MaxBits is the size of the largest modulus.
const MaxBits = 8192

// PublicKey is an RSA public key. It does not change.
type PublicKey struct {
	modulus  *montgomery.Modulus
	size     int // of the modulus, in bytes
	exponent uint
}

// NewPublicKey returns the key with the modulus n, which must be odd, of 512 to
// [MaxBits] bits, in big-endian order without leading zeros, and with the exponent,
// which must be odd and greater than 1.
func NewPublicKey(n []byte, exponent uint) *PublicKey {
	return &PublicKey{montgomery.New(n), len(n), exponent}
}

// digestInfo is the DER encoding of the DigestInfo for SHA-256, up to the digest:
// RFC 8017, section 9.2, note 1.
const digestInfo = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"

// Verify is RSASSA-PKCS1-V1_5-VERIFY of RFC 8017, section 8.2.2, for the digest of a
// message.
func (k *PublicKey) Verify(digest *[sha256.Size]byte, signature []byte) bool {
	if len(signature) != k.size {
		return false
	}
	// RSAVP1, section 5.2.2.
	var buffer [4 * MaxBits / 64]uint64
	words := k.modulus.Words()
	s, m, scratch := buffer[:words], buffer[words:2*words], buffer[2*words:4*words]
	montgomery.SetBytes(s, signature)
	if !k.modulus.Exceeds(s) {
		return false
	}
	k.modulus.Power(m, s, k.exponent, scratch)

	// The encoded message is made again and compared as a whole, and never parsed:
	// EM = 0x00 || 0x01 || PS || 0x00 || T, section 9.2.
	var encoded [MaxBits / 8]byte
	em := encoded[:k.size]
	em[1] = 0x01
	padding := em[2 : k.size-len(digestInfo)-len(digest)-1]
	for i := range padding {
		padding[i] = 0xff
	}
	copy(em[k.size-len(digestInfo)-len(digest):], digestInfo)
	copy(em[k.size-len(digest):], digest[:])
	montgomery.SetBytes(s, em)
	return slices.Equal(m, s)
}
