package chart_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// notes returns the notes of a release.
func notes(t *testing.T, file string, changes ...string) string {
	t.Helper()
	values, err := readValues(file, changes...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := helmTemplate(namespaces[file], values)
	if err != nil {
		t.Fatal(err)
	}
	return out.notes
}

// The command in the notes waits for 401 at the place where the plugin answers before
// there is a route to the MCP server.
func TestNotesWaitForThePlugin(t *testing.T) {
	for _, test := range []struct{ name, values, changes, host, printed string }{
		{"Istio", istioValues, "", "mcp.example.com", "401\n"},
		{"Envoy Gateway", envoyGatewayValues, "", "auth.invalid", "401 403\n"},
		{"no guard", envoyGatewayValues, "guard: {enabled: false}", "auth.invalid", "401\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var asked, guarded atomic.Int32
			gateway := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				host, _, _ := strings.Cut(r.Host, ":")
				if host == "guard.invalid" && test.printed != "401\n" {
					if r.TLS.ServerName != host || r.Header.Get("x-mcpauth-verdict") != "token" {
						t.Errorf("asked the guard with %v", r.Header)
					}
					if guarded.Add(1) >= 4 { // later than the plugin
						w.WriteHeader(http.StatusForbidden)
					}
					return
				}
				if host != test.host || r.TLS.ServerName != test.host || r.URL.Path != "/notes" {
					t.Errorf("asked %s (%s) for %s", r.Host, r.TLS.ServerName, r.URL)
				}
				if asked.Add(1) < 3 {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				w.WriteHeader(http.StatusUnauthorized)
			}))
			defer gateway.Close()
			at, err := url.Parse(gateway.URL)
			if err != nil {
				t.Fatal(err)
			}

			text := notes(t, test.values, test.changes, "resources: [{resource: 'https://mcp.example.com:"+at.Port()+"/notes'}]")
			var script []string
			for _, m := range regexp.MustCompile(`(?m)^  (.*)$`).FindAllStringSubmatch(text, -1) {
				script = append(script, m[1])
			}
			if len(script) == 0 || script[0] != "GATEWAY=..." {
				t.Fatalf("no command in\n%s", text)
			}
			script[0] = "GATEWAY=" + at.Hostname()
			out, err := exec.Command("sh", "-c", strings.Join(script, "\n")).CombinedOutput()
			if err != nil || string(out) != test.printed {
				t.Errorf("%v: %s", err, out)
			}
			if n, want := asked.Load(), max(3, guarded.Load()); n != want {
				t.Errorf("%d requests, want %d", n, want)
			}
		})
	}
}

func TestNotesWarn(t *testing.T) {
	for _, values := range []string{istioValues, envoyGatewayValues} {
		for change, want := range map[string]bool{"": false, "guard: {enabled: false}": true} {
			if got := strings.Contains(notes(t, values, change), "guard.enabled is false"); got != want {
				t.Errorf("%s %q: warns: %v", values, change, got)
			}
		}
	}
	// With clusters alone, Envoy Gateway has no route that tells.
	own := notes(t, envoyGatewayValues, "authorizationServers: [{issuer: 'https://auth.example.com', cluster: auth}]")
	if strings.Contains(own, "curl") || !strings.Contains(own, "expect 401") {
		t.Errorf("notes:\n%s", own)
	}
}
