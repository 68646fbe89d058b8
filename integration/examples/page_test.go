package examples

import (
	"bufio"
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
)

// TestEnvoyPage runs the commands of docs/envoy.md as they stand there, but for ports,
// and the status behind # is the one that each request gets.
func TestEnvoyPage(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(read(t, "docs/envoy.md"), "\n## Try it with the example's servers\n")
	if !ok {
		t.Fatal("docs/envoy.md has no such section")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []string
	for _, m := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(section, -1) {
		commands = append(commands, strings.TrimSpace(m[1]))
	}
	if len(commands) != 4 || commands[0] != "make build" || commands[1] != "cd envoy-example && go run ./cmd/servers" ||
		commands[2] != "envoy --config-path envoy-example/envoy.yaml" {
		t.Fatalf("the commands of docs/envoy.md are now %q", commands)
	}
	servers := filepath.Join(t.TempDir(), "servers")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", servers, "./cmd/servers")
	build.Dir = filepath.Join(root, "envoy-example")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	onEach(t, func(t *testing.T, binary string) {
		w := newWorld(t, binary)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		run := exec.CommandContext(ctx, servers, "-auth", "127.0.0.1:0", "-mcp", "127.0.0.1:0", "-resource", w.resource("http"))
		out, err := run.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		defer run.Wait()
		defer stop()
		var addresses []string
		for s := bufio.NewScanner(out); len(addresses) < 2 && s.Scan(); {
			if m := regexp.MustCompile(`^(?:authorization|MCP) server: +http://([\d.:]+)`).FindStringSubmatch(s.Text()); m != nil {
				addresses = append(addresses, m[1])
			}
		}
		if len(addresses) != 2 {
			t.Fatal("the servers have not started")
		}
		auth, mcp := addresses[0], addresses[1]

		ports := strings.NewReplacer(
			"127.0.0.1:10000", w.port.Addr(), "127.0.0.1:9000", auth,
			"port_value: 10000", "port_value: "+w.port.Addr()[len("127.0.0.1:"):], "port_value: 9901", "port_value: 0",
			"port_value: 9000", "port_value: "+auth[len("127.0.0.1:"):], "port_value: 8080", "port_value: "+mcp[len("127.0.0.1:"):],
			"filename: build/mcpauth.wasm", "filename: "+w.wasm,
		)
		w.start(t, ports.Replace(read(t, "envoy-example/"+static)))
		deadline := time.Now().Add(recovery)
		for {
			script := ports.Replace(commands[3])
			answers, err := exec.CommandContext(t.Context(), "sh", "-e", "-c", script).CombinedOutput()
			var got, want []string
			for _, m := range regexp.MustCompile(`(?m)^HTTP/1.1 (\d+) `).FindAllStringSubmatch(string(answers), -1) {
				got = append(got, m[1])
			}
			for _, m := range regexp.MustCompile(`(?m)  # (\d+)$`).FindAllStringSubmatch(script, -1) {
				want = append(want, m[1])
			}
			if len(want) == 3 && strings.Join(got, " ") == strings.Join(want, " ") && strings.Contains(string(answers), `"whoami"`) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%v: statuses %v, want %v\n%s", err, got, want, answers)
			}
		}
	})
}
