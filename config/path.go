package config

import "strings"

// pathFault returns what keeps a non-empty URL path from being the prefix of
// requests, or "". The gateway compares paths in canonical form (RFC 3986,
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
	if parent, ok := strings.CutSuffix(path, "/"); ok && parent != "" {
		return "must not end with a slash: " + parent + " covers all that is under it"
	}
	if IsDiscovery(path) {
		return "must not be where clients look for metadata, under /.well-known/"
	}
	return ""
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
