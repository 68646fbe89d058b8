package istio_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	networkingapi "istio.io/api/networking/v1alpha3"
	securityapi "istio.io/api/security/v1beta1"
	envoyfilter "istio.io/client-go/pkg/apis/networking/v1alpha3"
	security "istio.io/client-go/pkg/apis/security/v1"

	"mcpauth/config"
	"mcpauth/envoy-example/envoy"
)

// patches returns the patches of an EnvoyFilter as JSON and checks what it selects.
func patches(t *testing.T, o *envoyfilter.EnvoyFilter, namespace string) []map[string]any {
	t.Helper()
	if o.Namespace != namespace || !maps.Equal(o.Spec.WorkloadSelector.GetLabels(), gatewayLabels) {
		t.Errorf("%s is for %v in %s", o.Name, o.Spec.WorkloadSelector.GetLabels(), o.Namespace)
	}
	var all []map[string]any
	for _, p := range o.Spec.ConfigPatches {
		text, err := protojson.Marshal(p.Patch.Value)
		if err != nil {
			t.Fatal(err)
		}
		var value map[string]any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		all = append(all, value)
	}
	return all
}

// The guard removes the plugin's mark before all filters, and denies what does not have
// it, in the workloads that the plugin is attached to.
func TestGuard(t *testing.T) {
	plugin := wasmPlugin(t)
	objects := load(t, "guard.yaml")
	if len(objects) != 2 {
		t.Fatalf("%d resources", len(objects))
	}
	filter, ok := objects[0].(*envoyfilter.EnvoyFilter)
	if !ok {
		t.Fatalf("%T", objects[0])
	}
	p := filter.Spec.ConfigPatches
	values := patches(t, filter, plugin.namespace)
	if len(p) != 1 || p[0].ApplyTo != networkingapi.EnvoyFilter_NETWORK_FILTER || p[0].Patch.Operation != networkingapi.EnvoyFilter_Patch_MERGE ||
		p[0].Match.Context != networkingapi.EnvoyFilter_ANY ||
		p[0].Match.GetListener().GetFilterChain().GetFilter().GetName() != "envoy.filters.network.http_connection_manager" {
		t.Fatalf("patches %v", p)
	}
	var hcm struct {
		TypedConfig struct {
			Early []struct {
				Name        string
				TypedConfig struct {
					Type      string `json:"@type"`
					Mutations []struct{ Remove string }
				} `json:"typed_config"`
			} `json:"early_header_mutation_extensions"`
		} `json:"typed_config"`
	}
	text, _ := json.Marshal(values[0])
	if err := json.Unmarshal(text, &hcm); err != nil || len(hcm.TypedConfig.Early) != 1 {
		t.Fatalf("%v %s", err, text)
	}
	early := hcm.TypedConfig.Early[0]
	if early.Name != "envoy.http.early_header_mutation.header_mutation" || !strings.HasSuffix(early.TypedConfig.Type, ".header_mutation.v3.HeaderMutation") {
		t.Errorf("extension %+v", early)
	}
	var removed []string
	for _, m := range early.TypedConfig.Mutations {
		removed = append(removed, m.Remove)
	}
	if want := []string{config.VerdictHeaderName, strings.ReplaceAll(config.VerdictHeaderName, "-", "_")}; !slices.Equal(removed, want) {
		t.Errorf("removes %q, want %q", removed, want)
	}

	policy, ok := objects[1].(*security.AuthorizationPolicy)
	if !ok {
		t.Fatalf("%T", objects[1])
	}
	s := &policy.Spec
	if policy.Namespace != plugin.namespace || !maps.Equal(s.Selector.GetMatchLabels(), plugin.selector.GetMatchLabels()) {
		t.Errorf("the policy is for %v in %s", s.Selector.GetMatchLabels(), policy.Namespace)
	}
	if s.Action != securityapi.AuthorizationPolicy_DENY || len(s.Rules) != 1 || len(s.Rules[0].From) != 0 || len(s.Rules[0].To) != 0 || len(s.Rules[0].When) != 1 {
		t.Fatalf("the policy %v", s)
	}
	when := s.Rules[0].When[0]
	if when.Key != "request.headers["+config.VerdictHeaderName+"]" || len(when.Values) != 0 || !slices.Equal(when.NotValues, []string{"token", "public"}) {
		t.Errorf("denies when %v", when)
	}
}

// The EnvoyFilter attaches the same plugin, and lets it hold headers back.
func TestEnvoyFilter(t *testing.T) {
	plugin := wasmPlugin(t)
	objects := load(t, "envoyfilter.yaml")
	if len(objects) != 1 {
		t.Fatalf("%d resources", len(objects))
	}
	filter, ok := objects[0].(*envoyfilter.EnvoyFilter)
	if !ok {
		t.Fatalf("%T", objects[0])
	}
	p := filter.Spec.ConfigPatches
	values := patches(t, filter, plugin.namespace)
	if len(p) != 2 || p[0].ApplyTo != networkingapi.EnvoyFilter_EXTENSION_CONFIG || p[0].Patch.Operation != networkingapi.EnvoyFilter_Patch_ADD ||
		p[1].ApplyTo != networkingapi.EnvoyFilter_HTTP_FILTER || p[1].Patch.Operation != networkingapi.EnvoyFilter_Patch_INSERT_FIRST || values[0]["name"] != values[1]["name"] {
		t.Fatalf("patches %v", p)
	}
	var wasm struct {
		TypedConfig struct {
			Config struct {
				FailurePolicy string `json:"failure_policy"`
				Stop          bool   `json:"allow_on_headers_stop_iteration"`
				VM            struct {
					Code struct {
						Remote struct {
							URI struct{ URI string } `json:"http_uri"`
						}
					}
				} `json:"vm_config"`
				Configuration struct{ Value string }
			}
		} `json:"typed_config"`
	}
	text, _ := json.Marshal(values[0])
	if err := json.Unmarshal(text, &wasm); err != nil {
		t.Fatal(err)
	}
	c := wasm.TypedConfig.Config
	if c.FailurePolicy != "FAIL_RELOAD" || !c.Stop || c.VM.Code.Remote.URI.URI != image {
		t.Errorf("the filter %+v", c)
	}
	if _, err := config.Parse([]byte(c.Configuration.Value)); err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	if err := json.Unmarshal([]byte(c.Configuration.Value), &got); err != nil {
		t.Fatal(err)
	}
	document, err := protojson.Marshal(plugin.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(document, &want); err != nil {
		t.Fatal(err)
	}
	want["allow_on_headers_stop_iteration"] = true
	if !reflect.DeepEqual(got, want) {
		t.Errorf("configurations differ:\n%v\n%v", got, want)
	}
	discovery, _ := values[1]["config_discovery"].(map[string]any)
	types, _ := discovery["type_urls"].([]any)
	if len(types) != 2 || !strings.HasSuffix(types[0].(string), ".wasm.v3.Wasm") || !strings.HasSuffix(types[1].(string), ".rbac.v3.RBAC") {
		t.Errorf("type URLs %v", types)
	}
}

// A newcomer changes few lines, beside the namespace and the labels, and docs/istio.md
// lists them.
func TestFewLinesChange(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs/istio.md"))
	if err != nil {
		t.Fatal(err)
	}
	member := regexp.MustCompile(`^[ -]*([a-z_]+):`)
	count := 0
	for _, name := range []string{"guard.yaml", "identity-provider.yaml", "wasmplugin.yaml"} {
		file, err := os.Open(filepath.Join(root, "envoy-example/istio", name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		above := false // the mark stands in a comment above the line
		for lines := bufio.NewScanner(file); lines.Scan(); {
			line := lines.Text()
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				above = above || strings.Contains(line, "# CHANGE")
				continue
			}
			marked := above || strings.Contains(line, "# CHANGE")
			above = false
			if !marked || strings.Contains(line, "the gateway's pods") {
				continue
			}
			count++
			if m := member.FindStringSubmatch(line); m == nil || !strings.Contains(string(page), "`"+m[1]+"`") {
				t.Errorf("docs/istio.md does not name %q", line)
			}
		}
	}
	if count != 8 || !strings.Contains(string(page), "eight lines are yours") {
		t.Errorf("%d lines change", count)
	}
}

// The comments hold the variants that integration/istio tests.
func TestVariantsInComments(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	const (
		targetRefs = `
  targetRefs:
    - group: gateway.networking.k8s.io
      kind: Gateway
      name: my-gateway
`
		match = `
  match:
    - mode: SERVER
`
		label = "\n  gateway.networking.k8s.io/gateway-name: my-gateway\n"
		ports = "\nto: [{operation: {ports: [\"8080\", \"8443\"]}}]\n"
	)
	for file, variants := range map[string][]string{
		"wasmplugin.yaml":       {targetRefs, match, "\nimagePullSecret: registry\n"},
		"trafficextension.yaml": {targetRefs, match, "\nimagePullSecret: registry\n"},
		"envoyfilter.yaml":      {label, "\nenvironment_variables: {host_env_keys: [GATEWAY_CLIENT_SECRET]}\n"},
		"guard.yaml":            {label, ports},
	} {
		text, err := os.ReadFile(filepath.Join(root, "envoy-example/istio", file))
		if err != nil {
			t.Fatal(err)
		}
		comments := "\n"
		for line := range strings.Lines(string(text)) {
			if comment, ok := strings.CutPrefix(strings.TrimSpace(line), "#"); ok {
				comments += strings.TrimPrefix(comment, " ") + "\n"
			}
		}
		for _, v := range variants {
			if !strings.Contains(comments, v) {
				t.Errorf("the comments of %s do not have %q", file, v)
			}
		}
	}
}
