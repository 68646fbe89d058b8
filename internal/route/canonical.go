package route

import (
	"errors"
	"strings"
)

// ErrPath is the answer to a path on which the gateway and a server behind it
// could disagree: an encoded slash, a backslash, a control character, a
// malformed percent-encoding, a fragment, path parameters where they could
// hide a segment, or dot segments and doubled slashes that lead to different
// protected resources depending on who resolves them, and how.
var ErrPath = errors.New("the path cannot be compared safely")

// A reading is one way in which a server may understand a request path.
type reading int

const (
	asSent       reading = iota // byte for byte, as Envoy routes without normalize_path
	decoded                     // with the characters brought into one form: see decode
	noDots                      // and dot segments removed: RFC 3986 section 6.2.2
	canonical                   // and then doubled slashes merged, as Envoy normalizes
	noSlashes                   // decoded, and doubled slashes merged
	slashesFirst                // and then dot segments removed, as nginx does
	noHost                      // "//a/b" as a host and a path, as the URL class of JavaScript does
	readings
)

// maxOddPath bounds the work on a path that is not plain; real ones are short.
const maxOddPath = 4096

// plain reports whether path has one reading only: it starts with a slash, has
// none of the characters that read would change or refuse, and no upper-case
// letter, which not every server tells from the lower-case one.
func plain(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '/':
			if i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') {
				return false
			}
		case c == ';' || !pchar(c) || 'A' <= c && c <= 'Z':
			return false
		}
	}
	return true
}

// read returns every reading of path, which is not plain. Segments up to depth
// may decide which resource a path belongs to: path parameters in them are
// refused.
func read(path string, depth int) ([readings]string, error) {
	var r [readings]string
	if path == "" || path[0] != '/' || len(path) > maxOddPath {
		return r, ErrPath
	}
	text, err := decode(path)
	if err != nil {
		return r, err
	}
	for _, segment := range strings.Split(text[1:], "/") {
		// Servers that drop parameters read "..;x" as "..".
		if name, _, ok := strings.Cut(segment, ";"); ok && (name == "" || name == "." || name == "..") {
			return r, ErrPath
		}
	}
	r[asSent] = path
	r[decoded] = text
	r[noDots] = removeDots(text)
	r[canonical] = mergeSlashes(r[noDots])
	r[noSlashes] = mergeSlashes(text)
	r[slashesFirst] = removeDots(r[noSlashes])
	r[noHost] = r[canonical]
	if strings.HasPrefix(text, "//") {
		_, rest, _ := strings.Cut(strings.TrimLeft(text, "/"), "/")
		r[noHost] = mergeSlashes(removeDots("/" + rest))
	}
	for _, reading := range r {
		if end := nthSlash(reading, depth+1); end >= 0 {
			reading = reading[:end]
		}
		if strings.Contains(reading, ";") {
			return r, ErrPath
		}
	}
	return r, nil
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
		case c == '#':
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
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			out = append(out, path[i])
		}
	}
	return string(out)
}
