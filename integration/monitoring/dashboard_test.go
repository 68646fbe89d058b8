package monitoring

import (
	"errors"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"mcpauth/envoy-example/envoy"
)

// must returns a value that cannot be missing.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// decode reads a dashboard by Grafana's own types.
//
//lint:ignore SA1019 All versions of Grafana import this form; only new ones version 2.
func decode(text string) (d dashboard.Dashboard, err error) {
	plugins.RegisterDefaultPlugins()
	err = d.UnmarshalJSONStrict([]byte(text))
	// Success is a nil slice in the interface.
	if list, ok := errors.AsType[cog.BuildErrors](err); ok && len(list) == 0 {
		err = nil
	}
	return d, err
}

// Grafana's own types read the dashboard, and know each of its members.
func TestDashboardDecodes(t *testing.T) {
	text := must[string](t)(example("dashboard.json"))
	d, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
	for _, p := range d.Panels {
		if p.Panel == nil {
			continue
		}
		for _, target := range p.Panel.Targets {
			if _, unknown := target.(variants.UnknownDataquery); unknown {
				t.Errorf("%s: a query of unknown kind", *p.Panel.Title)
			}
		}
	}
	if _, err := decode(strings.Replace(text, `"gridPos"`, `"gridPosition"`, 1)); err == nil {
		t.Error("a misspelled member is not noticed")
	}
}

// notShown are the metrics that the dashboard leaves out, and why.
var notShown = map[string]string{
	"mcpauth_unreadable_lists_total": "0 without filter_lists, and 0 with a server that answers as MCP says",
}

// Each metric that operations.md lists is in a panel.
func TestDashboardShowsEveryMetric(t *testing.T) {
	page := must[string](t)(read("docs", "operations.md"))
	text := must[string](t)(example("dashboard.json"))
	_, section, _ := strings.Cut(page, "\n## Metrics\n")
	table, _, _ := strings.Cut(section, "\n\n| `result`")
	names := regexp.MustCompile("(?m)^\\| `(mcpauth_[a-z_]+)` \\|").FindAllStringSubmatch(table, -1)
	if len(names) < 5 {
		t.Fatalf("only %d metrics in operations.md", len(names))
	}
	d := must[*Dashboard](t)(ReadDashboard())
	for _, m := range names {
		shown := false
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				shown = shown || strings.Contains(target.Expr, m[1]+"{")
			}
		}
		if left := notShown[m[1]] != ""; shown == left {
			t.Errorf("%s: in a panel: %v, left out on purpose: %v", m[1], shown, left)
		}
	}
	// Each result of a request is in a panel too, with its reasons where it has any: the
	// first panel has all results.
	if !strings.Contains(text, "sum by (result) (rate(mcpauth_requests_total{job=~") {
		t.Error("no panel has all results")
	}
	reasons, _, _ := strings.Cut(section[len(table):], "\n\nThey are")
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| `[a-z_]+`").FindAllStringSubmatch(reasons, -1) {
		found := m[1] == "result" // the head of the table
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				found = found || regexp.MustCompile(`result=~?"[a-z_|]*\b`+m[1]+`\b`).MatchString(target.Expr)
			}
		}
		if !found {
			t.Errorf("no panel has the reasons of %s", m[1])
		}
	}
}

// The statistics of Istio that TestPanels uses are those that the annotations in
// operations.md ask for.
func TestIstioAnnotations(t *testing.T) {
	page := must[string](t)(read("docs", "operations.md"))
	config := must[string](t)(read("integration", "monitoring", "testdata", "istio-stats-config.yaml"))
	found := regexp.MustCompile(`sidecar\.istio\.io/statsInclusion(Prefix|Suffix)es: (\S+)`).FindAllStringSubmatch(page, -1)
	if len(found) != 2 {
		t.Fatalf("%d annotations in operations.md, want two", len(found))
	}
	for _, m := range found {
		if line := "- {" + strings.ToLower(m[1]) + ": " + m[2] + "}"; !strings.Contains(config, line) {
			t.Errorf("istio-stats-config.yaml has no %s", line)
		}
	}
}

// TestPanels: a Prometheus that scrapes as prometheus.yml says has data for each query of
// the dashboard, for plain Envoy and for Envoys with the statistics of Istio and Envoy
// Gateway.
func TestPanels(t *testing.T) {
	server, tool, err := FindPrometheus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tags := must[string](t)(StatsTags())
	istio := must[string](t)(read("integration", "monitoring", "testdata", "istio-stats-config.yaml"))
	gateway := must[string](t)(read("integration", "monitoring", "testdata", "envoy-gateway-stats-config.yaml"))
	gateways := []*Gateway{
		{Job: "mcpauth-envoy", StatsConfig: tags},
		{Job: "mcpauth-istio", StatsConfig: istio, StatPrefix: "outbound_0.0.0.0_8080;", ByFilter: true},
		{Job: "mcpauth-envoy-gateway", StatsConfig: gateway, StatPrefix: "http-10080"},
	}
	s := must[*Stage](t)(NewStage(t.Context(), must[string](t)(envoy.Wasm()), gateways...))
	t.Cleanup(s.Stop)
	config := must[string](t)(ScrapeConfig(gateways...))
	rules := must[string](t)(example("alerts.yaml"))
	p := must[*Prometheus](t)(StartPrometheus(t.Context(), server, config, rules))
	t.Cleanup(p.Stop)
	if out, err := Promtool(t.Context(), tool, p.dir, "check", "config", "prometheus.yml"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	s.Send(Usual, 60)

	d := must[*Dashboard](t)(ReadDashboard())
	for _, g := range gateways {
		for _, panel := range d.Panels {
			for _, target := range panel.Targets {
				expr := Expand(target.Expr, g.Job)
				eventually(t, func() string {
					values, err := p.Values(t.Context(), expr)
					if err != nil {
						return err.Error()
					}
					for series, v := range values {
						if math.IsNaN(v) {
							return panel.Title + ", " + g.Job + ": " + series + " is no number"
						}
					}
					if len(values) == 0 {
						return panel.Title + ", " + g.Job + ": no data for " + expr
					}
					for label := range labels(target.Legend) {
						for series := range values {
							if !strings.Contains(series, label+"=") {
								return panel.Title + ", " + g.Job + ": no " + label + " in " + series
							}
						}
					}
					return ""
				})
			}
		}
	}
	testLabels(t, p, gateways)
	if t.Failed() {
		t.Log(s.Seen(), p.Log())
	}
}

// testLabels checks that the labels that Prometheus takes out of names are those that
// stats_tags make.
func testLabels(t *testing.T, p *Prometheus, gateways []*Gateway) {
	t.Helper()
	labels := map[string][]string{}
	for _, g := range gateways {
		// Prometheus writes the version 1_0-dev as 1_0_dev in a name.
		expr := `count by (metric, result, reason, issuer, version) (label_replace(label_replace({__name__=~"mcpauth_.*",job="` +
			g.Job + `"}, "metric", "$1", "__name__", "(.*)"), "version", "${1}_$2", "version", "(.*)-(.*)"))`
		values, err := p.Values(t.Context(), expr)
		if err != nil {
			t.Fatal(err)
		}
		labels[g.Job] = slices.Sorted(maps.Keys(values))
	}
	want := labels[gateways[0].Job]
	if len(want) < 50 {
		t.Errorf("only %d series: %v", len(want), want)
	}
	for _, g := range gateways[1:] {
		if got := labels[g.Job]; !slices.Equal(got, want) {
			t.Errorf("%s has\n%s\nwant\n%s", g.Job, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// labels returns the labels that a legend shows.
func labels(legend string) map[string]bool {
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(legend, -1) {
		all[m[1]] = true
	}
	return all
}

// eventually repeats a check until it returns "".
func eventually(t *testing.T, check func() string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		problem := check()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Error(problem)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}
