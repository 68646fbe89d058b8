package e2e

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// mistakes is a configuration with several mistakes; mistakePaths are their
// JSON paths.
const mistakes = `{
  "authorization_servers": [{"issuer": "http://auth.example.com", "cluster": "auth", "clock_skew_seconds": "60"}],
  "resources": [
    {"resource": "https://mcp.example.com/notes", "requird_scopes": ["read:notes"]},
    {"resource": "https://mcp.example.com/notes", "authorization_servers": ["https://unknown.example.com"]}
  ],
  "unmatched": "maybe"
}`

var mistakePaths = []string{
	"authorization_servers[0].issuer", "authorization_servers[0].clock_skew_seconds",
	"resources[0].requird_scopes", "resources[1].resource", "resources[1].authorization_servers[0]", "unmatched",
}

// TestWrongConfigurationStopsEnvoy: the log names every mistake at once.
func TestWrongConfigurationStopsEnvoy(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		p, err := envoy.Start(t.Context(), s.binary, s.options(mistakes))
		if err == nil {
			p.Stop()
			t.Fatal("envoy started")
		}
		var start *envoy.StartError
		if !errors.As(err, &start) {
			t.Fatal(err)
		}
		for _, path := range mistakePaths {
			if !strings.Contains(start.Log, path) {
				t.Errorf("the log does not name %s", path)
			}
		}
		if t.Failed() {
			t.Log(start.Log)
		}
	})
}

// TestWrongUpdateKeepsTheOldConfiguration: a listener that Envoy gets while it
// runs is refused if the plugin refuses its configuration.
func TestWrongUpdateKeepsTheOldConfiguration(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		o := own.options(own.notesConfig())
		o.DynamicListener = true
		g := own.start(t, o)
		eventually(t, recovery, func() string { return passes(g, own.minted("RS256")) })
		count := func(name string) int64 {
			stats, err := g.Stats(t.Context(), `^listener_manager\.lds\.`)
			if err != nil {
				t.Fatal(err)
			}
			return stats["listener_manager.lds."+name]
		}

		if err := g.UpdateListener(mistakes); err != nil {
			t.Fatal(err)
		}
		eventually(t, recovery, func() string {
			if count("update_rejected") == 0 {
				return "the wrong configuration has not been rejected"
			}
			return ""
		})
		if problem := passes(g, own.minted("ES256")); problem != "" {
			t.Errorf("after the rejected update: %s", problem)
		}
		if a := g.do(t, request{path: "/notes"}); a.status != http.StatusUnauthorized {
			t.Errorf("after the rejected update: status %d without a token", a.status)
		}

		// A good update goes through all the same.
		if err := g.UpdateListener(strings.ReplaceAll(own.notesConfig(), "/notes", "/memos")); err != nil {
			t.Fatal(err)
		}
		eventually(t, recovery, func() string {
			a, err := g.send(request{path: "/memos"})
			if err != nil {
				return err.Error()
			}
			if a.status != http.StatusUnauthorized {
				return "the good configuration is not in use"
			}
			return ""
		})
	})
}

// TestStaticExample checks the configuration that readers start from. Envoy
// starts the plugin when it validates, so its part is checked as well.
func TestStaticExample(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		doc, err := os.ReadFile(filepath.Join("..", "..", "envoy-example", "envoy.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		const relative = "filename: build/mcpauth.wasm"
		if strings.Count(string(doc), relative) != 1 {
			t.Fatalf("envoy.yaml does not say %q once", relative)
		}
		validate := func(doc string) (string, error) {
			path := filepath.Join(t.TempDir(), "envoy.yaml")
			if err := os.WriteFile(path, []byte(strings.Replace(doc, relative, "filename: "+wasm, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			return envoy.Validate(t.Context(), s.binary, path)
		}
		if log, err := validate(string(doc)); err != nil {
			t.Errorf("envoy --mode validate: %v\n%s", err, log)
		}
		// The same with a mistake, to know that the check sees the plugin's part.
		if log, err := validate(strings.Replace(string(doc), `"required_scopes"`, `"requird_scopes"`, 1)); err == nil || !strings.Contains(log, "resources[0].requird_scopes") {
			t.Errorf("a mistake in the plugin's configuration was not found: %v\n%s", err, log)
		}
	})
}
