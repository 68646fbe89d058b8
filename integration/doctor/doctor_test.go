package doctor

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
)

// report is the output of --json.
type report struct {
	Failed bool
	Cause  *struct {
		Check, Status, Message, Fix, Setting, File string
		Line                                       int
	}
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
				configured := ""
				for i, a := range args {
					if a == ownConfig {
						configured = file(t, "plugin.json", w.config())
						args[i] = configured
					}
				}
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
				if configured != "" && (got.Cause.File != configured || got.Cause.Line != 1 || !strings.HasPrefix(got.Cause.Setting, "resources[")) {
					t.Errorf("the cause is at %s:%d: %s", got.Cause.File, got.Cause.Line, got.Cause.Setting)
				}
			})
		}
	})
	checkTable(t, list)
}

var update = flag.Bool("update", false, "write the table of docs/doctor.md")

// checkTable compares the table of docs/doctor.md with the deployments.
func checkTable(t *testing.T, list []deployment) {
	t.Helper()
	table := "| what is broken | named by | it says |\n|---|---|---|\n"
	for _, d := range list {
		check := "`" + d.check + "`"
		if d.warns {
			check += ", warning"
		}
		table += fmt.Sprintf("| %s | %s | … %s … |\n", d.name, check, strings.TrimSpace(d.want))
	}
	page, text := doctorPage(t)
	const begin, end = "<!-- deployments -->\n", "<!-- /deployments -->"
	before, rest, _ := strings.Cut(text, begin)
	old, after, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("%s has no place for the table", page)
	}
	if old == table {
		return
	}
	if !*update {
		t.Errorf("the table of %s is not that of this test; go test ./doctor -run %s -update writes it", page, t.Name())
		return
	}
	if err := os.WriteFile(page, []byte(before+begin+table+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// doctorPage returns docs/doctor.md.
func doctorPage(t *testing.T) (name, text string) {
	t.Helper()
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(root, "docs", "doctor.md")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return name, string(b)
}

// runPage runs the commands of docs/doctor.md at a sound deployment.
func (w *world) runPage(t *testing.T, token string) {
	_, text := doctorPage(t)
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	o := w.options("mcpauth.wasm")
	o.Filters = ""
	bootstrap, err := envoy.Bootstrap(o, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer("          GUARD\n", "", "MCP_PORT", "1", "DEAD_PORT", "1").Replace(plainBootstrap)
	key := filepath.Join(t.TempDir(), "key.pem")
	count := 0
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			if line == "make tools" {
				continue // it makes the program that this test makes
			}
			envoyFile := bootstrap
			if strings.Contains(line, " attach ") {
				envoyFile = plain
			}
			words := strings.Fields(strings.NewReplacer(
				"https://mcp.example.com/notes", w.url("/sound"), "envoy-example/", filepath.Join(root, "envoy-example")+"/").Replace(line))
			for i, word := range words {
				switch word {
				case "envoy.yaml":
					words[i] = file(t, word, envoyFile)
				case "token.txt":
					words[i] = file(t, word, token)
				}
			}
			if words[1] == "token" && words[2] != "show" {
				words = append(words, "--key", key)
			}
			if r, err := mcpauth(t.Context(), "", words[1:]...); err != nil || r.status != 0 || r.out == "" {
				t.Errorf("%s: status %d, %v\n%s%s", line, r.status, err, r.out, r.err)
			}
			count++
		}
	}
	if count < 8 {
		t.Errorf("only %d commands", count)
	}
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
	}
}

// The commands of docs/doctor.md succeed at a sound deployment.
func TestDoctorPage(t *testing.T) {
	w := newWorld(t)
	w.add("/sound", strictServer, nil, nil, nil)
	w.start()
	w.runPage(t, w.token("/sound", nil))
}
