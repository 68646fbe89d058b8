package route

import (
	"strings"

	"mcpauth/config"
)

// A reading is the path of a request as some server may understand it.
type reading struct {
	path string
	// rare is set if only a server that cuts paths off or trims their segments
	// reads the path so. Few servers do. A rare reading counts only if the request
	// can go on to a server: see leadsElsewhere.
	rare bool
}

// Bounds of the readings of one path, and so of the work on it. Real paths have few
// readings.
const (
	maxReadings      = 64
	maxReadingsBytes = 64 << 10
)

// A step is one change that a server may make to a path before it uses it.
type step func(path string) string

// The steps by their purpose. Servers take them in any order, and some more than
// once: a proxy decodes and resolves a path, and the server behind it does so again.
var (
	resolving = []step{removeDots, removeEncodedDots, mergeSlashes, mergeLeadingSlashes, removeHost}
	decoding  = []step{config.PercentDecode, unescapeUnreserved, slashBackslashes, removeParameters}
	cutting   = []step{cutQuery, trimSegments, removeSessions}
)

// readings is the set of the readings of one path.
type readings struct {
	list  []reading
	bytes int
	err   error
}

// readingsOf returns the canonical form of path, as Envoy normalizes it, and all its
// readings. The first depth segments decide about the resource: readingsOf refuses
// path parameters in them.
func readingsOf(path string, depth int) (canonical string, list []reading, err error) {
	if path == "" || path[0] != '/' || len(path) > maxPath {
		return "", nil, ErrPath
	}
	text, err := decode(path)
	if err != nil {
		return "", nil, err
	}
	for _, segment := range strings.Split(text[1:], "/") {
		// A server that drops parameters reads "..;x" as "..".
		if name, _, ok := strings.Cut(segment, ";"); ok && (name == "" || name == "." || name == "..") {
			return "", nil, ErrPath
		}
	}
	r := readings{list: make([]reading, 0, 8)}
	r.add(path, false)
	r.add(text, false)
	r.expand(false, resolving)
	for _, reading := range r.list {
		if strings.Contains(firstSegments(reading.path, depth), ";") {
			return "", nil, ErrPath
		}
	}
	r.expand(false, resolving, decoding)
	r.expand(true, resolving, decoding, cutting)
	return mergeSlashes(removeDots(text)), r.list, r.err
}

// expand adds the readings that result from each reading by any sequence of these
// steps.
func (r *readings) expand(rare bool, steps ...[]step) {
	for i := 0; i < len(r.list) && r.err == nil; i++ { // r.list grows in the loop
		for _, list := range steps {
			for _, step := range list {
				r.add(step(r.list[i].path), rare)
			}
		}
	}
}

// add adds a reading unless r has it. A reading that no known server serves sets
// r.err.
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

// removeEncodedDots is removeDots for servers that also take "%2e" for a dot, as the
// URL class of JavaScript does.
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

// mergeLeadingSlashes is for servers that take several slashes at the start for one.
func mergeLeadingSlashes(path string) string {
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	return path
}

// removeHost is for servers that read "//a/b" as a host and a path, as the URL class
// of JavaScript does. It takes more than two slashes for two.
func removeHost(path string) string {
	if !strings.HasPrefix(path, "//") {
		return path
	}
	path = mergeLeadingSlashes(path)
	if i := indexSlash(path, 2); i >= 0 {
		return path[i:]
	}
	return "/"
}

// unescapeUnreserved decodes only the characters that a path may hold as they are.
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

// trimSegments removes dots and spaces at the ends of segments, as Windows does with
// file names.
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

// eachSegment applies change to each segment of a path that contains one of chars.
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

// hasOverlong reports whether a path has an overlong UTF-8 encoding: some decoders
// take C0 AF for a slash.
func hasOverlong(path string) bool {
	for i := 0; i+1 < len(path); i++ {
		c, next := path[i], path[i+1]
		if next>>6 == 2 && (c == 0xC0 || c == 0xC1 || c == 0xE0 && next < 0xA0 || c == 0xF0 && next < 0x90) {
			return true
		}
	}
	return false
}
