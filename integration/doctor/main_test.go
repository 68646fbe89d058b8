// Package doctor holds the command mcpauth against broken deployments: real Envoys with the
// built plugin, real authorization and MCP servers, each broken in one way. The command must
// name the cause first.
package doctor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
)

// program is the built command.
var program string

// browserVariable makes this program a browser that opens a URL.
const browserVariable = "MCPAUTH_TEST_BROWSER"

func TestMain(m *testing.M) {
	if os.Getenv(browserVariable) != "" {
		r, err := http.Get(os.Args[1])
		if err != nil {
			os.Exit(1)
		}
		r.Body.Close()
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mcpauth-doctor-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	root, err := envoy.Root()
	if err == nil {
		program = filepath.Join(dir, "mcpauth")
		build := exec.Command("go", "build", "-o", program, "./mcpauth")
		build.Dir, build.Stderr = filepath.Join(root, "cmd"), os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// A result is how the command ended.
type result struct {
	status   int
	out, err string
}

// mcpauth runs the command with a text as standard input.
func mcpauth(ctx context.Context, stdin string, args ...string) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	c.Env = append(os.Environ(), browserVariable+"=1")
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err = c.Run()
	if c.ProcessState != nil && c.ProcessState.Exited() {
		err = nil
	}
	if err == nil {
		r = result{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	}
	return r, err
}
