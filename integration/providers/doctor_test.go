//go:build providers

package providers

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
)

// testDoctor runs mcpauth doctor at the gateway of a provider's page. It fails if there are
// other complaints than the known ones.
func (g *gateway) testDoctor(t *testing.T, known ...string) {
	t.Helper()
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "mcpauth")
	build := exec.Command("go", "build", "-o", program, "./mcpauth")
	build.Dir = filepath.Join(root, "cmd")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.CommandContext(t.Context(), program, "doctor", g.resource(), "--register", "--json", "--timeout", "3m")
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	var report struct {
		Results []struct{ Check, Status, Message, Fix string }
	}
	if json.Unmarshal(out, &report) != nil || len(report.Results) < 15 {
		t.Fatalf("%v\n%s%s", err, out, stderr.String())
	}
	var complaints []string
	for _, r := range report.Results {
		if r.Status == "warning" || r.Status == "failure" {
			complaints = append(complaints, r.Status+" "+r.Check)
		}
	}
	if got, want := strings.Join(complaints, ", "), strings.Join(known, ", "); got != want {
		t.Errorf("complaints %q, want %q:\n%s", got, want, out)
	}
}

func TestDoctorAtOIDCProvider(t *testing.T) {
	g := newGateway(t)
	server, err := StartOIDCProvider(t.Context(), g.resource(), "jwt", "RS256")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	g.start(t, g.pageConfig(t, "oidc-provider.md", "Configuration", "https://auth.example.com", server.issuer), nil,
		envoy.ClusterAt("auth", strings.TrimPrefix(server.issuer, "http://")))
	// It answers no preflight for registrations: see "web pages" of TestOIDCProvider.
	g.testDoctor(t, "warning cors-as")
}

func TestDoctorAtKeycloak(t *testing.T) {
	server := startKeycloak(t)
	g := newGateway(t)
	realm, err := server.CreateRealm(t.Context(), "doctor")
	if err == nil {
		err = pageScopes(t.Context(), realm, g.resource())
	}
	if err == nil {
		err = realm.AllowRegistration(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	g.start(t, g.pageConfig(t, "keycloak.md", "Configuration", "https://keycloak.example.com/realms/mcp", realm.issuer()), nil,
		envoy.ClusterAt("keycloak", strings.TrimPrefix(server.origin, "http://")))
	g.testDoctor(t)
}

func TestDoctorAtHydra(t *testing.T) {
	g := newGateway(t)
	server, err := StartHydra(t.Context(), g.resource(), HydraOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	g.start(t, g.pageConfig(t, "hydra.md", "Configuration", "https://hydra.example.com", server.issuer, "https://hydra-admin.example.com", server.admin), nil,
		envoy.ClusterAt("hydra", strings.TrimPrefix(server.issuer, "http://")))
	// The page leaves CORS off.
	g.testDoctor(t, "warning cors-as")
}
