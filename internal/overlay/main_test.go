package main

import (
	"os"
	"os/exec"
	"path"
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

// The copies must be cut, and be what the plugin is built from.
func TestModules(t *testing.T) {
	dir := t.TempDir()
	if err := writeModules(dir); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "plugin.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range moduleCuts {
		folder := filepath.Join(dir, path.Base(c.module))
		if !strings.Contains(string(mod), "\nreplace "+c.module+" => ./") {
			t.Errorf("plugin.mod does not replace %s", c.module)
		}
		text, err := os.ReadFile(filepath.Join(folder, c.file))
		if err != nil || !strings.Contains(string(text), "\nfunc init() {\n\treturn\n") {
			t.Errorf("%s: %v; %s is not cut", c.module, err, c.function)
		}
		if err := copyModule(t.TempDir(), c.module, cut{file: c.file, function: "other"}); err == nil || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: %v, want an error that names the file", c.module, err)
		}
	}
}

// On a fresh machine the module cache is empty: the module is downloaded, and
// where that fails the error names it.
func TestModuleIsDownloaded(t *testing.T) {
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw")
	t.Setenv("GOPROXY", "off")
	for _, c := range moduleCuts {
		if dir, err := moduleDir(c.module); err == nil || !strings.Contains(err.Error(), c.module) {
			t.Errorf("with no proxy: %q, %v, want an error that names %s", dir, err, c.module)
		}
	}
	// The cache of downloads of this machine serves as the proxy.
	t.Setenv("GOPROXY", "file://"+filepath.ToSlash(filepath.Join(downloads, "cache", "download")))
	t.Setenv("GOSUMDB", "off")
	for _, c := range moduleCuts {
		dir, err := moduleDir(c.module)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, c.file)); err != nil {
			t.Errorf("%s: %v", c.module, err)
		}
	}
}

// downloads is the module cache of this machine, read before a test replaces it.
var downloads = func() string {
	out, _ := exec.Command("go", "env", "GOMODCACHE").Output()
	return strings.TrimSpace(string(out))
}()
