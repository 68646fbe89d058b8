// Package gatewayapi_test holds the manifests in envoy-example/gatewayapi to the APIs of Envoy
// Gateway and of the Gateway API, and the plugin configuration in them to
// mcpauth's.
package gatewayapi_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	envoygateway "github.com/envoyproxy/gateway/api/v1alpha1"
	"k8s.io/apimachinery/pkg/runtime"
	gateway "sigs.k8s.io/gateway-api/apis/v1"

	"mcpauth/config"
	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/manifests"
)

// reader knows the kinds and versions that Envoy Gateway reads.
var reader = func() *manifests.Reader {
	r, err := manifests.NewReader(envoygateway.AddToScheme, gateway.Install)
	if err != nil {
		panic(err)
	}
	return r
}()

func load(t *testing.T, file string) []runtime.Object {
	t.Helper()
	objects, err := reader.Load("gatewayapi/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// one returns the only resource of type T in a file.
func one[T runtime.Object](t *testing.T, file string) T {
	t.Helper()
	var found []T
	for _, object := range load(t, file) {
		if o, ok := object.(T); ok {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s has %d of %T, want 1", file, len(found), *new(T))
	}
	return found[0]
}

// plugin returns the policy's only Wasm extension.
func plugin(t *testing.T) (*envoygateway.EnvoyExtensionPolicy, envoygateway.Wasm) {
	t.Helper()
	policy := one[*envoygateway.EnvoyExtensionPolicy](t, "policy.yaml")
	if len(policy.Spec.Wasm) != 1 {
		t.Fatalf("%d Wasm extensions, want 1", len(policy.Spec.Wasm))
	}
	return policy, policy.Spec.Wasm[0]
}

func parseConfig(t *testing.T, wasm envoygateway.Wasm) *config.Config {
	t.Helper()
	if wasm.Config == nil {
		t.Fatal("no configuration")
	}
	parsed, err := config.Parse(wasm.Config.Raw)
	if err != nil {
		t.Fatalf("the plugin would not start: %v", err)
	}
	if len(parsed.AuthorizationServers) == 0 || len(parsed.Resources) == 0 {
		t.Fatal("nothing is configured")
	}
	return parsed
}

func TestPolicyFailsClosed(t *testing.T) {
	_, wasm := plugin(t)
	if wasm.FailOpen == nil || *wasm.FailOpen {
		t.Error("failOpen is not false")
	}
	if wasm.Code.Type != envoygateway.ImageWasmCodeSourceType || wasm.Code.Image == nil || wasm.Code.HTTP != nil {
		t.Errorf("code %+v, want an image alone", wasm.Code)
	}
	// The image is pinned: nothing passes until the digest is right.
	if url := wasm.Code.Image.URL; url != "registry.example.com/mcpauth@sha256:"+strings.Repeat("0", 64) || wasm.Code.Image.SHA256 != nil {
		t.Errorf("image %s, want a digest of zeros", url)
	}
	if !parseConfig(t, wasm).VerdictHeader {
		t.Error("verdict_header is not true: the guard would refuse every request")
	}
}

func TestPolicyCoversTheRoute(t *testing.T) {
	policy, wasm := plugin(t)
	route := one[*gateway.HTTPRoute](t, "mcp-route.yaml")
	if policy.Namespace != route.Namespace {
		t.Errorf("policy in namespace %q, route in %q", policy.Namespace, route.Namespace)
	}
	// The identity provider's route comes first: apply.sh waits there for a 401, before
	// the other route exists.
	names := []string{one[*gateway.HTTPRoute](t, "identity-provider.yaml").Name, route.Name}
	if len(policy.Spec.TargetRefs) != len(names) {
		t.Fatalf("policy is for %+v, want %q", policy.Spec.TargetRefs, names)
	}
	for i, ref := range policy.Spec.TargetRefs {
		if ref.Group != gateway.GroupName || ref.Kind != "HTTPRoute" || string(ref.Name) != names[i] {
			t.Errorf("target %d is %+v, want HTTPRoute %s", i, ref, names[i])
		}
	}

	// The plugin sees only requests that the route matches: those of the resource
	// and those for its metadata (RFC 9728 section 3.1).
	for _, resource := range parseConfig(t, wasm).Resources {
		url := resource.Resource
		if !slices.Contains(route.Spec.Hostnames, gateway.Hostname(url.Host)) {
			t.Errorf("the route is for %q, the resource at %s", route.Spec.Hostnames, url.Host)
		}
		for _, path := range []string{url.Path, "/.well-known/oauth-protected-resource" + url.Path} {
			if !matches(route, path) {
				t.Errorf("the route does not match %s", path)
			}
		}
	}
}

// matches reports whether a rule of the route takes every request for path.
func matches(route *gateway.HTTPRoute, path string) bool {
	for _, rule := range route.Spec.Rules {
		for _, m := range rule.Matches {
			if m.Path == nil || m.Path.Type == nil || *m.Path.Type != gateway.PathMatchPathPrefix ||
				len(m.Headers) > 0 || len(m.QueryParams) > 0 || m.Method != nil {
				continue
			}
			prefix := *m.Path.Value
			if path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/") {
				return true
			}
		}
	}
	return false
}

func TestIdentityProviderCluster(t *testing.T) {
	const file = "identity-provider.yaml"
	_, wasm := plugin(t)
	route := one[*gateway.HTTPRoute](t, file)
	backend := one[*envoygateway.Backend](t, file)

	// Envoy Gateway names the cluster of a rule so (irRouteDestinationName).
	if len(route.Spec.Rules) != 1 || len(route.Spec.Rules[0].BackendRefs) != 1 {
		t.Fatalf("rules %+v, want one with one backend", route.Spec.Rules)
	}
	cluster := fmt.Sprintf("httproute/%s/%s/rule/0", route.Namespace, route.Name)
	ref := route.Spec.Rules[0].BackendRefs[0]
	if ref.Group == nil || *ref.Group != envoygateway.GroupName || ref.Kind == nil || *ref.Kind != "Backend" ||
		string(ref.Name) != backend.Name || backend.Namespace != route.Namespace {
		t.Errorf("the route leads to %+v, not to Backend %s/%s", ref.BackendObjectReference, backend.Namespace, backend.Name)
	}

	if len(backend.Spec.Endpoints) != 1 || backend.Spec.Endpoints[0].FQDN == nil {
		t.Fatalf("endpoints %+v, want one name", backend.Spec.Endpoints)
	}
	endpoint := backend.Spec.Endpoints[0].FQDN
	for _, server := range parseConfig(t, wasm).AuthorizationServers {
		if server.Cluster != cluster {
			t.Errorf("%s is called through %q, the route makes %q", server.Issuer, server.Cluster, cluster)
		}
		if server.Issuer != "https://"+endpoint.Hostname || endpoint.Port != 443 {
			t.Errorf("%s is not at %s:%d", server.Issuer, endpoint.Hostname, endpoint.Port)
		}
	}

	tls := backend.Spec.TLS
	// Without a name here, that of the request counts, which is the issuer's.
	if tls == nil || tls.SNI != nil ||
		tls.WellKnownCACertificates == nil || *tls.WellKnownCACertificates != gateway.WellKnownCACertificatesSystem ||
		tls.InsecureSkipVerify != nil {
		t.Errorf("TLS settings %+v", tls)
	}
}

// The route exists for its cluster: requests are to find no way through it.
func TestIdentityProviderIsNotReachableFromOutside(t *testing.T) {
	const file = "identity-provider.yaml"
	route := one[*gateway.HTTPRoute](t, file)
	if len(route.Spec.Hostnames) != 1 || !strings.HasSuffix(string(route.Spec.Hostnames[0]), ".invalid") {
		t.Errorf("host names %q, want one that never resolves (RFC 6761 section 6.4)", route.Spec.Hostnames)
	}
	policy := one[*envoygateway.SecurityPolicy](t, file)
	if policy.Namespace != route.Namespace || len(policy.Spec.TargetRefs) != 1 ||
		policy.Spec.TargetRefs[0].Kind != "HTTPRoute" || string(policy.Spec.TargetRefs[0].Name) != route.Name {
		t.Errorf("the SecurityPolicy is for %+v in %s", policy.Spec.TargetRefs, policy.Namespace)
	}
	authorization := policy.Spec.Authorization
	if authorization == nil || len(authorization.Rules) > 0 ||
		authorization.DefaultAction == nil || *authorization.DefaultAction != envoygateway.AuthorizationActionDeny {
		t.Errorf("authorization %+v, want deny alone", authorization)
	}
}

// The guard is for the whole Gateway: it removes the header from what clients send, and
// lets nothing on without it.
func TestGuard(t *testing.T) {
	const file = "guard.yaml"
	route := one[*gateway.HTTPRoute](t, "mcp-route.yaml")
	parent := route.Spec.ParentRefs[0].Name
	isGateway := func(targets []gateway.LocalPolicyTargetReferenceWithSectionName) bool {
		return len(targets) == 1 && targets[0].Kind == "Gateway" && targets[0].Name == parent && targets[0].SectionName == nil
	}
	clients := one[*envoygateway.ClientTrafficPolicy](t, file)
	if !isGateway(clients.Spec.TargetRefs) {
		t.Errorf("the ClientTrafficPolicy is for %+v", clients.Spec.TargetRefs)
	}
	if !slices.Contains(clients.Spec.Headers.EarlyRequestHeaders.Remove, config.VerdictHeaderName) {
		t.Error("clients' own header is not removed")
	}
	security := one[*envoygateway.SecurityPolicy](t, file)
	if !isGateway(security.Spec.TargetRefs) {
		t.Errorf("the SecurityPolicy is for %+v", security.Spec.TargetRefs)
	}
	authorization := security.Spec.Authorization
	if *authorization.DefaultAction != envoygateway.AuthorizationActionDeny || len(authorization.Rules) != 1 {
		t.Fatalf("authorization %+v", authorization)
	}
	rule := authorization.Rules[0]
	if rule.Action != envoygateway.AuthorizationActionAllow || rule.Operation != nil || rule.CEL != nil || len(rule.Principal.Headers) != 1 {
		t.Fatalf("rule %+v", rule)
	}
	if h := rule.Principal.Headers[0]; h.Name != config.VerdictHeaderName || !slices.Equal(h.Values, []string{"token", "public"}) {
		t.Errorf("the rule is for %s %q", h.Name, h.Values)
	}
	// The route that shows whether the guard is in effect has no backend.
	probe := one[*gateway.HTTPRoute](t, file)
	if len(probe.Spec.Hostnames) != 1 || !strings.HasSuffix(string(probe.Spec.Hostnames[0]), ".invalid") || len(probe.Spec.Rules[0].BackendRefs) != 0 {
		t.Errorf("the probe's route is %+v", probe.Spec)
	}
}

// The patch is for the plugin of policy.yaml.
func TestPatch(t *testing.T) {
	_, wasm := plugin(t)
	patch := one[*envoygateway.EnvoyPatchPolicy](t, "patch.yaml")
	want := map[string]string{"allow_on_headers_stop_iteration": "true", "failure_policy": `"FAIL_RELOAD"`}
	for _, p := range patch.Spec.JSONPatches {
		if p.Operation.JSONPath == nil || !strings.Contains(*p.Operation.JSONPath, "=='"+*wasm.Name+"')") {
			t.Errorf("patch %+v is not for the plugin %s", p, *wasm.Name)
		}
		if value, ok := want[*p.Operation.Path]; !ok || string(p.Operation.Value.Raw) != value {
			t.Errorf("%s is set to %s", *p.Operation.Path, p.Operation.Value.Raw)
		}
		delete(want, *p.Operation.Path)
	}
	if len(want) > 0 {
		t.Errorf("not set: %v", want)
	}
}

// Who runs a gateway with the name eg changes less than ten lines, all of them marked.
func TestLinesToChange(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	var lines, gateways []string
	for _, file := range []string{"guard.yaml", "identity-provider.yaml", "policy.yaml", "mcp-route.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, "envoy-example", "gatewayapi", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			switch _, after, marked := strings.Cut(line, "# CHANGE"); {
			case marked && after == ": the Gateway":
				gateways = append(gateways, line)
			case marked:
				lines = append(lines, line)
			}
		}
	}
	if len(lines) != 9 || len(gateways) != 5 {
		t.Errorf("%d lines and %d with the Gateway's name are marked, but docs/envoy-gateway.md says 9 and 5: %q", len(lines), len(gateways), lines)
	}
}

// The tests above are worth what decode refuses.
func TestDecodeIsStrict(t *testing.T) {
	const sound = `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: a, namespace: b}
spec: {wasm: [{name: c, failOpen: false, code: {type: Image, image: {url: d}}, config: {any: thing}}]}
`
	if _, err := reader.Decode([]byte(sound)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"unknown kind":                   {"kind: EnvoyExtensionPolicy", "kind: EnvoyExtension"},
		"unknown version":                {"/v1alpha1", "/v1"},
		"unknown member of the resource": {"spec:", "extra: 1\nspec:"},
		"unknown member of metadata":     {"{name: a,", "{name: a, lables: {},"},
		"unknown member of spec":         {"failOpen: false", "failStrategy: FAIL_CLOSE"},
		"member in another case":         {"failOpen:", "failopen:"},
		"member twice":                   {"name: c,", "name: c, name: d,"},
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
