package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each command has a manual page with examples, and all shells have completions.
func TestManAndCompletion(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	if status, _, stderr := mcpauth(t, "", "man", dir); status != statusOK {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	for _, name := range []string{"doctor", "config", "token", "token-show", "attach"} {
		page, err := os.ReadFile(filepath.Join(dir, "mcpauth-"+name+".1"))
		if err != nil || !strings.Contains(string(page), ".SH EXAMPLE") {
			t.Errorf("%s: %v\n%s", name, err, page)
		}
		status, out, _ := mcpauth(t, "", append(strings.Split(name, "-"), "--help")...)
		if status != statusOK || !strings.Contains(out, "\nExamples:\n  ") {
			t.Errorf("%s --help: status %d\n%s", name, status, out)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if status, out, _ := mcpauth(t, "", "completion", shell); status != statusOK || !strings.Contains(out, "mcpauth") {
			t.Errorf("%s: status %d\n%s", shell, status, out)
		}
	}
	if _, out, _ := mcpauth(t, "", "__complete", "token", "--alg", ""); !strings.Contains(out, "ES256\n") {
		t.Errorf("--alg is completed with\n%s", out)
	}
}
