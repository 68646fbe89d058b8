package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
)

// example is a result of two rounds of which all else follows: no filter takes
// 20 µs and then 30, and what the others add is the same in both.
func example() *Result {
	r := &Result{Settings: settings{Protocols: []protocol{http1}, Rounds: 2}, Machine: Machine{Files: map[string]int64{"mcpauth": 3_000_000}}}
	for _, base := range []float64{20, 30} {
		for _, x := range []struct {
			work, variant string
			added         float64
		}{
			{"RS256, cold", "none", 0}, {"RS256, cold", "empty", 5}, {"RS256, cold", "native", 50}, {"RS256, cold", "cached", 55},
			{"RS256, cold", "mcpauth", 60}, {"RS256, cold", "jwtlite", 900},
			{"RS256, warm", "none", 0}, {"RS256, warm", "empty", 5}, {"RS256, warm", "native", 50}, {"RS256, warm", "cached", -1},
			{"RS256, warm", "mcpauth", 21},
		} {
			m := measured{cpu: base + x.added, base: base, rate: 1e4, envoyBusy: 1, loadBusy: 0.5}
			if x.variant == "none" {
				m.base = 0
			}
			r.recordCost(http1, x.work, x.variant, m)
		}
	}
	for variant, mb := range map[string][3]float64{"none": {70, 71, 73}, "mcpauth": {160, 164, 175}} {
		for i, workers := range []int{1, 2, 4} {
			r.Processes = append(r.Processes, &Process{Variant: variant, Workers: workers, Ready: sample{1}, Memory: sample{mb[i]}})
		}
	}
	r.Latencies = []*Latency{
		{Protocol: http1, Variant: "native", P50: sample{100}, P99: sample{200}, P999: sample{1000, 2000, 9000}, Rate: sample{500}},
		{Protocol: http1, Variant: "mcpauth", P50: sample{100}, P99: sample{200}, P999: sample{1000, 2700, 3000}, Rate: sample{500}},
	}
	r.Goals = r.goals()
	return r
}

func TestAddedIsOverTheSameRound(t *testing.T) {
	c := example().cost(http1, "RS256, cold", "mcpauth")
	if len(c.Added) != 2 || c.Added[0] != 60 || c.Added[1] != 60 {
		t.Errorf("added %v to %v", c.Added, c.CPU)
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		of   sample
		want float64
	}{{sample{3}, 3}, {sample{9, 1, 5}, 5}, {sample{4, 1, 3, 2}, 2.5}} {
		if got := test.of.median(); got != test.want {
			t.Errorf("median of %v: %v, want %v", test.of, got, test.want)
		}
	}
	if got := sample(nil).median(); !math.IsNaN(got) {
		t.Errorf("median of nothing: %v", got)
	}
}

// TestGoals: each kind of goal, met and missed, and one that was not measured.
func TestGoals(t *testing.T) {
	found := map[string]Goal{}
	for _, g := range example().Goals {
		found[g.Name+": "+g.Target] = g
	}
	for name, want := range map[string]struct {
		value float64
		met   bool
	}{
		"RS256, warm, 5,000 tokens, HTTP/1.1: added at most 0.4 × jwt_authn":                 {0.42, false},
		"RS256, warm, 5,000 tokens, HTTP/1.1: added at most jwt_authn with its cache + 6 µs": {22, false},
		"RS256, cold, HTTP/1.1: added at most 1.25 × jwt_authn":                              {1.2, true},
		"RS256, cold, signatures in Wasm, HTTP/1.1: added at most 100 µs":                    {900, false},
		"p99.9 at half load, warm, HTTP/1.1: at most 1.3 × jwt_authn":                        {1.35, false},
		"start-up: at most 1.3 s over no filter":                                             {0, true},
		"memory, one worker: at most 90 MB over no filter":                                   {90, true},
		"memory, each further worker: at most 5 MB over no filter":                           {4, true},
		"file: at most 3.0 MB": {3, true},
	} {
		g, ok := found[name]
		if !ok || g.Value == nil || g.Met == nil {
			t.Errorf("%s: %+v", name, g)
			continue
		}
		if math.Abs(*g.Value-want.value) > 1e-9 || *g.Met != want.met {
			t.Errorf("%s: %v, met %v; want %v, %v", name, *g.Value, *g.Met, want.value, want.met)
		}
	}
	if g, ok := found["ES256, cold, HTTP/1.1: added at most 1.25 × jwt_authn"]; !ok || g.Value != nil || g.Met != nil {
		t.Errorf("a goal that was not measured: %+v", g)
	}
}

// TestWrite: all files are written, the picture twice, and the JSON says the
// same again when it is read.
func TestWrite(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	svg := filepath.Join(t.TempDir(), "copy.svg")
	var out bytes.Buffer
	if err := example().write(folder, svg, &out); err != nil {
		t.Fatal(err)
	}
	read := func(path string) []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(read(filepath.Join(folder, "result.md")), out.Bytes()) {
		t.Error("result.md and the output differ")
	}
	if !bytes.Equal(read(filepath.Join(folder, "performance.svg")), read(svg)) {
		t.Error("the pictures differ")
	}
	var again Result
	if err := json.Unmarshal(read(filepath.Join(folder, "result.json")), &again); err != nil {
		t.Fatal(err)
	}
	if c := again.cost(http1, "RS256, warm", "mcpauth"); c == nil || c.Added.median() != 21 {
		t.Errorf("after reading: %+v", c)
	}
	for _, want := range []string{
		"| RS256, cold | no filter | 25.0 (20.0–30.0) |  |  | 10000 | 100% | 50% |",
		"|  | mcpauth | 85.0 (80.0–90.0) | 60.0 (60.0–60.0) | 1.20 |",
		"|  | jwt_authn with cache | 24.0 (19.0–29.0) | −1.0 (−1.0–−1.0) | −0.02 |",
		"| HTTP/1.1 | mcpauth | 500/s | 0.10 | 0.20 | 2.70 (1.00–3.00) |",
		"| mcpauth | 4 | 1.00 | 175 |",
		"| file | at most 3.0 MB | 3.00 MB | yes |",
		"| RS256, cold, signatures in Wasm, HTTP/1.1 | added at most 100 µs | 900.00 µs | **no** |",
		"| – | not measured |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// TestDisturbed: the report warns if something else ran, and only then.
func TestDisturbed(t *testing.T) {
	for _, busy := range []float64{1, 0.5} {
		r := example()
		for _, c := range r.Costs {
			for i := range c.EnvoyBusy {
				c.EnvoyBusy[i] = busy
			}
		}
		var out bytes.Buffer
		r.markdown(&out)
		if got := strings.Contains(out.String(), "with care"); got != (busy < 0.9) {
			t.Errorf("Envoy busy %v: warned %v", busy, got)
		}
	}
}

// TestWriteDocs: the pages have a place for each table.
func TestWriteDocs(t *testing.T) {
	copied, _ := copyPages(t, "README.md", "docs/performance.md")
	r := example()
	if err := r.writeDocs(copied); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"README.md":           "measures 21, 60 (ES256 –) and – µs",
		"docs/performance.md": "| RS256, cold | 60 (60–60) | – | 5 (5–5) | 50 (50–50) | 55 (55–55) | 900 (900–900) |",
	} {
		if page, err := os.ReadFile(filepath.Join(copied, name)); err != nil || !strings.Contains(string(page), want) {
			t.Errorf("%s, %v: no %q", name, err, want)
		}
	}
}

// copyPages copies pages of this repository into a folder, and returns it and their texts.
func copyPages(t *testing.T, names ...string) (folder string, texts map[string]string) {
	t.Helper()
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	folder, texts = t.TempDir(), map[string]string{}
	if err := os.Mkdir(filepath.Join(folder, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	return folder, texts
}
