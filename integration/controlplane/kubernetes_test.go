//go:build controlplane

package controlplane

import (
	"strings"
	"testing"
)

// The API server validates Istio's resources against their definitions.
func TestKubernetes(t *testing.T) {
	k := StartKubernetes(t)
	definitions, err := Istiod.ModuleFile("istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml")
	if err != nil {
		t.Fatal(err)
	}
	k.ApplyDefinitions(t, definitions)
	const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: istio-ingress}\n"
	k.Apply(t, namespace)
	const plugin = `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: mcpauth, namespace: istio-ingress}
spec: {url: oci://registry.example.com/mcpauth, sha256: "` + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" + `"}
`
	k.Apply(t, plugin)
	if names := k.Kubectl(t, "get", "wasmplugin", "-A", "-o", "name"); !strings.Contains(names, "mcpauth") {
		t.Errorf("there is %q", names)
	}
	if _, err := k.kubectl(strings.ReplaceAll(plugin, `"0123`, `"sha256:0123`), "apply", "--server-side", "-f", "-"); err == nil {
		t.Error("a digest with the prefix sha256: is accepted")
	}
	k.Delete(t, plugin)
}
