package monitoring

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"mcpauth/envoy-example/envoy"
)

// notCaused are the alerts whose condition no test can cause, and why.
var notCaused = map[string]string{
	"McpauthErrors": "Envoy has no fault that a test could bring about",
}

// The alerts are well-formed, and fire in the series of testdata/alerts_test.yaml and not
// beside them.
func TestAlertRules(t *testing.T) {
	_, tool, err := FindPrometheus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rules := filepath.Join("..", "..", "envoy-example", "monitoring", "alerts.yaml")
	if out, err := Promtool(t.Context(), tool, ".", "check", "rules", "--lint-fatal", rules); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := Promtool(t.Context(), tool, ".", "test", "rules", filepath.Join("testdata", "alerts_test.yaml")); err != nil {
		t.Errorf("%v\n%s", err, out)
	}

	text := must[string](t)(read("integration", "monitoring", "testdata", "alerts_test.yaml"))
	var file struct {
		Tests []struct {
			Cases []struct {
				Name   string `json:"alertname"`
				Alerts []any  `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		} `json:"tests"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, c := range test.Cases {
			if len(c.Alerts) > 0 {
				fires[c.Name] = true
			} else {
				rests[c.Name] = true
			}
		}
	}
	for _, r := range must[[]Rule](t)(ReadRules()) {
		if !fires[r.Alert] || !rests[r.Alert] {
			t.Errorf("%s: tested to fire: %v, not to fire: %v", r.Alert, fires[r.Alert], rests[r.Alert])
		}
	}
}

// The text of an alert leads to a heading of the documentation, and operations.md shows
// what the file has.
func TestAlertsAreDocumented(t *testing.T) {
	rules := must[[]Rule](t)(ReadRules())
	for _, r := range rules {
		page, anchor, _ := strings.Cut(r.Annotations.Runbook, "#")
		text := must[string](t)(read(strings.Split(page, "/")...))
		found := false
		for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(text, -1) {
			name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
			found = found || strings.ReplaceAll(name, " ", "-") == anchor
		}
		if !found {
			t.Errorf("%s: no heading for %s", r.Alert, r.Annotations.Runbook)
		}
		if r.Annotations.Summary == "" || r.Annotations.Description == "" || !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) {
			t.Errorf("%s: no summary, no description or another severity", r.Alert)
		}
	}
	if page := must[string](t)(read("docs", "operations.md")); !strings.Contains(page, Page(rules)) {
		t.Errorf("operations.md has other alerts than alerts.yaml; it should have\n%s", Page(rules))
	}
}

// faultyPlugin builds the plugin with the header that ends a VM: see plugin/trap.go.
func faultyPlugin(t *testing.T) string {
	t.Helper()
	root := must[string](t)(envoy.Root())
	file := filepath.Join(t.TempDir(), "faults.wasm")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags=faults", "-buildmode=c-shared", "-ldflags=-s -w", "-o", file, "./plugin")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// bare starts an Envoy without mcpauth.
func bare(t *testing.T) *Gateway {
	t.Helper()
	const bootstrap = `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: gateway
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.echo
        typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}
`
	binary := must[string](t)(envoy.Find(t.Context()))
	p := must[*envoy.Process](t)(envoy.Start(t.Context(), binary, envoy.Options{Bootstrap: bootstrap, Workers: 1}))
	t.Cleanup(p.Stop)
	return &Gateway{Job: "mcpauth-envoy", Process: p}
}

// TestAlertsFire brings about what each alert is for. The rules are those of alerts.yaml
// with shorter times: see [Hasty].
func TestAlertsFire(t *testing.T) {
	server, _, err := FindPrometheus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tags := must[string](t)(StatsTags())
	byListener := &Gateway{Job: "mcpauth-envoy", StatsConfig: tags}
	byFilter := &Gateway{Job: "mcpauth-envoy", StatsConfig: tags, ByFilter: true}
	s := must[*Stage](t)(NewStage(t.Context(), faultyPlugin(t), byListener, byFilter))
	t.Cleanup(s.Stop)
	without := bare(t)
	p := must[*Prometheus](t)(StartPrometheus(t.Context(), server,
		must[string](t)(ScrapeConfig(byListener, byFilter, without)),
		must[string](t)(Hasty(must[string](t)(example("alerts.yaml"))))))
	t.Cleanup(p.Stop)
	fired := map[string]bool{}
	expect := func(alert string, gateways ...*Gateway) {
		t.Helper()
		for _, g := range gateways {
			eventually(t, func() string {
				now, err := firing(t.Context(), p)
				if err != nil {
					return err.Error()
				}
				if !now[alert+" "+g.Admin()] {
					return fmt.Sprintf("%s does not fire for %s; these do: %v", alert, g.Admin(), slices.Sorted(maps.Keys(now)))
				}
				return ""
			})
		}
		fired[alert] = !t.Failed()
	}

	s.Send(Mix{"valid": 80, "new": 5, "opaque": 5, "no token": 9, "expired": 1}, 60)
	expect("McpauthNotRunning", without)
	time.Sleep(12 * time.Second) // longer than the ranges
	for name := range must[map[string]bool](t)(firing(t.Context(), p)) {
		if name != "McpauthNotRunning "+without.Admin() && !strings.HasPrefix(name, "McpauthKeysOld ") {
			t.Errorf("on a quiet day, %s fires", name)
		}
	}

	s.Change(Mix{"valid": 10, "unknown key": 90})
	expect("McpauthUnknownKeys", byListener, byFilter)
	expect("McpauthTokensRefused", byListener, byFilter)
	expect("McpauthRequestsWait", byListener)

	for _, g := range []*Gateway{byListener, byFilter} {
		if err := g.Reject(); err != nil {
			t.Fatal(err)
		}
	}
	expect("McpauthUpdateRejected", byListener, byFilter)

	s.Change(Mix{"valid": 20, "crash": 1})
	expect("McpauthPluginCrashed", byListener, byFilter)

	s.Opaque.Close()
	s.Change(Mix{"opaque": 1})
	expect("McpauthIntrospectionFails", byListener, byFilter)
	expect("McpauthUnavailable", byListener, byFilter)

	s.Auth.Close()
	s.Change(Mix{"valid": 10, "unknown key": 10})
	expect("McpauthKeysOld", byListener, byFilter)
	for _, g := range []*Gateway{byListener, byFilter} { // keys from elsewhere, where nobody answers
		if err := g.update(strings.Replace(s.Config(), `"cluster":"auth"`, `"cluster":"auth","jwks_uri":"`+s.Auth.Endpoint("jwks")+`"`, 1)); err != nil {
			t.Fatal(err)
		}
	}
	expect("McpauthKeysMissing", byListener, byFilter)
	expect("McpauthKeyFetchesFail", byListener, byFilter)

	if t.Failed() {
		values, err := p.Values(t.Context(), `{__name__=~".*(rejected|vm_reload.*|held_requests)"}`)
		t.Log(values, err, p.Log())
	}
	for _, r := range must[[]Rule](t)(ReadRules()) {
		if fired[r.Alert] == (notCaused[r.Alert] != "") {
			t.Errorf("%s: fired: %v; cannot be caused: %s", r.Alert, fired[r.Alert], notCaused[r.Alert])
		}
	}
}

// firing returns the alerts that fire, each with its instance.
func firing(ctx context.Context, p *Prometheus) (map[string]bool, error) {
	list, err := p.Alerts(ctx)
	if err != nil {
		return nil, err
	}
	now := map[string]bool{}
	for _, a := range list.Alerts {
		if a.State == "firing" {
			now[string(a.Labels["alertname"])+" "+string(a.Labels["instance"])] = true
		}
	}
	return now, nil
}
