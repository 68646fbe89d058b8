package operation

import (
	"math/rand/v2"
	"strings"
	"testing"

	"mcpauth/config"
)

// An entry of a list is allowed if and only if the call with its name would be.
func TestAllowsWhatRequiredDoes(t *testing.T) {
	r := Compile([]config.Rule{
		{Method: "tools/call", Name: "purge_*", Scopes: []string{"admin"}},
		{Method: "tools/call", Name: "purge_help"},
		{Method: "resources/read", Name: "note:///a/*", Scopes: []string{"admin"}},
		{Method: "prompts/*", Scopes: []string{"prompts"}},
	})
	admin := Set{Scopes: 1 << r.scopeBit("admin")}
	prompts := Set{Scopes: 1 << r.scopeBit("prompts")}
	for _, c := range []struct {
		listed  *Listed
		name    string
		granted Set
		want    bool
	}{
		{&CallTool, "list", Set{}, true},
		{&CallTool, "purge_all", Set{}, false},
		{&CallTool, "purge_all", admin, true},
		{&CallTool, "purge_help", Set{}, true},
		{&CallTool, " purge_help", admin, false},
		{&CallTool, "a\x00", admin, false},
		{&CallTool, "purge_{x}", Set{}, false},
		{&GetPrompt, "x", Set{}, false},
		{&GetPrompt, "x", prompts, true},
		{&GetPrompt, " x ", prompts, true}, // there is no rule by name
		{&ReadResource, "note:///a/1", Set{}, false},
		{&ReadResource, "note:///b", Set{}, true},
		{&ReadResource, "note:///b/../a/1", Set{}, false},
		{&ReadTemplate, "note:///{+path}", Set{}, true},
		{&ReadTemplate, "note:///a/{id}", Set{}, false},
		{&ReadTemplate, "note:///a/{id}", admin, true},
		{&ReadTemplate, "note:///a/1", Set{}, false},
		{&ReadTemplate, "NOTE:///{id}", admin, false},
	} {
		if got := r.Allows(c.listed, c.name, c.granted, false); got != c.want {
			t.Errorf("%s %q, granted %v: %v, want %v", c.listed.method, c.name, c.granted, got, c.want)
		}
	}
}

// A template is allowed if and only if some URI is that begins with its literal text.
// Random rules over two letters stand against all URIs over three, up to some length.
func TestAllowsTemplates(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		var b strings.Builder
		for range random.IntN(n + 1) {
			b.WriteByte("ab"[random.IntN(2)])
		}
		return "x:" + b.String()
	}
	var all []string
	for at := []string{"x:"}; len(at[0]) <= 7; {
		all = append(all, at...)
		var next []string
		for _, s := range at {
			next = append(next, s+"a", s+"b", s+"c")
		}
		at = next
	}
	hidden := 0
	for range 3000 {
		seen := map[string]bool{}
		var list []config.Rule
		for range 1 + random.IntN(6) {
			name := word(4)
			if random.IntN(2) == 0 {
				name += "*"
			}
			if seen[name] {
				continue
			}
			seen[name] = true
			rule := config.Rule{Method: "resources/read", Name: name}
			if random.IntN(3) > 0 {
				rule.Scopes = []string{"a"}
			}
			list = append(list, rule)
		}
		r, literal := Compile(list), word(3)
		want := false
		for _, uri := range all {
			want = want || strings.HasPrefix(uri, literal) && r.Allows(&ReadResource, uri, Set{}, false)
		}
		if got := r.Allows(&ReadTemplate, literal+"{id}", Set{}, false); got != want {
			t.Fatalf("%s{id}: %v, want %v, with %+v", literal, got, want, list)
		}
		if !want {
			hidden++
		}
	}
	if hidden < 100 {
		t.Errorf("only %d templates were hidden", hidden)
	}
}

func TestListMethods(t *testing.T) {
	var s Scanner
	rules := &Rules{}
	for body, want := range map[string]bool{
		`{"method":"tools/list"}`:                                true,
		`{"method":"resources/templates/list"}`:                  true,
		`{"method":"Prompts/LIST"}`:                              true,
		`{"method":"resource\u0073/list"}`:                       true,
		`[{"method":"ping"},{"method":"tools/list"},{"id":1}]`:   true,
		`{"method":"tools/lists"}`:                               false,
		`{"method":"tools/call","params":{"name":"tools/list"}}`: false,
		`{"method":"roots/list"}`:                                false,
		`{"id":1,"result":{}}`:                                   false,
	} {
		if _, _, fault := s.Required([]byte(body), rules, &Operation{}); fault != "" || s.Lists() != want {
			t.Errorf("%s: %v, fault %q, want %v", body, s.Lists(), fault, want)
		}
	}
}
