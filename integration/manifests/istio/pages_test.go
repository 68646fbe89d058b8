package istio_test

import (
	"encoding/json"
	"reflect"
	"testing"

	mesh "istio.io/api/mesh/v1alpha1"
	telemetry "istio.io/client-go/pkg/apis/telemetry/v1"

	"mcpauth/integration/manifests"
)

// The resources in the documentation are as strictly right as the manifests.
func TestDocumentedResources(t *testing.T) {
	for _, group := range []string{"extensions.istio.io", "networking.istio.io", "telemetry.istio.io"} {
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

// The access log of the page is Istio's, for the provider that its Telemetry names, and
// has the lines of docs/audit.md.
func TestDocumentedAccessLog(t *testing.T) {
	want, err := manifests.AuditFormat()
	if err != nil {
		t.Fatal(err)
	}
	all, err := manifests.Snippets()
	if err != nil {
		t.Fatal(err)
	}
	provider := ""
	for _, s := range all {
		object, _ := s.Value.(map[string]any)
		settings, ok := object["meshConfig"]
		if !ok {
			continue
		}
		text, err := json.Marshal(settings)
		if err == nil {
			err = manifests.CheckSpec(text, &mesh.MeshConfig{})
		}
		var config struct {
			ExtensionProviders []struct {
				Name               string
				EnvoyFileAccessLog struct {
					LogFormat struct{ Labels map[string]any }
				}
			}
		}
		if err == nil {
			err = json.Unmarshal(text, &config)
		}
		if err != nil || len(config.ExtensionProviders) != 1 {
			t.Fatalf("%s: %v\n%s", s.Page, err, s.Text)
		}
		provider = config.ExtensionProviders[0].Name
		if got := config.ExtensionProviders[0].EnvoyFileAccessLog.LogFormat.Labels; !reflect.DeepEqual(got, want) {
			t.Errorf("%s has %v, docs/audit.md %v", s.Page, got, want)
		}
	}
	snippets, err := manifests.Of("telemetry.istio.io")
	if err != nil || len(snippets) != 1 {
		t.Fatal(len(snippets), err)
	}
	resource, err := reader.Decode([]byte(snippets[0].Text))
	if err != nil {
		t.Fatal(err)
	}
	logging := resource.(*telemetry.Telemetry).Spec.AccessLogging
	if provider == "" || len(logging) != 1 || len(logging[0].Providers) != 1 || logging[0].Providers[0].Name != provider {
		t.Errorf("the Telemetry is for %v, the provider is %q", logging, provider)
	}
}
