package providers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mcpauth/envoy-example/envoy"
)

// PageConfig returns a configuration of the plugin from docs/providers: the
// first block of JSON below a heading of a page.
func PageConfig(page, heading string) (string, error) {
	root, err := envoy.Root()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "providers", page))
	if err != nil {
		return "", err
	}
	_, section, found := strings.Cut(string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, block, begins := strings.Cut(section, "\n```json\n")
	block, _, ends := strings.Cut(block, "\n```\n")
	if !found || !begins || !ends {
		return "", fmt.Errorf("docs/providers/%s: no JSON below the heading %q", page, heading)
	}
	return block, nil
}
