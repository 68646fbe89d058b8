package chart_test

import (
	"slices"
	"strings"
	"testing"

	envoygateway "github.com/envoyproxy/gateway/api/v1alpha1"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	securityapi "istio.io/api/security/v1beta1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	security "istio.io/client-go/pkg/apis/security/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
)

// verdictHeaders are the spellings that Istio's guard removes from what clients send.
var verdictHeaders = []string{"x-mcpauth-verdict", "x_mcpauth_verdict"}

func TestIstioGuard(t *testing.T) {
	all := render(t, istioValues)
	filter := get[*networkingv1alpha3.EnvoyFilter](t, all, "EnvoyFilter istio-ingress/mcpauth-guard")
	if len(filter.Spec.ConfigPatches) != 1 {
		t.Fatalf("%d patches", len(filter.Spec.ConfigPatches))
	}
	message, err := envoyPatch(filter.Spec.ConfigPatches[0])
	if err != nil {
		t.Fatal(err)
	}
	var removed []string
	for _, extension := range message.(*hcmv3.HttpConnectionManager).EarlyHeaderMutationExtensions {
		mutation := &headermutationv3.HeaderMutation{}
		if err := extension.TypedConfig.UnmarshalTo(mutation); err != nil {
			t.Fatal(err)
		}
		if err := mutation.ValidateAll(); err != nil {
			t.Error(err)
		}
		for _, m := range mutation.Mutations {
			removed = append(removed, m.GetRemove())
		}
	}
	if !slices.Equal(removed, verdictHeaders) {
		t.Errorf("removes %q", removed)
	}

	policy := get[*security.AuthorizationPolicy](t, all, "AuthorizationPolicy istio-ingress/mcpauth-guard")
	rules := policy.Spec.Rules
	if policy.Spec.Action != securityapi.AuthorizationPolicy_DENY || len(rules) != 1 || len(rules[0].When) != 1 ||
		len(rules[0].From) > 0 || len(rules[0].To) > 0 {
		t.Fatalf("policy %v", &policy.Spec)
	}
	when := rules[0].When[0]
	if when.Key != "request.headers[x-mcpauth-verdict]" || len(when.Values) > 0 || !slices.Equal(when.NotValues, []string{"token", "public"}) {
		t.Errorf("denies when %v", when)
	}
	if policy.Spec.Selector.MatchLabels["istio"] != "ingressgateway" || filter.Spec.WorkloadSelector.Labels["istio"] != "ingressgateway" {
		t.Error("the guard is for other pods than the plugin")
	}
}

func TestEnvoyGatewayGuard(t *testing.T) {
	const routes = "envoyGateway: {gateway: {namespace: infra}, routes: [notes, files]}"
	all := render(t, envoyGatewayValues, routes)
	traffic := get[*envoygateway.ClientTrafficPolicy](t, all, "ClientTrafficPolicy infra/mcpauth-guard")
	if !slices.Equal(traffic.Spec.Headers.EarlyRequestHeaders.Remove, []string{"x-mcpauth-verdict"}) || traffic.Spec.TargetRefs[0].Name != "eg" {
		t.Errorf("policy %+v", traffic.Spec)
	}
	guard := get[*envoygateway.SecurityPolicy](t, all, "SecurityPolicy infra/mcpauth-guard")
	if refs := guard.Spec.TargetRefs; len(refs) != 1 || refs[0].Kind != "Gateway" || refs[0].Name != "eg" || refs[0].SectionName != nil {
		t.Errorf("guards %+v", guard.Spec.TargetRefs)
	}
	authorization := guard.Spec.Authorization
	if *authorization.DefaultAction != envoygateway.AuthorizationActionDeny || len(authorization.Rules) != 1 {
		t.Fatalf("authorization %+v", authorization)
	}
	rule := authorization.Rules[0]
	if rule.Action != envoygateway.AuthorizationActionAllow || len(rule.Principal.Headers) != 1 ||
		rule.Principal.Headers[0].Name != "x-mcpauth-verdict" || !slices.Equal(rule.Principal.Headers[0].Values, []string{"token", "public"}) {
		t.Errorf("rule %+v", rule)
	}

	// What tells that the guard is in effect has no plugin and no policy of its own.
	probe := get[*gateway.HTTPRoute](t, all, "HTTPRoute infra/mcpauth-guard")
	answer := get[*envoygateway.HTTPRouteFilter](t, all, "HTTPRouteFilter infra/mcpauth-guard")
	if string(probe.Spec.Rules[0].Filters[0].ExtensionRef.Name) != answer.Name || *answer.Spec.DirectResponse.StatusCode != 200 ||
		!slices.Equal(probe.Spec.Hostnames, []gateway.Hostname{"guard.invalid"}) || probe.Spec.ParentRefs[0].Name != "eg" {
		t.Errorf("probe %+v", probe.Spec)
	}

	// The route for the cluster is at a Gateway in another namespace.
	provider := get[*gateway.HTTPRoute](t, all, "HTTPRoute default/mcpauth-identity-provider")
	if ref := provider.Spec.ParentRefs[0]; ref.Namespace == nil || *ref.Namespace != "infra" || ref.Name != "eg" {
		t.Errorf("at the Gateway %+v", ref)
	}

	// The plugin runs for the route that tells that it runs, and for those of MCP servers.
	policy := get[*envoygateway.EnvoyExtensionPolicy](t, all, "EnvoyExtensionPolicy default/mcpauth")
	var attached []string
	for _, ref := range policy.Spec.TargetRefs {
		attached = append(attached, string(ref.Name))
	}
	if !slices.Equal(attached, []string{"mcpauth-identity-provider", "notes", "files"}) {
		t.Errorf("attached to %q", attached)
	}
}

// verdict_header is set with the guard, and the guard can be left out.
func TestGuardIsOneSwitch(t *testing.T) {
	for _, values := range []string{istioValues, envoyGatewayValues} {
		for change, want := range map[string]bool{
			"":                            true,
			"config: {unmatched: allow}":  true,
			"guard: {enabled: false}":     false,
			"{guard: {}, failReload: on}": true,
		} {
			all := render(t, values, change)
			_, members := parse(t, all)
			if (members["verdict_header"] == true) != want || hasGuard(all) != want {
				t.Errorf("%s, %q: verdict_header %v, guard %v", values, change, members["verdict_header"], hasGuard(all))
			}
		}
		own := render(t, values, "{guard: {enabled: false}, config: {verdict_header: true}}")
		if _, members := parse(t, own); members["verdict_header"] != true || hasGuard(own) {
			t.Errorf("%s: no verdict_header for a guard of one's own", values)
		}
	}
}

func hasGuard(all map[string]runtime.Object) bool {
	for name := range all {
		if strings.HasSuffix(name, "-guard") {
			return true
		}
	}
	return false
}
