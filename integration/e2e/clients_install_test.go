package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
)

// clientFolder is a folder of programs in ../clients.
func clientFolder(t *testing.T, name ...string) string {
	t.Helper()
	return exampleFolder(t, append([]string{"clients"}, name...)...)
}

// exampleFolder is a folder of this module.
func exampleFolder(t *testing.T, path ...string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(append([]string{".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// pinned is the version of a package that a file of requirements names.
func pinned(t *testing.T, name string, file ...string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(append([]string{".."}, file...)...))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\s*"?` + regexp.QuoteMeta(name) + `(?:": "|==| v)([0-9.]+)"?$`).FindSubmatch(doc)
	if found == nil {
		t.Fatalf("no version of %s in %s", name, file)
	}
	return string(found[1])
}

// node returns the command of the program in a folder.
func node(t *testing.T, folder ...string) []string {
	t.Helper()
	dir := clientFolder(t, folder...)
	nodeModules(t, dir)
	return []string{need(t, "node"), filepath.Join(dir, "client.mjs")}
}

// nodeModules installs the packages that a folder's package-lock.json lists, and
// returns where they are.
func nodeModules(t *testing.T, dir string) string {
	t.Helper()
	npm := need(t, "npm")
	return install(t, dir, "node_modules", "package-lock.json", func(partial string) error {
		for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
			if err := copyFile(filepath.Join(dir, name), filepath.Join(partial, name)); err != nil {
				return err
			}
		}
		_, err := output(partial, npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		return err
	})
}

// python returns the command of a program of ../clients with the packages of one
// of the lists of requirements.
func python(t *testing.T, requirements, program string) []string {
	t.Helper()
	return withPackages(t, requirements, filepath.Join(clientFolder(t, "python"), program))
}

// withPackages installs the packages of one of the lists of requirements and
// returns the command of a program that uses them.
func withPackages(t *testing.T, requirements, program string) []string {
	t.Helper()
	interpreter, dir := need(t, "python3"), clientFolder(t, "python")
	// A virtual environment cannot be moved, but the packages can: they are
	// found through PYTHONPATH.
	name := ".venv-" + requirements
	list := "requirements-" + requirements + ".txt"
	packages := install(t, dir, name, list, func(partial string) error {
		_, err := output(dir, interpreter, "-m", "venv", filepath.Join(partial, "venv"))
		if err == nil {
			_, err = output(dir, filepath.Join(partial, "venv", "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
				"--target", filepath.Join(partial, name), "-r", list)
		}
		return err
	})
	return []string{"env", "PYTHONPATH=" + packages, "PYTHONDONTWRITEBYTECODE=1", interpreter, program}
}

func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is needed to run the official clients: %v", program, err)
	}
	return path
}

var installing sync.Mutex // Chromium

var installs sync.Map // a *sync.Mutex by folder

// install makes the folder name in dir, unless it is there and its lock file is
// the one that it was made from, and returns its path. fill makes the folder
// inside a temporary one, so that two test runs at once do not disturb each
// other.
func install(t *testing.T, dir, name, lockFile string, fill func(partial string) error) string {
	t.Helper()
	final := filepath.Join(dir, name)
	one, _ := installs.LoadOrStore(final, &sync.Mutex{})
	one.(*sync.Mutex).Lock()
	defer one.(*sync.Mutex).Unlock()
	lock, err := os.ReadFile(filepath.Join(dir, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	const stamp = ".installed-from"
	upToDate := func() bool {
		made, err := os.ReadFile(filepath.Join(final, stamp))
		return err == nil && bytes.Equal(made, lock)
	}
	if upToDate() {
		return final
	}
	partial, err := os.MkdirTemp(dir, ".venv-partial-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(partial)
	if err := fill(partial); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(partial, name, stamp), lock, 0o600); err != nil {
		t.Fatal(err)
	}
	if upToDate() { // another run has just made it
		return final
	}
	if err := os.Rename(final, filepath.Join(partial, "outdated")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(partial, name), final); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return final
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
