// Package rsa verifies signatures of RSASSA-PKCS1-v1_5 and RSASSA-PSS. Nothing here is
// constant-time: keys, digests and signatures are public.
package rsa

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"mcpauth/jwtlite/internal/hash"
	"mcpauth/jwtlite/internal/montgomery"
)

// MaxBits is the size of the largest modulus.
const MaxBits = 8192

// PublicKey is an RSA public key. It does not change.
type PublicKey struct {
	modulus  *montgomery.Modulus
	bits     int // of the modulus
	exponent uint
}

// NewPublicKey returns the key with the modulus n, which must be odd, of 1088 to
// [MaxBits] bits, in big-endian order without leading zeros, and with the exponent,
// which must be odd and greater than 1.
func NewPublicKey(n []byte, exponent uint) *PublicKey {
	return &PublicKey{montgomery.New(n), 8*len(n) - bits.LeadingZeros8(n[0]), exponent}
}

// size returns the length of the modulus in bytes.
func (k *PublicKey) size() int { return (k.bits + 7) / 8 }

// open is RSAVP1 of RFC 8017, section 5.2.2. It returns the message representative in
// buffer, and false if signature is not a number below the modulus, as long as that.
func (k *PublicKey) open(buffer *[MaxBits / 64]uint64, signature []byte) ([]uint64, bool) {
	if len(signature) != k.size() {
		return nil, false
	}
	var room [3 * MaxBits / 64]uint64
	words := k.modulus.Words()
	m, s, scratch := buffer[:words], room[:words], room[words:3*words]
	montgomery.SetBytes(s, signature)
	if !k.modulus.Exceeds(s) {
		return nil, false
	}
	k.modulus.Power(m, s, k.exponent, scratch)
	return m, true
}

// digestInfo returns the DER encoding of the DigestInfo up to the digest: RFC 8017,
// section 9.2, note 1.
func digestInfo(h hash.Hash) string {
	switch h {
	case hash.SHA384:
		return "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
	case hash.SHA512:
		return "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
	}
	return "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
}

// VerifyPKCS1v15 is RSASSA-PKCS1-V1_5-VERIFY of RFC 8017, section 8.2.2, for the digest
// of a message.
func (k *PublicKey) VerifyPKCS1v15(h hash.Hash, digest, signature []byte) bool {
	var buffer [MaxBits / 64]uint64
	m, ok := k.open(&buffer, signature)
	if !ok {
		return false
	}
	// The encoded message is made again and compared as a whole, and never parsed:
	// EM = 0x00 || 0x01 || PS || 0x00 || T, section 9.2.
	var encoded [MaxBits / 8]byte
	info := digestInfo(h)
	em := encoded[:k.size()]
	tail := em[len(em)-len(info)-len(digest):]
	em[1] = 0x01
	padding := em[2 : len(em)-len(tail)-1]
	for i := range padding {
		padding[i] = 0xff
	}
	copy(tail, info)
	copy(tail[len(info):], digest)
	var want [MaxBits / 64]uint64
	montgomery.SetBytes(want[:len(m)], em)
	return slices.Equal(m, want[:len(m)])
}

// VerifyPSS is RSASSA-PSS-VERIFY of RFC 8017, section 8.1.2, for the digest of a message,
// with MGF1 of the same hash function and a salt as long as the digest, as RFC 7518,
// section 3.5 demands.
func (k *PublicKey) VerifyPSS(h hash.Hash, digest, signature []byte) bool {
	var buffer [MaxBits / 64]uint64
	m, ok := k.open(&buffer, signature)
	if !ok {
		return false
	}
	var encoded [MaxBits / 8]byte
	for i, w := range m {
		binary.BigEndian.PutUint64(encoded[len(encoded)-8-8*i:], w)
	}
	// EMSA-PSS-VERIFY, section 9.1.2: EM = maskedDB || H || 0xbc, in emBits bits. The
	// representative must fit: it has one bit more, or even one byte.
	emBits := k.bits - 1
	em := encoded[len(encoded)-(emBits+7)/8:]
	unused := 8*len(em) - emBits // at the start of em
	if bitLength(m) > emBits || em[len(em)-1] != 0xbc {
		return false
	}
	size := h.Size()
	db, seed := em[:len(em)-size-1], em[len(em)-size-1:len(em)-1]
	maskMGF1(h, db, seed)
	db[0] &= 0xff >> unused
	padding, salt := db[:len(db)-size-1], db[len(db)-size:]
	for _, b := range padding {
		if b != 0 {
			return false
		}
	}
	if db[len(padding)] != 0x01 {
		return false
	}
	var message [8 + 2*hash.MaxSize]byte // eight zeros, the digest, the salt
	n := 8 + copy(message[8:], digest)
	n += copy(message[n:], salt)
	var sum [hash.MaxSize]byte
	return slices.Equal(h.SumBytes(&sum, message[:n]), seed)
}

// bitLength returns the length in bits of a number.
func bitLength(m []uint64) int {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i] != 0 {
			return 64*i + bits.Len64(m[i])
		}
	}
	return 0
}

// maskMGF1 combines data with the mask that MGF1 makes of seed: RFC 8017, appendix B.2.1.
func maskMGF1(h hash.Hash, data, seed []byte) {
	var input [hash.MaxSize + 4]byte
	n := copy(input[:], seed)
	var sum [hash.MaxSize]byte
	for counter := uint32(0); len(data) > 0; counter++ {
		binary.BigEndian.PutUint32(input[n:], counter)
		mask := h.SumBytes(&sum, input[:n+4])
		length := min(len(mask), len(data))
		for i := range length {
			data[i] ^= mask[i]
		}
		data = data[length:]
	}
}
