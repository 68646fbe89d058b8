package sha256

// HMAC returns the HMAC-SHA-256 of message under key (RFC 2104). A caller that checks a
// code it was given compares in constant time: see [Equal].
func HMAC(key, message string) [Size]byte {
	const blockSize = 64
	var block [blockSize]byte
	if len(key) > blockSize {
		digest := Sum(key)
		key = string(digest[:])
	}
	copy(block[:], key)
	for i := range block {
		block[i] ^= 0x36
	}
	inner := Sum(string(block[:]) + message)
	for i := range block {
		block[i] ^= 0x36 ^ 0x5c
	}
	return Sum(string(block[:]) + string(inner[:]))
}

// Equal reports whether a and b are equal, in a time that depends only on their lengths.
func Equal(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	var difference byte
	for i := range len(a) {
		difference |= a[i] ^ b[i]
	}
	return difference == 0
}
