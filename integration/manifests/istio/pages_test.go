package istio_test

import (
	"testing"

	"mcpauth/integration/manifests"
)

// The resources in the documentation are as strictly right as the manifests.
func TestDocumentedResources(t *testing.T) {
	for _, group := range []string{"extensions.istio.io", "networking.istio.io"} {
		snippets, err := manifests.Of(group)
		if err != nil || len(snippets) == 0 {
			t.Fatal(group, len(snippets), err)
		}
		for _, s := range snippets {
			if _, err := reader.Decode([]byte(s.Text)); err != nil {
				t.Errorf("%s: %v\n%s", s.Page, err, s.Text)
			}
		}
	}
}
