package examples

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/manifests"
)

// object is a YAML or JSON object.
type object = map[string]any

func parse(t *testing.T, text string) (v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

// jsonOf is YAML too.
func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// at walks into objects and lists, by names and indexes.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			v = v.(object)[step]
		case int:
			v = v.([]any)[step]
		}
	}
	return v
}

// resourceIn is the one in a dynamic file.
func (w *world) resourceIn(t *testing.T, name string) object {
	t.Helper()
	resources := at(parse(t, w.example(t, name)), "resources").([]any)
	if len(resources) != 1 {
		t.Fatalf("%s has %d resources", name, len(resources))
	}
	r := resources[0].(object)
	delete(r, "@type")
	return r
}

// gatewayOf is envoy.yaml with further listeners: Envoy compiles the plugin once for all
// of them, which is what takes time.
func (w *world) gatewayOf(t *testing.T, listeners ...any) object {
	t.Helper()
	gateway := parse(t, w.example(t, static)).(object)
	resources := gateway["static_resources"].(object)
	for i, l := range listeners {
		l.(object)["name"] = fmt.Sprint("listener ", i)
		at(l, "address", "socket_address").(object)["port_value"] = 0
		resources["listeners"] = append(resources["listeners"].([]any), l)
	}
	return gateway
}

// TestEveryConfigurationValidates: envoy --mode validate takes every example. It does not
// read the dynamic files, so their resources also stand in one file here.
func TestEveryConfigurationValidates(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(root, "envoy-example", "envoy-dynamic", "*.yaml"))
	known := []string{ldsBootstrap, ldsListener, ecdsFile, ecdsFilter}
	if err != nil || len(found) != len(known) {
		t.Errorf("envoy-dynamic has %v, the tests know %v: %v", found, known, err)
	}
	// Tests elsewhere hold that of envoy.yaml to the documentation.
	for _, name := range []string{ldsBootstrap, ecdsFile} {
		if want := at(parse(t, read(t, "envoy-example/"+static)), "stats_config"); !reflect.DeepEqual(at(parse(t, read(t, "envoy-example/"+name)), "stats_config"), want) {
			t.Errorf("%s has another stats_config than envoy.yaml", name)
		}
	}
	onEach(t, func(t *testing.T, binary string) {
		w := newWorld(t, binary)
		for _, name := range []string{ldsListener, ecdsFilter} {
			w.put(t, name, w.example(t, name))
		}
		for _, name := range []string{ldsBootstrap, ecdsFile} {
			if log, err := w.validate(t, w.example(t, name)); err != nil {
				t.Errorf("%s: %v\n%s", name, err, log)
			}
		}
		ecds := at(parse(t, w.example(t, ecdsFile)), "static_resources", "listeners", 0).(object)
		at(ecds, "filter_chains", 0, "filters", 0, "typed_config", "http_filters").([]any)[0] = w.resourceIn(t, ecdsFilter)
		whole := jsonOf(t, w.gatewayOf(t, w.resourceIn(t, ldsListener), ecds))
		if log, err := w.validate(t, whole); err != nil {
			t.Errorf("all in one file: %v\n%s", err, log)
		}
		// The same with a mistake in the last one, to know that the plugin's part is seen.
		mistake := strings.LastIndex(whole, "required_scopes")
		if at := strings.LastIndex(whole, `"listener 1"`); at < 0 || mistake < 0 {
			t.Fatal("no second listener with required_scopes")
		}
		whole = whole[:mistake] + "requird_scopes" + whole[mistake+len("required_scopes"):]
		if log, err := w.validate(t, whole); err == nil || !strings.Contains(log, "resources[0].requird_scopes") {
			t.Errorf("a mistake in the plugin's configuration was not found: %v\n%s", err, log)
		}
	})
}

// pieces are the blocks of Envoy's configuration in the documentation, each with the
// place that it has in a whole one.
type pieces struct {
	page, text string
	place      func(gateway object)
}

// hcm is the connection manager of a configuration.
func hcm(gateway object) object {
	return at(gateway, "static_resources", "listeners", 0, "filter_chains", 0, "filters", 0, "typed_config").(object)
}

// snippets returns all pieces. A block that is no piece of Envoy's configuration must be
// one of those below.
func snippets(t *testing.T) (all []pieces) {
	t.Helper()
	pages, err := manifests.Pages()
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range slices.Sorted(maps.Keys(pages)) {
		for _, text := range manifests.YAMLBlocks(pages[page]) {
			if strings.Contains(text, "apiVersion:") || strings.Contains(text, "{ … }") {
				continue // manifests have tests of their own; the other has gaps
			}
			place := placeOf(parse(t, text))
			if place == nil {
				t.Errorf("%s: what is this?\n%s", page, text)
				continue
			}
			all = append(all, pieces{page, text, place})
		}
	}
	return all
}

// elsewhere are the first members of blocks that are not Envoy's: parts of manifests, and
// of the configuration of identity providers. TestMutualTLS (integration/e2e) runs the
// blocks with transport_socket and validation_context, whose files it writes.
var elsewhere = []string{"transport_socket", "validation_context", "config", "meshConfig", "authorization_servers", "targetRefs", "pluginConfig", "urls", "metadata", "authorizationServers"}

// Envoy 1.36 refuses values of tags, as docs/operations.md says.
var sinceVersion137 = regexp.MustCompile(`\{tag: [^,]+, value:`)

func placeOf(v any) func(gateway object) {
	if list, ok := v.([]any); ok {
		filter, _ := list[0].(object)
		if config, _ := filter["typed_config"].(object); config == nil || !strings.Contains(fmt.Sprint(config["@type"]), ".extensions.filters.http.") {
			return nil
		}
		return func(gateway object) {
			manager := hcm(gateway)
			router := at(manager, "http_filters").([]any)
			manager["http_filters"] = append(slices.Clone(list), router[len(router)-1])
		}
	}
	piece := v.(object)
	for name := range piece {
		switch {
		case slices.Contains(elsewhere, name):
			return func(object) {}
		case name == "vm_config":
			return func(gateway object) {
				filters := at(hcm(gateway), "http_filters").([]any)
				plugin := slices.IndexFunc(filters, func(filter any) bool { return at(filter, "name") == "mcpauth" })
				config := at(filters, plugin, "typed_config", "config", "vm_config").(object)
				for name, value := range piece["vm_config"].(object) {
					config[name] = value
				}
			}
		case name == "clusters":
			return func(gateway object) {
				clusters := gateway["static_resources"].(object)
				clusters["clusters"] = append(clusters["clusters"].([]any), piece["clusters"].([]any)...)
			}
		case name == "routes":
			return func(gateway object) {
				at(hcm(gateway), "route_config", "virtual_hosts", 0).(object)["routes"] = piece["routes"]
			}
		case name == "stats_config":
			return func(gateway object) { gateway[name] = piece[name] }
		case name == "custom_tags":
			return func(gateway object) { hcm(gateway)["tracing"] = piece }
		case name == "tracing":
			return func(gateway object) {
				hcm(gateway)["tracing"] = piece["tracing"]
				addCollector(gateway)
			}
		case name == "access_log":
			return func(gateway object) {
				hcm(gateway)[name] = piece[name]
				addCollector(gateway)
			}
		case name == "early_header_mutation_extensions", name == "forward_client_cert_details":
			return func(gateway object) { hcm(gateway)[name] = piece[name] }
		}
	}
	return nil
}

// addCollector adds the cluster of the collector that some blocks name.
func addCollector(gateway object) {
	clusters := gateway["static_resources"].(object)
	clusters["clusters"] = append(clusters["clusters"].([]any), object{"name": collector, "connect_timeout": "1s", "type": "STATIC"})
}

const collector = "otel"

// TestSnippetsValidate: each block of Envoy's configuration in the documentation is right
// in its place of envoy.yaml.
func TestSnippetsValidate(t *testing.T) {
	all := snippets(t)
	if len(all) < 12 {
		t.Errorf("only %d blocks", len(all))
	}
	onEach(t, func(t *testing.T, binary string) {
		w := newWorld(t, binary)
		// Each block has a listener of its own, a copy of that of envoy.yaml.
		var listeners []any
		whole := parse(t, w.example(t, static)).(object)
		var clusters []any
		for i, piece := range all {
			if strings.Contains(binary, "1.36.4") && sinceVersion137.MatchString(piece.text) {
				continue
			}
			gateway := parse(t, w.example(t, static)).(object)
			count := len(at(gateway, "static_resources", "clusters").([]any))
			placeOf(parse(t, w.adapt(piece.text)))(gateway)
			listeners = append(listeners, at(gateway, "static_resources", "listeners", 0))
			if stats := gateway["stats_config"]; stats != nil {
				whole["stats_config"] = stats
			}
			for _, c := range at(gateway, "static_resources", "clusters").([]any)[count:] {
				if c := c.(object); c["name"] != collector {
					c["name"] = fmt.Sprint("cluster ", i, " ", c["name"])
				} else if slices.ContainsFunc(clusters, func(other any) bool { return other.(object)["name"] == collector }) {
					continue
				}
				clusters = append(clusters, c)
			}
		}
		if len(clusters) == 0 {
			t.Error("no block has clusters")
		}
		gateway := w.gatewayOf(t, listeners...)
		gateway["stats_config"] = whole["stats_config"]
		own := gateway["static_resources"].(object)
		own["clusters"] = append(own["clusters"].([]any), clusters...)
		if log, err := w.validate(t, jsonOf(t, gateway)); err != nil {
			for i, piece := range all {
				t.Logf("listener %d is that of %s:\n%s", i, piece.page, piece.text)
			}
			t.Errorf("%v\n%s", err, log)
		}
	})
}
