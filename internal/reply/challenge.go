package reply

import "strings"

// A Challenge has what the Bearer challenges of a protected resource name (RFC
// 6750, section 3; RFC 9728, section 5.1). Its fields hold none of the characters
// that a quoted string must escape.
type Challenge struct {
	ResourceMetadata string // URL of the resource's metadata
	Scope            string // empty where no scope is required
}

// Unauthorized returns the 401 to a request without a token. Its challenge has no
// error (RFC 6750, section 3.1): some clients do not start OAuth if there is one.
func (c Challenge) Unauthorized(allowOrigin string) *Response {
	return Error(401, codeUnauthorized, "a bearer token is needed", allowOrigin, c.header("", ""))
}

// InvalidRequest returns the 400 to a request that presents its token in a form
// that RFC 6750 does not allow.
func (c Challenge) InvalidRequest(description, allowOrigin string) *Response {
	return c.respond(400, codeInvalidRequest, description, allowOrigin)
}

// InvalidToken returns the 401 to a request whose token fails a check.
func (c Challenge) InvalidToken(description, allowOrigin string) *Response {
	return c.respond(401, codeInvalidToken, description, allowOrigin)
}

// InsufficientScope returns the 403 to a request whose token lacks a scope of
// c.Scope.
func (c Challenge) InsufficientScope(description, allowOrigin string) *Response {
	return c.respond(403, codeInsufficientScope, description, allowOrigin)
}

func (c Challenge) respond(status uint32, code, description, allowOrigin string) *Response {
	return Error(status, code, description, allowOrigin, c.header(code, description))
}

// header returns the WWW-Authenticate header. code and description hold none of
// the characters that a quoted string must escape; both are empty for a request
// without a token.
func (c Challenge) header(code, description string) [2]string {
	var b strings.Builder
	b.WriteString("Bearer ")
	if code != "" {
		b.WriteString(`error="` + code + `", `)
	}
	if c.Scope != "" {
		b.WriteString(`scope="` + c.Scope + `", `)
	}
	b.WriteString(`resource_metadata="` + c.ResourceMetadata + `"`)
	if code != "" {
		b.WriteString(`, error_description="` + description + `"`)
	}
	return [2]string{"www-authenticate", b.String()}
}
