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
)

// problem returns an answer with a JSON body of the form that OAuth uses
// (RFC 6749 section 5.2).
func problem(status uint32, code, description string, hasOrigin bool, headers ...[2]string) *Reply {
	body := append([]byte(nil), `{"error":`...)
	body = gjson.AppendJSONString(body, code)
	body = append(body, `,"error_description":`...)
	body = gjson.AppendJSONString(body, description)
	body = append(body, '}', '\n')
	headers = append(headers,
		[2]string{"content-type", "application/json"},
		[2]string{"cache-control", "no-store"})
	if hasOrigin {
		// Any origin may read a refusal; it holds nothing of the caller's.
		headers = append(headers,
			[2]string{"access-control-allow-origin", "*"},
			[2]string{"access-control-expose-headers", "WWW-Authenticate"})
	}
	return &Reply{status, headers, body}
}

func badPath(r *Request) *Reply {
	return problem(400, "invalid_request", "the path cannot be compared safely", r.HasOrigin)
}

func notFound(r *Request) *Reply {
	return problem(404, codeNotFound, "nothing is served at this path", r.HasOrigin)
}

// unavailable has no challenge: the token may well be good, and a client that
// threw it away would log its user out for nothing.
func unavailable(r *Request, seconds int) *Reply {
	return problem(503, codeUnavailable, "the token cannot be checked: the authorization server does not answer", r.HasOrigin,
		[2]string{"retry-after", strconv.Itoa(seconds)})
}

// challenge returns a WWW-Authenticate value (RFC 6750 section 3, RFC 9728
// section 5.1). code and description hold none of the characters that need
// quoting; code is empty where the request had no token.
func (p *resource) challenge(code, description string) string {
	var b strings.Builder
	b.WriteString("Bearer ")
	if code != "" {
		b.WriteString(`error="` + code + `", `)
	}
	if len(p.RequiredScopes) > 0 {
		b.WriteString(`scope="` + strings.Join(p.RequiredScopes, " ") + `", `)
	}
	b.WriteString(`resource_metadata="` + p.metadataURL + `"`)
	if code != "" {
		b.WriteString(`, error_description="` + description + `"`)
	}
	return b.String()
}

// refuse returns an answer with a challenge that has an error.
func (p *resource) refuse(r *Request, status uint32, code, description string) *Reply {
	return problem(status, code, description, r.HasOrigin,
		[2]string{"www-authenticate", p.challenge(code, description)})
}

// withoutToken returns the answer to a request with no token.
func (p *resource) withoutToken(r *Request) *Reply {
	if r.HasOrigin {
		return p.noToken[1]
	}
	return p.noToken[0]
}

// unauthorized makes that answer. Its challenge has no error (RFC 6750 section
// 3.1): some clients do not start OAuth when there is one.
func (p *resource) unauthorized(hasOrigin bool) *Reply {
	return problem(401, codeNoToken, "a bearer token is needed", hasOrigin,
		[2]string{"www-authenticate", p.challenge("", "")})
}

// metadata serves the protected-resource metadata (RFC 9728 section 3).
func (p *resource) metadata(r *Request) *Reply {
	cors := [2]string{"access-control-allow-origin", "*"}
	switch r.Method {
	case "GET", "HEAD":
		return &Reply{200, [][2]string{
			{"content-type", "application/json"},
			{"cache-control", "public, max-age=3600"},
			cors,
		}, p.document}
	case "OPTIONS":
		return &Reply{204, append(r.preflightHeaders("GET, HEAD, OPTIONS"),
			[2]string{"allow", "GET, HEAD, OPTIONS"}), nil}
	}
	return problem(405, codeMethod, "use GET", true, [2]string{"allow", "GET, HEAD, OPTIONS"})
}

// preflight answers the question of a browser whether it may send a request;
// the request itself will need a token.
func (p *resource) preflight(r *Request) *Reply {
	return &Reply{204, r.preflightHeaders("GET, POST, DELETE, OPTIONS"), nil}
}

// preflight reports whether r is a CORS preflight (Fetch section 3.3.1).
func (r *Request) preflight() bool {
	return r.Method == "OPTIONS" && r.HasOrigin && r.RequestMethod != ""
}

func (r *Request) preflightHeaders(methods string) [][2]string {
	return [][2]string{
		{"access-control-allow-origin", "*"},
		{"access-control-allow-methods", methods},
		{"access-control-allow-headers", allowHeaders(r.RequestHeaders)},
		{"access-control-max-age", "7200"},
		{"vary", "Origin, Access-Control-Request-Headers"},
	}
}

// mcpHeaders are those that MCP clients send and that a preflight asks for. A
// "*" would not cover Authorization (Fetch section 4.9).
const mcpHeaders = "Authorization, Content-Type, Accept, Last-Event-ID, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name"

// allowHeaders returns the header names that were asked for if they are a list
// of names of a decent length, else those of MCP.
func allowHeaders(asked string) string {
	if asked == "" || len(asked) > 1024 {
		return mcpHeaders
	}
	for name := range strings.SplitSeq(asked, ",") {
		if name = strings.Trim(name, " "); name == "" || !isName(name) {
			return mcpHeaders
		}
	}
	return asked
}

// isName reports whether s is made of letters, digits, "-" and "_": a header
// name as they occur.
func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_':
		default:
			return false
		}
	}
	return true
}
