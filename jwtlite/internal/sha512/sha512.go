// Package sha512 is SHA-384 and SHA-512 as FIPS 180-4 defines them, for public text. The
// package sha256 says why they are not those of the standard library.
package sha512

import (
	"encoding/binary"
	"math/bits"
)

// The lengths of digests in bytes.
const (
	Size    = 64 // of SHA-512
	Size384 = 48 // of SHA-384
)

// constants are the K of FIPS 180-4, section 4.2.3.
var constants = [80]uint64{
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
	0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
	0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
	0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
	0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
	0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
	0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
	0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
	0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
	0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
	0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
	0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
	0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
	0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
}

// Sum512 returns the SHA-512 digest of the concatenation of parts.
func Sum512(parts ...string) [Size]byte {
	// Section 5.3.5.
	s := state{hash: [8]uint64{
		0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
		0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
	}}
	return s.sum(parts)
}

// Sum384 returns the SHA-384 digest of the concatenation of parts.
func Sum384(parts ...string) [Size384]byte {
	// Section 5.3.4.
	s := state{hash: [8]uint64{
		0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
		0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
	}}
	digest := s.sum(parts)
	return [Size384]byte(digest[:])
}

type state struct {
	hash   [8]uint64
	block  [128]byte
	filled int // bytes in block
}

func (s *state) sum(parts []string) (digest [Size]byte) {
	length := uint64(0)
	for _, part := range parts {
		length += uint64(len(part))
		for len(part) > 0 {
			n := copy(s.block[s.filled:], part)
			part = part[n:]
			if s.filled += n; s.filled == len(s.block) {
				s.hashBlock()
			}
		}
	}
	// Section 5.1.2: a one bit, zeros, and the length in bits, in 16 bytes.
	clear(s.block[s.filled:])
	s.block[s.filled] = 0x80
	if s.filled >= 112 {
		s.hashBlock()
		clear(s.block[:])
	}
	binary.BigEndian.PutUint64(s.block[120:], length*8)
	s.hashBlock()

	for i, word := range s.hash {
		binary.BigEndian.PutUint64(digest[8*i:], word)
	}
	return digest
}

// hashBlock is section 6.4.2. It leaves the block empty.
func (s *state) hashBlock() {
	var w [80]uint64
	for t := range 16 {
		w[t] = binary.BigEndian.Uint64(s.block[8*t:])
	}
	for t := 16; t < 80; t += 8 {
		w := (*[24]uint64)(w[t-16:])
		w[16] = schedule(w[14], w[9], w[1], w[0])
		w[17] = schedule(w[15], w[10], w[2], w[1])
		w[18] = schedule(w[16], w[11], w[3], w[2])
		w[19] = schedule(w[17], w[12], w[4], w[3])
		w[20] = schedule(w[18], w[13], w[5], w[4])
		w[21] = schedule(w[19], w[14], w[6], w[5])
		w[22] = schedule(w[20], w[15], w[7], w[6])
		w[23] = schedule(w[21], w[16], w[8], w[7])
	}
	a, b, c, d, e, f, g, h := s.hash[0], s.hash[1], s.hash[2], s.hash[3], s.hash[4], s.hash[5], s.hash[6], s.hash[7]
	for t := 0; t < 80; t += 8 {
		w, k := (*[8]uint64)(w[t:]), (*[8]uint64)(constants[t:])
		d, h = round(a, b, c, d, e, f, g, h, k[0]+w[0])
		c, g = round(h, a, b, c, d, e, f, g, k[1]+w[1])
		b, f = round(g, h, a, b, c, d, e, f, k[2]+w[2])
		a, e = round(f, g, h, a, b, c, d, e, k[3]+w[3])
		h, d = round(e, f, g, h, a, b, c, d, k[4]+w[4])
		g, c = round(d, e, f, g, h, a, b, c, k[5]+w[5])
		f, b = round(c, d, e, f, g, h, a, b, k[6]+w[6])
		e, a = round(b, c, d, e, f, g, h, a, k[7]+w[7])
	}
	s.hash[0] += a
	s.hash[1] += b
	s.hash[2] += c
	s.hash[3] += d
	s.hash[4] += e
	s.hash[5] += f
	s.hash[6] += g
	s.hash[7] += h
	s.filled = 0
}

// schedule returns W[t] of the message schedule from W[t-2], W[t-7], W[t-15] and
// W[t-16].
func schedule(w2, w7, w15, w16 uint64) uint64 {
	s1 := bits.RotateLeft64(w2, -19) ^ bits.RotateLeft64(w2, -61) ^ w2>>6
	s0 := bits.RotateLeft64(w15, -1) ^ bits.RotateLeft64(w15, -8) ^ w15>>7
	return s1 + w7 + s0 + w16
}

// round returns the new values of the two variables that a round computes. The other
// six only move on to the next name.
func round(a, b, c, d, e, f, g, h, kw uint64) (uint64, uint64) {
	s1 := bits.RotateLeft64(e, -14) ^ bits.RotateLeft64(e, -18) ^ bits.RotateLeft64(e, -41)
	t1 := h + s1 + (g ^ e&(f^g)) + kw
	s0 := bits.RotateLeft64(a, -28) ^ bits.RotateLeft64(a, -34) ^ bits.RotateLeft64(a, -39)
	return d + t1, t1 + s0 + (a&b | c&(a|b))
}
