package providers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"mcpauth/envoy-example/envoy"
)

// folder returns a folder of this module.
func folder(path ...string) (string, error) {
	root, err := envoy.Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(append([]string{root, "integration"}, path...)...), nil
}

// cached returns a folder of integration/.providers, which fill makes unless it
// is there. Two runs at once are no problem: each fills a folder of its own, and
// the first to finish gives it the final name.
func cached(name string, fill func(partial string) error) (string, error) {
	cache, err := folder(".providers")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	return installed(filepath.Join(cache, name), nil, fill)
}

// installed returns the folder final, which fill makes unless it is there, made
// from the same lock file.
func installed(final string, lock []byte, fill func(partial string) error) (string, error) {
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
	os.Rename(final, filepath.Join(temporary, "outdated"))
	if err := os.Rename(partial, final); err != nil && !upToDate() {
		return "", err
	}
	return final, nil
}

// nodeModules installs the packages that the package-lock.json of a folder lists,
// where the folder has no others already.
func nodeModules(ctx context.Context, dir string) error {
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	_, err = installed(filepath.Join(dir, "node_modules"), lock, func(partial string) error {
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
		return run(ctx, home, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	})
	return err
}

// run runs a command in silence.
func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
