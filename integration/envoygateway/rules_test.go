//go:build controlplane

package envoygateway

import (
	"fmt"
	"strings"
	"testing"

	"mcpauth/integration/controlplane"
)

var toolRule = edit{Why: "a rule for a tool", Old: "            required_scopes: [\"read:notes\"] # CHANGE\n",
	New: "            required_scopes: [\"read:notes\"]\n            tools: {add_note: [\"write:notes\"]}\n"}

// Rules decide on requests by their bodies, with and without patch.yaml. Without the
// limits of guard.yaml, Envoy itself refuses bodies that the plugin needs.
func TestRules(t *testing.T) {
	w := controlplane.NewWorld(t, upstreamAddr)
	s := start(t, w, options{})
	s.protected(t, toolRule)
	rules := mcp
	rules.Rules = true
	t.Run("without patch.yaml", func(t *testing.T) {
		rules.Job(t, w)
		s.largeBodies(t, 200)
	})
	t.Run("with patch.yaml", func(t *testing.T) {
		// Envoy's part first: it changes nothing without the plugin's.
		s.patch(t)
		s.manifest(t, "policy.yaml", furtherScope("patched"), toolRule, stopIteration)
		s.awaitMetadata(t, `"patched"`)
		s.largeBodies(t, 200)
		s.manifest(t, "policy.yaml", toolRule, stopIteration)
		controlplane.Eventually(t, "the metadata of before", patience, func() error {
			_, body, err := get(metadataURL, nil)
			if err == nil && strings.Contains(body, "patched") {
				err = errNotYet
			}
			return err
		})
		rules.Job(t, w)
	})
	t.Run("with the limits of Envoy Gateway", func(t *testing.T) {
		s.manifest(t, "guard.yaml", edit{Why: "Envoy Gateway's own limits", Old: "    bufferLimit: 1Mi\n  http2:\n    initialStreamWindowSize: 1Mi\n", New: "    bufferLimit: 32Ki\n  http2:\n    initialStreamWindowSize: 64Ki\n"})
		s.largeBodies(t, 413)
		s.awaitLog(t, 0, `"response_code":413,"response_code_details":"request_payload_too_large"`)
	})
}

// largeBodies waits until calls with a body of 200 kB get the status, over HTTP/1.1 and
// HTTP/2, and tests that the rule holds for them.
func (s *standalone) largeBodies(t *testing.T, want int) {
	t.Helper()
	for _, url := range []string{plainNotesURL, notesURL} {
		token := s.world.Token("read:notes write:notes")
		controlplane.Eventually(t, fmt.Sprintf("%s with a large body: status %d", url, want), patience, func() error {
			status, body, err := post(url, token, 200_000)
			if want == 413 && err == nil && status == 413 && strings.TrimSpace(body) == "Payload Too Large" {
				return nil
			}
			// The server refuses the call itself, for want of a session.
			if want == 200 && err == nil && strings.HasPrefix(body, "mcp ") {
				return nil
			}
			return fmt.Errorf("status %d %.100s %v", status, body, err)
		})
		status, body, err := post(url, s.world.Token("read:notes"), 200_000)
		if want == 200 && (err != nil || status != 403 || !strings.Contains(body, "insufficient_scope")) {
			t.Errorf("%s without the scope: %d %s %v", url, status, body, err)
		}
		if strings.HasPrefix(body, "mcp ") {
			t.Errorf("%s without the scope reached the MCP server", url)
		}
	}
}

const metadataURL = "https://" + controlplane.MCPHost + "/.well-known/oauth-protected-resource/notes"
