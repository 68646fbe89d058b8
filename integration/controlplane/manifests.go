package controlplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
)

// Edit is a change that a user, or a test in the user's place, makes to a manifest.
type Edit struct {
	// Why says what the change is for.
	Why string
	// Old occurs in the file; New takes its place, everywhere.
	Old, New string
}

// Manifest returns a file of envoy-example, such as "istio/guard.yaml", with the edits
// applied, and prints them in the test's log. It fails the test if the text of an edit is
// not in the file.
func Manifest(t testing.TB, file string, edits ...Edit) string {
	t.Helper()
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, "envoy-example", file))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for _, e := range edits {
		if !strings.Contains(text, e.Old) {
			t.Fatalf("%s has no %q", file, e.Old)
		}
		text = strings.ReplaceAll(text, e.Old, e.New)
		t.Logf("%s: %s\n  -%s\n  +%s", file, e.Why, strings.ReplaceAll(e.Old, "\n", "\n  -"), strings.ReplaceAll(e.New, "\n", "\n  +"))
	}
	return text
}
