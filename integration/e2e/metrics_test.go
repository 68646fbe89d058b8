package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
)

// statsTags is the part of Envoy's configuration that the
// documentation and the example give for the labels of the metrics.
func statsTags(t *testing.T) string {
	t.Helper()
	m := regexp.MustCompile("(?s)```yaml\n(stats_config:.*?)```").FindStringSubmatch(section(t, "operations.md", "## Metrics"))
	if m == nil {
		t.Fatal("operations.md has no stats_config")
	}
	example, err := os.ReadFile(filepath.Join("..", "..", "envoy-example", "envoy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(example), m[1]) {
		t.Error("envoy.yaml has another stats_config than operations.md")
	}
	return m[1]
}

// pluginVersion is the version in the form of the metrics' label.
func pluginVersion(t *testing.T) string {
	t.Helper()
	version, err := os.ReadFile(filepath.Join("..", "..", "VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(".", "_", "+", "_", "\n", "").Replace(string(version))
}

// prometheus returns the plugin's metrics as Prometheus reads them.
func (g *gateway) prometheus(t *testing.T) map[string]string {
	t.Helper()
	text, err := g.Prometheus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "mcpauth_") || strings.Contains(line, "wasmcustom") {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if _, twice := values[name]; twice {
				t.Errorf("%s is there twice", name)
			}
			values[name] = value
		}
	}
	return values
}

// TestMetrics: what the documentation says about Envoy's statistics is so, with
// several workers, and across a reload of the plugin.
func TestMetrics(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		o := own.options(own.notesConfig())
		o.Extra, o.DynamicListener, o.Workers = statsTags(t), true, 4
		g := own.start(t, o)
		good := own.minted("RS256")
		eventually(t, recovery, func() string { return passes(g, good) })

		const total = "wasmcustom.mcpauth_requests_total.result="
		stats := func() map[string]int64 {
			all, err := g.Stats(t.Context(), "mcpauth_")
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		passed := func(all map[string]int64) int64 {
			return all[total+"passed.reason=cache_hit"] + all[total+"passed.reason=cache_miss"]
		}
		eventually(t, recovery, func() string {
			if passed(stats()) == 0 {
				return "the first request is not counted"
			}
			return ""
		})
		before := stats()
		const each = 20
		for range each { // connections of their own, so that all workers have some
			g.do(t, request{path: "/notes"})
			g.do(t, request{path: "/notes", header: bearer("opaque")})
			g.do(t, request{path: wellKnown + "/notes"})
			if problem := passes(g, good); problem != "" {
				t.Fatal(problem)
			}
		}
		eventually(t, recovery, func() string {
			now := stats()
			for _, labels := range []string{"unauthorized", "invalid_token.reason=malformed", "metadata"} {
				if d := now[total+labels] - before[total+labels]; d != each {
					return fmt.Sprintf("%s: %d, want %d", labels, d, each)
				}
			}
			if d := passed(now) - passed(before); d != each {
				return fmt.Sprintf("passed: %d, want %d", d, each)
			}
			return ""
		})

		issuer := regexp.MustCompile(`[^A-Za-z0-9]`).ReplaceAllString(own.auth.Issuer(), "_")
		want := map[string]string{
			`mcpauth_requests_total{result="unauthorized"}`:                     fmt.Sprint(each),
			`mcpauth_requests_total{result="invalid_token",reason="malformed"}`: fmt.Sprint(each),
			`mcpauth_requests_total{result="invalid_token",reason="expired"}`:   "0",
			`mcpauth_info{version="` + pluginVersion(t) + `"}`:                  "1",
			`mcpauth_held_requests{}`:                                           "0",
			`mcpauth_key_fetches_total{result="ok",issuer="` + issuer + `"}`:    "1",
			`mcpauth_key_age_seconds{issuer="` + issuer + `"}`:                  "",
		}
		got := g.prometheus(t)
		for name, value := range want {
			if v, ok := got[name]; !ok || value != "" && v != value {
				t.Errorf("%s: %q, want %q", name, v, value)
			}
		}
		for name := range got {
			if !regexp.MustCompile(`^mcpauth_(requests_total|held_requests|info|key_fetches_total|introspections_total|key_age_seconds|unreadable_lists_total)\{`).MatchString(name) {
				t.Errorf("%s is no name that the documentation has", name)
			}
		}

		// A reload brings new workers of the plugin, whose counts go on.
		before = stats()
		if err := g.UpdateListener(strings.ReplaceAll(own.notesConfig(), "/notes", "/memos")); err != nil {
			t.Fatal(err)
		}
		eventually(t, recovery, func() string {
			a, err := g.send(request{path: "/memos"})
			if err != nil || a.status != http.StatusUnauthorized {
				return fmt.Sprint("the new configuration is not in use: ", err)
			}
			return ""
		})
		eventually(t, recovery, func() string {
			if now := stats(); now[total+"unauthorized"] <= before[total+"unauthorized"] || passed(now) != passed(before) {
				return fmt.Sprintf("before %v, now %v", before, now)
			}
			return ""
		})
		if t.Failed() {
			t.Log(got)
		}
	})
}

// TestVersionAfterAnUpdate: after an update of the plugin, the metrics name the new
// version alone.
func TestVersionAfterAnUpdate(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		old, err := os.ReadFile(wasm)
		if err != nil {
			t.Fatal(err)
		}
		version, err := os.ReadFile(filepath.Join("..", "..", "VERSION"))
		if err != nil {
			t.Fatal(err)
		}
		version = bytes.TrimSpace(version)
		next := bytes.Repeat([]byte("9"), len(version))
		file := filepath.Join(t.TempDir(), "mcpauth.wasm")
		install := func(plugin []byte) {
			t.Helper()
			if err := os.WriteFile(file, plugin, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		install(old)
		own := keyStage(t, s, authserver.Options{})
		o := own.options(own.notesConfig())
		o.Wasm, o.DynamicListener, o.DrainTime = file, true, time.Second
		g := own.start(t, o)
		runs := func(version string) {
			t.Helper()
			eventually(t, recovery, func() string {
				all, err := g.Stats(t.Context(), "mcpauth_info")
				if name := "wasmcustom.mcpauth_info.version=" + version; err != nil || len(all) != 1 || all[name] != 1 {
					return fmt.Sprintf("%v, %v, want %s alone", err, all, name)
				}
				return ""
			})
		}
		runs(pluginVersion(t))
		install(bytes.ReplaceAll(old, version, next))
		if err := g.UpdateListener(strings.ReplaceAll(own.notesConfig(), "/notes", "/memos")); err != nil {
			t.Fatal(err)
		}
		runs(string(next))
	})
}

// TestMetricsWithoutTags: names read well where Envoy takes no labels out.
func TestMetricsWithoutTags(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		got := s.strict.prometheus(t)
		for _, name := range []string{
			"mcpauth_requests_total_result_invalid_token_reason_expired", "mcpauth_requests_total_result_metadata", "mcpauth_held_requests",
		} {
			if _, ok := got[name+"{}"]; !ok {
				t.Errorf("no %s in %v", name, got)
			}
		}
	})
}
