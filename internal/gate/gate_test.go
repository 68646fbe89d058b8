package gate

import (
	"strings"
	"testing"

	"mcpauth/config"
)

func TestBearer(t *testing.T) {
	for _, test := range []struct {
		name, header string
		count        int
		token        string
		err          error
	}{
		{"no header", "", 0, "", errNoToken},
		{"empty header", "", 1, "", errNoToken},
		{"token", "Bearer abc.def.ghi", 1, "abc.def.ghi", nil},
		{"scheme in lower case", "bearer abc", 1, "abc", nil},
		{"scheme in mixed case", "bEaReR abc", 1, "abc", nil},
		{"space around", "  Bearer \t abc  ", 1, "abc", nil},
		{"scheme only", "Bearer", 1, "", errNoToken},
		{"scheme and space", "Bearer   ", 1, "", errNoToken},
		{"other scheme", "Basic dXNlcjpwYXNz", 1, "", errNoToken},
		{"scheme that starts like it", "BearerToken abc", 1, "", errNoToken},
		{"scheme with parameters", `Digest username="a", realm="b"`, 1, "", errNoToken},
		{"token only", "abc.def.ghi", 1, "", errNoToken},
		{"two headers", "Bearer abc", 2, "", errTwoTokens},
		{"two headers, one of another scheme", "Basic abc", 2, "", errTwoTokens},
		{"two tokens", "Bearer abc def", 1, "", errTwoTokens},
		{"two tokens, comma", "Bearer abc,def", 1, "", errTwoTokens},
		{"two joined headers", "Bearer abc, Bearer def", 1, "", errTwoTokens},
		{"two joined headers, the first empty", ",Bearer def", 1, "", errTwoTokens},
		{"two joined headers, the second Bearer", "Basic abc, bearer def", 1, "", errTwoTokens},
	} {
		token, err := bearer(&Request{Authorization: test.header, Authorizations: test.count})
		if token != test.token || err != test.err {
			t.Errorf("%s: %q, %v, want %q, %v", test.name, token, err, test.token, test.err)
		}
	}
}

// No claim may end a header or come out as another value than it went in.
func FuzzHeaderValue(f *testing.F) {
	f.Add("plain value")
	f.Add(" x\r\nx-evil: 1\x00ü%41 ")
	f.Fuzz(func(t *testing.T, s string) {
		v := string(appendValue(nil, s))
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) || strings.TrimSpace(v) != v {
			t.Fatalf("%q is no header value", v)
		}
		if back := unescape(t, v); back != s {
			t.Fatalf("%q reads back as %q, was %q", v, back, s)
		}
	})
}

func unescape(t *testing.T, s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		const digits = "0123456789ABCDEF"
		b.WriteByte(byte(strings.IndexByte(digits, s[i+1])<<4 | strings.IndexByte(digits, s[i+2])))
		i += 2
	}
	return b.String()
}

func TestReserved(t *testing.T) {
	long := strings.Repeat("long-", 20)
	g := &Gate{reserved: reservedHeaders(&config.Config{Resources: []*config.Resource{
		{ForwardPayloadHeader: "Payload"},
		{ClaimToHeaders: []config.ClaimToHeader{{HeaderName: "x_user"}, {HeaderName: long}}},
	}})}
	for name, want := range map[string]bool{
		"x-mcpauth-subject": true, "x-mcpauth-": true, "x_mcpauth_subject": true, "x-mcpauth_anything": true,
		"x-user": true, "x_user": true, "payload": true,
		long: true, strings.ReplaceAll(long, "-", "_"): true, long + "x": false, "paylaod": false,
		"x-mcpauth": false, "x-users": false, "x-use": false, "authorization": false, "": false,
	} {
		if got := g.Reserved(name); got != want {
			t.Errorf("Reserved(%q) = %v", name, got)
		}
	}
}

// RFC 9110 section 13.1.2.
func TestNoneMatches(t *testing.T) {
	for list, want := range map[string]bool{
		"":                      true,
		"*":                     false,
		`"abc"`:                 false,
		`W/"abc"`:               false,
		`"x", W/"y" ,"abc"`:     false,
		`"x,y","abc"`:           false,
		`"ab"`:                  true,
		`"abcd"`:                true,
		`abc`:                   true,
		`"ABC"`:                 true,
		`"*"`:                   true,
		"W/\"x\", \"y\", \"z\"": true,
	} {
		if got := noneMatches(list, `"abc"`); got != want {
			t.Errorf("%s: %v", list, got)
		}
	}
}

func TestClaimText(t *testing.T) {
	const payload = `{"email":"a\u0062","n":null,"yes":true,"list":["x",{"y":1}],"a.b":"whole","a":{"b":"part","c":{"d":[1, 2]},"":0},"https://e.example/roles":["r"],"\u0072":{"\u0073":"t"}}`
	for name, want := range map[string]string{
		"email": "ab", "n": "", "yes": "true", "list": `["x",{"y":1}]`, "a.b": "whole", "a.c": `{"d":[1, 2]}`, "a.c.d": "[1, 2]",
		"https://e.example/roles": `["r"]`, "r.s": "t", "a.": "0",
		"": "", ".": "", "x": "", "a.x": "", "a.c.d.e": "", "email.x": "", "list.0": "", "list.y": "", "A": "", "a*": "", "a.@this": "", "a.#": "",
	} {
		h := config.ClaimToHeader{ClaimName: name, Path: strings.Split(name, ".")}
		if got := claimText(payload, &h); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestAllowHeaders(t *testing.T) {
	for asked, want := range map[string]string{
		"":                            mcpHeaders,
		"authorization, content-type": "authorization, content-type",
		"x\r\ny":                      mcpHeaders,
		"a b":                         mcpHeaders,
		"a,,b":                        mcpHeaders,
		`"x"`:                         mcpHeaders,
		strings.Repeat("a,", 600):     mcpHeaders,
	} {
		if got := allowHeaders(asked); got != want {
			t.Errorf("allowHeaders(%q) = %q, want %q", asked, got, want)
		}
	}
}

// What is encoded comes back, whatever the size and the number of the headers.
func TestIdentity(t *testing.T) {
	want := [][2]string{{"a", "1"}, {"c", strings.Repeat("long", 1<<15)}, {"d", "x y z"}}
	var b []byte
	b = appendHeader(b, 0, "1")
	b = appendHeader(b, 1, "")
	b = appendHeader(b, 2, want[1][1])
	b = appendHeader(b, 300, "", "x", "", "y", "z", "")
	names := make([]string, 301)
	names[0], names[1], names[2], names[300] = "a", "b", "c", "d"
	identity := Identity{identityNames{headers: names}, string(b)}
	for _, w := range want {
		if name, value, ok := identity.Next(); !ok || name != w[0] || value != w[1] {
			t.Errorf("%.20q, %.20q, %v, want %.20q", name, value, ok, w)
		}
	}
	if name, value, ok := identity.Next(); ok {
		t.Errorf("another one: %q, %q", name, value)
	}
}
