package gate

import (
	"strings"

	"mcpauth/config"
)

// anyOrigin lets every web page read an answer (Fetch section 3.3.3). Answers
// with it hold nothing of the caller's, and never allow credentials: tokens of
// MCP come from the program of the page, not from the browser.
const anyOrigin = "*"

// allows reports whether pages of an origin may call: those of the resource's own
// may, which DNS rebinding cannot bring about, since browsers name the origin by
// the host that they were sent to.
func (p *resource) allows(origin string) bool {
	if origin == p.origin {
		return true
	}
	for _, pattern := range p.AllowedOrigins {
		if config.MatchesOrigin(pattern, origin) {
			return true
		}
	}
	return false
}

// wrongOrigin answers a page that may not call (MCP, transports, "Security
// Warning"), its preflight too: without CORS headers, so that its browser keeps
// the answer from it, and without a challenge, since no token would help.
func wrongOrigin() *Reply {
	return problem(403, codeOrigin, "web pages of this origin may not call", "")
}

// readers returns who may read the answer to r, as the value of
// Access-Control-Allow-Origin; empty where no browser asked.
//
//go:noinline
func (r *Request) readers() string {
	switch {
	case !r.HasOrigin:
		return ""
	case r.echo:
		return r.Origin
	}
	return anyOrigin
}

// preflight answers the question of a browser whether it may send a request;
// the request itself will need a token.
func (p *resource) preflight(r *Request) *Reply {
	return &Reply{204, r.preflightHeaders(r.readers(), "GET, POST, DELETE, OPTIONS"), nil}
}

// preflight reports whether r is a CORS preflight (Fetch section 3.3.1).
func (r *Request) preflight() bool {
	return r.Method == "OPTIONS" && r.HasOrigin && r.RequestMethod != ""
}

func (r *Request) preflightHeaders(origin, methods string) [][2]string {
	return [][2]string{
		{"access-control-allow-origin", origin},
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
