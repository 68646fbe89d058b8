package e2e

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
	"testing"
	"time"
)

// findChromium returns the path of the browser to test with: $CHROMIUM, else one
// on the PATH, else Debian's package, installed into the folder .venv-chromium
// of this module. That needs neither root nor a lock of the system's package
// management, and changes nothing outside the folder.
func findChromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			t.Fatalf("the environment variable CHROMIUM: %v", err)
		}
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	module, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	path, err := installChromium(module)
	if err != nil {
		t.Fatalf("Chromium is needed for the tests in a browser. Install it (on Debian: apt-get install chromium) or set CHROMIUM to its path. It could not be installed here: %v", err)
	}
	return path
}

// chromiumStart starts the unpacked browser beside it with the libraries that
// came along.
const chromiumStart = `#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/root
for dir in "$root"/usr/lib/*-linux-gnu*; do
	LD_LIBRARY_PATH="$dir:$dir/pulseaudio${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
export LD_LIBRARY_PATH
exec "$root/usr/lib/chromium/chromium" "$@"
`

// installChromium unpacks Debian's package chromium, and those that it depends
// on and the system lacks, unless that was done before. Two callers at once are
// no problem: each works in a folder of its own and the first to finish gives it
// the final name.
func installChromium(dir string) (string, error) {
	installing.Lock()
	defer installing.Unlock()
	final := filepath.Join(dir, ".venv-chromium")
	program := filepath.Join(final, "chromium")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	partial, err := os.MkdirTemp(dir, ".venv-chromium-partial-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	if err := unpackChromium(partial); err != nil {
		return "", err
	}
	if err := os.Rename(partial, final); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return program, nil
}

// chromiumTimeout is for the download of 150 MB, above all.
const chromiumTimeout = 15 * time.Minute

func unpackChromium(dir string) error {
	apt := filepath.Join(dir, "apt")
	if err := os.MkdirAll(filepath.Join(apt, "lists", "partial"), 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), chromiumTimeout)
	defer cancel()
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
	plan, err := aptGet("install", "--simulate", "--no-install-recommends", "chromium")
	if err != nil {
		return errors.Join(updateErr, err)
	}
	var packages []string
	for line := range strings.Lines(string(plan)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Inst" {
			packages = append(packages, f[1])
		}
	}
	if _, err := aptGet(append([]string{"download"}, packages...)...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(apt, "*.deb"))
	if err != nil {
		return err
	}
	root := filepath.Join(dir, "root")
	for _, file := range files {
		if _, err := run("dpkg", "-x", file, root); err != nil {
			return err
		}
	}
	program := filepath.Join(dir, "chromium")
	if err := os.WriteFile(program, []byte(chromiumStart), 0o700); err != nil {
		return err
	}
	if _, err := run(program, "--version"); err != nil {
		return fmt.Errorf("the unpacked browser does not run: %w", err)
	}
	return os.RemoveAll(apt)
}
