//go:build controlplane

package envoygateway

import (
	"strings"
	"testing"

	"mcpauth/integration/controlplane"
)

type edit = controlplane.Edit

// The changes that the tests make to the manifests, and nothing else.
var (
	// File mode knows no Services.
	toBackend = edit{Why: "the MCP server is a Backend, not a Service",
		Old: "        - {name: notes, port: 8080} # CHANGE: the Service of the MCP server\n",
		New: "        - {group: gateway.envoyproxy.io, kind: Backend, name: notes}\n"}
)

func digest(d string) edit {
	return edit{Why: "the digest that make image prints", Old: strings.Repeat("0", 64), New: d}
}

func (s *standalone) manifest(t testing.TB, file string, edits ...edit) {
	t.Helper()
	switch file {
	case "policy.yaml":
		edits = append([]edit{digest(s.digest)}, edits...)
	case "mcp-route.yaml":
		edits = append(edits, toBackend)
	}
	s.put(t, file, controlplane.Manifest(t, "gatewayapi/"+file, edits...))
}

// A second resource, at /tasks, with a policy and a route of its own.
var (
	tasksPolicy = []edit{
		{Why: "a policy of its own", Old: "  name: mcpauth\n", New: "  name: mcpauth-tasks\n"},
		{Why: "the identity provider's route has its policy", Old: `    - group: gateway.networking.k8s.io
      kind: HTTPRoute
      name: mcpauth-identity-provider
`, New: ""},
		{Why: "its route", Old: "      name: notes\n", New: "      name: tasks\n"},
		{Why: "its resource", Old: "resource: https://mcp.example.com/notes", New: "resource: https://mcp.example.com/tasks"},
	}
	tasksRoute = []edit{
		{Why: "a route of its own", Old: "  name: notes\n", New: "  name: tasks\n"},
		{Why: "its path", Old: "value: /notes}", New: "value: /tasks}"},
		{Why: "its metadata", Old: "value: /.well-known/oauth-protected-resource}", New: "value: /.well-known/oauth-protected-resource/tasks}"},
		toBackend,
	}
	mistake = edit{Why: "a mistake, for which the plugin does not start", Old: "required_scopes:", New: "require_scopes:"}
)

// secondPolicy returns the policy of the second resource. The digest is used unless an
// edit has put another one in the place of the zeros.
func secondPolicy(t testing.TB, digest string, edits ...edit) string {
	t.Helper()
	text := controlplane.Manifest(t, "gatewayapi/policy.yaml", append(append([]edit(nil), tasksPolicy...), edits...)...)
	return strings.ReplaceAll(text, strings.Repeat("0", 64), digest)
}

func (s *standalone) tasks(t testing.TB, edits ...edit) string {
	t.Helper()
	return secondPolicy(t, s.digest, edits...)
}

// patch applies patch.yaml, and once more for the listener without TLS: the route is on
// both, and the two must agree with policy.yaml.
func (s *standalone) patch(t testing.TB) {
	t.Helper()
	s.manifest(t, "patch.yaml")
	s.put(t, "patch-http.yaml", controlplane.Manifest(t, "gatewayapi/patch.yaml",
		edit{Why: "a patch of its own", Old: "  name: mcpauth\n", New: "  name: mcpauth-http\n"},
		edit{Why: "the other listener", Old: "name: default/eg/https #", New: "name: default/eg/http #"}))
	controlplane.Eventually(t, "both listeners with the patch", patience, func() error {
		if strings.Count(s.admin("/config_dump?resource=dynamic_listeners"), `"allow_on_headers_stop_iteration": true`) < 2 {
			return errNotYet
		}
		return nil
	})
}
