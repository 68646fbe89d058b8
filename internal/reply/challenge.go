package reply

import "strings"

// A Challenge has what the challenges of a protected resource name (RFC 6750, section 3;
// RFC 9449, section 7.1; RFC 9728, section 5.1). Its fields hold none of the characters
// that a quoted string must escape.
type Challenge struct {
	ResourceMetadata string // URL of the resource's metadata
	Scope            string // empty where no scope is required

	// Algorithms are those of DPoP proofs, with spaces between them; empty where the
	// resource takes none.
	Algorithms string
	// DPoP makes the one challenge that of DPoP: the client has used DPoP, or must.
	DPoP bool
	// Nonce is the nonce for the next DPoP proof; empty where none is given.
	Nonce string
}

// Unauthorized returns the 401 to a request without a token. Its challenge has no
// error (RFC 6750, section 3.1): some clients do not start OAuth if there is one.
func (c Challenge) Unauthorized(allowOrigin string) *Response {
	description := "a bearer token is needed"
	if c.DPoP {
		description = "a token with a DPoP proof is needed"
	}
	return Error(401, codeUnauthorized, description, allowOrigin, c.headers(401, "", "")...)
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

// InvalidDPoPProof returns the 401 to a request whose DPoP proof fails a check (RFC 9449,
// section 7.1).
func (c Challenge) InvalidDPoPProof(description, allowOrigin string) *Response {
	return c.respond(401, codeInvalidDPoPProof, description, allowOrigin)
}

// UseDPoPNonce returns the 401 to a request whose DPoP proof lacks a current nonce (RFC
// 9449, section 9).
func (c Challenge) UseDPoPNonce(description, allowOrigin string) *Response {
	return c.respond(401, codeUseDPoPNonce, description, allowOrigin)
}

// InsufficientScope returns the 403 to a request whose token lacks a scope of
// c.Scope.
func (c Challenge) InsufficientScope(description, allowOrigin string) *Response {
	return c.respond(403, codeInsufficientScope, description, allowOrigin)
}

func (c Challenge) respond(status uint32, code, description, allowOrigin string) *Response {
	r := Error(status, code, description, allowOrigin, c.headers(status, code, description)...)
	if c.Nonce == "" {
		return r
	}
	for i := range r.Headers {
		if h := &r.Headers[i]; h[0] == "access-control-expose-headers" {
			h[1] += ", DPoP-Nonce"
		}
	}
	r.Headers = append(r.Headers, [2]string{"dpop-nonce", c.Nonce})
	return r
}

// headers returns the WWW-Authenticate headers of a response: the challenge, and after that
// of Bearer, in a 401, one for clients that know DPoP. That is a header of its own, since
// some clients read only the first header, and as one challenge: the Bearer challenge.
func (c Challenge) headers(status uint32, code, description string) [][2]string {
	headers := [][2]string{{wwwAuthenticate, c.challenge(code, description)}}
	if c.Algorithms != "" && !c.DPoP && status == 401 {
		headers = append(headers, [2]string{wwwAuthenticate, `DPoP algs="` + c.Algorithms + `"`})
	}
	return headers
}

const wwwAuthenticate = "www-authenticate"

// challenge returns one challenge. code and description hold none of the characters that a
// quoted string must escape; both are empty for a request without a token.
func (c Challenge) challenge(code, description string) string {
	var b strings.Builder
	if c.DPoP {
		b.WriteString(`DPoP algs="` + c.Algorithms + `", `)
	} else {
		b.WriteString("Bearer ")
	}
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
	return b.String()
}
