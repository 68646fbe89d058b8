package config_test

import (
	"strings"
	"testing"

	"mcpauth/config"
)

func TestNoDocument(t *testing.T) {
	const json = "$: must be a JSON text: "
	deep := strings.Repeat("[", 33) + strings.Repeat("]", 33)
	for _, c := range []struct{ name, doc, want string }{
		{"nothing", "", "$: must not be empty: authorization_servers and resources are required"},
		{"blanks", " \n\t", "$: must not be empty: authorization_servers and resources are required"},
		{"too large", strings.Repeat(" ", config.MaxDocumentSize+1), "$: must be at most 1048576 bytes"},
		{"unfinished", `{`, json + "unexpected end at line 1, column 2"},
		{"YAML", "issuer: a", json + "unexpected character at line 1, column 1"},
		{"comment", "{\n  // a\n}", json + "unexpected character at line 2, column 3"},
		{"trailing comma", "{\"a\": 1,\n}", json + "unexpected character at line 2, column 1"},
		{"single quotes", "{'a': 1}", json + "unexpected character at line 1, column 2"},
		{"two documents", "{} {}", json + "unexpected text after the end at line 1, column 4"},
		{"byte order mark", "\ufeff[]", "$: must be an object"},
		{"two byte order marks", "\ufeff\ufeff{}", json + "unexpected character at line 1, column 1"},
		{"word", `{"a": True}`, json + "unexpected character at line 1, column 7"},
		{"no colon", `{"a" 1}`, json + "unexpected character at line 1, column 6"},
		{"leading zero", `[01]`, json + "unexpected character at line 1, column 3"},
		{"plus", `[+1]`, json + "unexpected character at line 1, column 2"},
		{"no digits", `[1.]`, json + "unexpected character at line 1, column 4"},
		{"no exponent", `[1e+]`, json + "unexpected character at line 1, column 5"},
		{"minus", `[-]`, json + "unexpected character at line 1, column 3"},
		{"unclosed string", `{"a`, json + "unexpected end at line 1, column 4"},
		{"raw newline in a string", "[\"a\nb\"]", json + "unescaped control character in a string at line 1, column 4"},
		{"columns are characters", "{\"é\": ü}", json + "unexpected character at line 1, column 7"},
		{"bad escape", `["\x"]`, json + "invalid escape in a string at line 1, column 3"},
		{"unfinished escape", `["\u12`, json + "invalid escape in a string at line 1, column 3"},
		{"high surrogate alone", `["\ud800"]`, json + "half a surrogate pair in a string at line 1, column 3"},
		{"two high surrogates", `["\ud800\ud800"]`, json + "half a surrogate pair in a string at line 1, column 3"},
		{"low surrogate alone", `["\udc00"]`, json + "half a surrogate pair in a string at line 1, column 3"},
		{"no UTF-8", "[\"a\xff\"]", json + "invalid UTF-8 at line 1, column 4"},
		{"deep", deep, json + "nested deeper than 32 levels at line 1, column 33"},
		{"very deep", strings.Repeat(`{"a":`, config.MaxDocumentSize/5), json + "nested deeper than 32 levels at line 1, column 161"},
		{"not too deep", deep[1:65], "$: must be an object"},
		{"surrogate pair", `["\ud83d\ude00"]`, "$: must be an object"},
		{"all of JSON", " [true, false, null, -0.1e-2, 10E3, \"\\\"\\\\\\/\\b\\f\\n\\r\\t\", {}, {\"a\" : [ ] , \"b\":0}]\r\n", "$: must be an object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := config.Parse([]byte(c.doc)); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// The path in an error is made of names from the document, which may be long
// or hold anything.
func TestOddNamesInPaths(t *testing.T) {
	for name, want := range map[string]string{
		strings.Repeat("a", 64):       strings.Repeat("a", 64) + ": unknown member",
		strings.Repeat("a", 65):       `$["` + strings.Repeat("a", 64) + `..."]: unknown member`,
		strings.Repeat("a", 63) + "é": `$["` + strings.Repeat("a", 63) + `\xc3..."]: unknown member`,
		`a\nb`:                        `$["a\nb"]: unknown member`,
		`a\"]é`:                       `$["a\"]\u00e9"]: unknown member`,
	} {
		if _, err := config.Parse([]byte(withTop(`"` + name + `": 1`))); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
