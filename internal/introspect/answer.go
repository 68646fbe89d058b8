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

// read takes an answer apart: what the server says about a token for which it
// vouches, or why it does not. The error says why the answer is none.
func (c *Checker) read(r Response) (claims []byte, fault, err error) {
	if r.Err != nil {
		return nil, nil, r.Err
	}
	status := header(r.Headers, ":status")
	userinfo := c.how.Userinfo != nil
	switch {
	case userinfo && (status == "401" || status == "400"):
		// RFC 6750, section 3.1. Some send 400 for a token that they do not know.
		return nil, ErrInactive, nil
	case status == "401":
		return nil, nil, errors.New("status 401: the endpoint refuses the gateway's own credentials")
	case len(status) == 3 && status[0] == '3':
		return nil, nil, errors.New("status " + status + ": redirects are not followed")
	case status != "200":
		return nil, nil, errors.New("status " + quote(status))
	case r.Size > MaxAnswer:
		return nil, nil, errors.New("the answer is too large: " + strconv.Itoa(r.Size) + " bytes")
	case !isJSON(header(r.Headers, "content-type"), userinfo):
		return nil, nil, errors.New("the answer is not application/json")
	}
	if userinfo {
		claims, err = c.mapped(r)
		return claims, nil, err
	}
	fault, err = c.introspected(r.Body)
	return r.Body, fault, err
}

// introspected reads an answer of RFC 7662, section 2.2.
func (c *Checker) introspected(document []byte) (fault, err error) {
	if err := c.token.ParseClaims(document); err != nil {
		return nil, unreadable(err)
	}
	claims := c.token.Claims()
	active, _ := claims.Lookup("active")
	if active.Kind != jwtlite.KindBool {
		return nil, errors.New("the answer has no active that is true or false")
	}
	if active.Raw != "true" {
		return ErrInactive, nil
	}
	if t, ok := claims.Lookup("token_type"); ok && !strings.EqualFold(t.Text, "Bearer") {
		return ErrTokenType, nil
	}
	// Servers tell about refresh tokens as well; some say so in this member,
	// which no RFC defines.
	if t, ok := claims.Lookup("token_use"); ok && t.Text != "access_token" && t.Text != "access" {
		return ErrTokenType, nil
	}
	return nil, nil
}

// unreadable is for an error of jwtlite, which speaks of tokens.
func unreadable(err error) error {
	return errors.New("the answer cannot be read, as if it were claims: " + err.Error())
}

func header(headers [][2]string, name string) string {
	for _, h := range headers {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

// isJSON reports whether a media type is application/json (RFC 7662, section
// 2.2), or another of JSON if that is allowed.
func isJSON(mediaType string, others bool) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	return mediaType == "application/json" || others && strings.HasSuffix(mediaType, "+json")
}

// quote returns a text in a form and of a length fit for a log.
func quote(s string) string { return strconv.Quote(s[:min(len(s), 200)]) }
