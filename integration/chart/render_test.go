package chart_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	envoygateway "github.com/envoyproxy/gateway/api/v1alpha1"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networkingapi "istio.io/api/networking/v1alpha3"
	extensions "istio.io/client-go/pkg/apis/extensions/v1alpha1"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	security "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gateway "sigs.k8s.io/gateway-api/apis/v1"

	"mcpauth/config"
	"mcpauth/integration/manifests"
)

const (
	istioValues        = "ci/istio-values.yaml"
	envoyGatewayValues = "ci/envoy-gateway-values.yaml"
)

// namespaces are those of the manifests.
var namespaces = map[string]string{istioValues: "istio-ingress", envoyGatewayValues: "default"}

// reader knows the kinds that Istio and Envoy Gateway read.
var reader = func() *manifests.Reader {
	r, err := manifests.NewReader(extensions.AddToScheme, networking.AddToScheme, networkingv1alpha3.AddToScheme,
		security.AddToScheme, envoygateway.AddToScheme, gateway.Install)
	if err != nil {
		panic(err)
	}
	r.Check = checkIstio
	return r
}()

// checkIstio refuses what an API server would drop from one of Istio's kinds, and what
// istiod or Envoy would refuse in an EnvoyFilter.
func checkIstio(object runtime.Object, text []byte) error {
	var spec proto.Message
	switch o := object.(type) {
	case *extensions.WasmPlugin:
		spec = &o.Spec
	case *extensions.TrafficExtension:
		spec = &o.Spec
	case *networking.ServiceEntry:
		spec = &o.Spec
	case *networking.DestinationRule:
		spec = &o.Spec
	case *security.AuthorizationPolicy:
		spec = &o.Spec
	case *networkingv1alpha3.EnvoyFilter:
		spec = &o.Spec
		for i, patch := range o.Spec.ConfigPatches {
			if _, err := envoyPatch(patch); err != nil {
				return fmt.Errorf("configPatches[%d]: %w", i, err)
			}
		}
	default:
		return nil
	}
	var envelope struct{ Spec json.RawMessage }
	if err := json.Unmarshal(text, &envelope); err != nil {
		return err
	}
	return manifests.CheckSpec(envelope.Spec, spec)
}

// envoyPatch reads the value of a patch into Envoy's type for it.
func envoyPatch(patch *networkingapi.EnvoyFilter_EnvoyConfigObjectPatch) (proto.Message, error) {
	value := patch.Patch.Value.AsMap()
	switch patch.ApplyTo {
	case networkingapi.EnvoyFilter_EXTENSION_CONFIG:
		return unmarshal(value, &corev3.TypedExtensionConfig{})
	case networkingapi.EnvoyFilter_HTTP_FILTER:
		return unmarshal(value, &hcmv3.HttpFilter{})
	case networkingapi.EnvoyFilter_NETWORK_FILTER:
		// What MERGE adds is not a whole connection manager, so that it is not validated.
		manager := &hcmv3.HttpConnectionManager{}
		typed, _ := value["typed_config"].(map[string]any)
		if typed["@type"] != "type.googleapis.com/"+string(manager.ProtoReflect().Descriptor().FullName()) {
			return nil, fmt.Errorf("type %v", typed["@type"])
		}
		delete(typed, "@type")
		text, err := json.Marshal(typed)
		return manager, errors.Join(err, protojson.Unmarshal(text, manager))
	}
	return nil, fmt.Errorf("applyTo %s", patch.ApplyTo)
}

// unmarshal reads value strictly and validates it as Envoy does.
func unmarshal[T interface {
	proto.Message
	ValidateAll() error
}](value any, into T) (T, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return into, err
	}
	if err := protojson.Unmarshal(text, into); err != nil {
		return into, err
	}
	return into, into.ValidateAll()
}

// render returns the resources of values by kind and name.
func render(t *testing.T, file string, changes ...string) map[string]runtime.Object {
	t.Helper()
	values, err := readValues(file, changes...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := helmTemplate(namespaces[file], values)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]runtime.Object{}
	for _, document := range out.resources {
		object, err := reader.Decode([]byte(document))
		if err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		name := nameOf(t, object)
		if all[name] != nil {
			t.Errorf("%s twice", name)
		}
		all[name] = object
	}
	return all
}

// nameOf returns KIND NAMESPACE/NAME.
func nameOf(t *testing.T, object runtime.Object) string {
	t.Helper()
	meta, ok := object.(metav1.Object)
	if !ok {
		t.Fatalf("%T has no metadata", object)
	}
	return object.GetObjectKind().GroupVersionKind().Kind + " " + meta.GetNamespace() + "/" + meta.GetName()
}

// get returns a resource by KIND NAMESPACE/NAME.
func get[T runtime.Object](t *testing.T, all map[string]runtime.Object, name string) T {
	t.Helper()
	object, ok := all[name].(T)
	if !ok {
		t.Fatalf("no %s", name)
	}
	return object
}

// pluginConfig returns the JSON that the plugin gets, from whichever resource holds it.
func pluginConfig(t *testing.T, all map[string]runtime.Object) []byte {
	t.Helper()
	var found [][]byte
	structure := func(s *structpb.Struct) {
		text, err := protojson.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, text)
	}
	for _, object := range all {
		switch o := object.(type) {
		case *extensions.WasmPlugin:
			structure(o.Spec.PluginConfig)
		case *extensions.TrafficExtension:
			structure(o.Spec.GetWasm().PluginConfig)
		case *networkingv1alpha3.EnvoyFilter:
			if filter := wasmFilter(t, o); filter != nil {
				text := &wrapperspb.StringValue{}
				if err := filter.Config.Configuration.UnmarshalTo(text); err != nil {
					t.Fatal(err)
				}
				found = append(found, []byte(text.Value))
			}
		case *envoygateway.EnvoyExtensionPolicy:
			found = append(found, o.Spec.Wasm[0].Config.Raw)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d configurations, want 1", len(found))
	}
	return found[0]
}

// wasmFilter returns the filter that an EnvoyFilter adds, if it adds one.
func wasmFilter(t *testing.T, o *networkingv1alpha3.EnvoyFilter) *wasmv3.Wasm {
	t.Helper()
	for _, patch := range o.Spec.ConfigPatches {
		message, err := envoyPatch(patch)
		if err != nil {
			t.Fatal(err)
		}
		if extension, ok := message.(*corev3.TypedExtensionConfig); ok {
			filter := &wasmv3.Wasm{}
			if err := extension.TypedConfig.UnmarshalTo(filter); err != nil {
				t.Fatal(err)
			}
			return filter
		}
	}
	return nil
}

// parse returns the plugin's configuration as the plugin reads it.
func parse(t *testing.T, all map[string]runtime.Object) (*config.Config, map[string]any) {
	t.Helper()
	text := pluginConfig(t, all)
	parsed, err := config.Parse(text)
	if err != nil {
		t.Fatalf("the plugin would not start: %v\n%s", err, text)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return parsed, members
}

// clusters returns the clusters that the resources make.
func clusters(t *testing.T, all map[string]runtime.Object) map[string]string {
	t.Helper()
	made := map[string]string{}
	for _, object := range all {
		switch o := object.(type) {
		case *networking.ServiceEntry: // model.BuildSubsetKey of Istio
			for _, port := range o.Spec.Ports {
				made[fmt.Sprintf("outbound|%d||%s", port.Number, o.Spec.Hosts[0])] = fmt.Sprintf("%s:%d", o.Spec.Hosts[0], port.Number)
			}
			rule := get[*networking.DestinationRule](t, all, "DestinationRule "+o.Namespace+"/"+o.Name)
			tls := rule.Spec.GetTrafficPolicy().GetTls()
			if rule.Spec.Host != o.Spec.Hosts[0] || tls.GetMode() != networkingapi.ClientTLSSettings_SIMPLE ||
				tls.GetSni() != rule.Spec.Host || len(tls.GetSubjectAltNames()) != 1 || tls.GetSubjectAltNames()[0] != rule.Spec.Host {
				t.Errorf("%s is called without a check of its name: %v", o.Spec.Hosts[0], tls)
			}
		case *gateway.HTTPRoute: // irRouteDestinationName of Envoy Gateway
			if len(o.Spec.Rules[0].BackendRefs) == 0 {
				continue // that of the guard
			}
			backend := get[*envoygateway.Backend](t, all, "Backend "+o.Namespace+"/"+string(o.Spec.Rules[0].BackendRefs[0].Name))
			endpoint := backend.Spec.Endpoints[0].FQDN
			made[fmt.Sprintf("httproute/%s/%s/rule/0", o.Namespace, o.Name)] = fmt.Sprintf("%s:%d", endpoint.Hostname, endpoint.Port)
			// Without sni, Envoy asks for and checks the host that the plugin names.
			if tls := backend.Spec.TLS; tls == nil || tls.InsecureSkipVerify != nil || *tls.WellKnownCACertificates != gateway.WellKnownCACertificatesSystem ||
				tls.SNI != nil && string(*tls.SNI) != endpoint.Hostname {
				t.Errorf("%s is called without a check of its name: %+v", endpoint.Hostname, tls)
			}
			deny := get[*envoygateway.SecurityPolicy](t, all, "SecurityPolicy "+o.Namespace+"/"+o.Name)
			if len(deny.Spec.Authorization.Rules) > 0 || string(deny.Spec.TargetRefs[0].Name) != o.Name ||
				*deny.Spec.Authorization.DefaultAction != envoygateway.AuthorizationActionDeny {
				t.Errorf("clients reach %s through the gateway", endpoint.Hostname)
			}
		}
	}
	return made
}
