package gate

import (
	"strings"

	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
)

// TakeContent looks at a header of a request that may say something about its body.
// Names are in lower case.
func (r *Request) TakeContent(name, value string) {
	const (
		contentType     = "content-type"
		contentEncoding = "content-encoding"
	)
	switch {
	case name == contentType:
		r.ContentType = joined(r.ContentType, value)
	case name == contentEncoding:
		r.ContentEncoding = joined(r.ContentEncoding, value)
	case operation.Respells(name, contentType):
		r.unreadable = r.unreadable || !isUTF8(value)
	case operation.Respells(name, contentEncoding):
		r.unreadable = r.unreadable || !isIdentity(value)
	default:
		r.respelled = r.MCP.Add(name, value) || r.respelled ||
			operation.Respells(name, "content-length") || operation.Respells(name, "transfer-encoding")
	}
}

// maxJoined bounds what joined puts together: each further line would copy all
// lines before it.
const maxJoined = 1024

// joined returns the value of a header of which value is a further line (RFC
// 9110, section 5.3). Of too many it makes one that no body is readable with.
func joined(before, value string) string {
	switch {
	case before == "":
		return value
	case len(before)+len(value) > maxJoined:
		return "charset,charset"
	}
	return before + "," + value
}

// Decides reports whether decisions depend on a header, which must then not come
// as a trailer too. Names are in lower case.
func Decides(header string) bool {
	for _, name := range [...]string{
		"authorization", "origin", "host", "upgrade", "content-type", "content-encoding", "content-length", "transfer-encoding",
		"mcp-method", "mcp-name", "mcp-protocol-version",
	} {
		if header == name || operation.Respells(header, name) {
			return true
		}
	}
	return false
}

// readable reports whether the body is what it seems to be: UTF-8, and not
// compressed. In some character sets a backslash or a quote is the second half
// of another character.
func (r *Request) readable() bool {
	return !r.unreadable && isIdentity(r.ContentEncoding) && isUTF8(r.ContentType)
}

func isIdentity(encoding string) bool {
	return encoding == "" || strings.EqualFold(encoding, "identity")
}

// isUTF8 reports whether the body is in UTF-8 for every reader of a Content-Type.
func isUTF8(contentType string) bool {
	_, charset, ok := strings.Cut(strings.ToLower(contentType), "charset")
	if !ok {
		return true
	}
	charset, rest, _ := strings.Cut(charset, ";")
	charset = strings.Trim(charset, " \t=\"")
	return (charset == "utf-8" || charset == "utf8") && !strings.Contains(rest, "charset")
}

// upgrade returns the verdict on a request that asks for another protocol on its
// connection (RFC 9110, sections 7.8 and 9.3.6; Envoy turns the extended CONNECT of
// HTTP/2 into Upgrade) where its body is to be looked at: that would never end.
func (r *Request) upgrade() Verdict {
	return reply(problem(400, codeRequest, "no other protocol can be spoken here: each request is looked at", r.readers()), metrics.BadHeader)
}

// upgrades reports whether r is such a request.
func (r *Request) upgrades() bool { return r.Upgrade || r.Method == "CONNECT" }
