package gate

import (
	"strings"

	"mcpauth/internal/operation"
)

const (
	contentTypeHeader     = "content-type"
	contentEncodingHeader = "content-encoding"
	sessionHeader         = "mcp-session-id"
)

// takeContent reads a header of the request that describes the body, or names the
// operation or the session, and ignores all others. The host passes names in lower case.
func (r *Request) takeContent(name, value string) {
	switch len(name) {
	case len(contentTypeHeader):
		if name == contentTypeHeader {
			r.ContentType = joinLines(r.ContentType, value)
		} else if operation.Respells(name, contentTypeHeader) {
			r.unreadable = r.unreadable || !isUTF8(value)
		}
	case len(contentEncodingHeader):
		if name == contentEncodingHeader {
			r.ContentEncoding = joinLines(r.ContentEncoding, value)
		} else if operation.Respells(name, contentEncodingHeader) {
			r.unreadable = r.unreadable || !isIdentity(value)
		}
	case len(sessionHeader):
		if name == sessionHeader || operation.Respells(name, sessionHeader) {
			r.inSession = true
		} else {
			r.respelled = r.respelled || operation.Respells(name, "content-length")
		}
	case len("transfer-encoding"):
		r.respelled = r.respelled || operation.Respells(name, "transfer-encoding")
	default:
		r.respelled = r.MCP.Add(name, value) || r.respelled
	}
}

// takeAccept reads an Accept header.
func (r *Request) takeAccept(value string) { r.Accept = joinLines(r.Accept, value) }

// methodOverrides are the headers from which some frameworks take the method in place of
// that of the request.
var methodOverrides = [...]string{
	"x-http-method", "x-http-method-override", "x-method", "x-method-override", "x-original-method",
}

// overrideLengths has bit n set if a name in methodOverrides has n bytes. Few other headers
// have as many.
const overrideLengths = 1<<8 | 1<<13 | 1<<17 | 1<<22

// takeOverride reads a header of the request, whose name is in lower case, if it is one of
// methodOverrides in any spelling. It is for gates with something public.
func (r *Request) takeOverride(name string) {
	if uint64(overrideLengths)>>min(len(name), 63)&1 != 0 && overrides(name) {
		r.overridden = true
	}
}

//go:noinline
func overrides(header string) bool {
	for _, name := range methodOverrides {
		if header == name || operation.Respells(header, name) {
			return true
		}
	}
	return false
}

// maxCookies bounds the result of takeCookie, which copies all earlier lines for each
// further one.
const maxCookies = 16 << 10

// takeCookie reads a Cookie header. HTTP/2 lets a client send one for each cookie (RFC
// 9113, section 8.2.3). Those after the first maxCookies bytes are ignored.
func (r *Request) takeCookie(value string) {
	switch {
	case r.Cookies == "":
		r.Cookies = value
	case len(r.Cookies)+len(value) <= maxCookies:
		r.Cookies += "; " + value
	}
}

// maxJoined bounds the result of joinLines, which copies all earlier lines for each
// further one.
const maxJoined = 1024

// joinLines returns the value of a header whose lines so far are before, and whose
// next line is value (RFC 9110, section 5.3). If the result would be too large, it
// returns a value for which [Request.readable] is false.
func joinLines(before, value string) string {
	switch {
	case before == "":
		return value
	case len(before)+len(value) > maxJoined:
		return "charset,charset"
	}
	return before + "," + value
}

// Decides reports whether decisions depend on a header. Such a header must not
// also come as a trailer. The host passes names in lower case.
func Decides(header string) bool {
	for _, name := range [...]string{
		"authorization", "dpop", "origin", "host", "upgrade", "content-type", "content-encoding", "content-length", "transfer-encoding",
		"mcp-method", "mcp-name", "mcp-protocol-version",
	} {
		if header == name || operation.Respells(header, name) {
			return true
		}
	}
	return overrides(header)
}

// readable reports whether the body is in UTF-8 and not compressed. In some other
// character sets the byte of a backslash or a quote may be half of another character.
func (r *Request) readable() bool {
	return !r.unreadable && isIdentity(r.ContentEncoding) && isUTF8(r.ContentType)
}

// isJSON reports whether the Content-Type is that of JSON, and there is one.
func (r *Request) isJSON() bool {
	mediaType, _, _ := strings.Cut(r.ContentType, ";")
	return strings.EqualFold(strings.TrimRight(mediaType, " \t"), "application/json") && strings.IndexByte(r.ContentType, ',') < 0
}

func isIdentity(encoding string) bool {
	return encoding == "" || strings.EqualFold(encoding, "identity")
}

// isUTF8 reports whether every reader of a Content-Type takes the body for UTF-8.
func isUTF8(contentType string) bool {
	_, charset, ok := strings.Cut(strings.ToLower(contentType), "charset")
	if !ok {
		return true
	}
	charset, rest, _ := strings.Cut(charset, ";")
	charset = strings.Trim(charset, " \t=\"")
	return (charset == "utf-8" || charset == "utf8") && !strings.Contains(rest, "charset")
}
