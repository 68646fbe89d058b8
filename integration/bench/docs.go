package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"mcpauth/integration/page"
)

// writeDocs writes what was measured over HTTP/1.1 into README.md and docs/performance.md.
func (r *Result) writeDocs(root string) error {
	if err := page.Write(filepath.Join(root, "README.md"), map[string]string{"bench": r.sentence()}); err != nil {
		return err
	}
	return page.Write(filepath.Join(root, "docs", "performance.md"), map[string]string{
		"bench-costs": r.addedTable(), "bench-goals": r.goalList(), "bench-latency": r.latencyList(),
	})
}

// documented are the variants that the pages show.
var documented = []string{"mcpauth", "floor", "empty", "native", "cached", "jwtlite"}

// addedTable shows what each variant adds to each kind of request.
func (r *Result) addedTable() string {
	var b strings.Builder
	b.WriteString("| request |")
	for _, name := range documented {
		fmt.Fprintf(&b, " %s |", r.title(name))
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(documented)) + "\n")
	for _, w := range works {
		if !slices.Contains(usual, w.algorithm) {
			continue
		}
		row := ""
		for _, name := range documented {
			cell := "–"
			if c := r.cost(http1, w.Name, name); c != nil && len(c.Added) > 0 {
				cell = spread(c.Added, "%.0f")
			}
			row += " " + cell + " |"
		}
		fmt.Fprintf(&b, "| %s |%s\n", w.Name, row)
	}
	fmt.Fprintf(&b, "\nMedians of the rounds, with the least and the most, in µs; measured %s on %s, %d processors, with Envoy %s.\n",
		r.Machine.Time.Format("2006-01-02"), r.Machine.CPU, r.Machine.Cores, r.Machine.Envoy)
	return b.String()
}

// latencyList is the table of latencies over HTTP/1.1.
func (r *Result) latencyList() string {
	var b strings.Builder
	b.WriteString("| | rate | p50 | p99 | p99.9 |\n|---|---:|---:|---:|---:|\n")
	for _, l := range r.Latencies {
		if l.Protocol == http1 {
			fmt.Fprintf(&b, "| %s | %.0f/s | %s | %s | %s |\n", r.title(l.Variant), l.Rate.median(), ms(l.P50), ms(l.P99), ms(l.P999))
		}
	}
	return b.String()
}

// goalList is the table of the goals that were measured.
func (r *Result) goalList() string {
	var b strings.Builder
	b.WriteString("| | goal | measured | |\n|---|---|---:|---|\n")
	for _, g := range r.Goals {
		if g.Value != nil && !strings.HasSuffix(g.Name, ", "+string(http2c)) {
			met := map[bool]string{true: "met", false: "missed"}[*g.Met]
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", strings.TrimSuffix(g.Name, ", "+string(http1)), g.Target, figure("%.2f", *g.Value)+" "+g.Unit, met)
		}
	}
	return b.String()
}

// sentence says what README.md says.
func (r *Result) sentence() string {
	added := func(work, variant string) string {
		if c := r.cost(http1, work, variant); c != nil && len(c.Added) > 0 {
			return figure("%.0f", c.Added.median())
		}
		return "–"
	}
	list := func(variant string) string {
		return fmt.Sprintf("%s, %s (ES256 %s) and %s", added("RS256, warm", variant), added("RS256, cold", variant), added("ES256, cold", variant),
			added("no token (401)", variant))
	}
	return fmt.Sprintf("Of Envoy's processor alone, `make bench` measures %s µs for a token seen before, a new one and a 401;\n"+
		"`jwt_authn` takes %s, the least that any plugin costs is %s, %s and %s.\n",
		list("mcpauth"), list("native"), added("RS256, warm", "floor"), added("RS256, cold", "floor"), added("no token (401)", "floor"))
}
