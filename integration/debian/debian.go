// Package debian unpacks programs from Debian's packages for the tests that need them.
// That needs neither root nor a lock of the system's package management, and changes
// nothing outside the folder.
package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Install unpacks packages into the folder final, unless it is there. unpack downloads
// and checks them in a temporary folder beside it. Two callers at once are no problem:
// each works in a folder of its own, and the first to finish renames it.
func Install(final string, unpack func(dir string) error) error {
	if _, err := os.Stat(final); err == nil {
		return nil
	}
	partial, err := os.MkdirTemp(filepath.Dir(final), filepath.Base(final)+"-partial-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(partial)
	if err := unpack(partial); err != nil {
		return err
	}
	if err := os.Rename(partial, final); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Unpack unpacks a package into the folder root, and with it, if dependencies is set,
// those that it depends on and that the system lacks.
func Unpack(ctx context.Context, root, name string, dependencies bool) error {
	apt, err := os.MkdirTemp("", "mcpauth-apt-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(apt)
	if err := os.MkdirAll(filepath.Join(apt, "lists", "partial"), 0o700); err != nil {
		return err
	}
	run := func(name string, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir, cmd.Env = apt, append(os.Environ(), "LC_ALL=C")
		var errOut bytes.Buffer
		cmd.Stderr = &errOut
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s%s", cmd, err, errOut.Bytes(), out)
		}
		return out, nil
	}
	// Lists and cache of its own: those of the system may be missing, old, or
	// locked. It runs as who runs the tests: apt's own user cannot write here.
	options := []string{"-q", "-o", "Dir::State::Lists=" + filepath.Join(apt, "lists"), "-o", "Dir::Cache=" + apt, "-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=3"}
	aptGet := func(args ...string) ([]byte, error) { return run("apt-get", slices.Concat(options, args)...) }
	_, updateErr := aptGet("update") // of a source that is not needed, maybe
	packages := []string{name}
	if dependencies {
		plan, err := aptGet("install", "--simulate", "--no-install-recommends", name)
		if err != nil {
			return errors.Join(updateErr, err)
		}
		packages = planned(string(plan))
	}
	if _, err := aptGet(append([]string{"download"}, packages...)...); err != nil {
		return errors.Join(updateErr, err)
	}
	files, err := filepath.Glob(filepath.Join(apt, "*.deb"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, err := run("dpkg", "-x", file, root); err != nil {
			return err
		}
	}
	return nil
}

// planned returns the packages that apt-get would install.
func planned(plan string) (packages []string) {
	for line := range strings.Lines(plan) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Inst" {
			packages = append(packages, f[1])
		}
	}
	return packages
}
