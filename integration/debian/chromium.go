package debian

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"mcpauth/envoy-example/envoy"
)

var installingChromium sync.Mutex

// Chromium returns the path of the browser to test with: $CHROMIUM, else one
// on the PATH, else Debian's package, installed into the folder .venv-chromium
// of this module. That needs neither root nor a lock of the system's package
// management, and changes nothing outside the folder.
func Chromium() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Errorf("the environment variable CHROMIUM: %w", err)
		}
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	root, err := envoy.Root()
	if err != nil {
		return "", err
	}
	installingChromium.Lock()
	defer installingChromium.Unlock()
	final := filepath.Join(root, "integration", ".venv-chromium")
	if err := Install(final, unpackChromium); err != nil {
		return "", fmt.Errorf("Chromium is needed for the tests in a browser. Install it (on Debian: apt-get install chromium) or set CHROMIUM to its path. It could not be installed here: %w", err)
	}
	return filepath.Join(final, "chromium"), nil
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

// chromiumTimeout is for the download of 150 MB, above all.
const chromiumTimeout = 15 * time.Minute

func unpackChromium(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), chromiumTimeout)
	defer cancel()
	if err := Unpack(ctx, filepath.Join(dir, "root"), "chromium", true); err != nil {
		return err
	}
	program := filepath.Join(dir, "chromium")
	if err := os.WriteFile(program, []byte(chromiumStart), 0o700); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, program, "--version").CombinedOutput(); err != nil {
		return fmt.Errorf("the unpacked browser does not run: %w\n%s", err, out)
	}
	return nil
}
