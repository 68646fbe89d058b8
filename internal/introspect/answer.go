package introspect

import (
	"errors"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/internal/wellknown"
	"mcpauth/jwtlite"
)

// Why a server does not vouch for a token. The texts are fit for the
// error_description of RFC 6750.
var (
	ErrInactive   = errors.New("the token is not active")
	ErrTokenType  = errors.New("the token is no bearer access token")
	ErrNoUser     = errors.New("the authorization server names no user for the token")
	ErrUnreadable = errors.New("what the authorization server says about the token cannot be read")

	// ErrScope: the token lacks a scope that the userinfo endpoint itself asks for.
	ErrScope = errors.New("the token lacks a scope that the authorization server requires")
)

// read takes an answer apart. If it is none, it returns for the log what is
// wrong. What is wrong with one token is a fault of that token: others may be
// well.
func (c *Checker) read(r Response) (a *Answer, wrong string) {
	err := r.Response.Fault()
	userinfo := c.how.Userinfo != nil
	switch {
	case userinfo && (r.Status == 401 || r.Status == 400):
		// RFC 6750, section 3.1. Some send 400 for a token that they do not know.
		return &Answer{Fault: ErrInactive}, ""
	case userinfo && r.Status == 403 && !r.limited():
		return c.forbidden(r), ""
	case r.Status == 401:
		return nil, "status 401: the endpoint refuses the gateway's own credentials"
	case err != nil:
		return nil, err.Error()
	case !IsJSON(r.Header("content-type"), userinfo):
		return nil, "the answer is not application/json"
	case !wellknown.Valid(r.Body) || !gjson.ParseBytes(r.Body).IsObject():
		return nil, "the answer cannot be read: it is no JSON object of at most 32 levels"
	}
	a = &Answer{Claims: r.Body}
	if userinfo {
		if a.Claims, a.Fault = c.mapped(r); a.Fault != nil {
			c.notice.Say("the answer about a token has no user at " + quote(strings.Join(c.how.Userinfo.Subject, ".")) +
				": is claims.subject the right member, and does the token have the scope for it?")
			return a, ""
		}
	}
	if err = c.token.ParseClaims(a.Claims); err != nil {
		// jwtlite speaks of tokens.
		c.notice.Say("the answer about a token cannot be read, as if it were claims: " + err.Error())
		return &Answer{Fault: ErrUnreadable}, ""
	}
	return a, c.restricted(a)
}

// forbidden is the answer about a token for which a userinfo endpoint has nothing
// but status 403: OpenID Connect Core, section 5.3.3, has it, by RFC 6750, for a
// token without the scope.
func (c *Checker) forbidden(r Response) *Answer {
	if strings.Contains(r.Header("www-authenticate"), "insufficient_scope") ||
		wellknown.Text(wellknown.Member(string(r.Body), "error")) == "insufficient_scope" {
		return &Answer{Fault: ErrScope}
	}
	c.notice.Say("the answer about a token has status 403: the token lacks a scope, or the endpoint refuses the gateway")
	return &Answer{Fault: ErrInactive}
}

// restricted looks in an answer for what no JWT has: RFC 7662, section 2.2. Only
// an introspection endpoint has to have it. null stands for what is not there.
func (c *Checker) restricted(a *Answer) (wrong string) {
	claims := c.token.Claims()
	active, ok := claims.Lookup("active")
	switch {
	case active.Raw == "true" || c.how.Userinfo != nil && !ok:
	case c.how.Userinfo == nil && active.Kind != jwtlite.KindBool && wellknown.Member(string(a.Claims), "active") != "null":
		return "the answer has no active that is true or false"
	default:
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
	// A list of none is no missing list: nobody may use the token.
	if aud, ok := claims.Lookup("aud"); ok && aud.Kind == jwtlite.KindArray && len(claims.AppendAudience(nil)) == 0 {
		a.Fault = jwtlite.ErrAudience
	}
	return ""
}

// limited reports whether an answer is about the number of requests: of 403 some
// servers have that use too.
func (r *Response) limited() bool {
	return r.Header("retry-after") != "" || r.Header("x-ratelimit-remaining") == "0"
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

// maxRetryAfter bounds for how many seconds clients are sent away.
const maxRetryAfter = 60

// RetryAfter returns the seconds of a Retry-After header (RFC 9110, section
// 10.2.3), 1 to a minute; 0 if it does not say, or as a date.
func (r *Response) RetryAfter() int {
	text := r.Header("retry-after")
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil && n == 0 {
		return 0
	}
	return int(min(max(n, 1), maxRetryAfter))
}

// IsJSON reports whether a media type is application/json (RFC 7662, section
// 2.2), or another of JSON if that is allowed.
func IsJSON(mediaType string, others bool) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	return mediaType == "application/json" || others && strings.HasSuffix(mediaType, "+json")
}

// quote returns a text in a form and of a length fit for a log.
func quote(s string) string { return strconv.QuoteToASCII(s[:min(len(s), 200)]) }
