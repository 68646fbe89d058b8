package gate

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// A Reply is an answer that the gate gives itself.
type Reply struct {
	Status  uint32
	Headers [][2]string
	Body    []byte
}

// The error codes in bodies that no RFC names.
const (
	codeNoToken     = "unauthorized"
	codeNotFound    = "not_found"
	codeMethod      = "method_not_allowed"
	codeUnavailable = "temporarily_unavailable"
	codeOrigin      = "origin_not_allowed"
	codeTooLarge    = "content_too_large"
	codeMediaType   = "unsupported_media_type"
)

// codeRequest is that of RFC 6750, section 3.1.
const codeRequest = "invalid_request"

// problem returns an answer with a JSON body of the form that OAuth uses
// (RFC 6749 section 5.2). origin is who may read it: see [Request.readers].
func problem(status uint32, code, description, origin string, headers ...[2]string) *Reply {
	body := append([]byte(nil), `{"error":`...)
	body = gjson.AppendJSONString(body, code)
	body = append(body, `,"error_description":`...)
	body = gjson.AppendJSONString(body, description)
	body = append(body, '}', '\n')
	headers = append(headers,
		[2]string{"content-type", "application/json"},
		[2]string{"cache-control", "no-store"})
	if origin != "" {
		headers = append(headers,
			[2]string{"access-control-allow-origin", origin},
			[2]string{"access-control-expose-headers", "WWW-Authenticate, Mcp-Session-Id"})
		if origin != anyOrigin {
			headers = append(headers, [2]string{"vary", "Origin"})
		}
	}
	return &Reply{status, headers, body}
}

func badPath(r *Request, err error) *Reply {
	return problem(400, codeRequest, err.Error(), r.readers())
}

func notFound(r *Request) *Reply {
	return problem(404, codeNotFound, "nothing is served at this path", r.readers())
}

// unavailable has no challenge: the token may well be good, and a client that
// threw it away would log its user out for nothing.
func unavailable(origin string, seconds int) *Reply {
	return problem(503, codeUnavailable, "the token cannot be checked: the authorization server does not answer", origin,
		[2]string{"retry-after", strconv.Itoa(seconds)})
}

// challenge returns a WWW-Authenticate value (RFC 6750 section 3, RFC 9728
// section 5.1). code and description hold none of the characters that need
// quoting; code is empty where the request had no token.
func (p *resource) challenge(code, description, scope string) string {
	var b strings.Builder
	b.WriteString("Bearer ")
	if code != "" {
		b.WriteString(`error="` + code + `", `)
	}
	if scope != "" {
		b.WriteString(`scope="` + scope + `", `)
	}
	b.WriteString(`resource_metadata="` + p.metadataURL + `"`)
	if code != "" {
		b.WriteString(`, error_description="` + description + `"`)
	}
	return b.String()
}

// refuse returns an answer with a challenge that has an error. It names the scopes
// of the first challenge: a client that starts anew registers with what it names.
func (p *resource) refuse(r *Request, status uint32, code, description string) *Reply {
	return p.challenged(r.readers(), status, code, description, p.firstScope)
}

func (p *resource) challenged(origin string, status uint32, code, description, scope string) *Reply {
	return problem(status, code, description, origin,
		[2]string{"www-authenticate", p.challenge(code, description, scope)})
}

// withoutToken returns the answer to a request with no token, which is made once
// unless one origin alone may read it.
func (p *resource) withoutToken(r *Request) *Reply {
	var once *Reply
	kept := &once
	origin := r.readers()
	switch origin {
	case "":
		kept = &p.noToken[0]
	case anyOrigin:
		kept = &p.noToken[1]
	}
	if *kept == nil {
		*kept = p.unauthorized(origin)
	}
	return *kept
}

// unauthorized makes that answer. Its challenge has no error (RFC 6750 section
// 3.1): some clients do not start OAuth when there is one.
func (p *resource) unauthorized(origin string) *Reply {
	return problem(401, codeNoToken, "a bearer token is needed", origin,
		[2]string{"www-authenticate", p.challenge("", "", p.firstScope)})
}
