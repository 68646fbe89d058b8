package route

import (
	"strings"

	"mcpauth/config"
)

// A reading is a path as some server may understand the path of a request.
type reading struct {
	path string
	// rare is set where it takes a server that cuts paths off or trims their
	// segments. Such servers are few, and where no unmatched request passes,
	// they decide only between one resource and another.
	rare bool
}

// Bounds of the readings of one path, so that the work on it is bounded: real
// paths have few.
const (
	maxReadings      = 64
	maxReadingsBytes = 64 << 10
)

// A step is one thing that a server may do to a path before it looks at it, or
// again. It returns a path unchanged if there is nothing to do.
type step func(path string) string

// The steps, by what they need. Servers take them in any order, some of them
// more than once: a proxy before a server decodes and resolves, and then does the
// server.
var (
	resolving = []step{removeDots, removeEncodedDots, mergeSlashes, mergeLeadingSlashes, removeHost}
	decoding  = []step{config.Unescape, unescapeUnreserved, slashBackslashes, removeParameters}
	cutting   = []step{cutQuery, trimSegments, removeSessions}
)

// readings is the set of the readings of one path.
type readings struct {
	list  []reading
	bytes int
	err   error
}

// read returns the canonical path, as Envoy normalizes it, and all readings of
// path, which is not plain. Segments up to depth may decide which resource a path
// belongs to: path parameters in them are refused.
func read(path string, depth int) (canonical string, list []reading, err error) {
	if path == "" || path[0] != '/' || len(path) > maxOddPath {
		return "", nil, ErrPath
	}
	text, err := decode(path)
	if err != nil {
		return "", nil, err
	}
	for _, segment := range strings.Split(text[1:], "/") {
		// Servers that drop parameters read "..;x" as "..".
		if name, _, ok := strings.Cut(segment, ";"); ok && (name == "" || name == "." || name == "..") {
			return "", nil, ErrPath
		}
	}
	r := readings{list: make([]reading, 0, 8)}
	r.add(path, false)
	r.add(text, false)
	r.close(false, resolving)
	for _, reading := range r.list {
		if strings.Contains(cutDepth(reading.path, depth), ";") {
			return "", nil, ErrPath
		}
	}
	r.close(false, resolving, decoding)
	r.close(true, resolving, decoding, cutting)
	return mergeSlashes(removeDots(text)), r.list, r.err
}

// close adds what becomes of each reading by these steps, in any order and
// number.
func (r *readings) close(rare bool, steps ...[]step) {
	for i := 0; i < len(r.list) && r.err == nil; i++ { // it grows meanwhile
		for _, list := range steps {
			for _, step := range list {
				r.add(step(r.list[i].path), rare)
			}
		}
	}
}

// add adds a reading unless it is there. One that no server is known to serve
// makes the path one that is refused.
//
//go:noinline
func (r *readings) add(path string, rare bool) {
	for i := range r.list {
		if r.list[i].path == path {
			return
		}
	}
	r.bytes += len(path)
	if len(r.list) == maxReadings || r.bytes > maxReadingsBytes || hasControl(path) || hasOverlong(path) {
		r.err = ErrPath
		return
	}
	r.list = append(r.list, reading{path, rare})
}

// removeEncodedDots is removeDots for servers to which "%2e" is a dot there, as
// the URL class of JavaScript has it.
func removeEncodedDots(path string) string {
	return removeDots(eachSegment(path, "%", func(segment string) string {
		if len(segment) <= len("%2e%2e") {
			dots := strings.ReplaceAll(strings.ReplaceAll(segment, "%2e", "."), "%2E", ".")
			if dots == "." || dots == ".." {
				return dots
			}
		}
		return segment
	}))
}

// mergeLeadingSlashes is for servers that take several slashes at the beginning
// for one.
func mergeLeadingSlashes(path string) string {
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	return path
}

// removeHost is for servers that read "//a/b" as a host and a path, as the URL
// class of JavaScript does, to which more than two slashes are the same.
func removeHost(path string) string {
	if !strings.HasPrefix(path, "//") {
		return path
	}
	path = mergeLeadingSlashes(path)
	if i := nthSlash(path, 2); i >= 0 {
		return path[i:]
	}
	return "/"
}

// unescapeUnreserved decodes what may stand in a path as it is, and nothing else.
func unescapeUnreserved(path string) string {
	text, err := decode(path)
	if err != nil {
		return path
	}
	return text
}

func slashBackslashes(path string) string { return strings.ReplaceAll(path, `\`, "/") }

// removeParameters removes what follows a semicolon in each segment.
func removeParameters(path string) string {
	return eachSegment(path, ";", func(segment string) string {
		segment, _, _ = strings.Cut(segment, ";")
		return segment
	})
}

// cutQuery is for servers that decode a path before they look for its end.
func cutQuery(path string) string {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		return path[:i]
	}
	return path
}

// trimSegments removes dots and spaces at the ends of segments, as file names of
// Windows have none.
func trimSegments(path string) string {
	return eachSegment(path, ". ", func(segment string) string {
		for _, chars := range [...]string{" ", ". "} {
			if segment == "." || segment == ".." {
				break
			}
			for segment != "" && strings.IndexByte(chars, segment[len(segment)-1]) >= 0 {
				segment = segment[:len(segment)-1]
			}
		}
		return segment
	})
}

// removeSessions removes what ASP.NET takes for the session of a client without
// cookies, such as "/(S(abc))", with the slash before it, anywhere in a path.
func removeSessions(path string) string {
	var kept []byte
	rest := path
	for {
		start := strings.Index(rest, "/(")
		if start < 0 {
			break
		}
		size := 0
		if len(rest) > start+3 && rest[start+3] == '(' {
			if size = strings.Index(rest[start:], "))") + len("))"); size < len("))") {
				break
			}
			kept = append(kept, rest[:start]...)
		} else {
			size = len("/")
			kept = append(kept, rest[:start+size]...)
		}
		rest = rest[start+size:]
	}
	return string(kept) + rest
}

// eachSegment applies change to the segments of a path that has one of chars.
//
//go:noinline
func eachSegment(path, chars string, change func(string) string) string {
	if !strings.ContainsAny(path, chars) {
		return path
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i] = change(s)
	}
	return strings.Join(segments, "/")
}

func hasControl(path string) bool {
	for i := 0; i < len(path); i++ {
		if path[i] < ' ' || path[i] == 0x7f {
			return true
		}
	}
	return false
}

// hasOverlong reports whether a path has a character in more bytes than UTF-8
// gives it: some decoders take C0 AF for a slash.
func hasOverlong(path string) bool {
	for i := 0; i+1 < len(path); i++ {
		c, next := path[i], path[i+1]
		if next>>6 == 2 && (c == 0xC0 || c == 0xC1 || c == 0xE0 && next < 0xA0 || c == 0xF0 && next < 0x90) {
			return true
		}
	}
	return false
}
