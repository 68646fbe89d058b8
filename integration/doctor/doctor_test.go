package doctor

import (
	"encoding/json"
	"strings"
	"testing"
)

// report is the output of --json.
type report struct {
	Failed  bool
	Cause   *struct{ Check, Status, Message, Fix, Setting string }
	Results []struct{ Check, Status, Message, Subject string }
}

// The command names the cause of each broken deployment first, and what to do.
func TestDoctorNamesTheCause(t *testing.T) {
	w := newWorld(t)
	list := deployments(t, w)
	w.start()
	list = append(list, withoutPlugin(t, w)...)
	if len(list) < 30 {
		t.Errorf("only %d deployments", len(list))
	}
	t.Run("deployments", func(t *testing.T) {
		for _, d := range list {
			t.Run(d.name, func(t *testing.T) {
				t.Parallel()
				args := append([]string{"doctor", d.url, "--json"}, d.args...)
				if d.token != "" {
					args = append(args, "--token", "-")
				}
				r, err := mcpauth(t.Context(), d.token, args...)
				if err != nil {
					t.Fatal(err)
				}
				w.checkOutput(t, r)
				var got report
				if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.err != "" || got.Cause == nil {
					t.Fatalf("status %d, %v\n%s%s", r.status, err, r.out, r.err)
				}
				status, level := 1, "failure"
				if d.warns {
					status, level = 0, "warning"
				}
				if c := got.Cause; c.Check != d.check || c.Status != level || !strings.Contains(c.Message+" "+c.Fix, d.want) || c.Fix == "" || r.status != status {
					t.Errorf("status %d, want %d, and %s of %s with %q:\n%s", r.status, status, level, d.check, d.want, r.out)
				}
			})
		}
	})
}

// checkOutput fails if an output has a token, a part of one, or a stack trace.
func (w *world) checkOutput(t *testing.T, r result) {
	t.Helper()
	for _, token := range w.tokens {
		for _, part := range strings.Split(token, ".") {
			if len(part) > 20 && strings.Contains(r.out+r.err, part) {
				t.Errorf("a part of a token is printed:\n%s%s", r.out, r.err)
				return
			}
		}
	}
	if strings.Contains(r.err, "goroutine ") || strings.Contains(r.out+r.err, "internal error") {
		t.Errorf("a stack trace:\n%s", r.err)
	}
}

// A sound deployment has no complaint.
func TestDoctorOfASoundDeployment(t *testing.T) {
	w := newWorld(t)
	w.add("/sound", strictServer, nil, nil, nil)
	w.start()
	for _, extra := range [][]string{nil, {"--register"}, {"--token", "-"}, {"--token", "-", "--whoami", "whoami"}, {"--passive"},
		{"--config", file(t, "plugin.json", w.config()), "--register", "--token", "-"}} {
		token := w.token("/sound", nil)
		r, err := mcpauth(t.Context(), token, append([]string{"doctor", w.url("/sound")}, extra...)...)
		if err != nil {
			t.Fatal(err)
		}
		w.checkOutput(t, r)
		if r.status != 0 || r.err != "" || strings.Contains(r.out, "warn") || strings.Contains(r.out, "FAIL") || !strings.Contains(r.out, " passed\n") {
			t.Errorf("%q: status %d\n%s%s", extra, r.status, r.out, r.err)
		}
		t.Logf("%s", r.out)
	}
}
