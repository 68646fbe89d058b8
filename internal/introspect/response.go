package introspect

import (
	"errors"
	"strings"

	"github.com/tidwall/gjson"

	"mcpauth/internal/callout"
	"mcpauth/internal/wellknown"
	"mcpauth/jwtlite"
)

// Reasons why a server does not vouch for a token. The texts are fit for the
// error_description of RFC 6750.
var (
	ErrInactive   = errors.New("the token is not active")
	ErrTokenType  = errors.New("the token is no bearer access token")
	ErrNoUser     = errors.New("the authorization server names no user for the token")
	ErrUnreadable = errors.New("what the authorization server says about the token cannot be read")

	// ErrScope: the token lacks a scope that the userinfo endpoint itself requires.
	ErrScope = errors.New("the token lacks a scope that the authorization server requires")
)

// read reads a response. If the response does not answer the question, read returns
// the problem for the log. A fault of one token is no problem: the server may answer
// for others.
func (c *Client) read(r *callout.Response) (result *Result, problem string) {
	err := r.DocumentError()
	userinfo := c.cfg.Userinfo != nil
	switch {
	case userinfo && (r.Status == 401 || r.Status == 400):
		// RFC 6750, section 3.1. Some servers send 400 for an unknown token.
		return &Result{Err: ErrInactive}, ""
	case userinfo && r.Status == 403 && !isRateLimited(r):
		return c.readForbidden(r), ""
	case r.Status == 401:
		return nil, "status 401: the endpoint refuses the gateway's own credentials"
	case err != nil:
		return nil, err.Error()
	case !callout.IsJSON(r.Header("content-type"), userinfo):
		return nil, "the answer is not application/json"
	case !wellknown.Valid(r.Body) || !gjson.ParseBytes(r.Body).IsObject():
		return nil, "the answer cannot be read: it is no JSON object of at most 32 levels"
	}
	result = &Result{Claims: r.Body}
	// Of two members with one name, userinfoClaims may overwrite or remove both. An answer
	// that has them is refused below, as it is.
	if userinfo && c.token.ParseClaims(r.Body) != jwtlite.ErrDuplicateMember {
		if result.Claims, result.Err = c.userinfoClaims(r); result.Err != nil {
			c.tokenLog.Log("the answer about a token has no user at " + callout.Quote(strings.Join(c.cfg.Userinfo.Subject, ".")) +
				": is claims.subject the right member, and does the token have the scope for it?")
			return result, ""
		}
	}
	if err = c.token.ParseClaims(result.Claims); err != nil {
		// jwtlite's error calls the answer a token.
		c.tokenLog.Log("the answer about a token cannot be read, as if it were claims: " + err.Error())
		return &Result{Err: ErrUnreadable}, ""
	}
	return result, c.checkMembers(result)
}

// readForbidden reads a response with status 403 from a userinfo endpoint. By OpenID
// Connect Core, section 5.3.3, and RFC 6750 the token lacks a scope if the response
// says so.
func (c *Client) readForbidden(r *callout.Response) *Result {
	if strings.Contains(r.Header("www-authenticate"), "insufficient_scope") ||
		wellknown.Text(wellknown.Member(string(r.Body), "error")) == "insufficient_scope" {
		return &Result{Err: ErrScope}
	}
	c.tokenLog.Log("the answer about a token has status 403: the token lacks a scope, or the endpoint refuses the gateway")
	return &Result{Err: ErrInactive}
}

// checkMembers checks the members of an answer that no JWT has (RFC 7662, section
// 2.2). Only an introspection endpoint must send active. A null member counts as
// absent.
func (c *Client) checkMembers(result *Result) (problem string) {
	claims := c.token.Claims()
	active, ok := claims.Lookup("active")
	switch {
	case active.Raw == "true" || c.cfg.Userinfo != nil && !ok:
	case c.cfg.Userinfo == nil && active.Kind != jwtlite.KindBool && wellknown.Member(string(result.Claims), "active") != "null":
		return "the answer has no active that is true or false"
	default:
		result.Err = ErrInactive
		return ""
	}
	bound := claims.Confirmation.Thumbprint != "" // RFC 9449, section 6.2
	if t, ok := claims.Lookup("token_type"); ok && !strings.EqualFold(t.Text, "Bearer") && !(bound && strings.EqualFold(t.Text, "DPoP")) {
		result.Err = ErrTokenType
	}
	// Servers answer for refresh tokens as well. Some mark them by this member, which
	// no RFC defines.
	if t, ok := claims.Lookup("token_use"); ok && t.Text != "access_token" && t.Text != "access" {
		result.Err = ErrTokenType
	}
	// An empty audience differs from an absent one: nobody may use the token.
	if aud, ok := claims.Lookup("aud"); ok && aud.Kind == jwtlite.KindArray && len(claims.AppendAudience(nil)) == 0 {
		result.Err = jwtlite.ErrAudience
	}
	return ""
}

// isRateLimited reports whether a response with status 403 is about the number of
// requests: some servers use 403 for that too.
func isRateLimited(r *callout.Response) bool {
	return r.Header("retry-after") != "" || r.Header("x-ratelimit-remaining") == "0"
}
