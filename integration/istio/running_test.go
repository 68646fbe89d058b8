//go:build controlplane

package istio

import (
	"os"
	"testing"
	"time"

	"mcpauth/integration/controlplane"
)

// Changes to a gateway with two workers, and to what it depends on.
func (m *mesh) testRunning(t *testing.T) {
	m.applyAll(t, m.manifest(t, "guard.yaml"), m.manifest(t, "identity-provider.yaml"), m.manifest(t, "wasmplugin.yaml"), route)
	m.start(t, proxyOptions{workers: 2})
	m.poll(t)
	m.pass(t)
	t.Run("Rotation", func(t *testing.T) { mcp.Rotation(t, m.world) })
	t.Run("ServerDownAndBack", func(t *testing.T) { mcp.ServerDownAndBack(t, m.world) })

	token := m.world.Token("read:notes")
	scopes := func(t *testing.T, want string) {
		t.Helper()
		controlplane.Eventually(t, "the new configuration", limit, func() error { return metadataHas(want) })
	}
	t.Run("a change under load", func(t *testing.T) {
		load := controlplane.StartLoad(t, notesURL, func() string { return token })
		time.Sleep(500 * time.Millisecond)
		m.apply(t, "wasmplugin.yaml", anotherScope)
		scopes(t, "all:notes")
		time.Sleep(500 * time.Millisecond)
		load.MustNotFail(t)
	})
	t.Run("a new image under load", func(t *testing.T) {
		module, err := os.ReadFile(m.world.Wasm)
		if err != nil {
			t.Fatal(err)
		}
		next := m.world.PushImage(t, append(module, 0, 2, 1, 'x'), "next")
		load := controlplane.StartLoad(t, notesURL, func() string { return token })
		time.Sleep(500 * time.Millisecond)
		m.apply(t, "wasmplugin.yaml", digest(next), edit{Why: "to see the change", Old: `["read:notes", "write:notes"]`, New: `["read:notes", "write:notes", "next:notes"]`})
		scopes(t, "next:notes")
		time.Sleep(500 * time.Millisecond)
		load.MustNotFail(t)
	})
	// Without allow_on_headers_stop_iteration, the server sees the headers of requests that
	// a rule refuses.
	t.Run("rules", func(t *testing.T) {
		rules := edit{Why: "a rule", Old: "        required_scopes:", New: "        tools: {add_note: [\"write:notes\"]}\n        required_scopes:"}
		m.apply(t, "wasmplugin.yaml", rules, edit{Why: "to see the change", Old: `["read:notes", "write:notes"]`, New: `["read:notes", "write:notes", "rules:notes"]`})
		scopes(t, "rules:notes")
		large(t, m, false)
	})
}
