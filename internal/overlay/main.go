// Command overlay writes the -overlay file that the WebAssembly build of
// mcpauth needs, made from the sources of the Go toolchain in use.
//
// Envoy up to 1.38 answers WASI's poll_oneoff with ENOSYS. Go's runtime calls
// it at a garbage collection once any timer has existed, and throws
// (golang.org/issue/78513): from then on every request gets a 503. The overlay
// replaces two runtime files by copies in which
//
//   - netpoll returns an empty list when only its clock subscription is left,
//     that is, when there is no descriptor to wait for (a plugin has none);
//   - usleep, which makes the same call, returns instead of throwing.
//
// The command fails, naming the file, when the text to replace is not found
// exactly once: a new toolchain must be looked at before it builds a plugin.
//
// The other patches, and the cuts, leave half a megabyte out that a plugin has no
// use for, such as open files and execution traces. If their text is not found,
// the file is larger, and the command says so.
//
// Copies of two modules with cuts of that kind are there for -modfile: see
// writeModules.
//
// Usage: overlay DIR writes DIR/overlay.json, DIR/plugin.mod and what they name.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A patch replaces old, which must occur exactly once in a file of the standard
// library.
type patch struct {
	file, old, new string
	size           bool // for the size only: may be missing
}

var patches = []patch{
	{
		file: "runtime/netpoll_wasip1.go",
		old: `	if len(pollsubs) == 0 {
		unlock(&mtx)
		return gList{}, 0
	}
`,
		new: `	if len(pollsubs) == 0 || len(subs) == 1 {
		unlock(&mtx)
		return gList{}, 0
	}
`,
	},
	{
		file: "runtime/os_wasip1.go",
		old: `	if poll_oneoff(&in, &out, 1, &nevents) != 0 {
		throw("wasi_snapshot_preview1.poll_oneoff")
	}
`,
		new: `	poll_oneoff(&in, &out, 1, &nevents)
`,
	},
	{
		// The only thing that opens a file: 80 kB.
		file: "os/file.go",
		old: `	Stdin  = NewFile(uintptr(syscall.Stdin), "/dev/stdin")
	Stdout = NewFile(uintptr(syscall.Stdout), "/dev/stdout")
	Stderr = NewFile(uintptr(syscall.Stderr), "/dev/stderr")
`,
		new: `	Stdin, Stdout, Stderr *File
`,
		size: true,
	},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: overlay DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	root, err := goroot()
	if err != nil {
		return err
	}
	if err := write(dir, root); err != nil {
		return err
	}
	return writeModules(dir)
}

// goroot returns the folder of the toolchain that builds.
func goroot() (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	return strings.TrimSpace(string(out)), err
}

// write puts overlay.json and the patched copies of goroot's files into dir.
func write(dir, goroot string) error {
	// Since Go 1.25 an overlay cannot replace such files.
	if cache, err := exec.Command("go", "env", "GOMODCACHE").Output(); err == nil && strings.HasPrefix(goroot, strings.TrimSpace(string(cache))+string(filepath.Separator)) {
		return fmt.Errorf("the toolchain in use, %s, was downloaded as a module, and such a one cannot be patched: install it as a Go release, and set GOTOOLCHAIN=local", goroot)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	replace := map[string]string{}
	texts := map[string]string{}
	load := func(file string) error {
		if _, ok := texts[file]; ok {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(goroot, "src", filepath.FromSlash(file)))
		if err == nil {
			texts[file] = string(text)
		}
		return err
	}
	for _, p := range patches {
		if err := load(p.file); err != nil {
			return err
		}
		patched, err := p.apply(texts[p.file])
		switch {
		case err == nil:
			texts[p.file] = patched
		case p.size:
			fmt.Fprintln(os.Stderr, "overlay: left as it is:", err)
		default:
			return err
		}
	}
	minor := minorVersion(goroot)
	for _, c := range cuts {
		if c.since > minor {
			continue
		}
		err := load(c.file)
		if err == nil {
			var shorter string
			if shorter, err = c.apply(texts[c.file]); err == nil {
				texts[c.file] = shorter
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "overlay: left as it is:", err)
		}
	}
	for file, text := range texts {
		target := filepath.Join(dir, name(file))
		if err := writeFile(target, []byte(text)); err != nil {
			return err
		}
		replace[filepath.Join(goroot, "src", filepath.FromSlash(file))] = target
	}
	list, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "overlay.json"), append(list, '\n'))
}

// apply returns text with the patch's old text replaced.
func (p patch) apply(text string) (string, error) {
	if n := strings.Count(text, p.old); n != 1 {
		return "", fmt.Errorf("%s: the text to replace occurs %d times, want once: %s; look at the file and adapt internal/overlay", p.file, n, p.without())
	}
	return strings.Replace(text, p.old, p.new, 1), nil
}

// without says what a plugin is like that was built without the patch.
func (p patch) without() string {
	if p.size {
		return "the plugin of this Go toolchain will be larger than it need be"
	}
	return "this Go toolchain is not known to be safe on Envoy <= 1.38"
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

// name is that of a patched copy: not one of a Go file, for the folder is in
// nobody's package.
func name(file string) string { return strings.ReplaceAll(file, "/", "_") + ".txt" }
