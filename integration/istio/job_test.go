//go:build controlplane

package istio

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/controlplane"
)

const notesURL = controlplane.Resource

var mcp = controlplane.Gateway{Base: "https://" + controlplane.MCPHost}

// page is docs/istio.md, whose commands and whose route the tests use.
var page = func() string {
	root, err := envoy.Root()
	if err != nil {
		panic(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs/istio.md"))
	if err != nil {
		panic(err)
	}
	return string(text)
}()

// blocks returns the page's blocks of a language.
func blocks(language string) []string {
	var all []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return all
}

// route is the page's route to the MCP server.
var route = blocks("yaml")[0]

// kinds are the manifests of the plugin.
var kinds = []string{"wasmplugin.yaml", "trafficextension.yaml", "envoyfilter.yaml"}

func (m *mesh) testJob(t *testing.T) {
	for _, version := range []string{envoy.DefaultVersion, olderEnvoy} {
		t.Run(version, func(t *testing.T) {
			m.clean(t)
			m.applyAll(t, m.manifest(t, "guard.yaml"), m.manifest(t, "identity-provider.yaml"), route)
			m.start(t, proxyOptions{envoy: version})
			for _, file := range kinds {
				t.Run(file, func(t *testing.T) {
					m.apply(t, file)
					m.pass(t)
					mcp.Job(t, m.world)
					m.k.Delete(t, m.manifest(t, file))
					await(t, fromGuard)
				})
			}
		})
	}
}
