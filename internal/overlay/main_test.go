package main

import (
	"os"
	"path/filepath"
	"regexp"
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

// What is cut must return before anything else, and in this function only.
func TestCut(t *testing.T) {
	const text = "package p\n\nfunc first() {\n\tone()\n}\n\nfunc firstborn() {\n\tone()\n}\n\nfunc init() {\n\tone()\n}\n\nfunc init() {\n\ttwo()\n}\n"
	for _, tt := range []struct{ function, old, new string }{
		{"first", "first() {\n", "first() {\n\treturn\n"},
		{"init", "init() {\n", "init() {\n\treturn\n"},
	} {
		got, err := cut{function: tt.function, first: "return"}.apply(text)
		if want := strings.ReplaceAll(text, tt.old, tt.new); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", tt.function, got, err, want)
		}
	}
	for name, text := range map[string]string{"not there": text, "twice": "\nfunc other() {\n}\n\nfunc other() {\n}\n"} {
		if _, err := (cut{file: "p.go", function: "other"}).apply(text); err == nil || !strings.Contains(err.Error(), "p.go") {
			t.Errorf("%s: %v, want an error that names the file", name, err)
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
	for _, c := range cuts {
		if c.since > minorVersion(root) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name(c.file)))
		if err != nil {
			t.Fatal(err)
		}
		cut := regexp.MustCompile(`\nfunc ` + c.function + `\(.* \{\n\t` + regexp.QuoteMeta(c.first) + `\n`)
		if !cut.Match(text) {
			t.Errorf("%s: %s is not cut", c.file, c.function)
		}
	}
}

// A gjson whose init is not found would be as large as before.
func TestFitsTheGJSONInUse(t *testing.T) {
	dir := t.TempDir()
	if err := writeModule(dir); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"gjson/gjson.go": "\nfunc init() {\n\treturn\n",
		"plugin.mod":     "\nreplace " + gjson + " => ./",
		"plugin.sum":     gjson,
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v; want %q in it", file, err, want)
		}
	}
}
