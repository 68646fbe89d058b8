package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mcpauth runs the program, with a text as standard input.
func mcpauth(t *testing.T, stdin string, args ...string) (status int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{in: strings.NewReader(stdin), out: &stdout, err: &stderr}
	status = a.run(t.Context(), args)
	if strings.Contains(stderr.String(), "goroutine ") {
		t.Errorf("a stack trace:\n%s", stderr.String())
	}
	return status, stdout.String(), stderr.String()
}

// writeFile writes a file of the test and returns its name.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const smallest = `{"authorization_servers":[{"issuer":"https://auth.example.com","cluster":"auth"}],"resources":[{"resource":"https://mcp.example.com/notes"}]}`

// The configurations of the examples, in all forms, are found and valid.
func TestConfigOfTheExamples(t *testing.T) {
	for _, name := range []string{
		"envoy.yaml", "istio/wasmplugin.yaml", "istio/trafficextension.yaml", "istio/envoyfilter.yaml", "gatewayapi/policy.yaml",
	} {
		status, out, stderr := mcpauth(t, "", "config", "--explain", filepath.Join("../../envoy-example", name))
		if status != statusOK || !strings.Contains(out, "ok    config-valid") || strings.Contains(out, "warn") || stderr != "" {
			t.Errorf("%s: status %d\n%s%s", name, status, out, stderr)
		}
		if !strings.Contains(out, "/.well-known/oauth-protected-resource/notes") {
			t.Errorf("%s: no explanation:\n%s", name, out)
		}
	}
}

// A resource that takes bound tokens says where the certificate comes from.
func TestConfigExplainsMutualTLS(t *testing.T) {
	for members, want := range map[string]string{
		`"mutual_tls":"off"`:      "",
		`"mutual_tls":"accept"`:   "others pass without",
		`"mutual_tls":"required"`: "every token must be bound",
		`"mutual_tls":"required","trust_forwarded_client_cert":true`: "TAKEN FROM THE HEADER x-forwarded-client-cert",
	} {
		file := writeFile(t, "plugin.json", strings.Replace(smallest, `"resource":`, members+`,"resource":`, 1))
		status, out, stderr := mcpauth(t, "", "config", "--explain", file)
		if status != statusOK || !strings.Contains(out, want) || strings.Contains(out, "  bound") != (want != "") || stderr != "" {
			t.Errorf("%s: status %d\n%s%s", members, status, out, stderr)
		}
	}
}

// A resource that takes DPoP says what proofs need.
func TestConfigExplainsDPoP(t *testing.T) {
	for members, want := range map[string]string{
		`"dpop":"off"`:      "",
		`"dpop":"accept"`:   "others pass without",
		`"dpop":"required"`: "every token must be bound to a key",
		`"dpop":"accept","dpop_signing_algorithms":["EdDSA","ES384"]`: "signed with EdDSA or ES384, and name https://mcp.example.com",
	} {
		file := writeFile(t, "plugin.json", strings.Replace(smallest, `"resource":`, members+`,"resource":`, 1))
		status, out, stderr := mcpauth(t, "", "config", "--explain", file)
		if status != statusOK || !strings.Contains(out, want) || strings.Contains(out, "  DPoP") != (want != "") || stderr != "" {
			t.Errorf("%s: status %d\n%s%s", members, status, out, stderr)
		}
	}
	nonce := `{"dpop_nonce":{"secret_env":"S","lifetime_seconds":60},` + strings.Replace(smallest, `"resource":`, `"dpop":"accept","resource":`, 1)[1:]
	if _, out, stderr := mcpauth(t, "", "config", "--explain", writeFile(t, "nonce.json", nonce)); !strings.Contains(out, "needs a nonce of the gateway, which lasts for 1m0s at least") {
		t.Errorf("%s%s", out, stderr)
	}
}

// bootstrap is an Envoy configuration, with changes.
func bootstrap(plugin string, changes ...string) string {
	text := strings.Replace(`static_resources:
  listeners:
  - filter_chains:
    - filters:
      - typed_config:
          http_filters:
          - name: mcpauth
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config:
                failure_policy: FAIL_RELOAD
                vm_config: {vm_id: mcpauth}
                configuration:
                  "@type": type.googleapis.com/google.protobuf.StringValue
                  value: |
                    PLUGIN
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: auth
    transport_socket: {name: tls}
`, "PLUGIN", strings.ReplaceAll(plugin, "\n", "\n                    "), 1)
	for i := 0; i < len(changes); i += 2 {
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	return text
}

// Each mistake is named with its line.
func TestConfigNamesMistakes(t *testing.T) {
	indented := `{"authorization_servers": [
      {"issuer": "https://auth.example.com", "cluster": "auth"}],
     "resources": [{"resource": "https://mcp.example.com/notes"}]}`
	for name, test := range map[string]struct {
		text   string
		status int
		want   string
	}{
		"sound":              {bootstrap(indented), statusOK, "1 passed"},
		"JSON":               {smallest[:50], statusFailed, "config-valid"},
		"unknown member":     {"{\n\"resources\": [{\"resource\": \"https://mcp.example.com/notes\",\n\"scopes\": []}],\n\"authorization_servers\": [{\"issuer\": \"https://auth.example.com\", \"cluster\": \"a\"}]}", statusFailed, ":3: resources[0].scopes"},
		"in Envoy":           {bootstrap(strings.Replace(indented, "auth.example.com", "auth.example.com#x", 1)), statusFailed, ":17: authorization_servers[0].issuer"},
		"in a WasmPlugin":    {"kind: WasmPlugin\nspec:\n  pluginConfig:\n    authorization_servers:\n    - issuer: https://auth.example.com\n      cluster: a\n    resources:\n    - resource: http://mcp.example.com/notes\n", statusFailed, ":8: resources[0].resource"},
		"duplicate":          {"kind: WasmPlugin\nspec:\n  pluginConfig:\n    resources: []\n    resources: []\n", statusFailed, "resources"},
		"cluster":            {bootstrap(indented, "- name: auth\n", "- name: idp\n"), statusFailed, `:17: authorization_servers[0].cluster`},
		"cluster, TLS":       {bootstrap(indented, "    transport_socket: {name: tls}\n", ""), statusOK, "cluster-tls: "},
		"fails open":         {bootstrap(indented, "FAIL_RELOAD", "FAIL_OPEN"), statusFailed, ":11"},
		"Istio fails open":   {"kind: WasmPlugin\nspec:\n  failStrategy: FAIL_OPEN\n  pluginConfig: " + smallest, statusFailed, ":3"},
		"gateway fails open": {"kind: EnvoyExtensionPolicy\nspec:\n  wasm:\n  - failOpen: true\n    config: " + smallest, statusFailed, ":4"},
		"stops headers":      {bootstrap(strings.Replace(indented, "{", `{"allow_on_headers_stop_iteration": true, `, 1)), statusFailed, "requests with a body hang"},
		"headers of Envoy":   {bootstrap(indented, "vm_config:", "allow_on_headers_stop_iteration: true\n                vm_config:"), statusOK, "the plugin does not use it"},
		"variable":           {bootstrap(strings.Replace(indented, `"cluster"`, `"introspection": {"client_id": "g", "client_secret_env": "GATEWAY_SECRET"}, "cluster"`, 1)), statusFailed, "environment variable GATEWAY_SECRET"},
		"behind the router":  {bootstrap(indented, "http_filters:\n", "http_filters:\n          - typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n"), statusFailed, "behind the router"},
		"guard, no header":   {bootstrap(indented, "          - name: router", "          - typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC, h: x-mcpauth-verdict}\n          - name: router"), statusFailed, "every request that it guards gets 403"},
		"no configuration":   {"kind: Service\n", statusError, "no configuration of mcpauth found"},
		"no YAML":            {"a: [", statusError, "not YAML: line 1"},
		"empty":              {"", statusError, "no configuration of mcpauth found"},
		"aliases":            {"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nkind: WasmPlugin\nspec: {pluginConfig: {resources: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]}}\n", statusError, "larger than 1 MiB"},
		"several":            {"kind: Service\n---\nkind: WasmPlugin\nmetadata: {name: one}\nspec:\n  pluginConfig: " + smallest + "\n---\nkind: WasmPlugin\nmetadata: {name: two}\nspec:\n  pluginConfig: " + smallest, statusOK, "WasmPlugin two"},
		"Struct":             {bootstrap(smallest, "value: |\n                    ", "value: ", "StringValue", "Struct"), statusOK, "1 passed"},
	} {
		t.Run(name, func(t *testing.T) {
			file := writeFile(t, "file", test.text)
			status, out, stderr := mcpauth(t, "", "config", file)
			if status != test.status || !strings.Contains(out+stderr, test.want) {
				t.Errorf("status %d, want %d, and %q:\n%s%s\n%s", status, test.status, test.want, out, stderr, test.text)
			}
		})
	}
}

// No output has a secret of a configuration, whatever is wrong with it.
func TestConfigPrintsNoSecret(t *testing.T) {
	const secret = "t0p-s3cr3t-value"
	for _, text := range []string{
		strings.Replace(smallest, `"cluster"`, `"introspection":{"client_id":"g","client_secret":"`+secret+`"},"cluster"`, 1),
		strings.Replace(smallest, `"cluster"`, `"introspection":{"client_secret":"`+secret+`"},"cluster"`, 1),
		strings.Replace(smallest, `"cluster"`, `"introspection":{"client_id":"g","client_secret":["`+secret+`"]},"cluster"`, 1),
		`{"client_secret": "` + secret + `"`,
		"client_secret: " + secret + "\n  x: y\n :",
		"kind: WasmPlugin\nspec: {pluginConfig: {authorization_servers: [{client_secret: !!int " + secret + "}]}}",
	} {
		for _, flags := range [][]string{{"--explain"}, {"--json"}, {"--sarif"}, {"--junit"}} {
			_, out, stderr := mcpauth(t, text, append([]string{"config", "-"}, flags...)...)
			if strings.Contains(out+stderr, secret) || out+stderr == "" {
				t.Errorf("%s %v:\n%s%s", text, flags, out, stderr)
			}
		}
	}
}

// Programs can read the reports.
func TestConfigForPipelines(t *testing.T) {
	file := writeFile(t, "file.json", strings.Replace(smallest, `"resource"`, `"scopes":[],"resource"`, 1))
	status, out, _ := mcpauth(t, "", "config", "--json", file)
	var doc struct {
		Failed bool
		Cause  struct {
			Check, Setting, File string
			Line                 int
		}
		Results []any
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || status != statusFailed || !doc.Failed {
		t.Errorf("status %d, %v\n%s", status, err, out)
	}
	if got := fmt.Sprint(doc.Cause); got != fmt.Sprintf("{config-valid resources[0].scopes %s 1}", file) {
		t.Errorf("the cause is %s", got)
	}
	status, out, _ = mcpauth(t, "", "config", "--sarif", file)
	var sarif struct {
		Version string
		Runs    []struct {
			Results []struct {
				RuleID, Level string
				Locations     []struct {
					PhysicalLocation struct{ Region struct{ StartLine int } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &sarif); err != nil || status != statusFailed || sarif.Version != "2.1.0" {
		t.Errorf("status %d, %v\n%s", status, err, out)
	}
	if got := fmt.Sprint(sarif.Runs); got != "[{[{config-valid error [{{{1}}}]}]}]" {
		t.Errorf("SARIF has %s", got)
	}
	status, out, _ = mcpauth(t, "", "config", "--junit", file)
	var junit struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
	}
	if err := xml.Unmarshal([]byte(out), &junit); err != nil || status != statusFailed || junit.Tests != 1 || junit.Failures != 1 {
		t.Errorf("status %d, %v, %+v\n%s", status, err, junit, out)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"config"}, {"config", "no-such-file"}, {"config", "--json", "--sarif", "x"}, {"config", "--color", "red", "x"},
		{"config", "--explain", "--json", "x"}, {"no-such-command"}, {"--no-such-flag"},
	} {
		status, out, stderr := mcpauth(t, "", args...)
		if status != statusError || !strings.HasPrefix(stderr, "mcpauth: ") || strings.Count(stderr, "\n") != 1 || out != "" {
			t.Errorf("%q: status %d\n%s%s", args, status, out, stderr)
		}
	}
	if status, out, _ := mcpauth(t, "", "--help"); status != statusOK || !strings.Contains(out, "config") {
		t.Errorf("--help: status %d\n%s", status, out)
	}
}
