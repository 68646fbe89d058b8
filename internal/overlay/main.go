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
// Usage: overlay DIR writes DIR/overlay.json and the patched files.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A patch replaces old, which must occur exactly once in the runtime's file.
type patch struct {
	file, old, new string
}

var patches = []patch{
	{
		file: "netpoll_wasip1.go",
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
		file: "os_wasip1.go",
		old: `	if poll_oneoff(&in, &out, 1, &nevents) != 0 {
		throw("wasi_snapshot_preview1.poll_oneoff")
	}
`,
		new: `	poll_oneoff(&in, &out, 1, &nevents)
`,
	},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: overlay DIR")
		os.Exit(2)
	}
	root, err := goroot()
	if err == nil {
		err = write(os.Args[1], root)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		os.Exit(1)
	}
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
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	replace := map[string]string{}
	for _, p := range patches {
		source := filepath.Join(goroot, "src", "runtime", p.file)
		text, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		patched, err := p.apply(string(text))
		if err != nil {
			return err
		}
		target := filepath.Join(dir, p.file)
		if err := os.WriteFile(target, []byte(patched), 0o644); err != nil {
			return err
		}
		replace[source] = target
	}
	list, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "overlay.json"), append(list, '\n'), 0o644)
}

// apply returns text with the patch's old text replaced.
func (p patch) apply(text string) (string, error) {
	if n := strings.Count(text, p.old); n != 1 {
		return "", fmt.Errorf("runtime/%s: the text to replace occurs %d times, want once: this Go toolchain is not known to be safe on Envoy <= 1.38; look at the file and adapt internal/overlay", p.file, n)
	}
	return strings.Replace(text, p.old, p.new, 1), nil
}
