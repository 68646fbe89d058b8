package config

import "strings"

// MatchesOrigin reports whether the value of an Origin header (RFC 6454, section 6.2)
// matches a pattern of [Resource].AllowedOrigins. It compares bytes: browsers send one
// form of each origin.
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

// origins reads a list of origins. It returns nil only if the member is absent.
func (v *value) origins() []string {
	list := uniqueStrings(v.array(), (*value).origin)
	if v != nil && list == nil {
		list = []string{}
	}
	return list
}

// origin reads an origin pattern and returns it in the form that browsers send.
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
