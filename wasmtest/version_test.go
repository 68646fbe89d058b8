package wasmtest

import (
	"os"
	"strings"
	"testing"
)

// The file names its version before it runs, in the log of each start, also of one that
// fails, and in the metrics: everywhere the same.
func TestVersion(t *testing.T) {
	sections := plugin(t).CustomSections("mcpauth.version")
	if len(sections) != 1 || sections[0] == "" {
		t.Fatalf("sections with the version: %q", sections)
	}
	version := sections[0]
	if os.Getenv("MCPAUTH_WASM") == "" { // else the file may have been built from other sources
		want, err := os.ReadFile("../VERSION")
		if err != nil {
			t.Fatal(err)
		}
		if version != strings.TrimSpace(string(want)) {
			t.Errorf("version %q, want that of the file VERSION, %q", version, want)
		}
	}

	h := newHost(t, Options{})
	logged := func() (n int) {
		for _, l := range h.Logs() {
			if l.Message == "mcpauth: version "+version && l.Level == LogInfo {
				n++
			}
		}
		return n
	}
	for n := 1; n <= 2; n++ {
		start(t, h, usual()).Tick()
		if logged() != n {
			t.Errorf("%d lines with the version after %d starts:\n%s", logged(), n, h.LogText())
		}
	}
	name := "mcpauth_info.version=" + strings.NewReplacer(".", "_", "+", "_").Replace(version)
	if got := h.Gauge(name); got != 1 {
		t.Errorf("%s is %d with two workers, want 1; there are %q", name, got, h.MetricNames())
	}

	h.ForgetLogs()
	if _, err := h.StartVM(`{"unknown": 1}`); err == nil || logged() != 1 {
		t.Errorf("%v, %d lines with the version:\n%s", err, logged(), h.LogText())
	}
}

// One line at the start says what rules do without allow_on_headers_stop_iteration,
// whatever the number of workers.
func TestStartTellsOfRulesWithoutStoppedHeaders(t *testing.T) {
	for name, tt := range map[string]struct {
		resource, top object
		want          int
	}{
		"rules":         {ruled(nil), nil, 1},
		"rules, false":  {ruled(nil), object{"allow_on_headers_stop_iteration": false}, 0},
		"rules, true":   {ruled(nil), object{"allow_on_headers_stop_iteration": true}, 0},
		"without rules": {notes(nil), nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			for range 3 {
				start(t, h, config(server(nil), tt.resource, tt.top))
			}
			got := lines(h, "the configuration: allow_on_headers_stop_iteration: is not set")
			if len(got) != tt.want {
				t.Errorf("lines %q, want %d:\n%s", got, tt.want, h.LogText())
			}
		})
	}
}
