package operation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mcpauth/config"
)

// list returns rules with one scope each, which is their number.
func list(rules ...[2]string) []config.Rule {
	var list []config.Rule
	for i, r := range rules {
		list = append(list, config.Rule{Method: r[0], Name: r[1], Scopes: []string{fmt.Sprint(i)}})
	}
	return list
}

func TestNeed(t *testing.T) {
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
		{"resources/subscribe", "note:///b", "9"}, // not ruled here
		{"resources/subscribe", "-", "9"},
		{"", "-", "9"},
	} {
		need, suffices, fault := rules.Need(&Operation{Method: test.method, HasMethod: true, Name: test.name, HasName: test.name != "-"})
		got := rules.Of(need)
		slices.Sort(got)
		switch {
		case fault != "":
			got = []string{"!"}
		case !suffices:
			got = []string{"?"}
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%q %q: %q, want %q", test.method, test.name, s, test.want)
		}
	}
	if Compile(nil) != nil {
		t.Error("there are rules where there are none")
	}
	if _, suffices, _ := rules.Need(&Operation{}); suffices {
		t.Error("no method suffices")
	}
}

// Of many patterns, found by bisection and by way of parents, the most specific
// counts: the exact one, else the longest prefix.
func TestTheMostSpecificCounts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		b := make([]byte, random.IntN(n))
		for i := range b {
			b[i] = "ab/"[random.IntN(3)]
		}
		return string(b)
	}
	for range 300 {
		patterns := map[string]uint64{}
		var table table
		for i := range random.IntN(30) {
			p := text(6)
			if random.IntN(2) == 0 {
				p += "*"
			}
			if _, twice := patterns[p]; !twice {
				patterns[p] = uint64(i) + 1
				table.insert(p, uint64(i)+1)
			}
		}
		table.link()
		for range 100 {
			s := text(8)
			want, ok := patterns[s]
			for n := len(s); n >= 0 && !ok; n-- {
				want, ok = patterns[s[:n]+"*"]
			}
			if got := table.need(s); got != want {
				t.Fatalf("%v: %q needs %d, want %d", patterns, s, got, want)
			}
		}
	}
}

func BenchmarkNeed(b *testing.B) {
	var rules []config.Rule
	for i := range 64 {
		rules = append(rules, config.Rule{Method: "tools/call", Name: fmt.Sprintf("tool_%d", i), Scopes: []string{"a"}})
	}
	r := Compile(append(rules, list([2]string{"tools/*", ""}, [2]string{"tools/call", "tool_3*"})...))
	h := Headers{Method: "tools/call", Name: "tool_33", Version: "2026-07-28", Methods: 1, Names: 1, Versions: 1}
	b.ReportAllocs()
	for b.Loop() {
		if !h.Count() {
			b.Fatal("the headers do not count")
		}
		o, _ := h.Operation()
		if need, _, _ := r.Need(&o); need != 1<<0|1<<1 && need == 0 {
			b.Fatal(need)
		}
	}
}
