package jwtlite

// The tags of the types that public keys and certificates consist of: X.690, section 8.
const (
	tagInteger   = 0x02
	tagBitString = 0x03
	tagSequence  = 0x30
	tagVersion   = 0xa0 // of a certificate: [0] EXPLICIT
)

// Object identifiers with their tag and length.
const (
	oidRSAEncryption = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" // RFC 3279, section 2.3.1
	oidECPublicKey   = "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"         // RFC 5480, section 2.1.1
	oidP256          = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"     // RFC 5480, section 2.1.1.1
	oidP384          = "\x06\x05\x2b\x81\x04\x00\x22"
	oidP521          = "\x06\x05\x2b\x81\x04\x00\x23"
	oidEd25519       = "\x06\x03\x2b\x65\x70" // RFC 8410, section 3
)

// readDER reads the element with the given tag at the start of der. It accepts definite
// lengths in the shortest form only: X.690, section 10.1.
func readDER(der []byte, tag byte) (contents, rest []byte, ok bool) {
	if len(der) < 2 || der[0] != tag {
		return nil, nil, false
	}
	length, der := int(der[1]), der[2:]
	switch {
	case length < 0x80:
	case length == 0x81 && len(der) >= 1 && der[0] >= 0x80:
		length, der = int(der[0]), der[1:]
	case length == 0x82 && len(der) >= 2 && der[0] != 0:
		length, der = int(der[0])<<8|int(der[1]), der[2:]
	default:
		return nil, nil, false
	}
	if length > len(der) {
		return nil, nil, false
	}
	return der[:length], der[length:], true
}

// readPositive reads a positive INTEGER in the shortest form at the start of der: X.690,
// section 8.3.
func readPositive(der []byte) (n, rest []byte, ok bool) {
	n, rest, ok = readDER(der, tagInteger)
	if !ok || len(n) == 0 || n[0]&0x80 != 0 {
		return nil, nil, false
	}
	if n[0] == 0 {
		if len(n) == 1 || n[1]&0x80 == 0 {
			return nil, nil, false
		}
		n = n[1:]
	}
	return n, rest, true
}

// trimZeros returns n, a big-endian number, without leading zeros.
func trimZeros(n []byte) []byte {
	for len(n) > 0 && n[0] == 0 {
		n = n[1:]
	}
	return n
}

// appendElement appends an element. Its contents are first and then rest, together less
// than 65536 bytes.
func appendElement(dst []byte, tag byte, first string, rest []byte) []byte {
	size := len(first) + len(rest)
	header := []byte{tag, byte(size), 0, 0}
	switch {
	case size < 0x80:
		header = header[:2]
	case size < 0x100:
		header = append(header[:1], 0x81, byte(size))
	default:
		header = append(header[:1], 0x82, byte(size>>8), byte(size))
	}
	return append(append(append(dst, header...), first...), rest...)
}

// appendInteger appends n, a big-endian number, as an INTEGER.
func appendInteger(dst, n []byte) []byte {
	n = trimZeros(n)
	sign := ""
	if len(n) == 0 || n[0]&0x80 != 0 {
		sign = "\x00"
	}
	return appendElement(dst, tagInteger, sign, n)
}
