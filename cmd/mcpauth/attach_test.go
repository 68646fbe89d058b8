package main

import (
	"os"
	"strings"
	"testing"
)

const plainEnvoy = `# Our gateway.
static_resources:
  listeners:
  - name: public
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: public   # keep
          merge_slashes: false
          http_filters:

            # the router
            -  name: envoy.filters.http.router
               typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - {name: mcp}
`

const istioGateway = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: istio-ingress}
spec:
  selector: {istio: ingressgateway} # ours`

const apiGateway = `kind: Gateway
apiVersion: gateway.networking.k8s.io/v1
metadata:
  name: eg
spec: {gatewayClassName: CLASS}
---
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: {name: notes}
spec: {rules: [{matches: [{path: {value: /notes}}]}]}
`

func attachArgs(file string, more ...string) []string {
	return append([]string{"attach", file, "--issuer", "https://auth.example.com", "--resource", notes, "--scope", "read:notes"}, more...)
}

// attach changes no line of the file, and mcpauth config has no complaint about the result.
func TestAttach(t *testing.T) {
	image := []string{"--image", "registry.example.com/mcpauth@sha256:0123"}
	for name, test := range map[string]struct {
		text string
		args []string
		want []string
		note string
	}{
		"Envoy":         {plainEnvoy, nil, []string{"verdict_header", "auto_sni_san_validation", "normalize_path: true", "DROP_HEADER", "remove: x-mcpauth-verdict"}, "note: line 11: merge_slashes is there already"},
		"its cluster":   {plainEnvoy, []string{"--cluster", "mcp"}, []string{`"cluster": "mcp"`}, ""},
		"Istio":         {istioGateway, image, []string{"kind: WasmPlugin", `{"istio":"ingressgateway"}`, "outbound|443||auth.example.com", "kind: AuthorizationPolicy"}, ""},
		"Istio, API":    {strings.Replace(apiGateway, "CLASS", "istio", 1), image, []string{"kind: WasmPlugin", "kind: Gateway", `name: "eg"`}, ""},
		"Envoy Gateway": {strings.Replace(apiGateway, "CLASS", "eg", 1), image, []string{"kind: EnvoyExtensionPolicy", "httproute/default/mcpauth-identity-provider/rule/0", `name: "notes"`, "fqdn"}, "oauth-protected-resource too"},
	} {
		t.Run(name, func(t *testing.T) {
			file := writeFile(t, "gateway.yaml", test.text)
			status, diff, stderr := mcpauth(t, "", attachArgs(file, test.args...)...)
			if status != statusOK || !strings.Contains(diff, "\n@@ ") || !strings.Contains(stderr, test.note) {
				t.Fatalf("status %d\n%s%s", status, diff, stderr)
			}
			for line := range strings.Lines(diff) {
				if strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "---") && strings.Contains(test.text, "\n"+line[1:]) {
					t.Errorf("a line is removed: %s", line)
				}
			}
			status, whole, stderr := mcpauth(t, "", attachArgs(file, append(test.args, "--print")...)...)
			for _, want := range test.want {
				if status != statusOK || !strings.Contains(whole, want) {
					t.Errorf("status %d, no %s:\n%s%s", status, want, whole, stderr)
				}
			}
			// The old lines are all there, in their order.
			rest := whole
			for line := range strings.Lines(test.text) {
				_, after, ok := strings.Cut(rest, strings.TrimSuffix(line, "\n")+"\n")
				if !ok {
					t.Errorf("the line %q is changed:\n%s", line, whole)
					break
				}
				rest = after
			}
			if status, out, stderr := mcpauth(t, whole, "config", "-"); status != statusOK || strings.Contains(out, "warn") && name != "its cluster" || strings.Contains(out, "note") {
				t.Errorf("mcpauth config: status %d\n%s%s", status, out, stderr)
			}
			if status, _, stderr := mcpauth(t, "", attachArgs(file, append(test.args, "--write")...)...); status != statusOK {
				t.Errorf("--write: status %d\n%s", status, stderr)
			}
			if text, err := os.ReadFile(file); err != nil || string(text) != whole {
				t.Errorf("--write has written\n%s", text)
			}
			if status, _, stderr := mcpauth(t, "", attachArgs(file, test.args...)...); status != statusError || !strings.Contains(stderr, "there already") {
				t.Errorf("a second time: status %d\n%s", status, stderr)
			}
		})
	}
}

func TestAttachRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		text, want string
		args       []string
	}{
		"nothing known":    {"kind: Service\n", "neither an Envoy configuration", nil},
		"no YAML":          {"a: [", "not YAML: line 1", nil},
		"no image":         {istioGateway, "--image is needed", nil},
		"no selector":      {"kind: Gateway\napiVersion: networking.istio.io/v1\nmetadata: {name: x}\n", "no selector", []string{"--image", "x"}},
		"no route":         {"kind: Gateway\nmetadata: {name: x}\nspec: {gatewayClassName: eg}\n", "--route", []string{"--image", "x"}},
		"another listener": {plainEnvoy, `no listener "x"; there are public`, []string{"--listener", "x"}},
		"a bad resource":   {plainEnvoy, "resources[0].resource", []string{"--resource", "http://mcp.example.com/notes"}},
		"a bad issuer":     {plainEnvoy, "--issuer must be", []string{"--issuer", "x"}},
	} {
		status, out, stderr := mcpauth(t, test.text, attachArgs("-", test.args...)...)
		if status != statusError || !strings.Contains(stderr, test.want) || out != "" {
			t.Errorf("%s: status %d, want %q:\n%s%s", name, status, test.want, out, stderr)
		}
	}
	flow := `static_resources: {listeners: [{filter_chains: [{filters: [{typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, http_filters: [{name: router}]}}]}]}]}`
	if status, out, stderr := mcpauth(t, flow, attachArgs("-")...); status != statusError || !strings.Contains(stderr, "block style") || out != "" {
		t.Errorf("flow style: status %d\n%s%s", status, out, stderr)
	}
	two := strings.Replace(plainEnvoy, "  clusters:", strings.Replace(plainEnvoy[strings.Index(plainEnvoy, "  - name: public"):strings.Index(plainEnvoy, "  clusters:")], "public", "private", 1)+"  clusters:", 1)
	if status, out, stderr := mcpauth(t, two, attachArgs("-")...); status != statusError || !strings.Contains(stderr, "choose one with --listener: public, private") || out != "" {
		t.Errorf("two listeners: status %d\n%s%s", status, out, stderr)
	}
}
