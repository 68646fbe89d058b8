package providers

import (
	"os"
	"path/filepath"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/install"
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
// is there.
func cached(name string, fill func(partial string) error) (string, error) {
	cache, err := folder(".providers")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	return install.Folder(filepath.Join(cache, name), nil, fill)
}
