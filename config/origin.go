package config

import "strings"

// MatchesOrigin reports whether an origin, as a browser sends it in the Origin
// header (RFC 6454, section 6.2), is that of one of the patterns that
// Resource.AllowedOrigins may hold. It is compared byte for byte: browsers send
// one form only.
func MatchesOrigin(pattern, origin string) bool {
	before, after, wildcard := strings.Cut(pattern, "*")
	if !wildcard {
		return pattern == origin
	}
	authority, ok := strings.CutPrefix(origin, before)
	if !ok || !strings.HasSuffix(authority, after) {
		return false
	}
	_, _, err := splitHostPort(authority)
	return err == nil
}

// origins reads a list of origins. An empty one is not the same as none.
func (v *value) origins() []string {
	list := texts(v.array(), (*value).origin)
	if v != nil && list == nil {
		list = []string{}
	}
	return list
}

// origin reads one and returns it in the form in which browsers send it.
func (v *value) origin() string {
	s, ok := v.string()
	if !ok || s == "null" {
		return s
	}
	scheme, rest, ok := strings.Cut(strings.ToLower(s), "://")
	if !ok || !isToken(scheme) || strings.IndexByte(scheme, '*') >= 0 || strings.IndexByte(rest, '/') >= 0 {
		v.fail("must be an origin, such as https://app.example.com, with no path, or null; without allowed_origins, any is allowed")
		return ""
	}
	host, err := parsePattern(rest)
	if err != nil {
		v.fail(err.Error())
		return ""
	}
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return scheme + "://" + host
}
