package providers

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mcpauth/envoy-example/envoy"
)

// pageBlock returns a block of a page in docs/providers: the first one in a
// language below a heading.
func pageBlock(page, heading, language string) (string, error) {
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
	_, block, begins := strings.Cut(section, "\n```"+language+"\n")
	block, _, ends := strings.Cut(block, "\n```\n")
	if !found || !begins || !ends {
		return "", fmt.Errorf("docs/providers/%s: no %s below the heading %q", page, language, heading)
	}
	return block, nil
}
