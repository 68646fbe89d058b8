// Package percent decodes percent-encodings (RFC 3986, section 2.1).
package percent

// Decode returns the byte that the percent-encoding at the start of s stands for. ok
// is false if s does not start with "%" and two hexadecimal digits.
func Decode(s string) (c byte, ok bool) {
	if len(s) < 3 || s[0] != '%' || !IsHexDigit(s[1]) || !IsHexDigit(s[2]) {
		return 0, false
	}
	return HexValue(s[1])<<4 | HexValue(s[2]), true
}

// IsHexDigit reports whether c is a hexadecimal digit, in either case.
func IsHexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// HexValue returns the value of a hexadecimal digit.
func HexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
