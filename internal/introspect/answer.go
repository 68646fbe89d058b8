package introspect

import (
	"errors"
	"strconv"
	"strings"

	"mcpauth/jwtlite"
)

// Why a server does not vouch for a token. The texts are fit for the
// error_description of RFC 6750.
var (
	ErrInactive  = errors.New("the token is not active")
	ErrTokenType = errors.New("the token is no bearer access token")
)

// read takes an answer apart. If it is none, it returns for the log what is
// wrong.
func (c *Checker) read(r Response) (a *Answer, wrong string) {
	err := r.Response.Fault()
	userinfo := c.how.Userinfo != nil
	switch {
	case userinfo && (r.Status == 401 || r.Status == 400):
		// RFC 6750, section 3.1. Some send 400 for a token that they do not know.
		return &Answer{Fault: ErrInactive}, ""
	case r.Status == 401:
		return nil, "status 401: the endpoint refuses the gateway's own credentials"
	case err != nil:
		return nil, err.Error()
	case !IsJSON(r.Header("content-type"), userinfo):
		return nil, "the answer is not application/json"
	}
	a = &Answer{Claims: r.Body}
	if userinfo {
		if a.Claims = c.mapped(r); a.Claims == nil {
			return nil, "the answer has no user at " + quote(c.how.Userinfo.Subject) + ", or is no JSON object"
		}
	}
	if err = c.token.ParseClaims(a.Claims); err != nil {
		// jwtlite speaks of tokens.
		return nil, "the answer cannot be read, as if it were claims: " + err.Error()
	}
	if !userinfo {
		wrong = c.introspected(a)
	}
	return a, wrong
}

// introspected looks in an answer of RFC 7662, section 2.2, for what no JWT has.
func (c *Checker) introspected(a *Answer) (wrong string) {
	claims := c.token.Claims()
	if active, _ := claims.Lookup("active"); active.Kind != jwtlite.KindBool {
		return "the answer has no active that is true or false"
	} else if active.Raw != "true" {
		a.Fault = ErrInactive
		return ""
	}
	if t, ok := claims.Lookup("token_type"); ok && !strings.EqualFold(t.Text, "Bearer") {
		a.Fault = ErrTokenType
	}
	// Servers tell about refresh tokens as well; some say so in this member,
	// which no RFC defines.
	if t, ok := claims.Lookup("token_use"); ok && t.Text != "access_token" && t.Text != "access" {
		a.Fault = ErrTokenType
	}
	return ""
}

// Header returns the value of a header, empty if there is none.
func (r *Response) Header(name string) string {
	for _, h := range r.Headers {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

// IsJSON reports whether a media type is application/json (RFC 7662, section
// 2.2), or another of JSON if that is allowed.
func IsJSON(mediaType string, others bool) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	return mediaType == "application/json" || others && strings.HasSuffix(mediaType, "+json")
}

// quote returns a text in a form and of a length fit for a log.
func quote(s string) string { return strconv.Quote(s[:min(len(s), 200)]) }
