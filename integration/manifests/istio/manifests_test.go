// Package istio_test holds the manifests in envoy-example/istio to Istio's own API and
// the plugin configuration in them to mcpauth's.
package istio_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	extensionsapi "istio.io/api/extensions/v1alpha1"
	networkingapi "istio.io/api/networking/v1alpha3"
	typeapi "istio.io/api/type/v1beta1"
	extensions "istio.io/client-go/pkg/apis/extensions/v1alpha1"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"mcpauth/config"
)

func load(t *testing.T, file string) []runtime.Object {
	t.Helper()
	objects, err := reader.Load("istio/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// identityProvider returns the two resources of identity-provider.yaml.
func identityProvider(t *testing.T) (*networking.ServiceEntry, *networking.DestinationRule) {
	t.Helper()
	objects := load(t, "identity-provider.yaml")
	if len(objects) != 2 {
		t.Fatalf("%d resources, want a ServiceEntry and a DestinationRule", len(objects))
	}
	entry, ok := objects[0].(*networking.ServiceEntry)
	if !ok {
		t.Fatalf("first resource is %T", objects[0])
	}
	rule, ok := objects[1].(*networking.DestinationRule)
	if !ok {
		t.Fatalf("second resource is %T", objects[1])
	}
	return entry, rule
}

// attachment is what a WasmPlugin and a TrafficExtension have in common.
type attachment struct {
	namespace  string
	selector   *typeapi.WorkloadSelector
	phase      string
	url        string
	onFailure  extensionsapi.FailStrategy
	plugin     extensionsapi.PluginType
	pluginName string
	match      int
	config     *structpb.Struct
}

func wasmPlugin(t *testing.T) attachment {
	t.Helper()
	objects := load(t, "wasmplugin.yaml")
	if len(objects) != 1 {
		t.Fatalf("%d resources, want 1", len(objects))
	}
	o, ok := objects[0].(*extensions.WasmPlugin)
	if !ok {
		t.Fatalf("resource is %T", objects[0])
	}
	s := &o.Spec
	return attachment{o.Namespace, s.Selector, s.Phase.String(), s.Url, s.FailStrategy, s.Type, s.PluginName, len(s.Match), s.PluginConfig}
}

func trafficExtension(t *testing.T) attachment {
	t.Helper()
	objects := load(t, "trafficextension.yaml")
	if len(objects) != 1 {
		t.Fatalf("%d resources, want 1", len(objects))
	}
	o, ok := objects[0].(*extensions.TrafficExtension)
	if !ok {
		t.Fatalf("resource is %T", objects[0])
	}
	w := o.Spec.GetWasm()
	if w == nil {
		t.Fatal("no wasm in the TrafficExtension")
	}
	return attachment{o.Namespace, o.Spec.Selector, o.Spec.Phase.String(), w.Url, w.FailStrategy, w.Type, w.PluginName, len(o.Spec.Match), w.PluginConfig}
}

// clusters returns the names that Istio gives the clusters of a ServiceEntry
// (model.BuildSubsetKey: direction, port, subset, host).
func clusters(entry *networking.ServiceEntry) []string {
	var names []string
	for _, host := range entry.Spec.Hosts {
		for _, port := range entry.Spec.Ports {
			names = append(names, fmt.Sprintf("outbound|%d||%s", port.Number, host))
		}
	}
	return names
}

// image is the placeholder of the image: nothing passes until the digest is right.
const image = "oci://registry.example.com/mcpauth@sha256:0000000000000000000000000000000000000000000000000000000000000000"

// gatewayLabels are those of the gateway's pods, in all manifests.
var gatewayLabels = map[string]string{"istio": "ingressgateway"}

func TestAttachment(t *testing.T) {
	entry, _ := identityProvider(t)
	for name, read := range map[string]func(*testing.T) attachment{
		"WasmPlugin":       wasmPlugin,
		"TrafficExtension": trafficExtension,
	} {
		t.Run(name, func(t *testing.T) {
			a := read(t)
			if a.phase != "AUTHN" {
				t.Errorf("phase %s", a.phase)
			}
			if a.onFailure != extensionsapi.FailStrategy_FAIL_RELOAD {
				t.Errorf("a plugin that fails lets requests in, or stays down: %s", a.onFailure)
			}
			if a.match != 0 {
				t.Error("match on a gateway attaches nothing, or too little")
			}
			if a.plugin == extensionsapi.PluginType_NETWORK {
				t.Error("attached as a network filter")
			}
			if len(a.selector.GetMatchLabels()) == 0 {
				t.Error("selects every workload of the namespace")
			}
			if a.url != image {
				t.Errorf("url %s", a.url)
			}
			if a.namespace != entry.Namespace {
				t.Errorf("in namespace %q; the cluster for callouts is visible in %q alone", a.namespace, entry.Namespace)
			}

			if !maps.Equal(a.selector.GetMatchLabels(), gatewayLabels) {
				t.Errorf("selects %v, the guard %v", a.selector.GetMatchLabels(), gatewayLabels)
			}

			// Istio hands the plugin its configuration as the JSON of the Struct
			// (pilot/pkg/model/extensions.go).
			document, err := protojson.Marshal(a.config)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := config.Parse(document)
			if err != nil {
				t.Fatalf("the plugin would not start: %v", err)
			}
			if !parsed.VerdictHeader {
				t.Error("the guard refuses everything without verdict_header")
			}
			if len(parsed.AuthorizationServers) == 0 || len(parsed.Resources) == 0 {
				t.Fatal("nothing is configured")
			}
			for _, server := range parsed.AuthorizationServers {
				if !slices.Contains(clusters(entry), server.Cluster) {
					t.Errorf("%s is called through %q, which nothing makes: there are %q", server.Issuer, server.Cluster, clusters(entry))
				}
				if host, _ := strings.CutPrefix(server.Issuer, "https://"); !slices.Contains(entry.Spec.Hosts, host) {
					t.Errorf("%s is not at %q", server.Issuer, entry.Spec.Hosts)
				}
			}
		})
	}
}

// A reader moves from one to the other by exchanging the files.
func TestBothAttachmentsAreTheSame(t *testing.T) {
	w, e := wasmPlugin(t), trafficExtension(t)
	if !proto.Equal(w.config, e.config) {
		t.Errorf("configurations differ:\n%v\n%v", w.config, e.config)
	}
	if !proto.Equal(w.selector, e.selector) {
		t.Errorf("selectors differ: %v, %v", w.selector, e.selector)
	}
	w.config, e.config, w.selector, e.selector = nil, nil, nil, nil
	if w != e {
		t.Errorf("%+v\n%+v", w, e)
	}
}

func TestIdentityProviderIsCalledWithCheckedTLS(t *testing.T) {
	entry, rule := identityProvider(t)
	host := rule.Spec.Host
	if !slices.Equal(entry.Spec.Hosts, []string{host}) || entry.Namespace != rule.Namespace {
		t.Errorf("the rule is for %s in %s, the entry for %q in %s", host, rule.Namespace, entry.Spec.Hosts, entry.Namespace)
	}
	if entry.Spec.Location != networkingapi.ServiceEntry_MESH_EXTERNAL || entry.Spec.Resolution != networkingapi.ServiceEntry_DNS {
		t.Errorf("location %s, resolution %s", entry.Spec.Location, entry.Spec.Resolution)
	}
	for _, exported := range [][]string{entry.Spec.ExportTo, rule.Spec.ExportTo} {
		if !slices.Equal(exported, []string{"."}) {
			t.Errorf("exported to %q: sidecars elsewhere would add TLS to that of their applications", exported)
		}
	}
	tls := rule.Spec.GetTrafficPolicy().GetTls()
	if tls.GetMode() != networkingapi.ClientTLSSettings_SIMPLE || tls.GetInsecureSkipVerify().GetValue() {
		t.Errorf("TLS settings %v", tls)
	}
	// Istio checks the name in the certificate by itself only as long as sni is empty.
	if tls.GetSni() != host || !slices.Equal(tls.GetSubjectAltNames(), []string{host}) {
		t.Errorf("sni %q, names accepted %q, want %s", tls.GetSni(), tls.GetSubjectAltNames(), host)
	}
}

// The tests above are worth what decode refuses.
func TestDecodeIsStrict(t *testing.T) {
	const sound = `
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: a, namespace: b}
spec: {url: "oci://c", phase: AUTHN, failStrategy: FAIL_CLOSE, pluginConfig: {n: 1, b: false}}
`
	if _, err := reader.Decode([]byte(sound)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"unknown kind":                     {"kind: WasmPlugin", "kind: WasmPlugins"},
		"unknown version":                  {"/v1alpha1", "/v1"},
		"unknown member of the resource":   {"spec:", "extra: 1\nspec:"},
		"unknown member of metadata":       {"{name: a,", "{name: a, lables: {},"},
		"unknown member of spec":           {"phase: AUTHN", "phases: AUTHN"},
		"member of the other resource":     {"phase: AUTHN", "wasm: {url: d}"},
		"unknown value":                    {"phase: AUTHN", "phase: AUTHZN"},
		"value by number":                  {"phase: AUTHN", "phase: 1"},
		"member in the spelling of protos": {"pluginConfig:", "plugin_config:"},
		"member in another case":           {"failStrategy:", "FailStrategy:"},
		"member twice":                     {"phase: AUTHN", "phase: AUTHN, phase: AUTHZ"},
	} {
		changed := strings.Replace(sound, change[0], change[1], 1)
		if changed == sound {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, err := reader.Decode([]byte(changed)); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}
