package jwtlite

// The decoder of the standard library skips line breaks, also in its strict mode, so
// that one token would have many spellings. This one accepts exactly the texts that the
// encoder of RFC 7515, appendix C produces.

// invalid64 marks a byte outside the alphabet of RFC 4648, section 5.
const invalid64 = 0xff

var decode64 = func() (table [256]byte) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range table {
		table[i] = invalid64
	}
	for i := range len(alphabet) {
		table[alphabet[i]] = byte(i)
	}
	return table
}()

// appendBase64URL appends the bytes that src encodes to dst. It returns false if src has
// a byte outside the alphabet, such as padding or whitespace, an impossible length, or
// unused bits that are not zero. The appended bytes have no meaning then.
func appendBase64URL(dst []byte, src string) ([]byte, bool) {
	for len(src) >= 4 {
		a, b, c, d := decode64[src[0]], decode64[src[1]], decode64[src[2]], decode64[src[3]]
		if a|b|c|d == invalid64 {
			return dst, false
		}
		dst = append(dst, a<<2|b>>4, b<<4|c>>2, c<<6|d)
		src = src[4:]
	}
	switch len(src) {
	case 0:
		return dst, true
	case 2:
		a, b := decode64[src[0]], decode64[src[1]]
		if a|b == invalid64 || b&0x0f != 0 {
			return dst, false
		}
		return append(dst, a<<2|b>>4), true
	case 3:
		a, b, c := decode64[src[0]], decode64[src[1]], decode64[src[2]]
		if a|b|c == invalid64 || c&0x03 != 0 {
			return dst, false
		}
		return append(dst, a<<2|b>>4, b<<4|c>>2), true
	default:
		return dst, false
	}
}
