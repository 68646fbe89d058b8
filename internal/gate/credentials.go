package gate

import (
	"errors"
	"strings"
)

var (
	errNoToken   = errors.New("no bearer token")
	errTwoTokens = errors.New("the request must carry one token, in one Authorization header")
)

// bearerPrefix begins an Authorization header in the standard form.
const bearerPrefix = "Bearer "

// bearer returns the token of the request's Authorization header (RFC 6750
// section 2.1); the query and the body are no places for one. The error is
// errNoToken, also for another scheme and for Bearer with nothing after it, or
// errTwoTokens.
//
// Only spaces and tabs are white space (RFC 9110 section 5.6.3). They may stand
// at the ends: servers trim them off, and over HTTP/2 Envoy does not.
func bearer(r *Request) (string, error) {
	if r.Authorizations > 1 {
		return "", errTwoTokens
	}
	scheme, token := cutSpace(trim(r.Authorization))
	if isBearer(scheme) {
		switch {
		case token == "":
			return "", errNoToken
		case strings.IndexByte(token, ' ') >= 0, strings.IndexByte(token, '\t') >= 0, strings.IndexByte(token, ',') >= 0:
			return "", errTwoTokens
		}
		return token, nil
	}
	// Proxies join two headers to one with a comma (RFC 9110 section 5.3). Each
	// part is looked at by itself, so that the work is linear.
	_, rest, more := strings.Cut(r.Authorization, ",")
	for more {
		var part string
		part, rest, more = strings.Cut(rest, ",")
		if scheme, _ := cutSpace(trim(part)); isBearer(scheme) {
			return "", errTwoTokens
		}
	}
	return "", errNoToken
}

func isBearer(scheme string) bool { return strings.EqualFold(scheme, "Bearer") }

func trim(s string) string { return strings.Trim(s, " \t") }

// cutSpace splits s at its first run of spaces and tabs.
func cutSpace(s string) (before, after string) {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], trim(s[i:])
	}
	return s, ""
}
