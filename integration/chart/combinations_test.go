package chart_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	envoygateway "github.com/envoyproxy/gateway/api/v1alpha1"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	wasmcommonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	extensionsapi "istio.io/api/extensions/v1alpha1"
	networkingapi "istio.io/api/networking/v1alpha3"
	extensions "istio.io/client-go/pkg/apis/extensions/v1alpha1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	"k8s.io/apimachinery/pkg/runtime"
)

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

// options are what each combination takes one of, from each line.
var options = [][]string{
	{"", "guard: {enabled: false}"},
	{"", "failReload: false"},
	{"", "allowOnHeadersStopIteration: true"},
	{"", "image: {tag: v1}"},
	{"", "env: [CLIENT_SECRET]"},
	{"", "{config: {unmatched: allow, max_token_bytes: 65536}, resources: [{resource: 'https://mcp.example.com/a'}, {resource: 'https://mcp.example.com/b'}]}"},
}

// Every combination renders resources that the API servers take, with a configuration
// that the plugin takes, and clusters for all that it calls.
func TestCombinations(t *testing.T) {
	combinations := [][]string{nil}
	for _, option := range options {
		var next [][]string
		for _, c := range combinations {
			for _, o := range option {
				next = append(next, append(slices.Clone(c), o))
			}
		}
		combinations = next
	}
	count := 0
	check := func(values string, changes []string) {
		count++
		all := render(t, values, changes...)
		parsed, members := parse(t, all)
		has := func(option string) bool { return slices.Contains(changes, option) }
		if got, want := hasGuard(all), !has("guard: {enabled: false}"); got != want {
			t.Errorf("%s %q: guard %v", values, changes, got)
		}
		if got, want := members["allow_on_headers_stop_iteration"] == true, has(options[2][1]); got != want {
			t.Errorf("%s %q: allow_on_headers_stop_iteration %v in the plugin's configuration", values, changes, got)
		}
		if got, want := members["unmatched"] == "allow", has(options[5][1]); got != want || want && len(parsed.Resources) != 2 {
			t.Errorf("%s %q: config or resources is lost: %v", values, changes, members)
		}
		made := clusters(t, all)
		for _, server := range parsed.AuthorizationServers {
			if made[server.Cluster] == "" {
				t.Errorf("%s %q: no cluster %s", values, changes, server.Cluster)
			}
		}
		checkAttachment(t, values, all, attachment{
			image:  "registry.example.com/mcpauth" + map[bool]string{true: ":v1"}[has("image: {tag: v1}")] + "@sha256:" + zeros,
			reload: !has("failReload: false"),
			stop:   has(options[2][1]),
			env:    has("env: [CLIENT_SECRET]"),
			secret: has("pullSecret: registry"),
		})
	}
	for _, c := range combinations {
		stop := slices.Contains(c, options[2][1])
		for _, kind := range []string{"WasmPlugin", "TrafficExtension", "EnvoyFilter"} {
			if stop && kind != "EnvoyFilter" {
				continue // refused: TestRefusals
			}
			for _, target := range []string{"", "istio: {selector: null, targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}]}"} {
				changes := append(slices.Clone(c), "istio: {kind: "+kind+"}", target)
				check(istioValues, changes)
				if kind != "EnvoyFilter" {
					check(istioValues, append(changes, "pullSecret: registry"))
				}
			}
		}
		for _, place := range []string{"", "envoyGateway: {gateway: {name: other, namespace: infra, listeners: [http, https]}, routes: [a, b]}"} {
			check(envoyGatewayValues, append(slices.Clone(c), place))
			check(envoyGatewayValues, append(slices.Clone(c), place, "pullSecret: registry"))
		}
	}
	if count < 500 {
		t.Errorf("%d combinations", count)
	}
}

// attachment is what the values say of the plugin, whatever resource holds it.
type attachment struct {
	image             string
	reload, stop, env bool
	secret            bool
}

func checkAttachment(t *testing.T, values string, all map[string]runtime.Object, want attachment) {
	t.Helper()
	var got attachment
	for name, object := range all {
		var wasm interface {
			GetUrl() string
			GetImagePullSecret() string
			GetFailStrategy() extensionsapi.FailStrategy
			GetVmConfig() *extensionsapi.VmConfig
		}
		switch o := object.(type) {
		case *extensions.WasmPlugin:
			wasm = &o.Spec
		case *extensions.TrafficExtension:
			wasm = o.Spec.GetWasm()
		case *networkingv1alpha3.EnvoyFilter:
			filter := wasmFilter(t, o)
			if filter == nil {
				continue
			}
			remote := filter.Config.GetVmConfig().Code.GetRemote()
			checkInserted(t, o)
			if p := filter.Config.FailurePolicy; p != wasmcommonv3.FailurePolicy_FAIL_RELOAD && p != wasmcommonv3.FailurePolicy_FAIL_CLOSED {
				t.Errorf("%s: failure policy %s", name, p)
			}
			got = attachment{
				image:  strings.TrimPrefix(remote.HttpUri.Uri, "oci://"),
				reload: filter.Config.FailurePolicy == wasmcommonv3.FailurePolicy_FAIL_RELOAD,
				stop:   filter.Config.AllowOnHeadersStopIteration.GetValue(),
				env:    slices.Equal(filter.Config.GetVmConfig().EnvironmentVariables.GetHostEnvKeys(), []string{"CLIENT_SECRET"}),
			}
		case *envoygateway.EnvoyExtensionPolicy:
			w := o.Spec.Wasm[0]
			if *w.FailOpen {
				t.Errorf("%s: %+v", name, w)
			}
			got.image = w.Code.Image.URL
			got.env = w.Env != nil && slices.Equal(w.Env.HostKeys, []string{"CLIENT_SECRET"})
			got.secret = w.Code.Image.PullSecretRef != nil && w.Code.Image.PullSecretRef.Name == "registry"
		case *envoygateway.EnvoyPatchPolicy:
			config := patchedConfig(t, o)
			got.reload = config.FailurePolicy == wasmcommonv3.FailurePolicy_FAIL_RELOAD
			got.stop = config.AllowOnHeadersStopIteration.GetValue()
		}
		if wasm != nil {
			if s := wasm.GetFailStrategy(); s != extensionsapi.FailStrategy_FAIL_RELOAD && s != extensionsapi.FailStrategy_FAIL_CLOSE {
				t.Errorf("%s: strategy %s", name, s)
			}
			env := wasm.GetVmConfig().GetEnv()
			got = attachment{
				image:  strings.TrimPrefix(wasm.GetUrl(), "oci://"),
				reload: wasm.GetFailStrategy() == extensionsapi.FailStrategy_FAIL_RELOAD,
				env:    len(env) == 1 && env[0].Name == "CLIENT_SECRET" && env[0].ValueFrom == extensionsapi.EnvValueSource_HOST,
				secret: wasm.GetImagePullSecret() == "registry",
			}
		}
	}
	if got != want {
		t.Errorf("%s: attached with %+v, want %+v", values, got, want)
	}
}

// checkInserted expects that the filter is inserted first, with the filter by which Istio
// refuses requests when it cannot pull the image.
func checkInserted(t *testing.T, o *networkingv1alpha3.EnvoyFilter) {
	t.Helper()
	patch := o.Spec.ConfigPatches[1]
	message, err := envoyPatch(patch)
	if err != nil {
		t.Fatal(err)
	}
	filter, ok := message.(*hcmv3.HttpFilter)
	want := []string{
		"type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
		"type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
	}
	if !ok || filter.Name != o.Name || patch.Patch.Operation != networkingapi.EnvoyFilter_Patch_INSERT_FIRST ||
		!slices.Equal(filter.GetConfigDiscovery().GetTypeUrls(), want) {
		t.Errorf("%s inserts %v: %v", o.Name, patch.Patch.Operation, message)
	}
}

// patchedConfig returns what a policy adds to Envoy's configuration of the plugin, and
// expects it to be the same for each listener.
func patchedConfig(t *testing.T, o *envoygateway.EnvoyPatchPolicy) *wasmcommonv3.PluginConfig {
	t.Helper()
	added := map[string]map[string]json.RawMessage{}
	for _, patch := range o.Spec.JSONPatches {
		if patch.Type != envoygateway.ListenerEnvoyResourceType || patch.Operation.Op != "add" ||
			*patch.Operation.JSONPath != "$..http_filters[?(@.typed_config.config.name=='mcpauth')].typed_config.config" {
			t.Errorf("patch %+v", patch)
		}
		if prefix := fmt.Sprintf("%s/%s/", o.Namespace, o.Spec.TargetRef.Name); !strings.HasPrefix(patch.Name, prefix) {
			t.Errorf("patches %s, of another Gateway than %s", patch.Name, prefix)
		}
		if added[patch.Name] == nil {
			added[patch.Name] = map[string]json.RawMessage{}
		}
		added[patch.Name][*patch.Operation.Path] = patch.Operation.Value.Raw
	}
	var first *wasmcommonv3.PluginConfig
	for listener, members := range added {
		config, err := unmarshal(members, &wasmcommonv3.PluginConfig{})
		if err != nil {
			t.Fatalf("%s: %v", listener, err)
		}
		if first == nil {
			first = config
		} else if first.String() != config.String() {
			t.Errorf("%s: %v and %v", listener, first, config)
		}
	}
	return first
}

// Several issuers may be at one host, elsewhere than they say, or at a cluster that is there.
func TestAuthorizationServers(t *testing.T) {
	const servers = `authorizationServers:
- issuer: https://auth.example.com/realms/a
- {issuer: https://auth.example.com/realms/b, config: {algorithms: [ES256]}}
- {issuer: "https://login.example.com:8443"}
- {issuer: https://id.example.com, host: id.internal, port: 9443}
- {issuer: https://mesh.example.com, cluster: outbound|80||id.mesh.svc.cluster.local}
`
	for values, want := range map[string][]string{
		istioValues: {
			"outbound|443||auth.example.com", "outbound|443||auth.example.com",
			"outbound|8443||login.example.com", "outbound|9443||id.internal", "outbound|80||id.mesh.svc.cluster.local",
		},
		envoyGatewayValues: {
			"httproute/default/mcpauth-identity-provider/rule/0", "httproute/default/mcpauth-identity-provider/rule/0",
			"httproute/default/mcpauth-identity-provider-2/rule/0", "httproute/default/mcpauth-identity-provider-3/rule/0",
			"outbound|80||id.mesh.svc.cluster.local",
		},
	} {
		all := render(t, values, servers)
		parsed, members := parse(t, all)
		var got []string
		for _, server := range parsed.AuthorizationServers {
			got = append(got, server.Cluster)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: clusters %q, want %q", values, got, want)
		}
		if second := members["authorization_servers"].([]any)[1].(map[string]any); fmt.Sprint(second["algorithms"]) != "[ES256]" {
			t.Errorf("%s: config is lost: %v", values, second)
		}
		made := clusters(t, all)
		for i, place := range []string{"auth.example.com:443", "auth.example.com:443", "login.example.com:8443", "id.internal:9443", ""} {
			if made[got[i]] != place {
				t.Errorf("%s: %s leads to %q, want %q", values, got[i], made[got[i]], place)
			}
		}
		if len(made) != 3 {
			t.Errorf("%s: makes %v", values, made)
		}
		if values == envoyGatewayValues {
			for name, elsewhere := range map[string]bool{"": false, "-2": false, "-3": true} {
				backend := get[*envoygateway.Backend](t, all, "Backend default/mcpauth-identity-provider"+name)
				if (backend.Spec.TLS.SNI != nil) != elsewhere {
					t.Errorf("%s: sni %v", backend.Name, backend.Spec.TLS.SNI)
				}
			}
		}
	}
}

// false in the plugin's configuration silences its warning about rules.
func TestStopIterationCanBeDenied(t *testing.T) {
	const deny = "config: {allow_on_headers_stop_iteration: false}"
	for _, values := range []string{istioValues, envoyGatewayValues} {
		for change, want := range map[string]bool{"": false, "{allowOnHeadersStopIteration: true, istio: {kind: EnvoyFilter}}": true} {
			if _, members := parse(t, render(t, values, deny, change)); members["allow_on_headers_stop_iteration"] != want {
				t.Errorf("%s %q: %v", values, change, members["allow_on_headers_stop_iteration"])
			}
		}
	}
}

// What the plugin gets is what the values say, large numbers and all characters included.
func TestConfigurationIsPassedAsItIs(t *testing.T) {
	const text = `
config: {token_cache: {max_entries: 65536}}
resources:
- resource: https://mcp.example.com/notes
  scopes_supported: ["a:b", "<&>"]
  metadata: {resource_name: "{{ .Values }} \"é\" 'x' # : $ \\", "org.example.n": 123456789}
`
	for _, values := range []string{istioValues, envoyGatewayValues} {
		for _, kind := range []string{"WasmPlugin", "TrafficExtension", "EnvoyFilter"} {
			all := render(t, values, text, "istio: {kind: "+kind+"}")
			_, members := parse(t, all)
			want, err := readValues(values, text)
			if err != nil {
				t.Fatal(err)
			}
			for member, value := range map[string]any{"resources": want["resources"], "token_cache": want["config"].(map[string]any)["token_cache"]} {
				wantText, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				gotText, err := json.Marshal(members[member])
				if err != nil {
					t.Fatal(err)
				}
				if string(gotText) != string(wantText) {
					t.Errorf("%s %s: %s is %s, want %s", values, kind, member, gotText, wantText)
				}
			}
		}
	}
}
