package gatewayapi_test

import (
	"testing"

	"mcpauth/integration/manifests"
)

// The resources in the documentation are as strictly right as the manifests.
func TestDocumentedResources(t *testing.T) {
	snippets, err := manifests.Of("gateway.envoyproxy.io")
	if err != nil || len(snippets) < 2 {
		t.Fatal(len(snippets), err)
	}
	for _, s := range snippets {
		if _, err := reader.Decode([]byte(s.Text)); err != nil {
			t.Errorf("%s: %v\n%s", s.Page, err, s.Text)
		}
	}
}
