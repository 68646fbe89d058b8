package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mcpauth/config"
	"mcpauth/internal/tokencache"
)

// tinyGrowth is a handful of requests of every kind.
var tinyGrowth = growthScale{
	Rounds: 1, Requests: 2 * connections, Tokens: 2 * connections, Warm: 2 * connections, MaxCycle: 2 * connections,
	Workers: []int{2}, endsOnly: true, only: regexp.MustCompile(""),
}

func newTestGrowth(t *testing.T) *growth {
	t.Helper()
	g := &growth{bench: &bench{}, scale: tinyGrowth}
	if err := g.newKeys(); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestGrowth measures every step once, so that the command works on the day that somebody
// wants its figures. What the figures are is not its business, but the measurement itself
// fails unless each request is let on, and warm tokens are in the cache and cold ones are not.
func TestGrowth(t *testing.T) {
	folder := t.TempDir()
	page := filepath.Join(folder, "page.md")
	if err := os.WriteFile(page, []byte("# Page\n"+"<!-- growth:begin -->"+"\nold\n"+"<!-- growth:end -->"+"\nend\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := grow(t.Context(), tinyGrowth, folder, page, &out); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join(folder, "growth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r growthResult
	if err := json.Unmarshal(doc, &r); err != nil {
		t.Fatal(err)
	}
	// Columns of each table, and figures in each of these.
	want := map[string][2]int{"resources": {7, 2}, "rules for tools": {2, 5}, "claims to headers": {4, 5}, "claims in rules": {4, 3}, "bodies": {4, 4}, "tokens": {7, 5}, "token cache": {5, 2}, "workers": {6, 1}}
	for _, table := range r.Tables {
		if got := len(table.Columns); got != want[table.Name][0] {
			t.Errorf("%s: %d columns", table.Name, got)
		}
		for _, c := range table.Columns {
			if len(c.Points) != want[table.Name][1] || c.Growth == "" {
				t.Errorf("%s, %s: %d figures, %q", table.Name, c.Title, len(c.Points), c.Growth)
			}
			for _, p := range c.Points {
				if len(p.Values) != 1 {
					t.Errorf("%s, %s, %s: %v", table.Name, c.Title, p.Label, p.Values)
				}
			}
		}
	}
	if len(r.Tables) != len(want) || len(r.Tables) != len(allSeries) {
		t.Errorf("%d tables", len(r.Tables))
	}
	written, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if want := "# Page\n" + "<!-- growth:begin -->" + "\n\n" + out.String() + "\n" + "<!-- growth:end -->" + "\nend\n"; string(written) != want {
		t.Errorf("the page:\n%s", written)
	}
}

// TestScenes: each Envoy gets a configuration that is valid, and requests that fit it.
func TestScenes(t *testing.T) {
	g := newTestGrowth(t)
	g.scale.endsOnly = false
	for _, series := range allSeries {
		scenes, err := series.scenes(g)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range scenes {
			doc, err := s.plugin(g.keySet)
			if err != nil {
				t.Errorf("%s: %v", series.Name, err)
				continue
			}
			c, err := config.Parse([]byte(doc))
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range s.steps {
				checkStep(t, series, c, s, &step)
			}
		}
	}
}

func checkStep(t *testing.T, series *series, c *config.Config, s *scene, step *step) {
	t.Helper()
	if len(step.items) == 0 || len(step.items)%connections != 0 && len(step.items) != 1 && len(step.items) != 100 || step.requests < 2*connections {
		t.Errorf("%s %s: %d items, %d requests", series.Name, step.label, len(step.items), step.requests)
	}
	paths := map[string]bool{}
	for _, i := range step.items {
		paths[i.form.path] = true
		if !json.Valid(i.form.body) {
			t.Errorf("%s %s: body %s", series.Name, step.label, i.form.body)
		}
	}
	at := slices.IndexFunc(c.Resources, func(r *config.Resource) bool { return r.Match.PathPrefixes[0] == step.items[0].form.path })
	if at < 0 {
		t.Fatalf("%s %s: no resource at %s", series.Name, step.label, step.items[0].form.path)
	}
	r, grown := c.Resources[at], 0.0
	switch series.Name {
	case "resources":
		if grown = float64(len(c.Resources)); len(paths) != min(len(c.Resources), len(step.items)) {
			t.Errorf("%s: requests to %d resources", step.label, len(paths))
		}
	case "rules for tools":
		grown = float64(len(r.Rules))
	case "claims in rules":
		for _, rule := range r.Rules {
			grown += float64(len(rule.Claims))
		}
	case "claims to headers":
		grown = float64(len(r.ClaimToHeaders))
	case "bodies":
		if grown = float64(len(step.items[0].form.body)) / 1024; (len(r.Rules) > 0) != (step.kind == "with rules") || r.MaxBodyBytes < len(step.items[0].form.body) {
			t.Errorf("%s, %s: %d rules", step.label, step.kind, len(r.Rules))
		}
	case "tokens":
		for _, i := range step.items {
			if n := float64(len(i.token)) / 1024; n > step.x || n < step.x-0.01 {
				t.Errorf("%s, %s: a token of %d bytes", step.label, step.kind, len(i.token))
			}
		}
		grown = step.x
	case "token cache":
		if grown = step.x; c.TokenCache.MaxEntries > 0 && len(step.items) >= c.TokenCache.MaxEntries {
			t.Errorf("%s: %d tokens", step.label, len(step.items))
		}
	}
	if grown != step.x {
		t.Errorf("%s, %s: %v", series.Name, step.label, grown)
	}
}

// TestBodies: a body has the size that is asked for, and is a tool call.
func TestBodies(t *testing.T) {
	for _, size := range []int{1 << 10, 10<<10 + 1, 1 << 20} {
		body := bodyOf(size)
		var message struct {
			Method string
			Params struct {
				Name      string
				Arguments struct{ Notes []any }
			}
		}
		if err := json.Unmarshal(body, &message); err != nil || message.Method != "tools/call" || message.Params.Name != "list_notes" {
			t.Errorf("%v in %.200s", err, body)
		}
		if n := len(message.Params.Arguments.Notes); len(body) != size || n < size/200 {
			t.Errorf("%d bytes, want %d; %d notes", len(body), size, n)
		}
	}
}

// TestPaddedToken: tokens have the size that is asked for, and none is larger.
func TestPaddedToken(t *testing.T) {
	g := newTestGrowth(t)
	for _, size := range []int{512, 513, 514, 515, 4 << 10, 16<<10 + 1, 16<<10 + 40, growthTokenBytes} {
		tokens, err := g.mint.signAll(3, func(i int) map[string]any { return g.mint.paddedTo(size, claimsOf(i, resource)) })
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			if n := len(token); n > size || n < size-3 {
				t.Errorf("%d bytes, want %d", n, size)
			}
		}
	}
}

// TestCacheHolds: the cache holds as many tokens as the benchmark thinks, so that a cycle of
// them is warm, and not twice as many.
func TestCacheHolds(t *testing.T) {
	g := newTestGrowth(t)
	tokens, err := g.mint.signAll(1, func(i int) map[string]any { return claimsOf(i, resource) })
	if err != nil {
		t.Fatal(err)
	}
	n := cacheHolds(tokens[0])
	if n > fullGrowth.MaxCycle {
		t.Errorf("it holds %d: the largest cycle does not fill it", n)
	}
	for count, want := range map[int]bool{n: true, 2 * n: false} {
		c := tokencache.New[int](100_000)
		for i := range count {
			c.Put(i, tokens[0], i, make([]byte, 200))
		}
		if v, _ := c.Get(0, tokens[0]); (v != nil) != want {
			t.Errorf("of %d, the first is there: %v", count, v != nil)
		}
	}
}

// column has two rounds, half a unit apart, at each size.
func column(unit string, values ...float64) *growthColumn {
	t := &growthTable{}
	for i := 0; i < len(values); i += 2 {
		for _, half := range []float64{-0.25, 0.25} {
			t.record("title", unit, values[i], thousands(int(values[i])), values[i+1]+half)
		}
	}
	return t.Columns[0]
}

func TestDescribe(t *testing.T) {
	for _, test := range []struct {
		column *growthColumn
		apart  bool
		unit   string
		want   string
	}{
		{column("µs", 1, 14, 10, 13.8, 100, 14.3), false, "rule", "constant: 13.8 to 14.3 µs"},
		{column("µs", 1, 10, 10, 19, 100, 109), false, "rule", "linear: 1 µs for each rule"},
		{column("µs", 1, 10, 100, 11, 1000, 20), false, "rule", "linear: 0.1 µs for each 10 rules"},
		{column("µs", 0, 100, 1, 10, 10, 19, 100, 109), true, "rule", "100 µs without any; linear: 1 µs for each rule"},
		{column("µs", 0, 0, 1, 10, 10, 10), false, "rule", "slower than linear: 10 µs for each rule up to 1, 0 µs for each 100,000 rules beyond"},
		{column("µs", 0, 10, 10, 11, 20, 30), false, "claim", "faster than linear: 0.1 µs for each claim up to 10, 1.9 µs for each claim beyond"},
		{column("µs", 1, 10, 10, 28, 100, 1200), false, "KB", "faster than linear: 2 µs for each KB up to 10, 13 µs for each KB beyond"},
		{column("MB", 0, 100, 1000, 101, 10_000, 112), false, "entry", "linear: 1.2 KB for each entry"},
		{column("MB", 0, 100, 100_000, 120), false, "entry", "linear: 0.2 KB for each entry"},
		{column("MB", 0, 100, 100_000, 102), false, "entry", "constant: 100 to 102 MB"},
		{column("µs", 0, 5), false, "entry", "one figure only"},
	} {
		if got := test.column.describe(test.unit, test.apart); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// TestGrowthReport: the medians stand in the table with their spread, and over no filter in
// the same round.
func TestGrowthReport(t *testing.T) {
	table := &growthTable{series: &series{Name: "rules", Head: "rules", Unit: "rule", Text: "Text."}, Name: "rules"}
	for _, base := range []float64{20, 30, 40} {
		for _, n := range []float64{1, 1000} {
			s := &step{x: n, label: thousands(int(n)), kind: "warm"}
			table.recordCosts(s, ours, map[string]sample{"none": {base, base + 100, base - 1}, "mcpauth": {base + n/100 + 4, 0, 1000}})
		}
	}
	table.record("memory", "MB", 1000, "1,000", 170.4)
	table.conclude()
	r := &growthResult{Tables: []*growthTable{table}, Machine: Machine{Files: map[string]int64{"mcpauth": 3_500_000}}}
	var out bytes.Buffer
	if err := r.write(t.TempDir(), "", &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a plugin of 3,500,000 bytes. Rounds: 3.\n",
		"### Rules\n\nText.\n\n| rules | no filter, warm, µs | mcpauth, warm, µs | memory, MB |\n|---|---:|---:|---:|\n",
		"| 1 | 30.0 (20.0–40.0) | 4.0 (4.0–4.0) |  |\n",
		"| 1,000 | 30.0 (20.0–40.0) | 14.0 (14.0–14.0) | 170 |\n",
		"- mcpauth, warm: linear: 1 µs for each 100 rules\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
