//go:build controlplane

package istio

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcpauth/integration/controlplane"
)

// The edits with which the cases go wrong.
var (
	mistake      = edit{Why: "a mistake, for which the plugin does not start", Old: "required_scopes", New: "require_scopes"}
	noImage      = edit{Why: "no such image", Old: "example.com/mcpauth@", New: "example.com/missing@"}
	wrongDigest  = edit{Why: "another digest", Old: zeros, New: strings.Repeat("1", 64)}
	anotherScope = edit{Why: "another configuration", Old: `["read:notes", "write:notes"]`, New: `["read:notes", "write:notes", "all:notes"]`}
	anotherName  = edit{Why: "another name", Old: "  name: mcpauth\n", New: "  name: mcpauth-2\n"}
)

func match(what string) edit {
	return edit{Why: "a match", Old: "  phase: AUTHN\n", New: "  phase: AUTHN\n  match: [" + what + "]\n"}
}

// Whatever goes wrong with the plugin, nothing reaches the MCP server without a token while
// the guard is in effect. Each case goes on where the last one has ended.
func (m *mesh) testGuard(t *testing.T) {
	for _, file := range kinds {
		t.Run(file, func(t *testing.T) {
			m.clean(t)
			m.applyAll(t, m.manifest(t, "guard.yaml"), m.manifest(t, "identity-provider.yaml"))
			p := m.start(t, proxyOptions{})
			await(t, fromGuard)
			m.poll(t)

			// Route and plugin at once, on a gateway that knows neither.
			m.applyAll(t, route, m.manifest(t, file))
			m.pass(t)
			switch file {
			case "wasmplugin.yaml":
				m.guardAgainstImages(t, p, file)
				m.guardAgainstMatch(t, file)
				m.guardAgainstNames(t, file)
				p = m.guardAtRestart(t, p, file)
				m.guardAgainstMistakes(t, p, file)
				p = m.guardAgainstOutages(t, p, file)
				m.guardAgainstCrashes(t, p, file)
			case "trafficextension.yaml": // istiod makes one of a WasmPlugin
				m.guardAgainstMatch(t, file)
				m.guardAgainstNames(t, file)
			case "envoyfilter.yaml":
				m.guardAgainstImages(t, p, file)
				m.guardAgainstMistakes(t, p, file)
				m.guardAtRestart(t, p, file)
				m.k.Delete(t, m.manifest(t, file))
				await(t, fromGuard)
			}
		})
	}
}

// An image that cannot be pulled is 403 from Istio's own filter in the plugin's place.
func (m *mesh) guardAgainstImages(t *testing.T, p *proxy, file string) {
	t.Helper()
	m.apply(t, file, noImage)
	await(t, fromGuard)
	logged(t, p.Process, "cannot fetch Wasm module oci://registry.example.com/missing@sha256:", "applying deny RBAC filter", "access 403 - /notes")
	m.apply(t, file, wrongDigest)
	logged(t, p.Process, "MANIFEST_UNKNOWN")
	await(t, fromGuard)
	p.mustBeReady(t)
	m.apply(t, file)
	m.pass(t)
}

// A match that misses attaches nothing.
func (m *mesh) guardAgainstMatch(t *testing.T, file string) {
	t.Helper()
	m.apply(t, file, match("{mode: SERVER}"))
	await(t, fromGuard)
	m.apply(t, file, match("{ports: [{number: 8443}]}")) // of the pod
	await(t, fromPlugin)
	m.apply(t, file, match("{ports: [{number: 443}]}")) // of the Service
	await(t, fromGuard)
	m.apply(t, file)
	await(t, fromPlugin)
}

// A wrong plugin under the name of an earlier one serves the earlier configuration. Under
// a new name it is 500.
func (m *mesh) guardAgainstNames(t *testing.T, file string) {
	t.Helper()
	m.k.Delete(t, m.manifest(t, file))
	await(t, fromGuard)
	m.apply(t, file, mistake)
	await(t, fromPlugin)
	stays()
	m.pass(t)
	m.k.Delete(t, m.manifest(t, file))
	await(t, fromGuard)
	m.apply(t, file, mistake, anotherName)
	await(t, noConfig)
	m.k.Delete(t, m.manifest(t, file, anotherName))
	await(t, fromGuard)
}

// A wrong configuration in a change leaves the earlier one in use.
func (m *mesh) guardAgainstMistakes(t *testing.T, p *proxy, file string) {
	t.Helper()
	rejects := m.rejects(t)
	m.apply(t, file, mistake, anotherScope)
	controlplane.Eventually(t, "a rejected update", limit, func() error {
		return differs("pilot_total_xds_rejects", m.rejects(t), rejects)
	})
	logged(t, m.istiod, "ACK ERROR", "Unable to create Wasm plugin")
	logged(t, p.Process, "mcpauth: ", "require_scopes")
	await(t, fromPlugin)
	m.pass(t)
	m.apply(t, file)
	m.pass(t)
}

// A wrong configuration is 500 on a gateway that starts.
func (m *mesh) guardAtRestart(t *testing.T, p *proxy, file string) *proxy {
	t.Helper()
	m.apply(t, file, mistake)
	p.kill()
	p = m.start(t, proxyOptions{})
	await(t, noConfig)
	logged(t, p.Process, "mcpauth: ", "require_scopes", "access 500 NFCF /notes")
	p.mustBeReady(t)
	m.apply(t, file)
	m.pass(t)
	return p
}

// While the registry is down, a gateway that has the image takes changes. A gateway that
// starts meanwhile is 403, and stays so after the registry's return until a change.
func (m *mesh) guardAgainstOutages(t *testing.T, p *proxy, file string) *proxy {
	t.Helper()
	m.world.Registry.Down()
	defer m.world.Registry.Up(t)
	m.apply(t, file, anotherScope)
	controlplane.Eventually(t, "the change", limit, func() error { return metadataHas("all:notes") })
	p.kill()
	p = m.start(t, proxyOptions{})
	await(t, fromGuard)
	p.mustBeReady(t)
	m.world.Registry.Up(t)
	stays()
	await(t, fromGuard)
	m.apply(t, file)
	m.pass(t)
	return p
}

// A plugin that crashes is 503 until FAIL_RELOAD has started it anew.
func (m *mesh) guardAgainstCrashes(t *testing.T, p *proxy, file string) {
	t.Helper()
	faults, err := os.ReadFile(filepath.Join(filepath.Dir(m.world.Wasm), "mcpauth-faults.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	m.apply(t, file, digest(m.world.PushImage(t, faults, "faults")), anotherScope)
	controlplane.Eventually(t, "the change", limit, func() error { return metadataHas("all:notes") })
	a, err := ask(http.Header{"X-Debug-Trap": {"now"}})
	if err != nil || a.status != 503 {
		t.Errorf("the plugin crashed: %v %v", a, err)
	}
	await(t, fromPlugin)
	m.pass(t)
	p.kill()
	m.apply(t, file)
	m.start(t, proxyOptions{})
	m.pass(t)
}

// Without the guard, the poller sees what testGuard proves closed.
func (m *mesh) testWithoutGuard(t *testing.T) {
	m.apply(t, "identity-provider.yaml")
	m.start(t, proxyOptions{}).awaitReady(t)
	p := m.startPoll(t)
	m.applyAll(t, route, m.manifest(t, "wasmplugin.yaml"))
	m.pass(t)
	leaks := len(p.Stop())
	t.Logf("route and plugin at once: %d leaks; %s", leaks, p)

	p = m.startPoll(t)
	m.apply(t, "wasmplugin.yaml", match("{mode: SERVER}"))
	stays()
	m.k.Delete(t, m.manifest(t, "wasmplugin.yaml"))
	stays()
	leaks = len(p.Stop())
	if leaks == 0 {
		t.Error("neither a match nor the plugin's removal opens anything, and the guard is not needed")
	}
	t.Logf("match and removal: %d leaks; %s", leaks, p)
}
