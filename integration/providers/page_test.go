package providers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcpauth/config"
	"mcpauth/envoy-example/envoy"
)

// TestPagesAreValid: the plugin takes each configuration of a provider's page, as
// it stands there.
func TestPagesAreValid(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"keycloak.md", "hydra.md", "oidc-provider.md"} {
		text, err := os.ReadFile(filepath.Join(root, "docs", "providers", page))
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(text), "\n```json\n")[1:]
		if len(blocks) < 2 {
			t.Errorf("%s: %d configurations", page, len(blocks))
		}
		for _, block := range blocks {
			block, _, _ := strings.Cut(block, "\n```\n")
			if _, err := config.Parse([]byte(block)); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}
