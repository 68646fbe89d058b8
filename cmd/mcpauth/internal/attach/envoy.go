package attach

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	managerType = "/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
	clusterName = "mcpauth-identity-provider"
)

// envoy attaches the plugin to the HTTP connection managers of an Envoy configuration.
func (e *editor) envoy(d *yaml.Node) error {
	cluster := e.options.Cluster
	if cluster == "" {
		cluster = clusterName
	}
	managers, err := e.managers(d)
	if err != nil {
		return err
	}
	plugin, err := e.plugin(cluster)
	if err != nil {
		return err
	}
	for _, m := range managers {
		if err := e.manager(m, plugin); err != nil {
			return err
		}
	}
	return e.cluster(d, cluster)
}

// managers returns the connection managers of the listener.
func (e *editor) managers(d *yaml.Node) ([]*yaml.Node, error) {
	listeners := value(d, "static_resources", "listeners")
	if listeners == nil || len(listeners.Content) == 0 {
		return nil, fmt.Errorf("there is no listener in static_resources")
	}
	var names []string
	var found []*yaml.Node
	for _, l := range listeners.Content {
		managers := appendManagers(nil, l, 0)
		if len(managers) == 0 {
			continue
		}
		name := scalar(l, "name")
		names = append(names, name)
		if e.options.Listener == "" || e.options.Listener == name {
			found = append(found, managers...)
		}
	}
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("no listener has an HTTP connection manager")
	case e.options.Listener != "" && len(found) == 0:
		return nil, fmt.Errorf("there is no listener %q; there are %s", e.options.Listener, strings.Join(names, ", "))
	case e.options.Listener == "" && len(names) > 1:
		return nil, fmt.Errorf("there are several listeners: choose one with --listener: %s", strings.Join(names, ", "))
	}
	return found, nil
}

func appendManagers(list []*yaml.Node, n *yaml.Node, depth int) []*yaml.Node {
	if depth > 50 {
		return list
	}
	if strings.HasSuffix(scalar(n, "@type"), managerType) {
		return append(list, n)
	}
	for _, c := range n.Content {
		list = appendManagers(list, c, depth+1)
	}
	return list
}

// A setting of the connection manager belongs to the plugin.
type setting struct{ key, text, note string }

var settings = []setting{
	{"early_header_mutation_extensions", `# The first part of mcpauth's guard: no client can bring the plugin's mark.
early_header_mutation_extensions:
- name: envoy.http.early_header_mutation.header_mutation
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation
    mutations:
    - remove: x-mcpauth-verdict
    - remove: x_mcpauth_verdict`, "remove x-mcpauth-verdict and x_mcpauth_verdict in it too"},
	{"normalize_path", "normalize_path: true", "set it to true"},
	{"merge_slashes", "merge_slashes: true", "set it to true"},
	{"path_with_escaped_slashes_action", "path_with_escaped_slashes_action: REJECT_REQUEST", "set it to REJECT_REQUEST"},
	{"common_http_protocol_options", `common_http_protocol_options:
  headers_with_underscores_action: DROP_HEADER`, "set headers_with_underscores_action: DROP_HEADER in it"},
}

// manager inserts the filter, its guard and the settings into a connection manager.
func (e *editor) manager(m *yaml.Node, plugin string) error {
	typeKey, _ := pair(m, "@type")
	filtersKey, filters := pair(m, "http_filters")
	if filters == nil || len(filters.Content) == 0 {
		return fmt.Errorf("line %d: the HTTP connection manager has no http_filters", m.Line)
	}
	for _, n := range []*yaml.Node{m, filters} {
		if !isBlock(n) {
			return fmt.Errorf("line %d: write this in block style, one member a line, so that lines can be inserted", n.Line)
		}
	}
	indent := typeKey.Column - 1
	for i := range settings {
		s := &settings[i]
		if key, v := pair(m, s.key); v == nil {
			e.insert(typeKey.Line+1, indent, s.text)
		} else if v.Value != strings.TrimPrefix(s.text, s.key+": ") {
			e.notes = append(e.notes, fmt.Sprintf("line %d: %s is there already: %s", key.Line, s.key, s.note))
		}
	}
	e.insert(filtersKey.Line+1, e.dash(filters), fmt.Sprintf(`# mcpauth checks the access token of each request.
- name: mcpauth
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
    config:
      name: mcpauth
      failure_policy: FAIL_RELOAD
      vm_config:
        vm_id: mcpauth
        runtime: envoy.wasm.runtime.v8
        code: {local: {filename: %s}}
      configuration:
        "@type": type.googleapis.com/google.protobuf.StringValue
        value: |
          %s
# The second part of its guard: a request that mcpauth has not passed gets 403.
- name: envoy.filters.http.rbac
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
    rules:
      action: ALLOW
      policies:
        passed-mcpauth:
          permissions: [{any: true}]
          principals:
          - header: {name: x-mcpauth-verdict, string_match: {exact: token}}
          - header: {name: x-mcpauth-verdict, string_match: {exact: public}}`,
		quote(e.options.Wasm), strings.ReplaceAll(plugin, "\n", "\n          ")))
	return nil
}

// dash returns the indentation of the dashes of a list in block style.
func (e *editor) dash(list *yaml.Node) int {
	start := e.offsets[list.Content[0].Line-1]
	i := start
	for i < len(e.text) && e.text[i] == ' ' {
		i++
	}
	return i - start
}

// cluster adds the cluster of the authorization server, unless it is there.
func (e *editor) cluster(d *yaml.Node, name string) error {
	resourcesKey, resources := pair(d, "static_resources")
	clustersKey, clusters := pair(resources, "clusters")
	if clusters != nil {
		for _, c := range clusters.Content {
			if scalar(c, "name") == name {
				return nil
			}
		}
	}
	text := e.clusterText(name)
	switch {
	case clusters == nil && isBlock(resources):
		first := resources.Content[0]
		e.insert(resourcesKey.Line+1, first.Column-1, "clusters:\n"+text)
	case clusters != nil && isBlock(clusters) && len(clusters.Content) > 0:
		e.insert(clustersKey.Line+1, e.dash(clusters), text)
	default:
		return fmt.Errorf("line %d: write clusters in block style, one member a line, so that lines can be inserted", resources.Line)
	}
	return nil
}

func (e *editor) clusterText(name string) string {
	kind := "LOGICAL_DNS"
	if e.isAddress() {
		kind = "STATIC"
	}
	text := fmt.Sprintf(`# The authorization server: mcpauth fetches its metadata and keys here.
- name: %[1]s
  type: %[2]s
  connect_timeout: 2s
  load_assignment:
    cluster_name: %[1]s
    endpoints:
    - lb_endpoints:
      - endpoint: {address: {socket_address: {address: %[3]s, port_value: %[4]s}}}
`, quote(name), kind, quote(e.host()), e.port())
	if e.issuer.Scheme == "https" {
		text += fmt.Sprintf(`  transport_socket:
    name: envoy.transport_sockets.tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
      sni: %s
      auto_sni_san_validation: true
      common_tls_context:
        validation_context:
          trusted_ca: {filename: %s}
`, quote(e.host()), quote(e.options.TrustedCA))
	}
	return text
}
