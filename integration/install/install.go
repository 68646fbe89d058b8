// Package install puts packages that tests need into folders of this module.
package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

var installs sync.Map // a *sync.Mutex by folder

// Folder makes the folder final, unless it is there and lock is what it was made
// from, and returns its path. fill makes the folder partial, which has the same base
// name and is the only one in its parent. Two runs at once do not disturb each other:
// each fills a folder of its own, and the first to finish gives it the final name.
func Folder(final string, lock []byte, fill func(partial string) error) (string, error) {
	one, _ := installs.LoadOrStore(final, &sync.Mutex{})
	one.(*sync.Mutex).Lock()
	defer one.(*sync.Mutex).Unlock()
	const stamp = ".installed-from"
	upToDate := func() bool {
		made, err := os.ReadFile(filepath.Join(final, stamp))
		return err == nil && bytes.Equal(made, lock)
	}
	if upToDate() {
		return final, nil
	}
	temporary, err := os.MkdirTemp(filepath.Dir(final), ".venv-partial-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temporary)
	partial := filepath.Join(temporary, filepath.Base(final))
	if err := fill(partial); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(partial, stamp), lock, 0o644); err != nil {
		return "", err
	}
	if upToDate() { // another run has just made it
		return final, nil
	}
	if err := os.Rename(final, filepath.Join(temporary, "outdated")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := os.Rename(partial, final); err != nil && !upToDate() {
		return "", err
	}
	return final, nil
}

// NodeModules installs the packages that the package-lock.json of a folder lists, and
// returns the path of its node_modules.
func NodeModules(ctx context.Context, dir string) (string, error) {
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return "", err
	}
	return Folder(filepath.Join(dir, "node_modules"), lock, func(partial string) error {
		home := filepath.Dir(partial)
		for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(home, name), content, 0o644)
			}
			if err != nil {
				return err
			}
		}
		return Run(ctx, home, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	})
}

// PythonPackages installs the packages of the file requirements-LIST.txt of a folder,
// and returns the path for PYTHONPATH: a virtual environment cannot be moved, but
// packages can.
func PythonPackages(ctx context.Context, dir, list string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	requirements := filepath.Join(dir, "requirements-"+list+".txt")
	lock, err := os.ReadFile(requirements)
	if err != nil {
		return "", err
	}
	return Folder(filepath.Join(dir, ".venv-"+list), lock, func(partial string) error {
		venv := filepath.Join(filepath.Dir(partial), "venv")
		if err := Run(ctx, dir, "python3", "-m", "venv", venv); err != nil {
			return err
		}
		return Run(ctx, dir, filepath.Join(venv, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
			"--target", partial, "-r", requirements)
	})
}

// Run runs a command in silence. An error has its output.
func Run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
