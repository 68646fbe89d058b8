package gate

import (
	"errors"
	"strings"
)

var (
	errNoToken   = errors.New("no bearer token")
	errTwoTokens = errors.New("the request must carry one token, in one Authorization header")
)

// bearer returns the token of the request's Authorization header (RFC 6750
// section 2.1); the query and the body are no places for one. The error is
// errNoToken, also for another scheme and for Bearer with nothing after it, or
// errTwoTokens.
func bearer(r *Request) (string, error) {
	if r.Authorizations > 1 {
		return "", errTwoTokens
	}
	scheme, token := cutSpace(trim(r.Authorization))
	if strings.EqualFold(scheme, "Bearer") {
		switch {
		case token == "":
			return "", errNoToken
		case strings.IndexByte(token, ' ') >= 0, strings.IndexByte(token, '\t') >= 0, strings.IndexByte(token, ',') >= 0:
			return "", errTwoTokens
		}
		return token, nil
	}
	// Proxies join two headers to one with a comma (RFC 9110 section 5.3).
	for rest := r.Authorization; ; {
		var ok bool
		if _, rest, ok = strings.Cut(rest, ","); !ok {
			return "", errNoToken
		}
		if scheme, _ := cutSpace(trim(rest)); strings.EqualFold(scheme, "Bearer") {
			return "", errTwoTokens
		}
	}
}

func trim(s string) string { return strings.Trim(s, " \t") }

// cutSpace splits s at its first run of spaces and tabs.
func cutSpace(s string) (before, after string) {
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		return s[:i], trim(s[i:])
	}
	return s, ""
}
