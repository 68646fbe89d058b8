package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gjson registers its modifiers when it starts, which keeps all of it in the
// plugin, where nothing uses a modifier: 51 kB, and 110 more that Get brings, of
// which nothing else is used either.
const gjson = "github.com/tidwall/gjson"

var gjsonCut = cut{file: "gjson.go", function: "init", first: "return"}

// writeModule puts a copy of gjson into dir, and files for -modfile that name
// it: an overlay must not replace files of the module cache.
func writeModule(dir string) error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", gjson).Output()
	if err != nil {
		return fmt.Errorf("go list -m %s: %w", gjson, err)
	}
	from, to := strings.TrimSpace(string(out)), filepath.Join(dir, "gjson")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, name := range []string{gjsonCut.file, "go.mod"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if name == gjsonCut.file {
			cut, err := gjsonCut.apply(string(text))
			if err != nil {
				return err
			}
			text = []byte(cut)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			return err
		}
	}
	return writeModfile(dir, to)
}

// writeModfile writes plugin.mod and plugin.sum to dir.
func writeModfile(dir, gjsonDir string) error {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return err
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	// Relative, because the file says where the sources of its modules were.
	rel, err := filepath.Rel(root, gjsonDir)
	if err != nil {
		return err
	}
	mod = fmt.Appendf(mod, "\nreplace %s => ./%s\n", gjson, filepath.ToSlash(rel))
	if err := os.WriteFile(filepath.Join(dir, "plugin.mod"), mod, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "plugin.sum"), sum, 0o644)
}
