package chart_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
)

// manifestTests name the values with which the chart renders each manifest.
var manifestTests = []struct {
	file    string
	values  string
	changes string
}{
	{"istio/identity-provider.yaml", istioValues, ""},
	{"istio/wasmplugin.yaml", istioValues, ""},
	{"istio/guard.yaml", istioValues, ""},
	{"istio/trafficextension.yaml", istioValues, "istio: {kind: TrafficExtension}"},
	{"istio/envoyfilter.yaml", istioValues, "{allowOnHeadersStopIteration: true, istio: {kind: EnvoyFilter}}"},
	{"gatewayapi/identity-provider.yaml", envoyGatewayValues, ""},
	{"gatewayapi/policy.yaml", envoyGatewayValues, ""},
	{"gatewayapi/guard.yaml", envoyGatewayValues, ""},
	{"gatewayapi/patch.yaml", envoyGatewayValues, "allowOnHeadersStopIteration: true"},
}

// The chart renders what the manifests hold.
func TestManifests(t *testing.T) {
	for _, test := range manifestTests {
		t.Run(test.file, func(t *testing.T) {
			objects, err := reader.Load(test.file)
			if err != nil {
				t.Fatal(err)
			}
			rendered := render(t, test.values, test.changes)
			var differ []string
			for _, object := range objects {
				name := nameOf(t, object)
				if rendered[name] == nil {
					t.Errorf("the chart renders no %s", name)
					continue
				}
				differ = append(differ, differences(members(t, object), members(t, rendered[name]), "")...)
			}
			slices.Sort(differ)
			if len(differ) > 0 {
				t.Errorf("manifest and chart differ in %q", differ)
			}
		})
	}
}

// With the least values, the chart renders the manifests and nothing else.
func TestNothingElse(t *testing.T) {
	want := map[string][]string{
		istioValues: {
			"AuthorizationPolicy istio-ingress/mcpauth-guard",
			"DestinationRule istio-ingress/mcpauth-identity-provider",
			"EnvoyFilter istio-ingress/mcpauth-guard",
			"ServiceEntry istio-ingress/mcpauth-identity-provider",
			"WasmPlugin istio-ingress/mcpauth",
		},
		envoyGatewayValues: {
			"Backend default/mcpauth-identity-provider",
			"ClientTrafficPolicy default/mcpauth-guard",
			"EnvoyExtensionPolicy default/mcpauth",
			"EnvoyPatchPolicy default/mcpauth",
			"HTTPRoute default/mcpauth-guard",
			"HTTPRoute default/mcpauth-identity-provider",
			"HTTPRouteFilter default/mcpauth-guard",
			"SecurityPolicy default/mcpauth-guard",
			"SecurityPolicy default/mcpauth-identity-provider",
		},
	}
	for values, want := range want {
		var got []string
		for name := range render(t, values) {
			got = append(got, name)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", values, got, want)
		}
	}
}

// members returns an object as an API server stores it, without labels, which the
// manifests do not have.
func members(t *testing.T, object runtime.Object) map[string]any {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	delete(all["metadata"].(map[string]any), "labels")
	return all
}

// differences returns the paths of the members in which a and b differ.
func differences(a, b any, path string) []string {
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			var all []string
			for name := range a {
				all = append(all, differences(a[name], b[name], join(path, name))...)
			}
			for name := range b {
				if _, ok := a[name]; !ok {
					all = append(all, join(path, name))
				}
			}
			return all
		}
	case []any:
		if b, ok := b.([]any); ok && len(a) == len(b) {
			var all []string
			for i := range a {
				all = append(all, differences(a[i], b[i], fmt.Sprintf("%s[%d]", path, i))...)
			}
			return all
		}
	}
	if reflect.DeepEqual(a, b) || sameJSON(a, b) {
		return nil
	}
	return []string{path}
}

// sameJSON reports whether a and b are texts of the same JSON object, as the plugin's
// configuration in an EnvoyFilter is.
func sameJSON(a, b any) bool {
	first, ok1 := a.(string)
	second, ok2 := b.(string)
	var x, y map[string]any
	return ok1 && ok2 && json.Unmarshal([]byte(first), &x) == nil && json.Unmarshal([]byte(second), &y) == nil && reflect.DeepEqual(x, y)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
