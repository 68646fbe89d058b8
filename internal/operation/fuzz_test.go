package operation

import (
	"encoding/base64"
	"net/textproto"
	"strings"
	"testing"
)

// FuzzHeaders: the operation in headers is what a server reads that trims values, decodes
// base64 as the specification has it, and compares the version as a date.
func FuzzHeaders(f *testing.F) {
	f.Add("tools/call", "add", "2026-07-28")
	f.Add("=?base64?dG9vbHMvY2FsbA==?=", "=?base64?YWRk?=", "2025-11-25")
	f.Add(" ping", "é", "9999-99-99")
	f.Add("ping", "=?base64?YQ?=", "2026-07-28 ")
	f.Fuzz(func(t *testing.T, method, name, version string) {
		var h Headers
		h.Add("mcp-method", method)
		h.Add("mcp-name", name)
		h.Add("mcp-protocol-version", version)
		if h.Validated() && (len(version) != 10 || version < "2026-07-28" || strings.Trim(version, "0123456789-") != "") {
			t.Errorf("%q obliges servers", version)
		}
		o, fault := h.Operation()
		if fault != "" {
			return
		}
		for _, c := range [][2]string{{method, o.Method}, {name, o.Name}} {
			want := c[0]
			if inner, ok := strings.CutPrefix(want, "=?base64?"); ok && strings.HasSuffix(inner, "?=") {
				b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(inner, "?="))
				if err != nil {
					t.Fatalf("%q is read as %q", c[0], c[1])
				}
				want = string(b)
			} else if textproto.TrimString(want) != want {
				t.Fatalf("%q is read, and servers trim it", c[0])
			}
			if c[1] != want {
				t.Errorf("%q is read as %q, want %q", c[0], c[1], want)
			}
		}
		for _, header := range [][2]string{{"mcp-method", method}, {"mcp-name", name}, {"mcp-protocol-version", version}} {
			twice := h
			twice.Add(header[0], header[1])
			if _, fault := twice.Operation(); fault == "" {
				t.Errorf("%q twice is read", header)
			}
		}
	})
}

// FuzzRespells: two names that CGI makes the same are one of them spelled in another way.
func FuzzRespells(f *testing.F) {
	f.Add("mcp_method")
	f.Add("mcp-method")
	f.Add("mcp.name\xff")
	cgi := func(name string) string {
		b := []byte(strings.ToUpper(name))
		if len(b) != len(name) {
			return name
		}
		for i, c := range b {
			if !('A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
				b[i] = '_'
			}
		}
		return string(b)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ToLower(name) != name {
			return // the host passes names in lower case
		}
		for _, want := range []string{"mcp-method", "mcp-name", "mcp-protocol-version", "content-type"} {
			if got, same := Respells(name, want), cgi(name) == cgi(want) && name != want; got != same {
				t.Errorf("%q for %q: %v, want %v", name, want, got, same)
			}
		}
	})
}
