package gate

import (
	"errors"
	"strings"
)

var (
	errNoToken   = errors.New("no bearer token")
	errTwoTokens = errors.New("the request must carry one token, in one Authorization header")
)

// prefixes begin an Authorization header in the standard form.
const bearerPrefix, dpopPrefix = "Bearer ", "DPoP "

// A scheme is the authentication scheme by which a request presents its token.
type scheme uint8

const (
	schemeBearer scheme = iota // RFC 6750, section 2.1
	schemeDPoP                 // RFC 9449, section 7.1
)

// presentedToken returns the token of the request's Authorization header, and the scheme
// before it; it reads no token from the query or the body. The error is errTwoTokens or
// errNoToken. Another scheme, and a scheme without a token, are errNoToken. So is DPoP
// unless dpop is set.
//
// White space is spaces and tabs (RFC 9110, section 5.6.3). presentedToken trims it at
// both ends, as servers do; over HTTP/2, Envoy does not trim it.
func presentedToken(r *Request, dpop bool) (string, scheme, error) {
	if r.Authorizations > 1 {
		return "", 0, errTwoTokens
	}
	name, token := cutSpace(trimSpace(r.Authorization))
	if s, ok := schemeOf(name, dpop); ok {
		switch {
		case token == "":
			return "", 0, errNoToken
		case strings.ContainsAny(token, " \t,"):
			return "", 0, errTwoTokens
		}
		return token, s, nil
	}
	// Proxies join two headers with a comma (RFC 9110, section 5.3). The loop looks
	// at each part once, so that its work is linear.
	_, rest, more := strings.Cut(r.Authorization, ",")
	for more {
		var part string
		part, rest, more = strings.Cut(rest, ",")
		name, _ := cutSpace(trimSpace(part))
		if _, ok := schemeOf(name, dpop); ok {
			return "", 0, errTwoTokens
		}
	}
	return "", 0, errNoToken
}

// schemeOf returns the scheme with a name, in any case, if a token may come by it.
func schemeOf(name string, dpop bool) (s scheme, ok bool) {
	switch {
	case strings.EqualFold(name, "Bearer"):
		return schemeBearer, true
	case dpop && strings.EqualFold(name, "DPoP"):
		return schemeDPoP, true
	}
	return 0, false
}

// isStandard reports whether the Authorization header of a request presents its
// token in the standard form of a bearer token.
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
