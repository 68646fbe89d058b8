package route

import (
	"errors"
	"strings"

	"mcpauth/internal/percent"
)

// ErrPath refuses a path that the gateway and a server behind it could read
// differently: one with an encoded slash, a backslash, a space, a control
// character, a malformed percent-encoding, overlong UTF-8, a fragment, or path
// parameters that could hide a segment, and one whose readings lead to different
// protected resources.
var ErrPath = errors.New("the path cannot be compared safely")

// maxPath bounds a path that is not plain, and so the work on it. Real paths are
// short.
const maxPath = 4096

// Canonical returns the canonical form of the path of a URL, as Envoy normalizes it: see
// decode. All paths with one canonical form name one thing (RFC 3986, section 6.2.2). The
// error is ErrPath.
func Canonical(path string) (string, error) {
	if path == "" {
		return "/", nil // RFC 3986, section 6.2.3
	}
	if path[0] != '/' || len(path) > maxPath {
		return "", ErrPath
	}
	text, err := decode(path)
	if err != nil {
		return "", err
	}
	return mergeSlashes(removeDots(text)), nil
}

// isPlain reports whether path has only one reading: it starts with a slash, has no
// character that a reading changes or refuses, no dot at either end of a segment,
// and no upper-case letter, which some servers take for the lower-case one.
func isPlain(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '/':
			if i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') || path[max(0, i-1)] == '.' {
				return false
			}
		case c == ';' || c == '(' || !isPChar(c) || 'A' <= c && c <= 'Z':
			return false
		}
	}
	return path[len(path)-1] != '.'
}

// decode decodes the percent-encoded characters that a path may hold as they are
// (RFC 3986, section 3.3), and percent-encodes all others with upper-case digits.
// Package config accepts paths in this form only. decode refuses a path on which
// parsers disagree.
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
			decoded, ok := percent.Decode(path[i:])
			if !ok {
				return "", ErrPath
			}
			c = decoded
			i += 2
		case c == '#' || c == ' ':
			return "", ErrPath
		}
		switch {
		case c == '/' || c == '\\' || c < 0x20 || c == 0x7f:
			return "", ErrPath
		case isPChar(c):
			out = append(out, c)
		default:
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(out), nil
}

// isPChar reports whether a path segment may hold c as it is: pchar of RFC 3986,
// section 3.3, without percent-encodings.
func isPChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0
}

// removeDots is remove_dot_segments of RFC 3986, section 5.2.4, for a path that
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
