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

// A scheme is the authentication scheme by which a request presents its token.
type scheme uint8

const schemeBearer scheme = iota // RFC 6750, section 2.1

// presentedToken returns the token of the request's Authorization header, and the scheme
// before it; it reads no token from the query or the body. The error is errTwoTokens or
// errNoToken. Another scheme, and Bearer without a token, are errNoToken.
//
// White space is spaces and tabs (RFC 9110, section 5.6.3). presentedToken trims it at
// both ends, as servers do; over HTTP/2, Envoy does not trim it.
func presentedToken(r *Request) (string, scheme, error) {
	if r.Authorizations > 1 {
		return "", 0, errTwoTokens
	}
	scheme, token := cutSpace(trimSpace(r.Authorization))
	if isBearer(scheme) {
		switch {
		case token == "":
			return "", 0, errNoToken
		case strings.ContainsAny(token, " \t,"):
			return "", 0, errTwoTokens
		}
		return token, schemeBearer, nil
	}
	// Proxies join two headers with a comma (RFC 9110, section 5.3). The loop looks
	// at each part once, so that its work is linear.
	_, rest, more := strings.Cut(r.Authorization, ",")
	for more {
		var part string
		part, rest, more = strings.Cut(rest, ",")
		if scheme, _ := cutSpace(trimSpace(part)); isBearer(scheme) {
			return "", 0, errTwoTokens
		}
	}
	return "", 0, errNoToken
}

func isBearer(scheme string) bool { return strings.EqualFold(scheme, "Bearer") }

// isStandard reports whether the Authorization header of a request presents its
// token in the standard form.
func isStandard(r *Request, token string) bool {
	return len(r.Authorization) == len(bearerPrefix)+len(token) && strings.HasPrefix(r.Authorization, bearerPrefix)
}

func trimSpace(s string) string { return strings.Trim(s, " \t") }

// cutSpace splits s at its first run of spaces and tabs.
func cutSpace(s string) (before, after string) {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], trimSpace(s[i:])
	}
	return s, ""
}
