package metrics

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The documentation lists every metric and label, and no other.
func TestDocumentedMetrics(t *testing.T) {
	b, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(b), "\n## Metrics\n")
	if !ok {
		t.Fatal("no section about metrics")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	metrics, results := documentedTables(section)

	s, h := newSet()
	s.Keys(0, 1, 1, 1)
	s.Flush(0, h.increment, h.record)
	wantMetrics, wantResults := map[string]map[string]bool{}, map[string]map[string]bool{}
	ofOthers := map[string]map[string]bool{} // results of metrics that do not count requests
	add := func(to map[string]map[string]bool, key, value string) {
		if to[key] == nil {
			to[key] = map[string]bool{}
		}
		if value != "" {
			to[key][value] = true
		}
	}
	for _, name := range h.names {
		metric, rest, _ := strings.Cut(name, ".")
		add(wantMetrics, metric, "")
		labels := map[string]string{}
		for label := range strings.SplitSeq(rest, ".") {
			if name, value, ok := strings.Cut(label, "="); ok {
				add(wantMetrics, metric, name)
				labels[name] = value
			}
		}
		if metric == "mcpauth_requests_total" {
			add(wantResults, labels["result"], labels["reason"])
		} else {
			add(ofOthers, metric, labels["result"])
		}
	}
	compare(t, "metric", metrics, wantMetrics)
	compare(t, "result", results, wantResults)

	// What the alerts ask for exists.
	for _, m := range regexp.MustCompile(`(mcpauth_[a-z_]*[a-z])(\{result=~?"([a-z_|]+)"(?:,reason="([a-z_]+)")?\})?`).FindAllStringSubmatch(section, -1) {
		if strings.Contains(m[1], "_result_") {
			continue // the form without tags
		}
		if wantMetrics[m[1]] == nil {
			t.Errorf("there is no metric %s", m[1])
		}
		if m[1] != "mcpauth_requests_total" {
			if m[2] != "" && !ofOthers[m[1]][m[3]] {
				t.Errorf("there is no %s", m[0])
			}
			continue
		}
		for result := range strings.SplitSeq(m[3], "|") {
			if m[2] != "" && (wantResults[result] == nil || m[4] != "" && !wantResults[result][m[4]]) {
				t.Errorf("there is no %s", m[0])
			}
		}
	}
}

// documentedTables returns the labels of each metric and the reasons of each result.
func documentedTables(section string) (metrics, results map[string]map[string]bool) {
	metrics, results = map[string]map[string]bool{}, map[string]map[string]bool{}
	code := regexp.MustCompile("`([a-z_]+)`")
	for line := range strings.Lines(section) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| `") || len(cells) < 2 || strings.HasPrefix(line, "| `result` |") {
			continue
		}
		key := strings.Trim(cells[0], "| `")
		to := results
		if strings.HasPrefix(key, "mcpauth_") {
			to = metrics
		}
		to[key] = map[string]bool{}
		for _, m := range code.FindAllStringSubmatch(cells[1], -1) {
			to[key][m[1]] = true
		}
	}
	return metrics, results
}

func compare(t *testing.T, what string, docs, code map[string]map[string]bool) {
	t.Helper()
	for key, values := range code {
		if got, ok := docs[key]; !ok || !maps.Equal(got, values) {
			t.Errorf("%s %s: the documentation has %v, the code %v", what, key, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(values)))
		}
	}
	for key := range docs {
		if code[key] == nil {
			t.Errorf("%s %s is in the documentation only", what, key)
		}
	}
}
