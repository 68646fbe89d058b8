package examples

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
)

// TestFailReload: where the plugin crashes, nothing passes unchecked, and Envoy brings it
// up again, as failure_policy in each example says.
func TestFailReload(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	crashing := filepath.Join(root, "build", "mcpauth-faults.wasm")
	if _, err := os.Stat(crashing); err != nil {
		t.Fatalf("make integration-test builds it: %v", err)
	}
	onEach(t, func(t *testing.T, binary string) {
		for name, scheme := range map[string]string{static: "http", ldsBootstrap: "https", ecdsFile: "http"} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, binary)
				w.wasm = crashing
				w.put(t, ldsListener, w.example(t, ldsListener))
				w.put(t, ecdsFilter, w.example(t, ecdsFilter))
				p := w.start(t, w.example(t, name))
				w.serves(t, scheme)
				before := w.mcp.Requests()
				client := w.client(1)
				defer client.CloseIdleConnections()
				mustCall(t, client, w.resource(scheme), whoami, http.Header{"X-Debug-Trap": {"now"}})
				if !strings.Contains(p.Log(), "trap: a request") {
					t.Error("the plugin has not crashed")
				}
				// A new plugin that crashes within the back-off stays down until it ends.
				refused, deadline := 0, time.Now().Add(stage)
				for n := 0; time.Now().Before(deadline); n++ {
					trap := http.Header{}
					if n%50 == 0 {
						trap.Set("X-Debug-Trap", "now")
					}
					a := mustCall(t, client, w.resource(scheme), whoami, forged(trap))
					if a.status == http.StatusServiceUnavailable {
						refused++
					} else if a.status != http.StatusUnauthorized {
						t.Errorf("status %d: %s", a.status, a.body)
					}
					time.Sleep(2 * time.Millisecond)
				}
				t.Logf("%d requests got 503", refused)
				if n := w.mcp.Requests() - before; n != 0 {
					t.Errorf("%d requests without a token reached the MCP server", n)
				}
				// Envoy replaces a crashed plugin when the worker gets its next request, so each
				// attempt is a connection of its own: one of them meets that worker.
				eventually(t, func() string {
					w.serves(t, scheme)
					if n := stat(t, p, `wasm.*vm_reload_success`); n == 0 {
						return "no reload in Envoy's statistics"
					}
					return ""
				})
			})
		}
	})
}
