package jwtlite

import "slices"

// Bounds of an RSA modulus: RFC 7518, section 3.3 asks for 2048 bits or more,
// and a verification costs the square of the size.
const (
	minModulusBits = 2048
	maxModulusBits = 8192
)

// newRSAKey returns an RS256 key. The modulus n and the exponent e are
// big-endian; leading zeros are tolerated, since RFC 7518, section 6.3.1.1
// knows of libraries that write one.
func newRSAKey(n, e []byte) (*Key, error) {
	n, e = unsigned(n), unsigned(e)
	if len(e) == 0 || len(e) > 4 {
		return nil, errExponent
	}
	var exponent uint
	for _, b := range e {
		exponent = exponent<<8 | uint(b)
	}
	if exponent < 3 || exponent&1 == 0 {
		return nil, errExponent
	}
	if len(n) > maxModulusBits/8 || len(n) < minModulusBits/8 {
		return nil, errModulusSize
	}
	if n[len(n)-1]&1 == 0 {
		return nil, errModulusEven
	}
	if len(n) == minModulusBits/8 && n[0]&0x80 == 0 {
		return nil, errModulusSize
	}
	return &Key{
		algorithm: RS256,
		spki:      rsaSPKI(n, e),
		modulus:   newModulus(n),
		size:      len(n),
		exponent:  exponent,
	}, nil
}

// digestInfoSHA256 is the DER encoding of the DigestInfo up to the digest:
// RFC 8017, section 9.2, note 1.
const digestInfoSHA256 = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"

// verifyRS256 is RSASSA-PKCS1-V1_5-VERIFY: RFC 8017, section 8.2.2.
func verifyRS256(k *Key, signingInput string, signature []byte) bool {
	if len(signature) != k.size {
		return false
	}
	// RSAVP1, section 5.2.2.
	var buffer [4 * maxModulusBits / 64]uint64
	words := len(k.modulus.n)
	s, m, t := buffer[:words], buffer[words:2*words], buffer[2*words:4*words]
	setBytes(s, signature)
	if !below(s, k.modulus.n) {
		return false
	}
	k.modulus.power(m, s, k.exponent, t)

	// The encoded message is made anew and compared as a whole, never parsed:
	// EM = 0x00 || 0x01 || PS || 0x00 || T, section 9.2.
	digest := sumSHA256(signingInput)
	var encoded [maxModulusBits / 8]byte
	em := encoded[:k.size]
	em[1] = 0x01
	padding := em[2 : k.size-len(digestInfoSHA256)-len(digest)-1]
	for i := range padding {
		padding[i] = 0xff
	}
	copy(em[k.size-len(digestInfoSHA256)-len(digest):], digestInfoSHA256)
	copy(em[k.size-len(digest):], digest[:])
	setBytes(s, em)
	return slices.Equal(m, s)
}
