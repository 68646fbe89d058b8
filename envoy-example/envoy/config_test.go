package envoy

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBootstrapQuotes: the plugin's configuration and paths may hold whatever
// YAML gives a meaning to.
func TestBootstrapQuotes(t *testing.T) {
	const odd = "{\"a\": \"b: #c\\n'%{}\"}\n# x\n\ttab"
	doc, err := Bootstrap(Options{Wasm: "/tmp/with space/x.wasm", Plugin: odd, Upstream: "outbound|443||mcp", Clusters: []Cluster{{Name: "outbound|443||mcp", Host: "127.0.0.1", Port: 1}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`value: "{\"a\": \"b: #c\\n'%{}\"}\n# x\n\ttab"`, `filename: "/tmp/with space/x.wasm"`, `name: "outbound|443||mcp"`,
	} {
		if !strings.Contains(doc, want) {
			t.Errorf("no %s in\n%s", want, doc)
		}
	}
}

func TestLenientLeavesTheChecksOff(t *testing.T) {
	for lenient, want := range map[bool]bool{false: true, true: false} {
		doc, err := Listener(Options{Lenient: lenient}, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(doc, "normalize_path: true"); got != want {
			t.Errorf("lenient %v: normalize_path: %v", lenient, got)
		}
	}
}

// TestFindPrefersTheEnvironment also checks that a wrong path is told, not
// passed over.
func TestFindPrefersTheEnvironment(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "my-envoy")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ENVOY", binary)
	if got, err := Find(context.Background()); err != nil || got != binary {
		t.Errorf("Find = %q, %v", got, err)
	}
	t.Setenv("ENVOY", binary+"-missing")
	if _, err := Find(context.Background()); err == nil || !strings.Contains(err.Error(), "ENVOY") {
		t.Errorf("error = %v", err)
	}
}
