package gatewayapi_test

import (
	"maps"
	"testing"

	envoygateway "github.com/envoyproxy/gateway/api/v1alpha1"

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

// The access log of the page has the lines of docs/audit.md.
func TestDocumentedAccessLog(t *testing.T) {
	want, err := manifests.AuditFormat()
	if err != nil {
		t.Fatal(err)
	}
	snippets, err := manifests.Of("gateway.envoyproxy.io")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, s := range snippets {
		resource, err := reader.Decode([]byte(s.Text))
		if err != nil {
			t.Fatal(err)
		}
		proxy, ok := resource.(*envoygateway.EnvoyProxy)
		if !ok || proxy.Spec.Telemetry == nil {
			continue
		}
		count++
		format := proxy.Spec.Telemetry.AccessLog.Settings[0].Format
		got := map[string]any{}
		for name, value := range format.JSON {
			got[name] = value
		}
		if *format.Type != envoygateway.ProxyAccessLogFormatTypeJSON || !maps.Equal(got, want) {
			t.Errorf("%s has %v, docs/audit.md %v", s.Page, got, want)
		}
	}
	if count != 1 {
		t.Errorf("%d resources with an access log", count)
	}
}
