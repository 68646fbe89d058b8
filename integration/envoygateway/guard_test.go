//go:build controlplane

package envoygateway

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/integration/controlplane"
)

// rejected returns how many updates of listeners Envoy has rejected.
func (s *standalone) rejected() int {
	_, value, _ := strings.Cut(s.admin("/stats?filter=lds.update_rejected"), ": ")
	n, _ := strconv.Atoi(strings.TrimSpace(value))
	return n
}

// awaitRejection waits until Envoy has rejected one more update than before.
func (s *standalone) awaitRejection(t testing.TB, before int) {
	t.Helper()
	controlplane.Eventually(t, "a rejected update", patience, func() error {
		if s.rejected() == before {
			return errNotYet
		}
		return nil
	})
}

// awaitLog waits until Envoy Gateway, or Envoy, has logged the text since the offset.
func (s *standalone) awaitLog(t testing.TB, offset int, text string) {
	t.Helper()
	controlplane.Eventually(t, "a line of the log with "+text, patience, func() error {
		if !strings.Contains(s.process.Log()[offset:], text) {
			return errNotYet
		}
		return nil
	})
}

// stays waits for a hole to open in. Envoy Gateway sends listeners and routes at once.
func stays() { time.Sleep(700 * time.Millisecond) }

func (s *standalone) mustPass(t testing.TB) {
	t.Helper()
	if status, err := mcp.Status(s.world.Token("read:notes")); err != nil || status != 200 {
		t.Errorf("a valid token at the first route: %d %v", status, err)
	}
}

// Whatever goes wrong with the plugin, nothing reaches the MCP server without a token
// while the guard is in effect.
func TestGuard(t *testing.T) {
	w := controlplane.NewWorld(t, upstreamAddr)
	s := start(t, w, options{})
	s.guarded(t)

	if !t.Run("route and policy at once", func(t *testing.T) {
		p := controlplane.Poll(t, w.Upstream, plainNotesURL, notesURL)
		s.manifest(t, "identity-provider.yaml")
		s.manifest(t, "mcp-route.yaml")
		s.manifest(t, "policy.yaml")
		mcp.Await(t, w.Token("read:notes"), 200, patience)
		p.MustBeClosed(t)
	}) {
		return
	}
	// A second policy, with one mistake after the other, beside a first one that is right.
	step := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			p := controlplane.Poll(t, w.Upstream, plainTasksURL, plainNotesURL)
			test(t)
			s.mustPass(t)
			p.MustBeClosed(t)
		})
	}
	policy := func(t *testing.T, edits ...edit) { s.put(t, "tasks-policy.yaml", s.tasks(t, edits...)) }
	step("second policy wrong", func(t *testing.T) {
		before := s.rejected()
		policy(t, mistake)
		s.put(t, "tasks-route.yaml", controlplane.Manifest(t, "gatewayapi/mcp-route.yaml", tasksRoute...))
		s.awaitRejection(t, before)
		await(t, tasksURL, forged, 403)
		stays()
	})
	step("corrected", func(t *testing.T) {
		policy(t)
		await(t, tasksURL, nil, 401)
	})
	step("removed", func(t *testing.T) {
		s.remove(t, "tasks-policy.yaml")
		await(t, tasksURL, forged, 403)
		stays()
	})
	step("added wrong", func(t *testing.T) {
		before := s.rejected()
		policy(t, mistake)
		s.awaitRejection(t, before)
		stays()
		await(t, tasksURL, forged, 403)
	})
	step("image missing", func(t *testing.T) {
		offset := len(s.process.Log())
		policy(t, edit{Why: "no such image", Old: "example.com/mcpauth@", New: "example.com/missing@"})
		s.awaitLog(t, offset, "could not fetch Wasm OCI image")
		stays()
		await(t, tasksURL, forged, 403)
	})
	step("digest wrong", func(t *testing.T) {
		offset := len(s.process.Log())
		policy(t, digest(strings.Repeat("1", 64)))
		s.awaitLog(t, offset, "could not fetch Wasm OCI image")
		stays()
		await(t, tasksURL, forged, 403)
	})
	module, err := os.ReadFile(w.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	other := w.PushImage(t, append(module, 0, 2, 1, 'x'), "other") // another one than Envoy Gateway has
	w.Registry.Down()
	step("registry down", func(t *testing.T) {
		offset := len(s.process.Log())
		policy(t, digest(other))
		s.awaitLog(t, offset, "could not fetch Wasm OCI image")
		stays()
		await(t, tasksURL, forged, 403)
	})
	step("registry down, a known image", func(t *testing.T) {
		policy(t)
		await(t, tasksURL, nil, 401)
	})
	w.Registry.Up(t)
	faults, err := os.ReadFile(filepath.Join(filepath.Dir(w.Wasm), "mcpauth-faults.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	crashing := w.PushImage(t, faults, "faults")
	step("crash", func(t *testing.T) {
		s.manifest(t, "patch.yaml")
		policy(t, digest(crashing))
		offset := len(s.process.Log())
		controlplane.Eventually(t, "a crash", patience, func() error {
			status, _, err := get(tasksURL, http.Header{"X-Debug-Trap": {"now"}})
			if err == nil && status != 503 {
				return errNotYet
			}
			return err
		})
		await(t, tasksURL, nil, 401) // FAIL_RELOAD
		s.awaitLog(t, offset, "panic: ")
		s.awaitLog(t, offset, "Function: proxy_on_request_headers failed")
	})
	step("verdict_header missing", func(t *testing.T) {
		policy(t, edit{Why: "no header for the guard", Old: "        verdict_header: true\n", New: ""},
			edit{Why: "a further scope, which shows that the change is in effect", Old: `"write:notes"]`, New: `"write:notes", "silent"]`})
		controlplane.Eventually(t, "the plugin without verdict_header", patience, func() error {
			_, body, err := get("https://"+controlplane.MCPHost+"/.well-known/oauth-protected-resource/tasks", nil)
			if err == nil && !strings.Contains(body, "silent") {
				err = errNotYet
			}
			return err
		})
		await(t, tasksURL, nil, 401)
		token := w.Auth.Mint(authserver.Token{Resource: tasksURL, Scope: "read:notes"})
		await(t, tasksURL, http.Header{"Authorization": {"Bearer " + token}}, 403)
	})
	step("unknown field", func(t *testing.T) {
		offset := len(s.process.Log())
		policy(t, edit{Why: "a misspelled field", Old: "failOpen:", New: "failopenly:"})
		s.awaitLog(t, offset, "error when reload resources")
		stays()
		await(t, tasksURL, nil, 401)
	})
	step("headers with underscores allowed", func(t *testing.T) {
		s.remove(t, "tasks-policy.yaml")
		s.manifest(t, "guard.yaml", edit{Why: "headers with underscores", Old: "    earlyRequestHeaders:\n", New: "    withUnderscoresAction: Allow\n    earlyRequestHeaders:\n"})
		await(t, tasksURL, http.Header{"x_mcpauth_verdict": {"token"}}, 403)
		stays()
	})
	t.Run("a SecurityPolicy of the route", s.routePolicy)
}

// routePolicy attaches a SecurityPolicy to a route without a plugin: merged with the guard
// it leaves the route closed; on its own it opens it, as guard.yaml says.
func (s *standalone) routePolicy(t *testing.T) {
	p := controlplane.Poll(t, s.world.Upstream, plainTasksURL)
	policy := func(name, merge string) string {
		return `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {name: ` + name + `, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: tasks}]
` + merge + `  cors: {allowOrigins: ["https://app.example.com"], exposeHeaders: [x-merged]}
`
	}
	s.put(t, "tasks-cors.yaml", policy("merged", "  mergeType: StrategicMerge\n"))
	controlplane.Eventually(t, "the policy of the route", patience, func() error {
		if !strings.Contains(s.admin("/config_dump?resource=dynamic_route_configs"), "x-merged") {
			return errNotYet
		}
		return nil
	})
	stays()
	await(t, tasksURL, forged, 403)
	p.MustBeClosed(t)

	p = controlplane.Poll(t, s.world.Upstream, plainTasksURL)
	s.put(t, "tasks-cors.yaml", policy("alone", ""))
	controlplane.Eventually(t, "a leak", patience, func() error {
		status, _, err := get(tasksURL, nil)
		if err == nil && status == 403 {
			err = errNotYet
		}
		return err
	})
	if len(p.Stop()) == 0 {
		t.Error("a SecurityPolicy of the route does not replace the guard, but guard.yaml says so")
	}
}

// Without the guard, or before it is in effect, the poller sees what TestGuard proves
// closed.
func TestWithoutGuard(t *testing.T) {
	w := controlplane.NewWorld(t, upstreamAddr)
	s := start(t, w, options{})
	await(t, notesURL, nil, 404)

	// Envoy takes the route before the listener with plugin and guard.
	attached := controlplane.Manifest(t, "gatewayapi/identity-provider.yaml") +
		"---\n" + controlplane.Manifest(t, "gatewayapi/mcp-route.yaml", toBackend) +
		"---\n" + controlplane.Manifest(t, "gatewayapi/policy.yaml", digest(s.digest))
	p := controlplane.Poll(t, w.Upstream, plainNotesURL)
	s.put(t, "all.yaml", controlplane.Manifest(t, "gatewayapi/guard.yaml")+"---\n"+attached)
	mcp.Await(t, w.Token("read:notes"), 200, patience)
	await(t, notesURL, nil, 401)
	mustLeak(t, p, "everything at once")

	s.put(t, "all.yaml", attached)
	await(t, fmt.Sprintf("http://127.0.0.1:%d/", httpPort), http.Header{"Host": {"guard.invalid"}}, 404)
	p = controlplane.Poll(t, w.Upstream, plainTasksURL)
	before := s.rejected()
	s.put(t, "tasks-policy.yaml", s.tasks(t, mistake))
	s.put(t, "tasks-route.yaml", controlplane.Manifest(t, "gatewayapi/mcp-route.yaml", tasksRoute...))
	s.awaitRejection(t, before)
	stays()
	mustLeak(t, p, "a second policy with a mistake")
}

func mustLeak(t testing.TB, p *controlplane.Poller, what string) {
	t.Helper()
	leaks := p.Stop()
	t.Logf("%s: %d requests without a token reached the MCP server", what, len(leaks))
	if len(leaks) == 0 {
		t.Errorf("%s opens nothing: either the guard is not needed, or the poller sees nothing; %s", what, p)
	}
}
