package main

import (
	"bufio"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"mcpauth/envoy-example/envoy"
)

// pages returns README.md and the pages beside it and in docs/, by their paths in
// the folder that they stand in.
func pages(t *testing.T) (all map[string]string, root string) {
	t.Helper()
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, files, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, _ := filepath.Rel(root, file)
			all[filepath.ToSlash(name)] = string(b)
		}
	}
	return all, root
}

// blocks returns the fenced blocks of a language.
func blocks(text, language string) []string {
	var list []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// exampleGateway is the address in envoy.yaml.
const exampleGateway = "http://127.0.0.1:10000/"

// Each command in a page runs as it stands there, or as near to it as this
// machine allows; one that this test does not know fails it.
func TestCommands(t *testing.T) {
	all, root := pages(t)
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer images.Close()
	in := map[string]string{} // the page of each command
	var order, requests []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, block := range blocks(all[name], "sh") {
			for line := range strings.Lines(block) {
				if line = strings.TrimSpace(line); in[line] == "" {
					in[line] = name
					order = append(order, line)
				}
			}
		}
	}
	released := map[string]bool{}
	_, section, _ := strings.Cut(all["docs/operations.md"], "\n## Verify a release\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, block := range blocks(section, "sh") {
		for line := range strings.Lines(block) {
			released[strings.TrimSpace(line)] = true
		}
	}
	for _, line := range order {
		if strings.HasPrefix(line, "curl ") && !strings.Contains(line, exampleGateway) {
			requests = append(requests, line)
		}
	}
	if len(requests) < 2 {
		t.Errorf("only the requests %q", requests)
	}
	for _, line := range order {
		switch {
		case strings.HasPrefix(line, "envoy --config-path "), strings.HasSuffix(line, "go run ./cmd/servers"), strings.Contains(line, exampleGateway):
			// integration/examples runs those of docs/envoy.md: TestEnvoyPage.
			if in[line] != "docs/envoy.md" {
				t.Errorf("%s: no test for the command %q", in[line], line)
			}
		case line == "make run":
			makeRun(t, root, requests)
		case strings.HasPrefix(line, "curl "):
			// To what make run starts.
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
		case line == "make tools", strings.HasPrefix(line, "build/mcpauth "):
			// integration/doctor runs those of docs/doctor.md: TestDoctorPage.
			if in[line] != "docs/doctor.md" && in[line] != "README.md" {
				t.Errorf("%s: no test for the command %q", in[line], line)
			}
		case line == "make docs":
			// The page is up to date, or a test beside the generator fails.
			shell(t, root, line)
		case line == "make bench", line == "make bench-quick":
			// All of it is tested in the folder integration/bench.
			shell(t, root, line+" BENCH='-rounds 1 -http 1 -only RS256..cold'")
		case line == "make bench-peers":
			// TestPeers in integration/bench runs what it starts.
			shell(t, root, "make -n bench-peers")
		case line == "make bench-growth":
			// TestGrowth in integration/bench runs what it starts.
			shell(t, root, "make -n bench-growth")
		case strings.HasPrefix(line, "make image PUSH="):
			here := strings.TrimPrefix(images.URL, "http://")
			out := shell(t, root, strings.Replace(line, "registry.example.com", here, 1)+" IMAGE="+filepath.Join(t.TempDir(), "image"))
			if !regexp.MustCompile(`(?m)^sha256:[0-9a-f]{64}$`).MatchString(out) {
				t.Errorf("%s prints no digest:\n%s", line, out)
			}
		case strings.HasPrefix(line, "sh envoy-example/"):
			// The tests with the control planes run it; here it must be a shell script.
			shell(t, root, "sh -n "+strings.Fields(line)[1])
		case strings.HasPrefix(line, "helm "):
			// integration/chart renders the chart with the values of the page.
			if in[line] != "docs/chart.md" || !strings.Contains(line, " mcpauth ") {
				t.Errorf("%s: no test for the command %q", in[line], line)
			}
		case strings.HasPrefix(line, "jq "):
			// integration/e2e runs those of docs/audit.md: TestAuditTrail.
			if in[line] != "docs/audit.md" {
				t.Errorf("%s: no test for the command %q", in[line], line)
			}
		case released[line]:
			// It needs the files of a release. internal/build/dist runs the one about sums.
		default:
			t.Errorf("%s: no test for the command %q", in[line], line)
		}
	}
	for _, line := range []string{"make run", "make test"} {
		if in[line] != "README.md" && !slices.Contains(blocks(all["README.md"], "sh"), line+"\n") {
			t.Errorf("README.md: %q is missing", line)
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

// tryRequest sends a request of a page to the gateway of make run in the place of
// the one in the page. The status that it must get stands behind "#".
func tryRequest(t *testing.T, root, origin, line string) {
	t.Helper()
	command, status, ok := strings.Cut(line, "  # ")
	if !ok || !strings.Contains(command, " https://mcp.example.com/") {
		t.Errorf("%q is no request to mcp.example.com with a status", line)
		return
	}
	out := shell(t, root, strings.Replace(command, "https://mcp.example.com", origin, 1))
	if !strings.HasPrefix(out, "HTTP/1.1 "+status+" ") {
		t.Errorf("%s:\n%s", line, out)
	}
	want := map[string]string{"401": "\nwww-authenticate: Bearer ", "200": `"resource":"` + origin}[status]
	if want == "" || !strings.Contains(out, want) {
		t.Errorf("%s: no %q in\n%s", line, want, out)
	}
}

// makeRun runs `make run` until it invites to try, sends it the requests, and
// ends it as Ctrl-C does: a signal to the whole group.
func makeRun(t *testing.T, root string, requests []string) {
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
			m := regexp.MustCompile(`(?m)^ *curl -si (http://[^/]+)/`).FindStringSubmatch(text.String())
			if m == nil {
				t.Error("make run invites to no request")
			}
			for _, line := range requests {
				if m != nil {
					tryRequest(t, root, m[1], line)
				}
			}
			syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		}
	}
	cmd.Wait() // make itself reports the interrupt
	if !invited || !strings.Contains(text.String(), "All checks passed") {
		t.Errorf("make run:\n%s", text.String())
	}
}
