package operation

import (
	"strings"
	"unicode/utf8"
)

// Headers are the headers of a request that repeat parts of its body: MCP 2026-07-28,
// transports, "Request Metadata".
type Headers struct {
	Method, Name, Version                string // the last Mcp-Method, Mcp-Name, MCP-Protocol-Version
	MethodCount, NameCount, VersionCount int    // how many there are of each
}

// Add adds a header, whose name is in lower case, if it is one of these headers. It
// ignores a header whose name [Respells] one of theirs, and returns true for it.
func (h *Headers) Add(name, value string) (respelled bool) {
	const (
		method  = "mcp-method"
		mcpName = "mcp-name"
		version = "mcp-protocol-version"
	)
	switch name {
	case method:
		h.Method = value
		h.MethodCount++
	case mcpName:
		h.Name = value
		h.NameCount++
	case version:
		h.Version = value
		h.VersionCount++
	default:
		return Respells(name, method) || Respells(name, mcpName) || Respells(name, version)
	}
	return false
}

// The built file is 4 kB larger if the compiler inlines Respells, Validated and IsList into
// their callers.

// Respells reports whether some servers take name for want, the lower-case name of a
// header with "-" between its words. CGI and its successors, such as WSGI, replace every
// character of a name that is neither a letter nor a digit by "_".
//
//go:noinline
func Respells(name, want string) bool {
	if len(name) != len(want) || name == want {
		return false
	}
	for i := 0; i < len(name); i++ {
		if name[i] != want[i] && (want[i] != '-' || isAlphanumeric(name[i])) {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// Validated reports whether the version of MCP, which is a date, requires servers to
// compare the headers with the body.
//
//go:noinline
func (h *Headers) Validated() bool {
	const first = "2026-07-28"
	v := h.Version
	if h.VersionCount != 1 || len(v) != len(first) || v < first {
		return false
	}
	for i := 0; i < len(v); i++ {
		if dash := first[i] == '-'; dash && v[i] != '-' || !dash && (v[i] < '0' || v[i] > '9') {
			return false
		}
	}
	return true
}

// Operation returns the operation in the headers.
func (h *Headers) Operation() (o Operation, fault Fault) {
	o.HasMethod, o.HasName = h.MethodCount > 0, h.NameCount > 0
	var methodOK, nameOK bool
	o.Method, methodOK = decodeValue(h.Method)
	o.Name, nameOK = decodeValue(h.Name)
	if h.MethodCount > 1 || h.NameCount > 1 || h.VersionCount > 1 || !methodOK || !nameOK || !isFieldValue(h.Version) {
		return Operation{}, FaultHeader
	}
	return o, ""
}

// Unambiguous reports whether every server reads o in the headers, as Operation did.
// Some servers decode Mcp-Method, decode encoded words in upper case or twice, ignore an
// empty header, or split a value at commas, which join two headers of one name (RFC
// 9110, section 5.3).
func (h *Headers) Unambiguous(o *Operation) bool {
	for i := 0; i < len(h.Method); i++ {
		if c := h.Method[i]; !isAlphanumeric(c) && strings.IndexByte("/_-.$", c) < 0 {
			return false
		}
	}
	if h.Method == "" || !o.HasName {
		return h.Method != ""
	}
	const encodedWord = "=?" // RFC 2047
	return o.Name != "" && !strings.HasPrefix(o.Name, encodedWord) &&
		(strings.HasPrefix(h.Name, encodedWord) || strings.IndexByte(h.Name, ',') < 0)
}

// decodeValue decodes a header value (MCP, "Value Encoding"): the base64 between
// "=?base64?" and "?=", or a value without these as it is.
func decodeValue(v string) (string, bool) {
	const prefix, suffix = "=?base64?", "?="
	if len(v) >= len(prefix)+len(suffix) && strings.HasPrefix(v, prefix) && strings.HasSuffix(v, suffix) {
		return decodeBase64(v[len(prefix) : len(v)-len(suffix)])
	}
	return v, isFieldValue(v)
}

// isFieldValue reports whether all servers read a header value alike: it is printable
// ASCII without spaces at its ends. Envoy passes such spaces on from HTTP/2, and servers
// trim them.
func isFieldValue(v string) bool {
	for i := 0; i < len(v); i++ {
		if v[i] < ' ' || v[i] > '~' {
			return false
		}
	}
	return v == "" || v[0] != ' ' && v[len(v)-1] != ' '
}

// decodeBase64 decodes the base64 of UTF-8: RFC 4648, section 4. It accepts the output
// of an encoder only, with padding and without unused bits that are set.
func decodeBase64(s string) (string, bool) {
	if len(s)%4 != 0 {
		return "", false
	}
	n := len(strings.TrimSuffix(strings.TrimSuffix(s, "="), "="))
	b := make([]byte, 0, len(s)/4*3)
	bits, count := uint32(0), 0
	for i := 0; i < n; i++ {
		v := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", s[i])
		if v < 0 {
			return "", false
		}
		if bits, count = bits<<6|uint32(v), count+6; count >= 8 {
			count -= 8
			b = append(b, byte(bits>>count))
		}
	}
	return string(b), bits&(1<<count-1) == 0 && utf8.Valid(b)
}
