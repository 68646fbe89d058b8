package operation

import (
	"encoding/base64"
	"testing"
)

func TestCount(t *testing.T) {
	for version, want := range map[string]bool{
		"2026-07-28": true, "2026-07-29": true, "2027-01-01": true, "9999-99-99": true,
		"2026-07-27": false, "2025-11-25": false, "": false, "2026-07-28 ": false, "2026-7-28": false, "2026/07/28": false,
		"2026-07-2x": false, "draft": false, "zzzz-zz-zz": false, "2026-07-280": false, "2026-07-28, 2026-07-28": false, "3026:07-28": false,
	} {
		h := Headers{Version: version, Versions: 1}
		if got := h.Count(); got != want {
			t.Errorf("%q: %v", version, got)
		}
		if h.Versions = 2; h.Count() {
			t.Errorf("%q twice counts", version)
		}
	}
}

// Names come from the host in lower case.
func TestTake(t *testing.T) {
	var h Headers
	for _, name := range []string{"mcp-method", "mcp_method", "mcp-name", "mcp-session-id", "mcp", "mcp-param-name", "mcp_protocol_version", "mcp-protocol_version"} {
		h.Take(name, name)
	}
	if want := (Headers{"mcp_method", "mcp-name", "mcp-protocol_version", 2, 1, 2}); h != want {
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
		{value: "=?base64?SGVsbG8sIOS4lueVjA==?=", want: "Hello, 世界"}, // these four are in the specification
		{value: "=?base64?IHBhZGRlZCA=?=", want: " padded "},
		{value: "=?base64?bGluZTEKbGluZTI=?=", want: "line1\nline2"},
		{value: "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", want: "=?base64?literal?="},
		{value: encoded(""), want: ""},
		{value: encoded("a"), want: "a"},
		{value: encoded("ab"), want: "ab"},
		{value: encoded("abc"), want: "abc"},
		{value: encoded("a?>\u00ff\U0010ffff"), want: "a?>\u00ff\U0010ffff"},
		{value: "=?BASE64?YQ==?=", want: "=?BASE64?YQ==?="}, // the markers are as they are
		{value: "=?base64?YQ==", want: "=?base64?YQ=="},
		{value: "=?base64?=", want: "=?base64?="},
		{value: "x=?base64?YQ==?=", want: "x=?base64?YQ==?="},
		{value: "=?base64?YQ?=", bad: true},
		{value: "=?base64?YQ=?=", bad: true},
		{value: "=?base64?YQ===?=", bad: true},
		{value: "=?base64?YR==?=", bad: true}, // bits that are not used
		{value: "=?base64?YWJ=?=", bad: true},
		{value: "=?base64?Y===?=", bad: true},
		{value: "=?base64?====?=", bad: true},
		{value: "=?base64?=YQ=?=", bad: true},
		{value: "=?base64?Y Q==?=", bad: true},
		{value: "=?base64?_-__?=", bad: true}, // the other alphabet
		{value: "=?base64?/w==?=", bad: true}, // no UTF-8
		{value: "=?base64??=?=", bad: true},
		{value: "é", bad: true},
		{value: "a\tb", bad: true},
	} {
		h := Headers{Method: "tools/call", Methods: 1, Name: test.value, Names: 1}
		for range 2 {
			o, fault := h.Operation()
			if (fault != "") != test.bad || !test.bad && (o.Name != test.want && o.Method != test.want) {
				t.Errorf("%q: %+v, %q", test.value, o, fault)
			}
			h.Method, h.Name = h.Name, h.Method
		}
	}
	for _, h := range []Headers{{Methods: 2}, {Methods: 1, Names: 2}} {
		if _, fault := h.Operation(); fault != FaultHeader {
			t.Errorf("%+v: %q", h, fault)
		}
	}
	if o, fault := (&Headers{}).Operation(); o != (Operation{}) || fault != "" {
		t.Errorf("got %+v, %q", o, fault)
	}
}

// What can be decoded is what an encoder makes of it.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "YQ==", "YWI=", "YWJj", "YR==", "=", "YWJjZA==\n", "////"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, ok := decode(s)
		want, err := base64.StdEncoding.Strict().DecodeString(s)
		if ok && (err != nil || string(want) != text || base64.StdEncoding.EncodeToString([]byte(text)) != s) {
			t.Errorf("%q is %q, want %q, %v", s, text, want, err)
		}
	})
}
