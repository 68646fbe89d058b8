//go:build controlplane

package istio

import (
	"strings"
	"testing"

	"mcpauth/integration/controlplane"
)

type edit = controlplane.Edit

var zeros = strings.Repeat("0", 64)

func digest(d string) edit {
	return edit{Why: "the digest that make image prints", Old: zeros, New: d}
}

// manifest returns a file of envoy-example/istio with the edits and, unless they change it,
// the digest of the world's image.
func (m *mesh) manifest(t testing.TB, file string, edits ...edit) string {
	t.Helper()
	return strings.ReplaceAll(controlplane.Manifest(t, "istio/"+file, edits...), zeros, m.world.Digest)
}

// applyAll applies texts of resources at once.
func (m *mesh) applyAll(t testing.TB, texts ...string) {
	t.Helper()
	m.k.Apply(t, strings.Join(texts, "\n---\n"))
}

func (m *mesh) apply(t testing.TB, file string, edits ...edit) {
	t.Helper()
	m.k.Apply(t, m.manifest(t, file, edits...))
}
