package operation

import (
	"encoding/base64"
	"testing"
)

func TestValidated(t *testing.T) {
	for version, want := range map[string]bool{
		"2026-07-28": true, "2026-07-29": true, "2027-01-01": true, "9999-99-99": true,
		"2026-07-27": false, "2025-11-25": false, "": false, "2026-07-28 ": false, "2026-7-28": false, "2026/07/28": false,
		"2026-07-2x": false, "draft": false, "zzzz-zz-zz": false, "2026-07-280": false, "2026-07-28, 2026-07-28": false, "3026:07-28": false,
	} {
		h := Headers{Version: version, VersionCount: 1}
		if got := h.Validated(); got != want {
			t.Errorf("%q: %v", version, got)
		}
		if h.VersionCount = 2; h.Validated() {
			t.Errorf("%q twice is validated", version)
		}
	}
}

// The host passes names on in lower case. Only the exact names are added.
func TestAdd(t *testing.T) {
	var h Headers
	for name, respelled := range map[string]bool{
		"mcp-method": false, "mcp-name": false, "mcp-protocol-version": false, "mcp-session-id": false, "mcp": false, "mcp-param-name": false,
		"mcpxmethod": false, "mcp-methods": false, "mcp--name": false, "x-mcp-name": false, "mcp-protocol-versio_": false,
		"mcp_method": true, "mcp.method": true, "mcp_name": true, "mcp~name": true, "mcp_protocol_version": true, "mcp-protocol_version": true, "mcp!protocol-version": true,
	} {
		if got := h.Add(name, name); got != respelled {
			t.Errorf("%s: respelled %v", name, got)
		}
	}
	if want := (Headers{"mcp-method", "mcp-name", "mcp-protocol-version", 1, 1, 1}); h != want {
		t.Errorf("got %+v, want %+v", h, want)
	}
}

func TestHeaderOperation(t *testing.T) {
	encoded := func(s string) string { return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }
	for _, test := range []struct {
		value, want string
		bad         bool
	}{
		{value: "us-west1", want: "us-west1"},
		{value: "", want: ""},
		{value: "=?base64?SGVsbG8sIOS4lueVjA==?=", want: "Hello, 世界"}, // these four come from the specification
		{value: "=?base64?IHBhZGRlZCA=?=", want: " padded "},
		{value: "=?base64?bGluZTEKbGluZTI=?=", want: "line1\nline2"},
		{value: "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", want: "=?base64?literal?="},
		{value: encoded(""), want: ""},
		{value: encoded("a"), want: "a"},
		{value: encoded("ab"), want: "ab"},
		{value: encoded("abc"), want: "abc"},
		{value: encoded("a?>\u00ff\U0010ffff"), want: "a?>\u00ff\U0010ffff"},
		{value: "=?BASE64?YQ==?=", want: "=?BASE64?YQ==?="}, // the markers are case-sensitive
		{value: "=?base64?YQ==", want: "=?base64?YQ=="},
		{value: "=?base64?=", want: "=?base64?="},
		{value: "x=?base64?YQ==?=", want: "x=?base64?YQ==?="},
		{value: "=?base64?YQ?=", bad: true},
		{value: "=?base64?YQ=?=", bad: true},
		{value: "=?base64?YQ===?=", bad: true},
		{value: "=?base64?YR==?=", bad: true}, // unused bits
		{value: "=?base64?YWJ=?=", bad: true},
		{value: "=?base64?Y===?=", bad: true},
		{value: "=?base64?====?=", bad: true},
		{value: "=?base64?=YQ=?=", bad: true},
		{value: "=?base64?Y Q==?=", bad: true},
		{value: "=?base64?_-__?=", bad: true}, // the other alphabet
		{value: "=?base64?/w==?=", bad: true}, // not UTF-8
		{value: "=?base64??=?=", bad: true},
		{value: "é", bad: true},
		{value: " a", bad: true},
		{value: "a ", bad: true},
		{value: " ", bad: true},
		{value: "\ta", bad: true},
		{value: " =?base64?YQ==?=", bad: true},
		{value: "\xa0a", bad: true},
		{value: "a\tb", bad: true},
	} {
		h := Headers{Method: "tools/call", MethodCount: 1, Name: test.value, NameCount: 1}
		for range 2 {
			o, fault := h.Operation()
			if (fault != "") != test.bad || !test.bad && (o.Name != test.want && o.Method != test.want) {
				t.Errorf("%q: %+v, %q", test.value, o, fault)
			}
			h.Method, h.Name = h.Name, h.Method
		}
	}
	for _, h := range []Headers{{MethodCount: 2}, {MethodCount: 1, NameCount: 2}} {
		if _, fault := h.Operation(); fault != FaultHeader {
			t.Errorf("%+v: %q", h, fault)
		}
	}
	if o, fault := (&Headers{}).Operation(); o != (Operation{}) || fault != "" {
		t.Errorf("got %+v, %q", o, fault)
	}
}

// A version that a server may read differently is a fault.
func TestVersionWithSpaces(t *testing.T) {
	for _, version := range []string{" 2026-07-28", "2026-07-28 ", "2026-07-28\t", "\u00a02026-07-28"} {
		h := Headers{Method: "tools/call", MethodCount: 1, Version: version, VersionCount: 1}
		if _, fault := h.Operation(); fault != FaultHeader {
			t.Errorf("%q: %q", version, fault)
		}
	}
}

func TestUnambiguous(t *testing.T) {
	encoded := func(s string) string { return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }
	for _, test := range []struct {
		method, name string // "-": no name
		want         bool
	}{
		{"tools/call", "delete_note", true},
		{"tools/call", encoded("für später"), true},
		{"tools/call", encoded("a,b"), true},
		{"notifications/tools/list_changed", "-", true},
		{"logging/setLevel", "-", true},
		{"", "-", false},
		{"", "a", false},
		{"ping,tools/call", "-", false},
		{"ping tools/call", "-", false},
		{encoded("ping"), "-", false},
		{"=?BASE64?cGluZw==?=", "-", false},
		{"tools/call", "", false},
		{"tools/call", encoded(""), false},
		{"tools/call", "a,b", false},
		{"tools/call", "=?BASE64?YQ==?=", false},
		{"tools/call", "=?base64?YQ==", false},
		{"tools/call", "=?utf-8?Q?a?=", false},
		{"tools/call", encoded(encoded("a")), false},
	} {
		h := Headers{Method: test.method, MethodCount: 1, Name: test.name, NameCount: 1}
		if test.name == "-" {
			h.Name, h.NameCount = "", 0
		}
		o, fault := h.Operation()
		if got := fault == "" && h.Unambiguous(&o); got != test.want {
			t.Errorf("%q %q: %v, %q", test.method, test.name, got, fault)
		}
	}
}

// decodeBase64 accepts the output of an encoder only.
func FuzzDecodeBase64(f *testing.F) {
	for _, s := range []string{"", "YQ==", "YWI=", "YWJj", "YR==", "=", "YWJjZA==\n", "////"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, ok := decodeBase64(s)
		want, err := base64.StdEncoding.Strict().DecodeString(s)
		if ok && (err != nil || string(want) != text || base64.StdEncoding.EncodeToString([]byte(text)) != s) {
			t.Errorf("%q is %q, want %q, %v", s, text, want, err)
		}
	})
}
