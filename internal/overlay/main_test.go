package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A toolchain whose runtime differs must stop the build, not yield a plugin
// that dies at its first collection on an older Envoy.
func TestFailsWhenTheRuntimeDiffers(t *testing.T) {
	for _, p := range patches {
		for _, text := range []string{"", p.old + p.old, strings.Replace(p.old, "e", "x", 1)} {
			if _, err := p.apply(text); err == nil || !strings.Contains(err.Error(), p.file) {
				t.Errorf("%s: apply(%.20q...) = %v, want an error that names the file", p.file, text, err)
			}
		}
	}
}

func TestFitsTheToolchainInUse(t *testing.T) {
	root, err := goroot()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := write(dir, root); err != nil {
		t.Fatal(err)
	}
	for _, p := range patches {
		text, err := os.ReadFile(filepath.Join(dir, name(p.file)))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), p.old) || !strings.Contains(string(text), p.new) {
			t.Errorf("%s: not patched", p.file)
		}
	}
}
