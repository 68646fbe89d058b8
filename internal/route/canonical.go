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
	decoded                     // percent-encoded unreserved characters decoded
	noDots                      // and dot segments removed: RFC 3986 section 6.2.2
	canonical                   // and then doubled slashes merged, as Envoy normalizes
	noSlashes                   // decoded, and doubled slashes merged
	slashesFirst                // and then dot segments removed, as nginx does
	noHost                      // "//a/b" as a host and a path, as the URL class of JavaScript does
	readings
)

// plain reports whether path has one reading only: it starts with a slash and
// holds nothing that read would change or refuse.
func plain(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '%' || c == ';' || c == '\\' || c == '#' || c < 0x20 || c == 0x7f:
			return false
		case c == '/' && i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.'):
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
	if path == "" || path[0] != '/' {
		return r, ErrPath
	}
	text, err := decode(path)
	if err != nil {
		return r, err
	}
	for i, segment := range strings.Split(text[1:], "/") {
		if name, _, ok := strings.Cut(segment, ";"); ok {
			// Servers that drop parameters read "..;x" as "..".
			if i < depth || name == "" || name == "." || name == ".." {
				return r, ErrPath
			}
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
	return r, nil
}

// decode decodes percent-encoded unreserved characters (RFC 3986 section 2.3)
// and ";", and brings the hexadecimal digits of the others to upper case. It
// refuses what no two parsers agree on.
func decode(path string) (string, error) {
	const upperHex = "0123456789ABCDEF"
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '\\' || c == '#' || c < 0x20 || c == 0x7f {
			return "", ErrPath
		}
		if c != '%' {
			out = append(out, c)
			continue
		}
		if i+2 >= len(path) {
			return "", ErrPath
		}
		hi, lo := unhex(path[i+1]), unhex(path[i+2])
		if hi < 0 || lo < 0 {
			return "", ErrPath
		}
		c = byte(hi<<4 | lo)
		i += 2
		switch {
		case c == '/' || c == '\\' || c < 0x20 || c == 0x7f:
			return "", ErrPath
		case unreserved(c) || c == ';':
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

// unreserved is RFC 3986 section 2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
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
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}
