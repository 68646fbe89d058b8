package reply

import "strings"

// AnyOrigin lets every web page read a response (Fetch, section 3.3.3). No
// response allows credentials: the token of an MCP request comes from the page's
// script, not from the browser.
const AnyOrigin = "*"

// appendCORS appends the headers that let pages of allowOrigin read a response.
func appendCORS(headers [][2]string, allowOrigin string) [][2]string {
	if allowOrigin == "" {
		return headers
	}
	headers = append(headers,
		[2]string{"access-control-allow-origin", allowOrigin},
		[2]string{"access-control-expose-headers", "WWW-Authenticate, Mcp-Session-Id"})
	if allowOrigin != AnyOrigin {
		headers = append(headers, [2]string{"vary", "Origin"})
	}
	return headers
}

// OriginNotAllowed returns the 403 to a web page whose origin may not call (MCP,
// transports, "Security Warning"), and to its preflight. It has no CORS headers,
// so that the browser keeps it from the page, and no challenge, since no token
// would help.
func OriginNotAllowed() *Response {
	return Error(403, codeOriginNotAllowed, "web pages of this origin may not call", "")
}

// Preflight returns the 204 to a CORS preflight (Fetch, section 3.3.1) that asks
// for the headers named in requestHeaders.
func Preflight(methods, requestHeaders, allowOrigin string) *Response {
	return &Response{Status: 204, Headers: preflightHeaders(methods, requestHeaders, allowOrigin)}
}

// Options returns the 204 to an OPTIONS request, a preflight or not, of an
// endpoint of the gateway. Pages of any origin may call it.
func Options(methods, requestHeaders string) *Response {
	headers := preflightHeaders(methods, requestHeaders, AnyOrigin)
	return &Response{Status: 204, Headers: append(headers, [2]string{"allow", methods})}
}

func preflightHeaders(methods, requestHeaders, allowOrigin string) [][2]string {
	return [][2]string{
		{"access-control-allow-origin", allowOrigin},
		{"access-control-allow-methods", methods},
		{"access-control-allow-headers", allowHeaders(requestHeaders)},
		{"access-control-max-age", "7200"},
		{"vary", "Origin, Access-Control-Request-Headers"},
	}
}

// mcpHeaders are the request headers of MCP clients that need a preflight. "*"
// does not cover Authorization (Fetch, section 4.9).
const mcpHeaders = "Authorization, Content-Type, Accept, Last-Event-ID, MCP-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name"

// maxRequestHeaders bounds the list of header names that a response repeats.
const maxRequestHeaders = 1024

// allowHeaders returns requestHeaders if it is a list of header names, and
// mcpHeaders otherwise.
func allowHeaders(requestHeaders string) string {
	if requestHeaders == "" || len(requestHeaders) > maxRequestHeaders {
		return mcpHeaders
	}
	for name := range strings.SplitSeq(requestHeaders, ",") {
		if name = strings.Trim(name, " "); name == "" || !isHeaderName(name) {
			return mcpHeaders
		}
	}
	return requestHeaders
}

// isHeaderName reports whether s has only letters, digits, "-" and "_". RFC 9110
// allows further characters in a header name; no header in use has them.
func isHeaderName(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_':
		default:
			return false
		}
	}
	return true
}
