// Command overlay prepares the WebAssembly build of mcpauth. It writes the file
// that go build's -overlay flag takes, made from the sources of the toolchain in
// use, and the go.mod file that its -modfile flag takes.
//
// The overlay has two parts: the cure, without which the plugin dies on Envoy up
// to 1.38 (cure.go), and the cuts, which make the file smaller (cuts.go and
// modules.go). With -plain there is the cure alone. See the README of the folder
// above.
//
// Usage: overlay [-plain] DIR writes DIR/overlay.json, DIR/plugin.mod and the
// patched files that they name.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	plain := flag.Bool("plain", false, "write the cure alone, with no cuts")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: overlay [-plain] DIR")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *plain); err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		os.Exit(1)
	}
}

func run(dir string, plain bool) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	goroot, err := goroot()
	if err != nil {
		return err
	}
	o := &overlay{dir: dir, goroot: goroot, replace: map[string]string{}}
	if err := o.cure(); err != nil {
		return err
	}
	if !plain {
		o.cut()
		if err := o.cutModules(); err != nil {
			return err
		}
	}
	return o.write()
}

// An overlay is what go build is to read in place of other files.
type overlay struct {
	dir    string // absolute: where the patched files go
	goroot string // the root of the toolchain

	std     map[string]string // the patched texts of files of the standard library, by their path below src
	replace map[string]string // the files to read, by the paths that they stand at
	modules []string          // whose files are replaced
}

// load returns the text of a file of the standard library, with the patches so
// far.
func (o *overlay) load(file string) (string, error) {
	if text, ok := o.std[file]; ok {
		return text, nil
	}
	text, err := os.ReadFile(filepath.Join(o.goroot, "src", filepath.FromSlash(file)))
	return string(text), err
}

func (o *overlay) store(file, text string) {
	if o.std == nil {
		o.std = map[string]string{}
	}
	o.std[file] = text
}

// write puts everything into the folder.
func (o *overlay) write() error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	for file, text := range o.std {
		target := filepath.Join(o.dir, flat(file))
		if err := writeFile(target, []byte(text)); err != nil {
			return err
		}
		o.replace[filepath.Join(o.goroot, "src", filepath.FromSlash(file))] = target
	}
	if err := o.writeModFile(); err != nil {
		return err
	}
	list, err := json.MarshalIndent(map[string]any{"Replace": o.replace}, "", "\t")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(o.dir, "overlay.json"), append(list, '\n'))
}

// goroot returns the folder of the toolchain that builds. Since Go 1.25 an
// overlay cannot replace files of the module cache, which a toolchain that was
// downloaded as a module lies in.
func goroot() (string, error) {
	root, err := goEnv("GOROOT")
	if err != nil {
		return "", err
	}
	cache, err := goEnv("GOMODCACHE")
	if err == nil && strings.HasPrefix(root, cache+string(filepath.Separator)) {
		err = fmt.Errorf("the Go toolchain in use, %s, was downloaded as a module and cannot be patched: install it as a Go release, and set GOTOOLCHAIN=local", root)
	}
	return root, err
}

func goEnv(name string) (string, error) {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("go env %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// minorVersion returns 26 for Go 1.26.8, and a high number for a Go that was
// built from a checkout.
func minorVersion(goroot string) int {
	minor := 1000
	if text, err := os.ReadFile(filepath.Join(goroot, "VERSION")); err == nil {
		fmt.Sscanf(string(text), "go1.%d", &minor)
	}
	return minor
}

// flat returns the name of a patched file in the folder: not that of a Go file,
// so that go build ./... finds no package there.
func flat(file string) string { return strings.ReplaceAll(file, "/", "_") + ".txt" }

// writeFile leaves a file alone that is as it should be: another make may be
// reading it.
func writeFile(name string, text []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return os.WriteFile(name, text, 0o644)
}
