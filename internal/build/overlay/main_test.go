package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A toolchain whose runtime differs must stop the build, not yield a plugin that
// dies at its first collection on an older Envoy.
func TestTheCureFailsWhenTheRuntimeDiffers(t *testing.T) {
	for _, p := range cure {
		for _, text := range []string{"", p.old + p.old, strings.Replace(p.old, "e", "x", 1)} {
			if _, err := p.apply(text); err == nil || !strings.Contains(err.Error(), p.file) {
				t.Errorf("%s: apply(%.20q...) = %v, want an error that names the file", p.file, text, err)
			}
		}
		goroot := t.TempDir()
		file := filepath.Join(goroot, "src", filepath.FromSlash(p.file))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("package runtime\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		o := &overlay{goroot: goroot}
		if err := o.cure(); err == nil {
			t.Errorf("%s: a toolchain without the text is accepted", p.file)
		}
	}
}

// A function that is cut returns before anything else, and no other one does.
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

// replaced returns the files of an overlay that was written to a new folder.
func replaced(t *testing.T, plain bool) (dir string, files map[string]string) {
	t.Helper()
	dir = t.TempDir()
	if err := run(dir, plain); err != nil {
		t.Fatal(err)
	}
	var list struct{ Replace map[string]string }
	text, err := os.ReadFile(filepath.Join(dir, "overlay.json"))
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, list.Replace
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFitsTheToolchainInUse(t *testing.T) {
	root, err := goroot()
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := replaced(t, false)
	for _, p := range append([]patch{openFiles}, cure...) {
		text := read(t, filepath.Join(dir, flat(p.file)))
		if strings.Contains(text, p.old) || !strings.Contains(text, p.new) {
			t.Errorf("%s: not patched", p.file)
		}
	}
	for _, c := range cuts {
		if c.since > minorVersion(root) {
			continue
		}
		text := read(t, filepath.Join(dir, flat(c.file)))
		begins := regexp.MustCompile(`\nfunc ` + c.function + `\(.* \{\n\t` + regexp.QuoteMeta(c.first) + `\n`)
		if !begins.MatchString(text) {
			t.Errorf("%s: %s is not cut", c.file, c.function)
		}
	}
}

// A plain build has the cure and nothing else.
func TestPlain(t *testing.T) {
	dir, files := replaced(t, true)
	if len(files) != len(cure) {
		t.Errorf("%d files are replaced, want %d", len(files), len(cure))
	}
	for _, p := range cure {
		if text := read(t, filepath.Join(dir, flat(p.file))); !strings.Contains(text, p.new) {
			t.Errorf("%s: not patched", p.file)
		}
	}
	for _, c := range moduleCuts {
		if mod := read(t, filepath.Join(dir, "plugin.mod")); strings.Contains(mod, c.module+" =>") {
			t.Errorf("plugin.mod replaces %s", c.module)
		}
	}
}

// A module that is cut differs from the one in the module cache in one file.
func TestModules(t *testing.T) {
	dir, files := replaced(t, false)
	for _, c := range moduleCuts {
		o := &overlay{dir: dir, replace: map[string]string{}}
		folder := o.moduleFolder(c.module)
		if mod := read(t, filepath.Join(dir, "plugin.mod")); !strings.Contains(mod, "\nreplace "+c.module+" => ./") {
			t.Errorf("plugin.mod does not replace %s", c.module)
		}
		if text := read(t, files[filepath.Join(folder, c.file)]); !strings.Contains(text, "\nfunc init() {\n\treturn\n") {
			t.Errorf("%s: %s is not cut", c.module, c.function)
		}
		cache, err := moduleDir(c.module)
		if err != nil {
			t.Fatal(err)
		}
		for at, from := range files {
			if rel, ok := strings.CutPrefix(at, folder+string(filepath.Separator)); ok && rel != c.file && from != filepath.Join(cache, rel) {
				t.Errorf("%s: %s is read from %s", c.module, rel, from)
			}
		}
		if err := o.cutModule(c.module, cut{file: c.file, function: "other"}); err == nil || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: %v, want an error that names the file", c.module, err)
		}
	}
}

// On a fresh machine the module cache is empty: the module is downloaded, and
// where that fails the error names it.
func TestModuleIsDownloaded(t *testing.T) {
	downloads, err := goEnv("GOMODCACHE")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range moduleCuts { // so that the cache of downloads has it
		if _, err := moduleDir(c.module); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw")
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOPROXY", "off")
	for _, c := range moduleCuts {
		if dir, err := moduleDir(c.module); err == nil || !strings.Contains(err.Error(), c.module) {
			t.Errorf("with no proxy: %q, %v, want an error that names %s", dir, err, c.module)
		}
	}
	t.Setenv("GOPROXY", "file://"+filepath.ToSlash(filepath.Join(downloads, "cache", "download")))
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

// go vet of all packages must not find packages in the folder of the overlay.
func TestTheFolderHoldsNoPackage(t *testing.T) {
	dir, _ := replaced(t, false)
	if found, _ := filepath.Glob(filepath.Join(dir, "*.go")); len(found) > 0 {
		t.Errorf("%v", found)
	}
	if out, err := exec.Command("find", dir, "-name", "*.go").Output(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
