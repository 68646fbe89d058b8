package jsonreadings

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"mcpauth/config"
	"mcpauth/integration/program"
	"mcpauth/internal/operation"
)

// The programs that read bodies. Both must be there: a server in either language may stand
// behind the gateway.
var programs = map[string][]string{
	"Node.js": {"node", "readings.mjs"},
	"Python":  {"python3", "readings.py"},
}

// A reading is the operation of a message, as a server may read it: method, name and URI, of
// which each may be missing.
type reading [3]*string

// read returns the readings of a body; none if the program refuses it.
func read(t testing.TB, p *program.Program, body string) (list []reading) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.Ask(t, body)), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// goReadings returns the readings of encoding/json, which ignores the case of names, and those
// of parsers that take any one of several members with one name.
func goReadings(body string) (list []reading) {
	var document any
	if json.Unmarshal([]byte(body), &document) != nil {
		return nil
	}
	messages := []json.RawMessage{json.RawMessage(body)}
	if _, ok := document.([]any); ok {
		json.Unmarshal([]byte(body), &messages)
	}
	for _, m := range messages {
		for _, method := range members(m, "method") {
			params := members(m, "params")
			if len(params) == 0 {
				list = append(list, reading{text(method)})
			}
			for _, params := range params {
				names, uris := append(members(params, "name"), nil), append(members(params, "uri"), nil)
				for _, name := range names[:max(1, len(names)-1)] { // nil if there is none
					for _, uri := range uris[:max(1, len(uris)-1)] {
						list = append(list, reading{text(method), text(name), text(uri)})
					}
				}
			}
		}
	}
	return list
}

// members returns the values of all members of an object with a name, in any case.
func members(object json.RawMessage, name string) (list []json.RawMessage) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return list
		}
		if strings.EqualFold(key.(string), name) {
			list = append(list, value)
		}
	}
	return list
}

// text returns the string in a value, nil if there is none.
func text(value json.RawMessage) (s *string) {
	json.Unmarshal(value, &s)
	return s
}

// newRules returns rules with another scope for each operation of the cases.
func newRules(t testing.TB) *operation.Rules {
	t.Helper()
	c, err := config.Parse([]byte(`{"authorization_servers":[{"issuer":"https://a","cluster":"a"}],"allow_on_headers_stop_iteration":true,"resources":[{"resource":"https://r",` +
		`"tools":{"add":["a"],"purge_*":["b"],"list":["c"],"open_*":["d"]},"prompts":{"*":["e"]},"resources":{"note:///archive/*":["f"],"note:///a":["g"]},` +
		`"methods":{"tools/call":["h"],"ping":["i"],"logging/*":["j"],"initialize":["k"],"*":["l"]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return operation.Compile(c.Resources[0].Rules)
}

// A checker compares the scanner with readings.
type checker struct {
	rules   *operation.Rules
	scanner operation.Scanner
}

// accepts reports whether the scanner accepts a body. It fails if it does and a reading needs
// more than the scanner found.
func (c *checker) accepts(t testing.TB, who, body string, readings []reading) bool {
	t.Helper()
	required, _, fault := c.scanner.Required([]byte(body), c.rules, &operation.Operation{})
	if fault != "" {
		return false
	}
	for _, r := range readings {
		if r[0] == nil {
			continue // no request: a response, or what no server takes for a message
		}
		o := operation.Operation{Method: *r[0], HasMethod: true}
		name := r[1]
		if strings.HasPrefix(o.Method, "resources/") {
			name = r[2]
		}
		if name != nil {
			o.Name, o.HasName = *name, true
		}
		need, complete, fault := c.rules.Required(&o)
		if fault != "" || !complete || need.Without(required) != (operation.Set{}) {
			t.Fatalf("%s reads %q as %q, %v, which needs %v; the gateway found %v, fault %q", who, body, o.Method, o.Name, need, required, fault)
		}
	}
	return true
}

// known are bodies that parsers read differently, and others that look so.
var known = []string{
	`{"method":"ping","method":"tools/call","params":{"name":"add"}}`, `{"Method":"tools/call","method":"ping","params":{"name":"add"}}`, `{"method":"ping","__proto__":{"method":"tools/call"}}`,
	`{"method":"tools/call","params":{"name":"list","__proto__":{"name":"add"}}}`, `{"method":"tools/call","params":{"name":"list","nam\u0065":"add"}}`, `{"method":"tools/call","params":{"\ud83d\ude00":1,"name":"list"}}`,
	`{"method":"tools/call","params":{"name":"list"},"params":{"name":"add"}}`, `{"method":"tools/call","params":{"name":"list","Name":"add"}}`, `{"method":"tools/call","params":{"name":"li\ud800st"}}`,
	"\ufeff" + `{"method":"ping"}`, `{"method":"ping"}{"method":"tools/call"}`, `{"method":"ping",}`, `{"method":"ping","x":NaN}`, `{"method":"ping","x":Infinity}`, `{"method":"ping" /* */}`, `{'method':'ping'}`,
	`{"method":"ping","x":1e999999}`, `{"method":"ping","x":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`, `[{"method":"ping"},{"method":"tools/call","params":{"name":"add"}}]`, `[[{"method":"tools/call"}]]`,
	"{\"method\":\"ping\",\"x\":\"\xff\"}", "{\"method\":\"pi\xc0\xae\"}", "{\"method\":\"ping\",\"x\":\"\t\"}", "{\"method\":\"ping\"\u00a0}", "{\"method\":\"ping\"}\x00", `{"method":"tools/call","params":{"name":"add\u0000"}}`,
	`{"__proto__":{"method":"tools/call","params":{"name":"add"}}}`, `{"METHOD":"tools/call","params":{"name":"add"}}`,
	`{"method":"tools/call","params":["add"]}`, `{"method":"tools/call","params":{"name":["add"]}}`, `{"methoď":"x","method":"ping"}`, `{"paramſ":{"name":"add"},"method":"tools/call","params":{"name":"list"}}`,
}

// fragments are what is put into bodies.
var fragments = []string{
	`"`, `:`, `,`, `{`, `}`, `[`, `]`, ` `, "\t", "\n", "\r", `\`, `\u0000`, `\ud83d`, `\ude00`, `\u0061`, `\/`, "\x00", "\xff", "é", "\u017f", "\u212a", "\u0130", "\ufeff", "\u2028",
	`"name":"add"`, `,"name":"add"`, `"method":"tools/call",`, `,"params":{"name":"add"}`, `"NAME":"add",`, `"__proto__":{"name":"add"},`, `"__proto__":{"method":"tools/call","params":{"name":"add"}},`, `"result":{}`, "1e5", "-0", "01", "NaN", "null", "true", "/**/", "'",
}

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

// randomBody returns a body that is JSON-RPC, or nearly.
func randomBody(r *rand.Rand) string {
	message := func() string {
		method := pick(r, "tools/call", "tools/call", "prompts/get", "resources/read", "ping", "initialize", "logging/setLevel", "resources/subscribe", "x")
		name, uri := pick(r, "add", "list", "purge_all", "open_x", "x", " add", ""), pick(r, "note:///a", "note:///archive/a", "note:x", "note:///archive/../a")
		params := `{"name":"` + name + `","uri":"` + uri + `","arguments":{"name":"add","a":[1,{"method":"x"}]}}`
		return pick(r, `{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":`+params+`}`, `{"params":`+params+`,"method":"`+method+`"}`, `{"id":1,"result":`+params+`}`, `{"method":"`+method+`"}`)
	}
	body := message()
	if r.IntN(6) == 0 {
		body = "[" + body + "," + message() + "]"
	}
	for range max(0, r.IntN(6)-2) {
		at, end := r.IntN(len(body)+1), 0
		if r.IntN(2) == 0 {
			end = r.IntN(4)
		}
		body = body[:at] + pick(r, fragments...) + body[min(len(body), at+end):]
	}
	return body
}

// No server reads an operation in a body that needs more than what the gateway found there,
// or the gateway refuses the body.
func TestReadingsOfThreeLanguages(t *testing.T) {
	running := map[string]*program.Program{}
	for name, command := range programs {
		running[name] = program.Start(t, "Node.js and Python 3", command)
	}
	c := checker{rules: newRules(t)}
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for i := range 5000 {
		body := randomBody(random)
		if i < len(known) {
			body = known[i]
		}
		if c.accepts(t, "Go", body, goReadings(body)) {
			accepted++
		}
		for name, p := range running {
			c.accepts(t, name, body, read(t, p, body))
		}
	}
	if accepted < 500 {
		t.Errorf("only %d bodies were accepted", accepted)
	}
}

// FuzzBodies does the same with bodies of the fuzzer's.
func FuzzBodies(f *testing.F) {
	for _, body := range known {
		f.Add(body)
	}
	running := map[string]*program.Program{}
	for name, command := range programs {
		running[name] = program.Start(f, "Node.js and Python 3", command)
		read(f, running[name], "{}") // it runs: an input of the fuzzer has ten seconds
	}
	c := checker{rules: newRules(f)}
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > 10000 {
			return
		}
		c.accepts(t, "Go", body, goReadings(body))
		for name, p := range running {
			c.accepts(t, name, body, read(t, p, body))
		}
	})
}
