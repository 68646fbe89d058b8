package main

import (
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

// moduleCuts are cuts in other modules: of functions that run at the start and
// keep alive what the plugin does not use.
var moduleCuts = []struct {
	module string
	cut
}{
	// gjson registers its modifiers, which use most of it: 51 kB, and 110 kB
	// more that Get brings. The plugin calls neither Get nor what calls it.
	{"github.com/tidwall/gjson", cut{file: "gjson.go", function: "init", first: "return"}},

	// The multiples of the base point, for ScalarBaseMult: 88 kB. jwtlite makes
	// a table of its own.
	{"filippo.io/nistec", cut{file: "p256.go", function: "init", first: "return"}},
}

// cutModules cuts the modules. go build refuses an overlay of the module cache,
// so that a module is replaced by a folder that the overlay alone has: each file
// in it is the one in the module cache, but for the file with the cut.
func (o *overlay) cutModules() error {
	for _, c := range moduleCuts {
		if err := o.cutModule(c.module, c.cut); err != nil {
			return err
		}
		o.modules = append(o.modules, c.module)
	}
	return nil
}

// cutModule fails where there is nothing to cut: go.mod pins the version.
func (o *overlay) cutModule(module string, c cut) error {
	from, err := moduleDir(module)
	if err != nil {
		return err
	}
	to := o.moduleFolder(module)
	return filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		if rel == c.file {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			shorter, err := c.apply(string(text))
			if err != nil {
				return fmt.Errorf("%s: %w", module, err)
			}
			file = filepath.Join(o.dir, flat(module+"/"+rel))
			if err := os.MkdirAll(o.dir, 0o755); err != nil {
				return err
			}
			if err := writeFile(file, []byte(shorter)); err != nil {
				return err
			}
		}
		o.replace[filepath.Join(to, rel)] = file
		return nil
	})
}

// moduleFolder returns the folder that stands for a module. It is in the overlay
// alone.
func (o *overlay) moduleFolder(module string) string {
	return filepath.Join(o.dir, "modules", path.Base(module))
}

// moduleDir returns the folder of a module in the module cache, downloading it if
// need be: go list -m prints an empty one for a module that is not there yet.
func moduleDir(module string) (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", module).Output()
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

// writeModFile writes the go.mod and go.sum of the plugin's build: those of the
// root module, with the modules that are cut replaced.
func (o *overlay) writeModFile() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	for _, module := range o.modules {
		// Relative, because the built file says where its modules were.
		rel, err := filepath.Rel(root, o.moduleFolder(module))
		if err != nil {
			return err
		}
		mod = fmt.Appendf(mod, "\nreplace %s => ./%s\n", module, filepath.ToSlash(rel))
	}
	if err := writeFile(filepath.Join(o.dir, "plugin.mod"), mod); err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(o.dir, "plugin.sum"), sum)
}

func moduleRoot() (string, error) {
	file, err := goEnv("GOMOD")
	return strings.TrimSuffix(file, string(filepath.Separator)+"go.mod"), err
}
