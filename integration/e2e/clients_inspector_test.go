package e2e

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
)

// TestInspectorInAScript: where nobody can sign in, the Inspector's command line
// takes a token as a header, and says by its exit status and its message what
// the gateway wants. (Signing in is in TestClients.)
func TestInspectorInAScript(t *testing.T) {
	command := node(t, "inspector")
	cli := filepath.Join(filepath.Dir(command[1]), "node_modules", "@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js")
	s := stages[versions[0]]
	const authRequired = 3 // the Inspector's exit status
	mint := func(resource string) string {
		return "Authorization: Bearer " + s.auth.Mint(authserver.Token{Resource: resource, Scope: "read:notes"})
	}
	for _, c := range []struct {
		name   string
		args   []string
		status int
		output string // part of what it prints, of either stream
	}{
		{"no token", []string{"--method", "tools/list"}, authRequired, "a bearer token is needed"},
		{"token, list of tools", []string{"--method", "tools/list", "--header", mint(s.clientResource())}, 0, `"name":"list_notes"`},
		{"token, call", []string{"--method", "tools/call", "--tool-name", "whoami", "--header", mint(s.clientResource())}, 0, `"x-mcpauth-scope":"read:notes"`},
		{"token for another resource", []string{"--method", "tools/list", "--header", mint(notes)}, authRequired, "the token is for another audience"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			args := slices.Concat([]string{"env", "HOME=" + home, "MCP_STORAGE_DIR=" + home, "MCP_INSPECTOR_SECRET_STORE=memory", command[0], cli, "--cli", "--server-url", s.clientResource(), "--transport", "http", "--stored-auth-only", "--format", "json"}, c.args)
			out, err := output("", args...)
			status, printed := 0, string(out)
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				status, printed = exit.ExitCode(), err.Error()
			} else if err != nil {
				t.Fatal(err)
			}
			if status != c.status || !strings.Contains(printed, c.output) {
				t.Errorf("status %d, want %d with %q in\n%s", status, c.status, c.output, printed)
			}
			if c.status == 0 && !json.Valid(out) {
				t.Errorf("no JSON: %s", out)
			}
		})
	}
}
