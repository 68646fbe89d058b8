package config

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// pathFault returns what keeps a non-empty URL path, but for a slash at its end,
// from being the prefix of requests, or "". The gateway compares paths in canonical form (RFC 3986,
// section 6.2.2, with doubled slashes merged) and refuses requests on whose
// path it could disagree with the server, so a path in another form would
// never be matched.
func pathFault(path string) string {
	if !strings.HasPrefix(path, "/") {
		return "must be a path that starts with a slash"
	}
	for i := 0; i < len(path); i++ {
		if path[i] == '?' || path[i] == '#' {
			return "must be a path without " + path[i:i+1]
		}
	}
	if strings.Contains(path, ";") {
		return "must have a path without ;"
	}
	if strings.Contains(path, "*") {
		return "must have a path without *: it covers all that is under it, and * would stand for itself alone"
	}
	if !isURLText(path, "/") {
		return "must have a path with valid percent-encoding and no character that needs it"
	}
	if fault := encodingFault(path); fault != "" {
		return fault
	}
	if strings.Contains(path, "//") {
		return "must have a path without doubled slashes"
	}
	if closed := path + "/"; strings.Contains(closed, "/./") || strings.Contains(closed, "/../") {
		return "must have a path without dot segments"
	}
	if IsDiscovery(strings.TrimSuffix(path, "/")) {
		return "must not be where clients look for metadata, under /.well-known/"
	}
	return ""
}

// pathPrefixFault is pathFault for a prefix, which has no slash at its end.
func pathPrefixFault(path string) string {
	if parent, ok := strings.CutSuffix(path, "/"); ok && parent != "" && pathFault(path) == "" {
		return "must not end with a slash: " + parent + " covers all that is under it"
	}
	return pathFault(path)
}

// encodingFault returns what is wrong with the percent-encodings of a path,
// which are complete.
func encodingFault(path string) string {
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			continue
		}
		encoded := path[i : i+3]
		c := unhex(path[i+1])<<4 | unhex(path[i+2])
		switch {
		case c == '/' || c == '\\' || c == ';' || c < ' ' || c == 0x7F:
			return "must have a path without " + encoded + ": the gateway refuses requests with it"
		case isUnreserved(c), strings.IndexByte("!$&'()*+,=:@", c) >= 0:
			return "must have a path with " + string(rune(c)) + " instead of " + encoded
		case path[i+1] >= 'a' || path[i+2] >= 'a':
			return "must have upper-case digits in " + encoded
		}
		i += 2
	}
	return ""
}

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// FoldPath returns a path in a form that is the same for all paths that differ
// only in the case of letters, in ASCII or beyond, and of percent-encodings.
// Not every server tells these apart.
func FoldPath(path string) string {
	b := make([]byte, 0, len(path))
	for text := unescape(path, utf8.RuneSelf); text != ""; {
		c, size := text[0], 1
		switch {
		case c >= utf8.RuneSelf:
			var r rune
			r, size = utf8.DecodeRuneInString(text)
			folded := text[:size] // what is no UTF-8 as it is
			if r != utf8.RuneError {
				folded = string(unicode.ToLower(unicode.ToUpper(r)))
			}
			b = appendEscaped(b, folded)
		case c == '%' && len(text) > 2 && isHex(text[1]) && isHex(text[2]):
			b = append(b, c, lower(text[1]), lower(text[2]))
			size = 3
		case c == '/' || isUnreserved(c) || strings.IndexByte("!$&'()*+,;=:@", c) >= 0:
			b = append(b, lower(c))
		default:
			b = appendEscaped(b, text[:1])
		}
		text = text[size:]
	}
	return string(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// appendEscaped appends s with everything but letters percent-encoded: a letter
// beyond ASCII may fold to one in ASCII.
func appendEscaped(b []byte, s string) []byte {
	const lowerHex = "0123456789abcdef"
	for i := 0; i < len(s); i++ {
		if c := s[i]; isAlpha(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', lowerHex[c>>4], lowerHex[c&15])
		}
	}
	return b
}

// Unescape decodes the percent-encodings of a path once. What is none stays as
// it is.
func Unescape(path string) string { return unescape(path, 0) }

// unescape decodes those of bytes from first on.
func unescape(path string, first byte) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]) {
			if decoded := unhex(path[i+1])<<4 | unhex(path[i+2]); decoded >= first {
				c = decoded
				i += 2
			}
		}
		b = append(b, c)
	}
	return string(b)
}
