package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// moduleCuts are the cuts in other modules: of functions that run at the start
// and keep alive what nothing else uses. The plugin must not use it either: the
// comments say what.
var moduleCuts = []struct {
	module string
	cut
}{
	// gjson registers its modifiers, which use most of it: 51 kB, and 110 more
	// that Get brings. The plugin calls neither Get nor anything that does.
	{"github.com/tidwall/gjson", cut{file: "gjson.go", function: "init", first: "return"}},

	// The multiples of the base point, for ScalarBaseMult: 88 kB. jwtlite makes
	// a table of its own where it needs one.
	{"filippo.io/nistec", cut{file: "p256.go", function: "init", first: "return"}},
}

// writeModules puts copies of these modules into dir, and plugin.mod and
// plugin.sum for -modfile, which name them: an overlay must not replace files of
// the module cache.
func writeModules(dir string) error {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return err
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	for _, c := range moduleCuts {
		to := filepath.Join(dir, path.Base(c.module))
		if err := copyModule(to, c.module, c.cut); err != nil {
			return err
		}
		// Relative, because the built file says where its modules were.
		rel, err := filepath.Rel(root, to)
		if err != nil {
			return err
		}
		mod = fmt.Appendf(mod, "\nreplace %s => ./%s\n", c.module, filepath.ToSlash(rel))
	}
	if err := writeFile(filepath.Join(dir, "plugin.mod"), mod); err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "plugin.sum"), sum)
}

// copyModule copies what is built of a module, with the cut. It fails where there
// is nothing to cut: the version of the module is ours to choose.
func copyModule(to, module string, c cut) error {
	from, err := moduleDir(module)
	if err != nil {
		return err
	}
	return filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if rel != "go.mod" && filepath.Ext(rel) != ".go" || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if rel == c.file {
			shorter, err := c.apply(string(text))
			if err != nil {
				return fmt.Errorf("%s: %w", module, err)
			}
			text = []byte(shorter)
		}
		return writeFile(filepath.Join(to, rel), text)
	})
}

// moduleDir returns the folder of a module in the module cache, downloading it if
// need be: go list -m prints an empty one for a module that is not there yet.
func moduleDir(module string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	out, err := cmd.Output()
	var m struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &m); jsonErr == nil && m.Error != "" {
		return "", fmt.Errorf("go mod download %s: %s", module, m.Error)
	}
	if err == nil && m.Dir == "" {
		err = errors.New("no folder")
	}
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w", module, err)
	}
	return m.Dir, nil
}

// writeFile leaves a file alone that is as it should be: another make may be
// reading it.
func writeFile(name string, text []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return os.WriteFile(name, text, 0o644)
}
