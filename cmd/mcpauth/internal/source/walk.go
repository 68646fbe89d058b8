package source

import (
	"cmp"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// wasmFilter ends the type of Envoy's Wasm filter.
const wasmFilter = "envoy.extensions.filters.http.wasm.v3.Wasm"

// A walker looks for configurations in one document.
type walker struct {
	document *yaml.Node
	found    []*Found
}

// maxDepth bounds how deep a document is searched.
const maxDepth = 100

func (w *walker) walk(n *yaml.Node, depth int) error {
	if depth > maxDepth || n.Kind == yaml.AliasNode {
		return nil // an alias was seen where its anchor is
	}
	if n.Kind == yaml.MappingNode {
		done, err := w.mapping(n)
		if done || err != nil {
			return err
		}
		if list := first(n, "http_filters", "httpFilters"); list != nil && list.Kind == yaml.SequenceNode {
			before := len(w.found)
			for i, e := range list.Content {
				at := len(w.found)
				if err := w.walk(e, depth+1); err != nil {
					return err
				}
				for _, f := range w.found[at:] {
					f.Host.look(list.Content, i)
				}
			}
			if len(w.found) > before {
				return nil
			}
		}
	}
	for _, c := range n.Content {
		if err := w.walk(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// look fills in what the neighbours of the filter at index i say.
func (h *Host) look(filters []*yaml.Node, i int) {
	h.InChain, h.Disabled = true, isTrue(get(filters[i], "disabled"))
	for j, f := range filters {
		typ := text(first(f, "typed_config", "typedConfig"), "@type")
		if strings.HasSuffix(typ, ".router.v3.Router") && j < i {
			h.AfterRouter = true
		}
		if strings.HasSuffix(typ, ".rbac.v3.RBAC") && j > i && mentions(f, "x-mcpauth-verdict", 0) {
			h.Guarded = true
		}
	}
}

// mentions reports whether a scalar below n is s.
func mentions(n *yaml.Node, s string, depth int) bool {
	if n.Value == s {
		return true
	}
	if depth < maxDepth {
		for _, c := range n.Content {
			if mentions(c, s, depth+1) {
				return true
			}
		}
	}
	return false
}

// mapping adds the configurations that n holds itself. It returns whether n need not be
// searched further.
func (w *walker) mapping(n *yaml.Node) (done bool, err error) {
	name := func() string { return text(n, "kind") + " " + text(n, "metadata", "name") }
	switch text(n, "kind") {
	case "WasmPlugin":
		spec := get(n, "spec")
		return true, w.add(name(), get(spec, "pluginConfig"), istioHost(WasmPlugin, spec))
	case "TrafficExtension":
		wasm := get(n, "spec", "wasm")
		return true, w.add(name(), get(wasm, "pluginConfig"), istioHost(TrafficExtension, wasm))
	case "EnvoyExtensionPolicy":
		if list := get(n, "spec", "wasm"); list != nil && list.Kind == yaml.SequenceNode {
			for _, e := range list.Content {
				h := Host{Kind: EnvoyExtensionPolicy, Variables: map[string]bool{}}
				if open := get(e, "failOpen"); isTrue(open) {
					h.FailsOpen, h.FailsOpenLine = true, open.Line
				}
				addVariables(h.Variables, get(e, "env", "hostKeys"))
				if err := w.add(name(), get(e, "config"), h); err != nil {
					return true, err
				}
			}
		}
		return true, nil
	}
	if strings.HasSuffix(text(n, "@type"), "/"+wasmFilter) {
		return true, w.addWasm(n)
	}
	if strings.HasSuffix(cmp.Or(text(n, "type_url"), text(n, "typeUrl")), "/"+wasmFilter) {
		return true, w.addWasm(get(n, "value")) // a TypedStruct
	}
	return false, nil
}

func istioHost(kind Kind, spec *yaml.Node) Host {
	h := Host{Kind: kind, Variables: map[string]bool{}}
	if strategy := get(spec, "failStrategy"); strategy != nil && strategy.Value == "FAIL_OPEN" {
		h.FailsOpen, h.FailsOpenLine = true, strategy.Line
	}
	if env := get(spec, "vmConfig", "env"); env != nil {
		for _, e := range env.Content {
			h.Variables[text(e, "name")] = true
		}
	}
	return h
}

func addVariables(all map[string]bool, list *yaml.Node) {
	if list == nil {
		return
	}
	for i, e := range list.Content {
		if list.Kind == yaml.SequenceNode || i%2 == 0 {
			all[e.Value] = true
		}
	}
}

// addWasm adds the configuration of a Wasm filter, unless it is another plugin's.
func (w *walker) addWasm(n *yaml.Node) error {
	c := get(n, "config")
	h := Host{Kind: Envoy, Variables: map[string]bool{}, Clusters: clusters(w.document)}
	h.StopsHeaders = isTrue(first(c, "allow_on_headers_stop_iteration", "allowOnHeadersStopIteration"))
	if p := first(c, "failure_policy", "failurePolicy"); p != nil && p.Value == "FAIL_OPEN" {
		h.FailsOpen, h.FailsOpenLine = true, p.Line
	}
	if p := first(c, "fail_open", "failOpen"); isTrue(p) {
		h.FailsOpen, h.FailsOpenLine = true, p.Line
	}
	vm := first(c, "vm_config", "vmConfig")
	env := first(vm, "environment_variables", "environmentVariables")
	addVariables(h.Variables, first(env, "host_env_keys", "hostEnvKeys"))
	addVariables(h.Variables, first(env, "key_values", "keyValues"))

	configuration := get(c, "configuration")
	value := get(configuration, "value")
	name := "Wasm filter " + text(c, "name")
	switch typ := text(configuration, "@type"); {
	case value == nil:
		return nil
	case strings.HasSuffix(typ, "/google.protobuf.StringValue"):
		if value.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: the value of a StringValue must be a string: write `value: |` before the configuration", value.Line)
		}
		w.addString(name, value, h)
		return nil
	case strings.HasSuffix(typ, "/google.protobuf.Struct"), configuration != nil && strings.HasSuffix(typ, "TypedStruct"):
		return w.add(name, value, h)
	}
	return nil
}

// ours reports whether a text is likely to be meant for this plugin.
func ours(s string) bool {
	return strings.Contains(s, "authorization_servers") || strings.Contains(s, "resources")
}

// addString adds a configuration that is a string.
func (w *walker) addString(name string, value *yaml.Node, h Host) {
	if !ours(value.Value) {
		return
	}
	f := &Found{Name: name, Line: value.Line, JSON: []byte(value.Value), Host: h}
	if value.Style&yaml.LiteralStyle != 0 {
		if inner, err := Documents(f.JSON); err == nil && len(inner) == 1 {
			f.root, f.base = inner[0], value.Line
		}
	}
	w.found = append(w.found, f)
}

// add adds a configuration in YAML.
func (w *walker) add(name string, n *yaml.Node, h Host) error {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	doc, err := toJSON(n)
	if err != nil {
		return err
	}
	if ours(string(doc)) {
		w.found = append(w.found, &Found{Name: name, Line: n.Line, JSON: doc, Host: h, root: n})
	}
	return nil
}

// clusters returns the clusters of an Envoy bootstrap, nil if it is none or has more elsewhere.
func clusters(document *yaml.Node) map[string]Cluster {
	if get(document, "dynamic_resources", "cds_config") != nil || get(document, "dynamic_resources", "ads_config") != nil {
		return nil
	}
	list := get(document, "static_resources", "clusters")
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	all := map[string]Cluster{}
	for _, c := range list.Content {
		all[text(c, "name")] = Cluster{TLS: first(c, "transport_socket", "transportSocket", "transport_socket_matches") != nil, Line: c.Line}
	}
	return all
}
