package doctor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	envoygateway "github.com/envoyproxy/gateway/api/v1alpha1"
	"google.golang.org/protobuf/proto"
	extensions "istio.io/client-go/pkg/apis/extensions/v1alpha1"
	networking "istio.io/client-go/pkg/apis/networking/v1"
	envoyfilter "istio.io/client-go/pkg/apis/networking/v1alpha3"
	security "istio.io/client-go/pkg/apis/security/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gateway "sigs.k8s.io/gateway-api/apis/v1"

	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/envoy-example/mcpserver"
	"mcpauth/integration/manifests"
)

// A plain Envoy becomes a sound deployment.
func TestAttachedEnvoyIsSound(t *testing.T) {
	w := &world{t: t, auth: nil}
	port, err := loopback.Reserve(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Release)
	mcp, err := mcpserver.Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mcp.Close() })
	issuer := w.startServer(strictServer, nil)
	wasm, err := envoy.Wasm()
	if err != nil {
		t.Fatal(err)
	}
	at := envoy.ClusterAt("mcp", mcp.Addr())
	plain := strings.NewReplacer("          GUARD\n", "", "MCP_PORT", fmt.Sprint(at.Port), "DEAD_PORT", "1",
		"address: 127.0.0.1, port_value: 0}}\n    filter_chains", fmt.Sprintf("address: 127.0.0.1, port_value: %d}}\n    filter_chains", port.Number())).Replace(plainBootstrap)
	resource := port.Origin() + "/open"
	r, err := mcpauth(t.Context(), plain, "attach", "-", "--issuer", issuer.issuer, "--resource", resource, "--scope", "read:notes", "--wasm", wasm, "--print")
	if err != nil || r.status != 0 || r.err != "" {
		t.Fatalf("status %d, %v\n%s", r.status, err, r.err)
	}
	binary, err := envoy.Binary(t.Context(), "1.40.0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := envoy.Start(t.Context(), binary, envoy.Options{Workers: 1, Bootstrap: r.out})
	if err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	t.Cleanup(p.Stop)
	file := file(t, "envoy.yaml", r.out)
	r, err = mcpauth(t.Context(), "", "doctor", resource, "--config", file, "--register")
	if err != nil || r.status != 0 || strings.Contains(r.out, "warn") || !strings.Contains(r.out, "ok    gateway-keys") {
		t.Errorf("status %d, %v\n%s%s\n%s", r.status, err, r.out, r.err, p.Log())
	}
}

// The manifests that attach adds have only kinds and members that their APIs know.
func TestAttachedManifests(t *testing.T) {
	reader, err := manifests.NewReader(extensions.AddToScheme, networking.AddToScheme, envoyfilter.AddToScheme, security.AddToScheme, envoygateway.AddToScheme, gateway.Install)
	if err != nil {
		t.Fatal(err)
	}
	reader.Check = func(object runtime.Object, text []byte) error {
		var envelope struct{ Spec json.RawMessage }
		if err := json.Unmarshal(text, &envelope); err != nil {
			return err
		}
		if spec := istioSpec(object); spec != nil {
			return manifests.CheckSpec(envelope.Spec, spec)
		}
		return nil
	}
	const api = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: eg, namespace: gateways}\nspec:\n  gatewayClassName: CLASS\n  listeners: []\n"
	for name, test := range map[string]struct {
		text, issuer string
		documents    int
	}{
		"Istio":                  {"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: public, namespace: istio-ingress}\nspec: {selector: {istio: ingressgateway}}\n", "https://auth.example.com", 6},
		"Istio, no TLS":          {"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: public, namespace: istio-ingress}\nspec: {selector: {istio: ingressgateway}}\n", "http://localhost:9000", 5},
		"Istio, Gateway API":     {strings.Replace(api, "CLASS", "istio", 1), "https://auth.example.com", 6},
		"Envoy Gateway":          {strings.Replace(api, "CLASS", "eg", 1), "https://auth.example.com/tenant", 7},
		"Envoy Gateway, address": {strings.Replace(api, "CLASS", "eg", 1), "http://127.0.0.1:9000", 7},
	} {
		r, err := mcpauth(t.Context(), test.text, "attach", "-", "--issuer", test.issuer, "--resource", "https://mcp.example.com/notes", "--scope", "read:notes",
			"--image", "registry.example.com/mcpauth@sha256:0123", "--route", "notes", "--print")
		if err != nil || r.status != 0 {
			t.Fatalf("%s: status %d, %v\n%s", name, r.status, err, r.err)
		}
		documents := bytes.Split([]byte(r.out), []byte("\n---\n"))
		if len(documents) != test.documents {
			t.Errorf("%s: %d documents, want %d", name, len(documents), test.documents)
		}
		for _, d := range documents {
			if _, err := reader.Decode(d); err != nil {
				t.Errorf("%s: %v\n%s", name, err, d)
			}
		}
	}
}

func istioSpec(object runtime.Object) proto.Message {
	switch o := object.(type) {
	case *extensions.WasmPlugin:
		return &o.Spec
	case *networking.ServiceEntry:
		return &o.Spec
	case *networking.DestinationRule:
		return &o.Spec
	case *networking.Gateway:
		return &o.Spec
	case *envoyfilter.EnvoyFilter:
		return &o.Spec
	case *security.AuthorizationPolicy:
		return &o.Spec
	}
	return nil
}
