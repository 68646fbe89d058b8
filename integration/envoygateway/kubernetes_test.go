//go:build controlplane

package envoygateway

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/controlplane"
)

// The whole way of a user with a cluster: the commands of the page with kubectl, the main
// job, and what goes wrong afterwards.
func TestKubernetes(t *testing.T) {
	c := startCluster(t, versions[0])
	dir := c.manifests(t, nil)
	p := controlplane.Poll(t, c.world.Upstream, plainNotesURL)
	c.page(t, dir)
	mcp.Job(t, c.world)

	t.Run("second policy wrong", func(t *testing.T) {
		c.Apply(t, c.tasks(t, mistake))
		c.Apply(t, controlplane.Manifest(t, "gatewayapi/mcp-route.yaml", tasksRoute[:3]...))
		tasks := controlplane.Poll(t, c.world.Upstream, plainTasksURL)
		awaitText(t, c.controller, "Envoy rejected the last update")
		c.refused(t)
		stays()
		tasks.MustBeClosed(t)
		// The status says that all is well, and the reason stands in Envoy's log.
		if got := c.conditions(t, "envoyextensionpolicy", "mcpauth-tasks"); got != "Accepted=True Accepted Policy has been accepted." {
			t.Errorf("conditions %q", got)
		}
		awaitText(t, c.envoy, "mcpauth: resources[0].require_scopes: unknown member (did you mean required_scopes?)")
		if status, err := mcp.Status(c.world.Token("read:notes")); err != nil || status != 200 {
			t.Errorf("the first route: %d %v", status, err)
		}
	})
	t.Run("digest wrong", func(t *testing.T) {
		tasks := controlplane.Poll(t, c.world.Upstream, plainTasksURL)
		c.Apply(t, c.tasks(t, digest(strings.Repeat("1", 64))))
		controlplane.Eventually(t, "the condition", patience, func() error {
			got := c.conditions(t, "envoyextensionpolicy", "mcpauth-tasks")
			if strings.HasPrefix(got, "Accepted=False Invalid ") && strings.Contains(got, "could not fetch Wasm OCI image") {
				return nil
			}
			return fmt.Errorf("%q", got)
		})
		c.refused(t)
		tasks.MustBeClosed(t)
	})
	t.Run("patch for a listener that does not exist", func(t *testing.T) {
		c.Apply(t, controlplane.Manifest(t, "gatewayapi/patch.yaml", edit{Why: "no such listener", Old: "default/eg/https", New: "default/eg/other"}))
		controlplane.Eventually(t, "the condition", patience, func() error {
			if got := c.conditions(t, "envoypatchpolicy", "mcpauth"); !strings.Contains(got, "Programmed=False ResourceNotFound") {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
	})
	t.Run("policy removed", func(t *testing.T) {
		c.Kubectl(t, "delete", "envoyextensionpolicy", "mcpauth")
		await(t, notesURL, forged, 403)
		stays()
	})
	p.MustBeClosed(t)
	t.Run("apply.sh fails", c.applyFails)
}

// page runs the commands of docs/envoy-gateway.md, with the manifests in dir, and this
// cluster's context and address in the place of those of the page.
func (c *cluster) page(t *testing.T, dir string) {
	t.Helper()
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "envoy-gateway.md"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			command, want, _ := strings.Cut(strings.TrimSpace(line), "  # ")
			if strings.HasPrefix(command, "make image ") {
				continue // the world has pushed the image
			}
			ran++
			// The manifests have a user's changes, and no DNS name leads to the gateway.
			command = strings.NewReplacer("apply.sh ", "apply.sh -d "+dir+" -a "+gatewayAddr+" -c test ",
				" envoy-example/gatewayapi/mcp-route.yaml", " "+filepath.Join(dir, "mcp-route.yaml"),
				"curl ", "curl --http1.1 ").Replace(command)
			cmd := exec.Command("sh", "-c", command)
			cmd.Dir = root
			cmd.Env = c.env()
			out, err := cmd.CombinedOutput()
			t.Logf("%s\n%s", line, out)
			if err != nil {
				t.Fatalf("%s: %v\n%s", line, err, out)
			}
			if status, _, _ := strings.Cut(want, " "); want != "" && !strings.HasPrefix(string(out), "HTTP/1.1 "+status+" ") {
				t.Errorf("%s: got %s", line, out)
			}
		}
	}
	if ran < 3 {
		t.Errorf("the page has %d commands", ran)
	}
}

// refused waits until the second route gets the guard's answer.
func (c *cluster) refused(t testing.TB) {
	t.Helper()
	await(t, tasksURL, forged, 403)
	if _, body, err := get(tasksURL, nil); err != nil || body != "RBAC: access denied" {
		t.Errorf("the guard's answer is %q %v", body, err)
	}
	awaitText(t, c.envoy, `"response_code":403,"response_code_details":"rbac_access_denied_matched_policy`)
}

func awaitText(t testing.TB, p *controlplane.Process, text string) {
	t.Helper()
	controlplane.Eventually(t, p.Name+" logs "+text, patience, func() error {
		if !strings.Contains(p.Log(), text) {
			return errNotYet
		}
		return nil
	})
}

// conditions returns the conditions of a policy.
func (c *cluster) conditions(t testing.TB, kind, name string) string {
	t.Helper()
	return strings.TrimSpace(c.Kubectl(t, "get", kind, name, "-o",
		"jsonpath={range .status.ancestors[0].conditions[*]}{.type}={.status} {.reason} {.message}{'\\n'}{end}"))
}

// applyFails runs apply.sh where something is wrong: it must stop before the route, and
// say what to look at.
func (c *cluster) applyFails(t *testing.T) {
	clean := func() {
		for _, file := range []string{"mcp-route.yaml", "policy.yaml", "patch.yaml", "identity-provider.yaml", "guard.yaml"} {
			c.Kubectl(t, "delete", "--ignore-not-found", "-f", filepath.Join(c.manifests(t, nil), file))
		}
		c.Kubectl(t, "delete", "--ignore-not-found", "httproute/tasks", "envoyextensionpolicy/mcpauth-tasks")
		await(t, notesURL, nil, 404)
		await(t, "http://127.0.0.1:10080/", http.Header{"Host": {"guard.invalid"}}, 404)
	}
	fails := func(name, dir string, want ...string) {
		t.Run(name, func(t *testing.T) {
			p := controlplane.Poll(t, c.world.Upstream, plainNotesURL)
			out, err := c.applySh(dir, "-t", "6")
			if err == nil {
				t.Errorf("apply.sh succeeds:\n%s", out)
			}
			for _, text := range want {
				if !strings.Contains(out, text) {
					t.Errorf("apply.sh does not say %q:\n%s", text, out)
				}
			}
			if strings.Contains(out, "3. the route") {
				t.Error("apply.sh applies the route")
			}
			p.MustBeClosed(t)
		})
	}
	clean()
	fails("a mistake in the configuration", c.manifests(t, map[string][]edit{"policy.yaml": {mistake}}),
		"apply.sh: the plugin does not run", "status 403, not 401", "after 'mcpauth:'")
	fails("no such image", c.manifests(t, map[string][]edit{"policy.yaml": {{Why: "no such image", Old: "example.com/mcpauth@", New: "example.com/missing@"}}}),
		"apply.sh: the plugin does not run", "Accepted=False", "could not fetch Wasm OCI image")
	clean()
	c.Apply(t, `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: earlier, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  timeout: {http: {requestReceivedTimeout: 10s}}
`)
	fails("another ClientTrafficPolicy", c.manifests(t, nil),
		"apply.sh: the guard is not in effect", "another ClientTrafficPolicy has already attached to it")
	c.Kubectl(t, "delete", "clienttrafficpolicy/earlier")

	// The plugin runs, but the route has lost its guard.
	policy := `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {name: notes-cors, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: notes}]
  cors: {allowOrigins: ["https://app.example.com"]}
`
	c.Apply(t, policy)
	if out, err := c.applySh(c.manifests(t, nil)); err == nil || !strings.Contains(out, "but no guard: a SecurityPolicy of the route counts instead") {
		t.Errorf("a SecurityPolicy of the route: %v\n%s", err, out)
	}
	c.Apply(t, strings.Replace(policy, "spec:\n", "spec:\n  mergeType: StrategicMerge\n", 1))
	if out, err := c.applySh(c.manifests(t, nil)); err != nil {
		t.Errorf("a SecurityPolicy of the route that is merged: %v\n%s", err, out)
	}
}
