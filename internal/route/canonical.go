package route

import (
	"errors"
	"strings"
)

// ErrPath is the answer to a path on which the gateway and a server behind it
// could disagree: an encoded slash, a backslash, a space or a control character,
// a malformed percent-encoding, overlong UTF-8, a fragment, path parameters where
// they could hide a segment, or whatever leads to different protected resources
// depending on who reads it, and how.
var ErrPath = errors.New("the path cannot be compared safely")

// maxOddPath bounds the work on a path that is not plain; real ones are short.
const maxOddPath = 4096

// plain reports whether path has one reading only: it starts with a slash, has
// none of the characters that some reading changes or refuses, no dot at an end of
// a segment, and no upper-case letter, which not every server tells from the
// lower-case one.
func plain(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '/':
			if i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') || path[max(0, i-1)] == '.' {
				return false
			}
		case c == ';' || c == '(' || !pchar(c) || 'A' <= c && c <= 'Z':
			return false
		}
	}
	return path[len(path)-1] != '.'
}

// decode brings the characters of a path into the one form that config accepts:
// those that a path may hold as they are (RFC 3986 section 3.3) decoded, all
// others percent-encoded with upper-case digits. It refuses what no two parsers
// agree on.
func decode(path string) (string, error) {
	const upperHex = "0123456789ABCDEF"
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '/':
			out = append(out, c)
			continue
		case c == '%':
			if i+2 >= len(path) {
				return "", ErrPath
			}
			hi, lo := unhex(path[i+1]), unhex(path[i+2])
			if hi < 0 || lo < 0 {
				return "", ErrPath
			}
			c = byte(hi<<4 | lo)
			i += 2
		case c == '#' || c == ' ':
			return "", ErrPath
		}
		switch {
		case c == '/' || c == '\\' || c < 0x20 || c == 0x7f:
			return "", ErrPath
		case pchar(c):
			out = append(out, c)
		default:
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(out), nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// pchar reports whether a path segment may hold c as it is: RFC 3986 section
// 3.3, percent-encodings excepted.
func pchar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0
}

// removeDots is remove_dot_segments of RFC 3986 section 5.2.4 for a path that
// starts with a slash.
func removeDots(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	segments := strings.Split(path[1:], "/")
	kept := segments[:0]
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".", "..":
			if s == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, s)
		}
	}
	return "/" + strings.Join(kept, "/")
}

func mergeSlashes(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			out = append(out, path[i])
		}
	}
	return string(out)
}
