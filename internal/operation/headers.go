package operation

import (
	"strings"
	"unicode/utf8"
)

// Headers are the headers of a request that say what its body says too (MCP
// 2026-07-28, transports, "Request Metadata"), each as its last value and how
// many there are.
type Headers struct {
	Method, Name, Version    string // Mcp-Method, Mcp-Name, MCP-Protocol-Version
	Methods, Names, Versions int
}

// Take looks at a header, whose name is in lower case, and reports whether the
// name respells one of these headers: see [Respells]. Such a header counts for
// nothing.
func (h *Headers) Take(name, value string) (respelled bool) {
	const (
		method  = "mcp-method"
		mcpName = "mcp-name"
		version = "mcp-protocol-version"
	)
	switch name {
	case method:
		h.Method = value
		h.Methods++
	case mcpName:
		h.Name = value
		h.Names++
	case version:
		h.Version = value
		h.Versions++
	default:
		return Respells(name, method) || Respells(name, mcpName) || Respells(name, version)
	}
	return false
}

// Respells reports whether name is another spelling of want, the lower-case name
// of a header with "-" between its words: some servers find the header under both
// names, others under want alone. CGI and its heirs, such as WSGI, put "_" for
// every character of a name that is no letter and no digit.
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

// Count reports whether the version is one in which the headers count: servers
// that know it must compare them with the body. The versions of MCP are dates.
func (h *Headers) Count() bool {
	const first = "2026-07-28"
	v := h.Version
	if h.Versions != 1 || len(v) != len(first) || v < first {
		return false
	}
	for i := 0; i < len(v); i++ {
		if dash := first[i] == '-'; dash && v[i] != '-' || !dash && (v[i] < '0' || v[i] > '9') {
			return false
		}
	}
	return true
}

// Operation returns what the headers say.
func (h *Headers) Operation() (o Operation, fault Fault) {
	o.HasMethod, o.HasName = h.Methods > 0, h.Names > 0
	var ok, ok2 bool
	o.Method, ok = fieldValue(h.Method)
	o.Name, ok2 = fieldValue(h.Name)
	if h.Methods > 1 || h.Names > 1 || !ok || !ok2 || !isFieldValue(h.Version) {
		return Operation{}, FaultHeader
	}
	return o, ""
}

// Unambiguous reports whether every server finds in the headers what Operation,
// which returned o, found there. Servers differ in whether they decode Mcp-Method,
// take encoded words in other letters or twice, treat an empty header as none, and
// split a value at commas, which joins two headers of one name (RFC 9110, section
// 5.3).
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

// fieldValue decodes a header value ("Value Encoding"): what stands between
// "=?base64?" and "?=", else the value itself.
func fieldValue(v string) (string, bool) {
	const prefix, suffix = "=?base64?", "?="
	if len(v) >= len(prefix)+len(suffix) && strings.HasPrefix(v, prefix) && strings.HasSuffix(v, suffix) {
		return decode(v[len(prefix) : len(v)-len(suffix)])
	}
	return v, isFieldValue(v)
}

// isFieldValue reports whether servers read a header value alike everywhere: it is
// printable ASCII with no space at its ends. Over HTTP/2 Envoy passes spaces on that
// servers trim off.
func isFieldValue(v string) bool {
	for i := 0; i < len(v); i++ {
		if v[i] < ' ' || v[i] > '~' {
			return false
		}
	}
	return v == "" || v[0] != ' ' && v[len(v)-1] != ' '
}

// decode decodes base64 (RFC 4648, section 4) in the one form that an encoder
// makes of UTF-8: with its padding, and no bits that are not used.
func decode(s string) (string, bool) {
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
