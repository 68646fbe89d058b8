package chart_test

import (
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

// Helm refuses wrong values, with a message that names the value.
func TestRefusals(t *testing.T) {
	const both = istioValues + " " + envoyGatewayValues
	for _, test := range []struct{ values, change, message string }{
		{both, "gateway: Istio", "/gateway"},
		{both, "gateway: null", "'gateway'"},
		{both, "guards: {}", "'guards'"},
		{both, "guard: {enable: true}", "'enable'"},
		{both, `guard: {enabled: "false"}`, "/guard/enabled"},
		{both, "guard: {enabled: null}", "'enabled'"},
		{both, "guard: null", "'guard'"},
		{both, "failReload: null", "'failReload'"},
		{both, "failReload: 1", "/failReload"},
		{both, "allowOnHeadersStopIteration: yes please", "/allowOnHeadersStopIteration"},
		{both, "image: {repository: null}", "'repository'"},
		{both, `image: {repository: ""}`, "/image/repository"},
		{both, "image: {repository: 'oci://registry.example.com/mcpauth'}", "/image/repository"},
		{both, "image: {repository: 'registry.example.com/mcpauth:latest'}", "/image/repository"},
		{both, "image: {repository: 'registry.example.com/mcpauth@sha256:" + zeros + "'}", "/image/repository"},
		{both, "image: {repository: mcpauth}", "/image/repository"},
		{both, "image: {tag: 'a b'}", "/image/tag"},
		{both, "image: {tag: 1.0}", "/image/tag"},
		{both, "image: {digest: null}", "'digest'"},
		{both, `image: {digest: ""}`, "/image/digest"},
		{both, "image: {digest: 'sha256:" + zeros + "'}", "/image/digest"},
		{both, "image: {digest: '" + zeros[1:] + "'}", "/image/digest"},
		{both, "image: {digest: '" + zeros[1:] + "A'}", "/image/digest"},
		{both, "image: {digest: 1}", "/image/digest"},
		{both, "image: {pullPolicy: Always}", "'pullPolicy'"},
		{both, "pullSecret: a/b", "/pullSecret"},
		{both, "pullSecret: [a]", "/pullSecret"},
		{both, "authorizationServers: []", "/authorizationServers"},
		{both, "authorizationServers: auth.example.com", "/authorizationServers"},
		{both, "authorizationServers: [{host: a}]", "'issuer'"},
		{both, "authorizationServers: [{issuer: 'http://auth.example.com'}]", "/authorizationServers/0/issuer"},
		{both, "authorizationServers: [{issuer: auth.example.com}]", "/authorizationServers/0/issuer"},
		{both, "authorizationServers: [{issuer: 'https://auth.example.com', host: 'https://a'}]", "/authorizationServers/0/host"},
		{both, "authorizationServers: [{issuer: 'https://auth.example.com', host: 'a:443'}]", "/authorizationServers/0/host"},
		{both, "authorizationServers: [{issuer: 'https://auth.example.com', port: '443'}]", "/authorizationServers/0/port"},
		{both, "authorizationServers: [{issuer: 'https://auth.example.com', port: 0}]", "/authorizationServers/0/port"},
		{both, "authorizationServers: [{issuer: 'https://auth.example.com', port: 65536}]", "/authorizationServers/0/port"},
		{both, "authorizationServers: [{issuer: 'https://auth.example.com', jwks_uri: a}]", "'jwks_uri'"},
		{both, "authorizationServers: [{issuer: 'https://auth.example.com', config: {cluster: a}}]", "'cluster'"},
		{both, "resources: []", "/resources"},
		{both, "resources: [{}]", "'resource'"},
		{both, "resources: ['https://mcp.example.com/notes']", "/resources/0"},
		{both, "resources: [{resource: mcp.example.com/notes}]", "/resources/0/resource"},
		{both, "resources: [{resource: \"https://mcp.example.com/a'b\"}]", "/resources/0/resource"},
		{both, "config: 1", "/config"},
		{both, "resources: 1", "/resources"},
		{both, "config: {resources: []}", "'resources'"},
		{both, "config: {authorization_servers: []}", "'authorization_servers'"},
		{both, "config: {allow_on_headers_stop_iteration: true}", "/config/allow_on_headers_stop_iteration"},
		{both, "config: {verdict_header: false}", "/config/verdict_header"},
		{both, "env: [A=B]", "/env/0"},
		{both, "env: [A, A]", "/env"},
		{both, "istio: {kind: wasmplugin}", "/istio/kind"},
		{both, "istio: {selectors: {}}", "'selectors'"},
		{both, "istio: {selector: {a: 1}}", "/istio/selector/a"},
		{both, "istio: {targetRefs: [{kind: Gateway, name: a}]}", "'group'"},
		{both, "istio: {targetRefs: [{group: '', kind: Service, name: a}]}", "/istio/targetRefs/0/kind"},
		{both, "istio: {match: []}", "'match'"},
		{both, "envoyGateway: {gateway: eg}", "/envoyGateway/gateway"},
		{both, "envoyGateway: {gateway: null}", "'gateway'"},
		{both, "istio: {kind: null}", "'kind'"},
		{both, "envoyGateway: {gateway: {name: null}}", "'name'"},
		{both, "envoyGateway: {gateway: {name: A}}", "/envoyGateway/gateway/name"},
		{both, "envoyGateway: {gateway: {namespace: a.b}}", "/envoyGateway/gateway/namespace"},
		{both, "envoyGateway: {gateway: {listeners: []}}", "/envoyGateway/gateway/listeners"},
		{both, "envoyGateway: {route: notes}", "'route'"},

		{istioValues, "istio: {selector: null}", "istio.selector, istio.targetRefs: set one"},
		{istioValues, "istio: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: a}]}", "istio.selector, istio.targetRefs: set one"},
		{istioValues, "allowOnHeadersStopIteration: true", "/istio/kind"},
		{istioValues, "{pullSecret: a, istio: {kind: EnvoyFilter}}", "pullSecret: "},
		{istioValues, "authorizationServers: [{issuer: 'https://a.example.com'}, {issuer: 'https://a.example.com:444'}]", "authorizationServers[1].port: "},

		{envoyGatewayValues, "envoyGateway: {routes: []}", "/envoyGateway/routes"},
		{envoyGatewayValues, "envoyGateway: {routes: notes}", "/envoyGateway/routes"},
		{envoyGatewayValues, "envoyGateway: {routes: [a, a]}", "/envoyGateway/routes"},
		{envoyGatewayValues, "envoyGateway: {routes: [default/notes]}", "/envoyGateway/routes/0"},
	} {
		for values := range strings.FieldsSeq(test.values) {
			all, err := readValues(values, test.change)
			if err != nil {
				t.Fatal(err)
			}
			_, err = helmTemplate(namespaces[values], all)
			if err == nil {
				t.Errorf("%s: %s: not refused", values, test.change)
			} else if !strings.Contains(err.Error(), test.message) {
				t.Errorf("%s: %s: %v, want a message with %q", values, test.change, err, test.message)
			}
		}
	}
}

// Helm refuses a release with no values, and names each value that is required.
func TestRequiredValues(t *testing.T) {
	all, err := readValues("values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = helmTemplate("default", all)
	for _, name := range []string{"/gateway", "/image/repository", "/image/digest", "/authorizationServers", "/resources"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: nothing on %s", err, name)
		}
	}
}

// A parent chart hands its subcharts global values.
func TestGlobalValues(t *testing.T) {
	render(t, istioValues, "global: {imageRegistry: registry.example.com}")
}

// helm lint --strict finds nothing.
func TestLint(t *testing.T) {
	dir, err := chartDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{istioValues, envoyGatewayValues} {
		values, err := readValues(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range lint.All(dir, values, namespaces[file], true).Messages {
			if m.Severity >= support.WarningSev {
				t.Errorf("%s: %v", file, m)
			} else {
				t.Logf("%s: %v", file, m)
			}
		}
	}
}
