package operation

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"mcpauth/config"
)

// testRules returns the rules of the tests: bit 0 for the tool x, bit 1 for a resource,
// bit 2 for ping.
func testRules() *Rules {
	return Compile([]config.Rule{
		{Method: "tools/call", Name: "x", Scopes: []string{"tool"}},
		{Method: "resources/read", Name: "note:x", Scopes: []string{"resource"}},
		{Method: "ping", Scopes: []string{"ping"}},
	})
}

func nested(n int, open, closing string) string {
	return strings.Repeat(open, n) + "1" + strings.Repeat(closing, n)
}

func TestBodies(t *testing.T) {
	const tool, resource, ping = 1, 2, 4
	var s Scanner
	rules := testRules()
	for _, test := range []struct {
		body  string
		need  uint64
		fault Fault
	}{
		{`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"name":"y","method":"z"}}}`, tool, ""},
		{" {\r\n\t\"params\" : { \"name\" : \"x\" } , \"method\" : \"tools/call\" }\n", tool, ""},
		{`{"m\u0065thod":"\u0074ools\/call","p\u0061rams":{"n\u0061me":"\u0078"}}`, tool, ""},
		{`{"method":"tools/call","params":{"name":"y"}}`, 0, ""},
		{`{"method":"tools/call","params":{"name":"xx"}}`, 0, ""},
		{`{"method":"tools/call","params":{"name":"X"}}`, 0, ""},
		{`{"method":"tools/call","params":{"name":"é","x":"é"}}`, 0, ""},
		{`{"method":"resources/read","params":{"uri":"note:x","name":"y"}}`, resource, ""},
		{`{"method":"resources/read","params":{"uri":"note:y","name":"x"}}`, 0, ""},
		{`{"method":"resources/subscribe","params":{}}`, 0, ""},
		{`{"method":"ping"}`, ping, ""},
		{`{"method":"ping","params":[{"name":1}]}`, ping, ""},
		{`{"method":"ping","params":null}`, ping, ""},
		{`{"method":"prompts/get","params":"none"}`, 0, ""},
		{`{"method":"tools/list"}`, 0, ""},
		{`{"id":1,"result":{"method":"tools/call"}}`, 0, ""},
		{`{}`, 0, ""},
		{`{"params":{}}`, 0, ""},

		// Batches (2025-03-26).
		{`[{"method":"ping"}]`, ping, ""},
		{` [ {"method":"ping"} , {"id":1} ,{"method":"tools/call","params":{"name":"x"}} ] `, ping | tool, ""},
		{`[{"method":"tools/call","params":{"name":"x"}},{"method":"tools/call","params":{"name":"y"}}]`, tool, ""},
		{`[]`, 0, FaultMessage},
		{`[[{"method":"ping"}]]`, 0, FaultMessage},
		{`[{"method":"ping"},1]`, 0, FaultMessage},
		{`[{"method":"ping"},]`, 0, FaultMessage},
		{`[{"method":"ping"}`, 0, FaultSyntax},
		{`[{"method":"ping"}{"method":"ping"}]`, 0, FaultSyntax},
		{`[{"method":"ping"}]]`, 0, FaultSyntax},
		{`[{"method":"ping"},{"method":"tools/call"}]`, 0, FaultName},

		// Messages that servers may read in more than one way.
		{`{"method":"ping","method":"ping"}`, 0, FaultAmbiguous},
		{`{"method":"ping","m\u0065thod":"ping"}`, 0, FaultAmbiguous},
		{`{"method":"ping","Method":"x"}`, 0, FaultAmbiguous},
		{`{"METHOD":"ping"}`, 0, FaultAmbiguous},
		{`{"method":"ping","M\u0065thod":1}`, 0, FaultAmbiguous},
		{`{"params":{},"params":{}}`, 0, FaultAmbiguous},
		{`{"paramſ":{}}`, 0, FaultAmbiguous},
		{`{"param\u017f":{}}`, 0, FaultAmbiguous},
		{`{"method\u0000":"ping"}`, 0, FaultAmbiguous},
		{`{"x\u0000":"ping"}`, 0, FaultAmbiguous},
		{`{"metho\ud800d":"ping"}`, 0, FaultAmbiguous},
		{`{"__proto__":{"method":"ping"}}`, 0, FaultAmbiguous},
		{`{"method":"ping","params":{"_\u005fproto__":{"name":"x"}}}`, 0, FaultAmbiguous},
		{`{"method":"ping","params":{"arguments":{"__proto__":1}}}`, ping, ""},
		{`{"x\udc00":1}`, 0, FaultAmbiguous},
		{`{"method":"pin\ud800g"}`, 0, FaultAmbiguous},
		{`{"method":"\ud800\ud800"}`, 0, FaultAmbiguous},
		{`{"params":{"name":"x","name":"y"}}`, 0, FaultAmbiguous},
		{`{"params":{"name":"x","NAME":"y"}}`, 0, FaultAmbiguous},
		{`{"params":{"Name":"x"}}`, 0, FaultAmbiguous},
		{`{"params":{"URI":"x"}}`, 0, FaultAmbiguous},
		{`{"params":{"urı":"x"}}`, 0, FaultAmbiguous},
		{`{"params":{"urİ":"x"}}`, 0, FaultAmbiguous},
		{`{"params":{"name":"\udfff"}}`, 0, FaultAmbiguous},
		{`{"x":{"Method":1,"method":2,"method":3},"params":{"x":{"Name":1}},"metho":1,"methods":2,"param":3,"name":4,"uri":5,"Name":6}`, 0, ""},
		{`{"x":"\ud800","y":["\udc00\ud800"],"z":{"\ud800":1}}`, 0, ""}, // the scanner reads no text there

		{`{"method":1}`, 0, FaultMethod},
		{`{"method":null}`, 0, FaultMethod},
		{`{"method":{}}`, 0, FaultMethod},
		{`{"method":["ping"]}`, 0, FaultMethod},
		{`{"method":"ping\u0000"}`, 0, FaultMethod},
		{`{"method":"tools/call"}`, 0, FaultName},
		{`{"method":"tools/call","params":{}}`, 0, FaultName},
		{`{"method":"tools/call","params":{"uri":"x"}}`, 0, FaultName},
		{`{"method":"tools/call","params":{"name":1}}`, 0, FaultName},
		{`{"method":"tools/call","params":{"name":null}}`, 0, FaultName},
		{`{"method":"tools/call","params":{"name":["x"]}}`, 0, FaultName},
		{`{"method":"tools/call","params":[{"name":"x"}]}`, 0, FaultName},
		{`{"method":"tools/call","params":null,"name":"x"}`, 0, FaultName},
		{`{"method":"tools/call","params":{"name":"x\n"}}`, 0, FaultName},
		{`{"method":"tools/call","params":{"name":"x\u0000"}}`, 0, FaultName},
		{`{"method":"tools/call","params":{"name":"x "}}`, 0, FaultName},
		{`{"method":"resources/read","params":{"name":"x"}}`, 0, FaultName},
		{`{"method":"resources/read","params":{"uri":"note:y/../x"}}`, 0, FaultName},

		// Bodies that are not JSON, or another kind of JSON.
		{``, 0, FaultMessage},
		{` `, 0, FaultMessage},
		{`1`, 0, FaultMessage},
		{`"method"`, 0, FaultMessage},
		{`null`, 0, FaultMessage},
		{"\xef\xbb\xbf{}", 0, FaultMessage}, // a byte order mark
		{"{\x00}", 0, FaultSyntax},
		{"{\x00\"\x00", 0, FaultSyntax},   // UTF-16
		{"\x00{\x00}", 0, FaultMessage},   // UTF-16
		{"{\x00\x00\x00", 0, FaultSyntax}, // UTF-32
		{"{}\x00", 0, FaultSyntax},
		{`{} {}`, 0, FaultSyntax},
		{`{},`, 0, FaultSyntax},
		{`{"a":1,}`, 0, FaultSyntax},
		{`{,}`, 0, FaultSyntax},
		{`{"a"}`, 0, FaultSyntax},
		{`{"a":}`, 0, FaultSyntax},
		{`{"a" 1}`, 0, FaultSyntax},
		{`{a:1}`, 0, FaultSyntax},
		{`{'a':1}`, 0, FaultSyntax},
		{`{"a":1`, 0, FaultSyntax},
		{`{"a":[1,]}`, 0, FaultSyntax},
		{`{"a":[1 2]}`, 0, FaultSyntax},
		{`{"a":[1}}`, 0, FaultSyntax},
		{`{"a":{"b":1]}`, 0, FaultSyntax},
		{`{"a":{"b":1,}}`, 0, FaultSyntax},
		{`{"a":{"b":1,2}}`, 0, FaultSyntax},
		{`{"a":tru}`, 0, FaultSyntax},
		{`{"a":True}`, 0, FaultSyntax},
		{`{"a":nullx}`, 0, FaultSyntax},
		{`{"a":NaN}`, 0, FaultSyntax},
		{`{"a":01}`, 0, FaultSyntax},
		{`{"a":+1}`, 0, FaultSyntax},
		{`{"a":-}`, 0, FaultSyntax},
		{`{"a":.5}`, 0, FaultSyntax},
		{`{"a":1.}`, 0, FaultSyntax},
		{`{"a":1e}`, 0, FaultSyntax},
		{`{"a":0x1}`, 0, FaultSyntax},
		{`{"a":[-0,1.5e+10,0e-1,-1E1,0.0]}`, 0, ""},
		{`{"a":"` + "\t" + `"}`, 0, FaultSyntax},
		{`{"a":"` + "\x1f" + `"}`, 0, FaultSyntax},
		{`{"a":"` + "\x7f" + `"}`, 0, ""},
		{`{"a":"\x"}`, 0, FaultSyntax},
		{`{"a":"\u12g4"}`, 0, FaultSyntax},
		{`{"a":"\u12"}`, 0, FaultSyntax},
		{`{"a":"\`, 0, FaultSyntax},
		{`{"a":"\"\\\/\b\f\n\r\t\uD834\udd1e"}`, 0, ""},
		{"{\"a\":\"\xff\"}", 0, FaultSyntax},
		{"{\"a\":\"\xc0\xaf\"}", 0, FaultSyntax},
		{"{\"a\":\"\xed\xa0\x80\"}", 0, FaultSyntax}, // a surrogate in UTF-8
		{"{\"a\":\"\xf4\x90\x80\x80\"}", 0, FaultSyntax},
		{"{\"a\":\"\xe2\x82", 0, FaultSyntax},
		{"{\"a\":\"\ufffd\u2028\"}", 0, ""},
		{"{\u00a0}", 0, FaultSyntax},
		{`{} // comment`, 0, FaultSyntax},

		// 512 levels, including the message and params.
		{`{"a":` + nested(511, `[`, `]`) + `}`, 0, ""},
		{`{"a":` + nested(512, `[`, `]`) + `}`, 0, FaultDepth},
		{`{"a":` + nested(511, `{"a":`, `}`) + `}`, 0, ""},
		{`{"a":` + nested(512, `{"a":`, `}`) + `}`, 0, FaultDepth},
		{`{"params":{"name":` + nested(510, `[`, `]`) + `}}`, 0, ""},
		{`{"params":{"name":` + nested(511, `[`, `]`) + `}}`, 0, FaultDepth},
		{`[{"params":{"x":` + nested(509, `[`, `]`) + `}}]`, 0, ""},
		{`[{"params":{"x":` + nested(510, `[`, `]`) + `}}]`, 0, FaultDepth},
		{`{"a":` + strings.Repeat(`[`, 1<<20), 0, FaultDepth},
		{`{"a":[` + strings.Repeat(`[],{},`, 1000) + `{"b":[{}]}],"method":"ping"}`, ping, ""},
	} {
		need, _, fault := s.Required([]byte(test.body), rules, &Operation{})
		if need != (Set{Scopes: test.need}) || fault != test.fault {
			t.Errorf("%.200q: %b, %q, want %b, %q", test.body, need, fault, test.need, test.fault)
		}
	}
}

func TestHeadersAndBody(t *testing.T) {
	var s Scanner
	rules := Compile([]config.Rule{{Method: "ping"}})
	method := func(m string) Operation { return Operation{Method: m, HasMethod: true} }
	both := func(m, n string) Operation { return Operation{m, n, true, true} }
	for _, test := range []struct {
		headers Operation
		body    string
		match   bool
	}{
		{Operation{}, `{"method":"ping"}`, true},
		{method("ping"), `{"method":"ping"}`, true},
		{method("ping"), `{"method":"p\u0069ng"}`, true},
		{method("ping"), `{"method":"Ping"}`, false},
		{method("Ping"), `{"method":"ping"}`, false},
		{method(""), `{"method":"ping"}`, false},
		{method("ping"), `{}`, false},
		{method("ping"), `{"id":1,"result":{}}`, false},
		{method("tools/call"), `{"method":"tools/call","params":{"name":"a"}}`, true},
		{both("tools/call", "a"), `{"method":"tools/call","params":{"name":"a"}}`, true},
		{both("tools/call", "é"), `{"method":"tools/call","params":{"name":"\u00e9"}}`, true},
		{both("tools/call", "a"), `{"method":"tools/call","params":{"name":"b"}}`, false},
		{both("tools/call", "a"), `{"method":"tools/call","params":{"name":"A"}}`, false},
		{both("tools/call", "a"), `{"method":"tools/call","params":{"name":"a "}}`, false},
		{both("tools/call", "a"), `{"method":"tools/call","params":{"uri":"a"}}`, false},
		{both("tools/call", "a"), `{"method":"tools/call"}`, false},
		{both("tools/call", ""), `{"method":"tools/call","params":{"name":1}}`, false},
		{both("tools/call", ""), `{"method":"tools/call","params":{"name":""}}`, true},
		{both("prompts/get", "a"), `{"method":"prompts/get","params":{"name":"a"}}`, true},
		{both("prompts/get", "a"), `{"method":"tools/call","params":{"name":"a"}}`, false},
		{both("resources/read", "a"), `{"method":"resources/read","params":{"uri":"a","name":"b"}}`, true},
		{both("resources/read", "b"), `{"method":"resources/read","params":{"uri":"a","name":"b"}}`, false},
		{both("other", "a"), `{"method":"other","params":{"name":"b"}}`, true}, // its operations have no name
		{Operation{Name: "a", HasName: true}, `{"method":"tools/call","params":{"name":"a"}}`, true},
		{Operation{Name: "a", HasName: true}, `{"method":"tools/call","params":{"name":"b"}}`, false},
		{method("ping"), `[{"method":"ping"}]`, false},
		{Operation{Name: "a", HasName: true}, `[{"method":"ping"}]`, false},
	} {
		want := FaultMismatch
		if test.match {
			want = ""
		}
		if _, _, fault := s.Required([]byte(test.body), rules, &test.headers); fault != want {
			t.Errorf("%+v, %s: %q, want %q", test.headers, test.body, fault, want)
		}
	}
}

// The scanner accepts a body only if encoding/json accepts it. It calls a body malformed
// only if it is not JSON or not UTF-8. It finds the same method and name as a
// case-sensitive reader.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":[1,-2.5e+3,true,false,null,"\u00e9\ud834\udd1e"]}}}`,
		`[{"method":"ping"},{"id":1,"result":{}}]`,
		`{"m\u0065thod":"a\"\\\/\b\f\n\r\tb","params":{"uri":"note:x"}}`,
		`{"a":"` + "\xff" + `"}`, `{"a":"\ud800"}`, "{\"\u00e9\u4e16\":[[],{},[{}]]}", `{"a":01}`, `{"a":1.e3}`, `{"a":"\u00zz"}`, `{} x`, "{\"abcdefghijk\u007f\x01\":1}",
		`{"abcdefg\"hijklmnopq\\":"12345678\u0000"}`,
	} {
		f.Add([]byte(s))
	}
	rules := Compile([]config.Rule{{Method: "ping"}})
	f.Fuzz(func(t *testing.T, body []byte) {
		var s Scanner
		valid := json.Valid(body) && utf8.Valid(body)
		_, fault := s.scan(body, rules, &Operation{})
		switch {
		case fault == FaultSyntax && valid:
			t.Fatalf("%q is called malformed", body)
		case fault != "":
			return
		case !valid:
			t.Fatalf("%q is accepted", body)
		}
		if body = bytes.TrimLeft(body, " \t\r\n"); body[0] == '[' {
			return // the scanner keeps only the last message
		}
		message, params := map[string]json.RawMessage{}, map[string]json.RawMessage{}
		if err := json.Unmarshal(body, &message); err != nil {
			t.Fatal(err)
		}
		json.Unmarshal(message["params"], &params) // it need not be an object
		for _, c := range []struct {
			raw json.RawMessage
			got *field
		}{{message["method"], &s.message[0]}, {params["name"], &s.params[0]}, {params["uri"], &s.params[1]}} {
			if c.got.seen != (c.raw != nil) {
				t.Fatalf("%q: seen is %v", body, c.got.seen)
			}
			var text any
			if c.raw != nil {
				json.Unmarshal(c.raw, &text)
			}
			if want, ok := text.(string); ok != c.got.valid || ok && s.json.Decode(c.got.text, &s.decoded) != want {
				t.Fatalf("%q: want %v", body, text)
			}
		}
	})
}

func benchmarkBody(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"x","arguments":{"items":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"id":12345,"title":"A note about something","tags":["work","later"],"done":false,"text":"Some text of a usual length, with a \"quote\" in it and a line\nbreak."}`)
	}
	b.WriteString(`]}}}`)
	return bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte(`\n`))
}

func BenchmarkScanner(b *testing.B) {
	for name, body := range map[string][]byte{
		"small":   []byte(`{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"x","arguments":{"text":"hello"}}}`),
		"objects": benchmarkBody(64 << 10),
		"base64":  []byte(`{"method":"tools/call","params":{"name":"x","arguments":{"blob":"` + strings.Repeat("iVBORw0KGgoAAAANSUhEUg", 3000) + `"}}}`),
		"Chinese": []byte(`{"method":"tools/call","params":{"name":"x","arguments":{"text":"` + strings.Repeat("你好世界", 6000) + `"}}}`),
	} {
		b.Run(name, func(b *testing.B) {
			var s Scanner
			rules := testRules()
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if need, _, fault := s.Required(body, rules, &Operation{}); need != (Set{Scopes: 1}) || fault != "" {
					b.Fatal(need, fault)
				}
			}
		})
	}
}
