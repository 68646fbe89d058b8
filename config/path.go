package config

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"mcpauth/internal/percent"
)

// pathFault returns the reason why a non-empty URL path cannot be a path prefix, or "". It
// accepts a trailing slash. The gateway compares paths in canonical form (RFC 3986,
// section 6.2.2, with doubled slashes merged), and refuses requests whose path the server
// might read differently. A prefix in another form would therefore never match.
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
	if IsMetadataPath(strings.TrimSuffix(path, "/")) {
		return "must not be where clients look for metadata, under /.well-known/"
	}
	return ""
}

// pathPrefixFault is like pathFault, but refuses a trailing slash.
func pathPrefixFault(path string) string {
	if parent, ok := strings.CutSuffix(path, "/"); ok && parent != "" && pathFault(path) == "" {
		return "must not end with a slash: " + parent + " covers all that is under it"
	}
	return pathFault(path)
}

// encodingFault returns the fault of a path's percent-encodings, all of which are
// complete, or "".
func encodingFault(path string) string {
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			continue
		}
		encoded := path[i : i+3]
		c, _ := percent.Decode(encoded)
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

// FoldPath returns the same result for all paths that differ only in the case of letters,
// ASCII or not, or in the case of percent-encodings. Some servers do not distinguish
// such paths.
func FoldPath(path string) string {
	b := make([]byte, 0, len(path))
	for text := unescape(path, utf8.RuneSelf); text != ""; {
		c, size := text[0], 1
		switch {
		case c >= utf8.RuneSelf:
			var r rune
			r, size = utf8.DecodeRuneInString(text)
			folded := text[:size] // invalid UTF-8 stays unchanged
			if r != utf8.RuneError {
				folded = string(unicode.ToLower(unicode.ToUpper(r)))
			}
			b = appendEscaped(b, folded)
		case c == '%':
			if _, ok := percent.Decode(text); ok {
				b = append(b, c, lower(text[1]), lower(text[2]))
				size = 3
			} else {
				b = appendEscaped(b, text[:1])
			}
		case c == '/' || isUnreserved(c) || strings.IndexByte("!$&'()*+,;=:@", c) >= 0:
			b = append(b, lower(c))
		default:
			b = appendEscaped(b, text[:1])
		}
		text = text[size:]
	}
	return string(b)
}

// lower returns an ASCII letter in lower case, and other bytes unchanged.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// appendEscaped appends s and percent-encodes all bytes but ASCII letters, to which a
// letter beyond ASCII may fold.
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

// PercentDecode decodes the percent-encodings of a path once. It keeps "%" where there is
// no percent-encoding.
func PercentDecode(path string) string { return unescape(path, 0) }

// unescape is like PercentDecode for bytes from first on, and keeps the others encoded.
func unescape(path string, first byte) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if decoded, ok := percent.Decode(path[i:]); ok && decoded >= first {
			c = decoded
			i += 2
		}
		b = append(b, c)
	}
	return string(b)
}
