// Package sha256 is SHA-256 as FIPS 180-4 defines it, for public text.
//
// crypto/sha256 brings the whole of Go's FIPS 140-3 module with it, AES and SHA-3
// included: 160 kB of a WebAssembly file that every worker of a proxy compiles when
// it starts.
package sha256

import (
	"encoding/binary"
	"math/bits"
)

// constants are the K of FIPS 180-4, section 4.2.2.
var constants = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

// Size is the length of a digest in bytes.
const Size = 32

// Sum returns the digest of message.
func Sum(message string) [Size]byte {
	// Section 5.3.3.
	h := [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
	var block [64]byte
	rest := message
	for len(rest) >= len(block) {
		copy(block[:], rest)
		hashBlock(&h, &block)
		rest = rest[len(block):]
	}
	// Section 5.1.1: a one bit, zeros, and the length in bits.
	clear(block[copy(block[:], rest):])
	block[len(rest)] = 0x80
	if len(rest) >= 56 {
		hashBlock(&h, &block)
		clear(block[:])
	}
	binary.BigEndian.PutUint64(block[56:], uint64(len(message))*8)
	hashBlock(&h, &block)

	var digest [Size]byte
	for i, word := range h {
		binary.BigEndian.PutUint32(digest[4*i:], word)
	}
	return digest
}

// hashBlock is section 6.2.2. Both loops do eight steps in each iteration, which
// saves a third of the time in V8.
func hashBlock(hash *[8]uint32, block *[64]byte) {
	var w [64]uint32
	for t := range 16 {
		w[t] = binary.BigEndian.Uint32(block[4*t:])
	}
	for t := 16; t < 64; t += 8 {
		w := (*[24]uint32)(w[t-16:])
		w[16] = schedule(w[14], w[9], w[1], w[0])
		w[17] = schedule(w[15], w[10], w[2], w[1])
		w[18] = schedule(w[16], w[11], w[3], w[2])
		w[19] = schedule(w[17], w[12], w[4], w[3])
		w[20] = schedule(w[18], w[13], w[5], w[4])
		w[21] = schedule(w[19], w[14], w[6], w[5])
		w[22] = schedule(w[20], w[15], w[7], w[6])
		w[23] = schedule(w[21], w[16], w[8], w[7])
	}
	a, b, c, d, e, f, g, h := hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]
	for t := 0; t < 64; t += 8 {
		w, k := (*[8]uint32)(w[t:]), (*[8]uint32)(constants[t:])
		d, h = round(a, b, c, d, e, f, g, h, k[0]+w[0])
		c, g = round(h, a, b, c, d, e, f, g, k[1]+w[1])
		b, f = round(g, h, a, b, c, d, e, f, k[2]+w[2])
		a, e = round(f, g, h, a, b, c, d, e, k[3]+w[3])
		h, d = round(e, f, g, h, a, b, c, d, k[4]+w[4])
		g, c = round(d, e, f, g, h, a, b, c, k[5]+w[5])
		f, b = round(c, d, e, f, g, h, a, b, k[6]+w[6])
		e, a = round(b, c, d, e, f, g, h, a, k[7]+w[7])
	}
	hash[0] += a
	hash[1] += b
	hash[2] += c
	hash[3] += d
	hash[4] += e
	hash[5] += f
	hash[6] += g
	hash[7] += h
}

// schedule returns W[t] of the message schedule from W[t-2], W[t-7], W[t-15] and
// W[t-16].
func schedule(w2, w7, w15, w16 uint32) uint32 {
	s1 := bits.RotateLeft32(w2, -17) ^ bits.RotateLeft32(w2, -19) ^ w2>>10
	s0 := bits.RotateLeft32(w15, -7) ^ bits.RotateLeft32(w15, -18) ^ w15>>3
	return s1 + w7 + s0 + w16
}

// round returns the new values of the two variables that a round computes. The other
// six only move on to the next name.
func round(a, b, c, d, e, f, g, h, kw uint32) (uint32, uint32) {
	s1 := bits.RotateLeft32(e, -6) ^ bits.RotateLeft32(e, -11) ^ bits.RotateLeft32(e, -25)
	t1 := h + s1 + (g ^ e&(f^g)) + kw
	s0 := bits.RotateLeft32(a, -2) ^ bits.RotateLeft32(a, -13) ^ bits.RotateLeft32(a, -22)
	return d + t1, t1 + s0 + (a&b | c&(a|b))
}
