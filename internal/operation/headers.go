package operation

import (
	"strings"
	"unicode/utf8"
)

// Headers are the headers of a request that say what its body says too (MCP
// 2026-07-28, transports, "Request Metadata"), each as its first value and how
// many there are.
type Headers struct {
	Method, Name, Version    string // Mcp-Method, Mcp-Name, MCP-Protocol-Version
	Methods, Names, Versions int
}

// Take looks at a header, whose name is in lower case. Servers that do not tell
// "_" from "-" must not find one that was not seen here.
func (h *Headers) Take(name, value string) {
	const (
		method  = "mcp-method"
		mcpName = "mcp-name"
		version = "mcp-protocol-version"
	)
	if strings.IndexByte(name, '_') >= 0 {
		name = strings.ReplaceAll(name, "_", "-")
	}
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
	}
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
	if h.Methods > 1 || h.Names > 1 || !ok || !ok2 {
		return Operation{}, FaultHeader
	}
	return o, ""
}

// fieldValue decodes a header value ("Value Encoding"): what stands between
// "=?base64?" and "?=", else the value itself, of which only printable ASCII is
// read alike everywhere.
func fieldValue(v string) (string, bool) {
	const prefix, suffix = "=?base64?", "?="
	if len(v) >= len(prefix)+len(suffix) && strings.HasPrefix(v, prefix) && strings.HasSuffix(v, suffix) {
		return decode(v[len(prefix) : len(v)-len(suffix)])
	}
	for i := 0; i < len(v); i++ {
		if v[i] < ' ' || v[i] > '~' {
			return "", false
		}
	}
	return v, true
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
