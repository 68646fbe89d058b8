package main

import (
	"bufio"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"mcpauth/config"
	"mcpauth/envoy-example/envoy"
)

// readme returns the README and the folder it stands in.
func readme(t *testing.T) (text, root string) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b), root
}

// blocks returns the fenced blocks of a language.
func blocks(text, language string) []string {
	var list []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// Each command of the README runs as it stands there, or as near to it as this
// machine allows; one that this test does not know fails it.
func TestReadmeCommands(t *testing.T) {
	text, root := readme(t)
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer images.Close()
	seen := map[string]bool{}
	for _, block := range blocks(text, "sh") {
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			if seen[line] {
				continue
			}
			seen[line] = true
			switch {
			case line == "make run":
				makeRun(t, root)
			case line == "make test":
				// This is it, more or less. What CI runs is the same.
				ci, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
				if err != nil || !strings.Contains(string(ci), "\nmake test\n") {
					t.Errorf(".ci/run does not run %q: %v", line, err)
				}
			case line == "make test-faults":
				// A part of make test.
				make, err := os.ReadFile(filepath.Join(root, "Makefile"))
				if err != nil || !regexp.MustCompile(`(?m)^test:.* test-faults\b`).Match(make) {
					t.Errorf("make test does not run %q: %v", line, err)
				}
			case line == "make build":
				shell(t, root, line)
			case line == "make bench", line == "make bench-quick":
				// All of it is tested in the folder integration/bench.
				shell(t, root, line+" BENCH='-rounds 1 -http 1 -only RS256..cold'")
			case strings.HasPrefix(line, "make image PUSH="):
				here := strings.TrimPrefix(images.URL, "http://")
				out := shell(t, root, strings.Replace(line, "registry.example.com", here, 1)+" IMAGE="+filepath.Join(t.TempDir(), "image"))
				if !regexp.MustCompile(`(?m)^sha256:[0-9a-f]{64}$`).MatchString(out) {
					t.Errorf("%s prints no digest:\n%s", line, out)
				}
			case strings.HasPrefix(line, "kubectl apply -f "):
				// The manifests have tests of their own; here they must exist.
				for _, file := range strings.Split(strings.TrimPrefix(line, "kubectl apply -f "), " -f ") {
					if _, err := os.Stat(filepath.Join(root, file)); err != nil {
						t.Error(err)
					}
				}
			default:
				t.Errorf("README: no test for the command %q", line)
			}
		}
	}
	for _, line := range []string{"make run", "make test"} {
		if !seen[line] {
			t.Errorf("README: %q is missing", line)
		}
	}
}

func shell(t *testing.T, dir, line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// makeRun runs `make run` until it invites to try, and ends it as Ctrl-C does:
// a signal to the whole group.
func makeRun(t *testing.T, root string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", "run")
	cmd.Dir = root
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(10*time.Minute, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer watchdog.Stop()
	var text strings.Builder
	invited := false
	for s := bufio.NewScanner(out); s.Scan(); {
		text.WriteString(s.Text() + "\n")
		if !invited && strings.Contains(s.Text(), "Ctrl-C ends everything.") {
			invited = true
			syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		}
	}
	cmd.Wait() // make itself reports the interrupt
	if !invited || !strings.Contains(text.String(), "All checks passed") {
		t.Errorf("make run:\n%s", text.String())
	}
}

func TestReadmeConfiguration(t *testing.T) {
	text, root := readme(t)
	documents := blocks(text, "json")
	if len(documents) == 0 {
		t.Error("README: no configuration")
	}
	for _, document := range documents {
		if _, err := config.Parse([]byte(document)); err != nil {
			t.Errorf("%v\n%s", err, document)
		}
	}
	// The reference must not fall behind the schema.
	b, err := os.ReadFile(filepath.Join(root, "config", "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	type object struct{ Properties map[string]any }
	var schema struct {
		object
		Defs struct {
			AuthorizationServer object `json:"authorization_server"`
			Resource            object
		} `json:"$defs"`
	}
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	for _, o := range []object{schema.object, schema.Defs.AuthorizationServer, schema.Defs.Resource} {
		if len(o.Properties) < 5 {
			t.Fatal("the schema is not built as this test thinks")
		}
		for name := range o.Properties {
			if !strings.Contains(text, "| `"+name) {
				t.Errorf("README: no row for the member %q", name)
			}
		}
	}
}

// Links to files must lead somewhere.
func TestReadmeLinks(t *testing.T) {
	text, root := readme(t)
	for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
			t.Error(err)
		}
	}
}
