package operation

import (
	"testing"

	"mcpauth/config"
)

// openRules returns rules beside public operations.
func openRules() *Rules {
	return Compile([]config.Rule{
		{Method: "*", Scopes: []string{"any"}},
		{Method: "tools/*", Scopes: []string{"tools"}},
		{Method: "tools/call", Name: "*", Scopes: []string{"a"}},
		{Method: "tools/call", Name: "open_but_not", Scopes: []string{"b"}},
		{Method: "notifications/secret"},
	}, config.Rule{Method: "ping"}, config.Rule{Method: "notifications/*"},
		config.Rule{Method: "tools/call", Name: "open_*"}, config.Rule{Method: "tools/call", Name: "search"}, config.Rule{Method: "resources/read", Name: "note:a*"})
}

// The most specific pattern counts, of rules and public operations together, and what is
// public requires nothing.
func TestPublicOperations(t *testing.T) {
	rules := openRules()
	for _, test := range []struct {
		method, name string // "-" for no name
		public       bool
		scopes       uint64
	}{
		{"ping", "-", true, 0},
		{"pings", "-", false, 1},
		{"notifications/cancelled", "-", true, 0},
		{"notifications/secret", "-", false, 0},
		{"notifications", "-", false, 1},
		{"tools/list", "-", false, 2},
		{"tools/call", "search", true, 0},
		{"tools/call", "Search", false, 2 | 4},
		{"tools/call", "open_", true, 0},
		{"tools/call", "open_but", true, 0},
		{"tools/call", "open_but_not", false, 2 | 8},
		{"tools/call", "open_but_not2", true, 0},
		{"tools/call", "delete", false, 2 | 4},
		{"tools/call", "-", false, 2},
		{"tools/call", "search ", false, 2},
		{"resources/read", "note:a", true, 0},
		{"resources/read", "note:b", false, 1},
		{"resources/read", "note:a/../b", false, 1},
		{"resources/subscribe", "note:a", false, 1},
		{"prompts/get", "search", false, 1},
		{"ping ", "-", false, 0},
		{"ping\x00", "-", false, 0},
		{"", "-", false, 1},
	} {
		o := Operation{Method: test.method, HasMethod: true, Name: test.name, HasName: test.name != "-"}
		if required, _, _ := rules.Required(&o); required != (Set{Scopes: test.scopes}) || rules.IsPublic(&o) != test.public {
			t.Errorf("%s %s: public %v, requires %v", test.method, test.name, rules.IsPublic(&o), required)
		}
	}
	if rules.IsPublic(&Operation{Method: "ping"}) {
		t.Error("no method is public")
	}
}

// A body is public if each of its messages is, and none can be a response.
func TestPublicBodies(t *testing.T) {
	const ping, search, delete = `{"method":"ping"}`, `{"method":"tools/call","params":{"name":"search"}}`, `{"method":"tools/call","params":{"name":"delete"}}`
	var s Scanner
	for _, test := range []struct {
		body    string
		headers Operation
		public  bool
	}{
		{ping, Operation{}, true},
		{ping, Operation{Method: "ping", HasMethod: true}, true},
		{ping, Operation{Method: "pong", HasMethod: true}, false},
		{search, Operation{}, true},
		{search, Operation{Method: "tools/call", HasMethod: true, Name: "search", HasName: true}, true},
		{search, Operation{Method: "tools/call", HasMethod: true, Name: "delete", HasName: true}, false},
		{delete, Operation{}, false},
		{`[` + ping + `,` + search + `]`, Operation{}, true},
		{`[` + ping + `]`, Operation{Method: "ping", HasMethod: true}, false},
		{`[` + delete + `,` + ping + `]`, Operation{}, false},
		{`[` + ping + `,` + delete + `,` + ping + `]`, Operation{}, false},
		{`[` + ping + `,{"id":1,"result":{}}]`, Operation{}, false},
		{`[{"id":1,"result":{}},` + ping + `]`, Operation{}, false},
		{`[{"id":1,"result":{},"method":"ping"},` + ping + `]`, Operation{}, false},
		{`{"method":"ping","result":{}}`, Operation{}, false},
		{`{"method":"ping","ERROR":{}}`, Operation{}, false},
		{`{"method":"ping","params":{"result":{},"error":{}}}`, Operation{}, true},
		{`{"method":"ping","results":{}}`, Operation{}, true},
		{`{}`, Operation{}, false},
		{`[]`, Operation{}, false},
		{``, Operation{}, false},
		{ping + ping, Operation{}, false},
		{`[` + ping + `,]`, Operation{}, false},
		{`{"method":"ping","method":"ping"}`, Operation{}, false},
		{ping, Operation{}, true}, // nothing stays behind
	} {
		if _, public, fault := s.Required([]byte(test.body), openRules(), &test.headers); public != test.public {
			t.Errorf("%s: public %v, %s", test.body, public, fault)
		}
	}
	if _, public, _ := s.Required([]byte(ping), Compile([]config.Rule{{Method: "ping"}}), &Operation{}); public {
		t.Error("a rule without scopes makes an operation public")
	}
}
