//go:build controlplane

package controlplane

import (
	"strings"
	"testing"
)

// definition is that of a resource with one member.
const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: notes.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Note, plural: notes, singular: note}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, properties: {digest: {type: string, pattern: "^[0-9a-f]{8}$"}}}
`

// The API server stores resources, and validates them against their definitions.
func TestKubernetes(t *testing.T) {
	k := StartKubernetes(t)
	k.ApplyDefinitions(t, WriteFile(t, "definition.yaml", []byte(definition)))
	k.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: notes}\n")
	const note = "apiVersion: example.com/v1\nkind: Note\nmetadata: {name: one, namespace: notes}\nspec: {digest: \"0123abcd\"}\n"
	k.Apply(t, note)
	if names := k.Kubectl(t, "get", "notes", "-A", "-o", "name"); !strings.Contains(names, "one") {
		t.Errorf("there is %q", names)
	}
	if _, err := k.kubectl(strings.ReplaceAll(note, "0123abcd", "sha256:0"), "apply", "--server-side", "-f", "-"); err == nil {
		t.Error("a resource that does not match its definition is accepted")
	}
	k.Delete(t, note)
}
