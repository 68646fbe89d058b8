package operation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"mcpauth/config"
)

// list returns rules with one scope each, named after the index of the rule.
func list(rules ...[2]string) []config.Rule {
	var list []config.Rule
	for i, r := range rules {
		list = append(list, config.Rule{Method: r[0], Name: r[1], Scopes: []string{fmt.Sprint(i)}})
	}
	return list
}

func TestRequired(t *testing.T) {
	rules := Compile(append(list(
		[2]string{"tools/*", ""},               // 0
		[2]string{"tools/call", "delete_note"}, // 1
		[2]string{"tools/call", "delete*"},     // 2
		[2]string{"tools/call", "d*"},          // 3
		[2]string{"tools/call", "delete_n*"},   // 4
		[2]string{"tools/call", "delete"},      // 5
		[2]string{"prompts/get", "*"},          // 6
		[2]string{"resources/read", "note:*"},  // 7
		[2]string{"initialize", ""},            // 8
		[2]string{"*", ""},                     // 9
		[2]string{"resources/read", "note:///a"},
	), config.Rule{Method: "tools/call", Name: "destroy"}))
	for _, test := range []struct {
		method, name string
		want         string // the scopes; "?" where a name is missing, "!" where it is refused
	}{
		{"tools/call", "delete_note", "0 1"},
		{"tools/call", "delete_note2", "0 4"},
		{"tools/call", "delete_notes", "0 4"},
		{"tools/call", "delete_n", "0 4"},
		{"tools/call", "delete_", "0 2"},
		{"tools/call", "delete", "0 5"},
		{"tools/call", "deletf", "0 3"},
		{"tools/call", "d", "0 3"},
		{"tools/call", "destroy", "0"},
		{"tools/call", "destroyer", "0 3"},
		{"tools/call", "Delete", "0"},
		{"tools/call", "", "0"},
		{"tools/call", "zzz", "0"},
		{"tools/call", "delete_note\x00", "!"},
		{"tools/call", " delete_note", "!"},
		{"tools/call", "delete_note\u00a0", "!"},
		{"tools/call", "\ufeffdelete_note", "!"},
		{"tools/call", "delete_note\x7f", "!"},
		{"tools/call", "-", "?"},
		{"tools/list", "-", "0"},
		{"tools/list", "delete_note", "0"},
		{"tools/", "-", "0"},
		{"tools", "-", "9"},
		{"prompts/get", "any", "6 9"},
		{"prompts/get", "-", "?"},
		{"initialize", "-", "8"},
		{"initialized", "-", "9"},
		{"init\x01", "-", "!"},
		{" initialize", "-", "!"},
		{"initialize\u00a0", "-", "!"},
		{"\ufeffinitialize", "-", "!"},
		{"resources/read", "note:///a", "10 9"},
		{"resources/read", "note:///b", "7 9"},
		{"resources/read", "file:///b", "9"},
		{"resources/read", "note:///x/../a", "!"},
		{"resources/read", "note:///%61", "!"},
		{"resources/subscribe", "note:///b", "9"}, // no rule has a name for it
		{"resources/subscribe", "-", "9"},
		{"", "-", "9"},
	} {
		required, complete, fault := rules.Required(&Operation{Method: test.method, HasMethod: true, Name: test.name, HasName: test.name != "-"})
		got := rules.ScopeNames(required.Scopes)
		slices.Sort(got)
		switch {
		case fault != "":
			got = []string{"!"}
		case !complete:
			got = []string{"?"}
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%q %q: %q, want %q", test.method, test.name, s, test.want)
		}
	}
	if Compile(nil) != nil {
		t.Error("rules from an empty list")
	}
	if _, complete, _ := rules.Required(&Operation{}); complete {
		t.Error("an operation without a method is complete")
	}
}

// The most specific of many patterns applies: the exact one, or else the longest prefix.
func TestMostSpecificPattern(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		b := make([]byte, random.IntN(n))
		for i := range b {
			b[i] = "ab/"[random.IntN(3)]
		}
		return string(b)
	}
	for range 300 {
		needs := map[string]need{}
		var list patterns
		for i := range random.IntN(30) {
			p := text(6)
			if random.IntN(2) == 0 {
				p += "*"
			}
			if _, twice := needs[p]; !twice {
				needs[p] = need{Set{Scopes: uint64(i) + 1, Claims: uint64(i) << 8}, i%3 == 0}
				list.insert(p, needs[p])
			}
		}
		list.link()
		for range 100 {
			s := text(8)
			want, ok := needs[s]
			for n := len(s); n >= 0 && !ok; n-- {
				want, ok = needs[s[:n]+"*"]
			}
			if got := list.need(s); got != want {
				t.Fatalf("%v: %q needs %v, want %v", needs, s, got, want)
			}
		}
	}
}

func BenchmarkRequired(b *testing.B) {
	var rules []config.Rule
	for i := range 64 {
		rules = append(rules, config.Rule{Method: "tools/call", Name: fmt.Sprintf("tool_%d", i), Scopes: []string{"a"}})
	}
	r := Compile(append(rules, list([2]string{"tools/*", ""}, [2]string{"tools/call", "tool_3*"})...))
	h := Headers{Method: "tools/call", Name: "tool_33", Version: "2026-07-28", MethodCount: 1, NameCount: 1, VersionCount: 1}
	b.ReportAllocs()
	for b.Loop() {
		if !h.Validated() {
			b.Fatal("the headers are not validated")
		}
		o, _ := h.Operation()
		if need, _, _ := r.Required(&o); need == (Set{}) {
			b.Fatal(need)
		}
	}
}

// Rules of one claim and the same values share a bit; a batch requires what its messages
// require together.
func TestRequiredClaims(t *testing.T) {
	claim := func(name string, values ...string) config.RequiredClaim {
		c := config.RequiredClaim{Claim: config.Claim{Name: name, Path: []string{name}}}
		for _, text := range values {
			v, ok := config.NewClaimValue(gjson.Parse(text))
			if !ok {
				t.Fatal(text)
			}
			c.Values = append(c.Values, v)
		}
		return c
	}
	rules := Compile([]config.Rule{
		{Method: "tools/*", Claims: []config.RequiredClaim{claim("a", "1")}},
		{Method: "tools/call", Name: "x", Scopes: []string{"s"}, Claims: []config.RequiredClaim{claim("b", `"1"`)}},
		{Method: "tools/call", Name: "y", Claims: []config.RequiredClaim{claim("a", "1.0"), claim("a", `"1"`)}},
		{Method: "tools/call", Name: "z"},
		{Method: "ping", Scopes: []string{"t"}},
	})
	if n := len(rules.Claims); n != 3 {
		t.Fatalf("%d claims: %v", n, rules.Claims)
	}
	call := func(name string) string {
		return `{"method":"tools/call","params":{"name":"` + name + `"}}`
	}
	var s Scanner
	for body, want := range map[string]Set{
		call("x"):                  {Scopes: 1, Claims: 1 | 2},
		call("y"):                  {Claims: 1 | 4},
		call("z"):                  {Claims: 1},
		call("other"):              {Claims: 1},
		`{"method":"tools/list"}`:  {Claims: 1},
		`{"method":"ping"}`:        {Scopes: 2},
		`{"method":"prompts/get"}`: {},
		"[" + call("x") + "," + call("y") + `,{"method":"ping"}]`: {Scopes: 1 | 2, Claims: 1 | 2 | 4},
	} {
		if got, _, fault := s.Required([]byte(body), rules, &Operation{}); got != want || fault != "" {
			t.Errorf("%s: %b, %q, want %b", body, got, fault, want)
		}
	}
	if got := (Set{Scopes: 3, Claims: 5}).Without(Set{Scopes: 1, Claims: 4}); got != (Set{Scopes: 2, Claims: 1}) {
		t.Errorf("%b", got)
	}
}
