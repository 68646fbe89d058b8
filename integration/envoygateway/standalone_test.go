//go:build controlplane

package envoygateway

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/controlplane"
)

// standalone is an Envoy Gateway that reads its resources from a folder and starts Envoy
// itself. Its Gateway "eg" is what a user has before mcpauth: two listeners, no policy.
type standalone struct {
	world   *controlplane.World
	process *controlplane.Process
	dir     string // of resources
	home    string
	digest  string

	filterOrder string // a line for the EnvoyProxy
}

type options struct {
	envoy   string   // version, envoy.DefaultVersion if empty
	workers int      // 1 if zero
	env     []string // of Envoy Gateway, and so of Envoy
}

const (
	upstreamAddr = "127.0.0.1:8080"
	httpPort     = 10080
	httpsPort    = 10443
)

// start starts Envoy Gateway, waits for nothing, and ends it with the test.
func start(t testing.TB, w *controlplane.World, o options) *standalone {
	t.Helper()
	if o.envoy == "" {
		o.envoy = envoy.DefaultVersion
	}
	binary, err := envoy.Binary(context.Background(), o.envoy)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	s := &standalone{world: w, home: home, dir: filepath.Join(home, "resources"), digest: w.Digest}
	for _, dir := range []string{s.dir, filepath.Join(home, "config"), filepath.Join(home, "data", "envoy-versions", o.envoy, "bin")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Where it finds Envoy of this version, it downloads none.
	if err := os.Symlink(binary, filepath.Join(home, "data", "envoy-versions", o.envoy, "bin", "envoy")); err != nil {
		t.Fatal(err)
	}
	config := controlplane.WriteFile(t, "envoy-gateway.yaml", []byte(fmt.Sprintf(`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
provider:
  type: Custom
  custom:
    resource: {type: File, file: {paths: [%q]}}
    infrastructure:
      type: Host
      host: {configHome: %q, dataHome: %q, stateHome: %q, runtimeDir: %q}
logging: {level: {default: info}}
extensionApis: {enableBackend: true, enableEnvoyPatchPolicy: true}
`, s.dir, home+"/config", home+"/data", home+"/state", home+"/run")))
	env := append(os.Environ(), "HOME="+home)
	certgen := exec.Command(controlplane.EnvoyGateway.Path(), "certgen", "--local", "--config-home", home+"/config")
	certgen.Env = env
	controlplane.Run(t, certgen)
	s.put(t, "base.yaml", s.base(t, o))
	s.put(t, "wasm-cluster.yaml", wasmClusterPatch(home+"/config/certs/envoy/ca.crt"))

	cmd := exec.Command(controlplane.EnvoyGateway.Path(), "server", "--config-path", config)
	cmd.Env = append(env, o.env...)
	s.process = controlplane.StartProcess(t, "envoy-gateway", cmd)
	controlplane.Forward(t, net.JoinHostPort(controlplane.Address(controlplane.MCPHost), "443"), listener)
	return s
}

// base returns the resources that a user has before mcpauth.
func (s *standalone) base(t testing.TB, o options) string {
	t.Helper()
	cert, key, err := controlplane.TestCA().Certificate(controlplane.MCPHost)
	if err != nil {
		t.Fatal(err)
	}
	secret := func(namespace, name string, ca, cert, key []byte) string {
		e := base64.StdEncoding.EncodeToString
		return fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: %s}
type: kubernetes.io/tls
data: {ca.crt: %s, tls.crt: %s, tls.key: %s}
---`, name, namespace, e(ca), e(cert), e(key))
	}
	certs := filepath.Join(s.home, "config", "certs", "envoy")
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(certs, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	return secret("envoy-gateway-system", "envoy", read("ca.crt"), read("tls.crt"), read("tls.key")) +
		secret("default", "mcp-example-com", nil, cert, key) + fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec:
  controllerName: gateway.envoyproxy.io/gatewayclass-controller
  parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: host, namespace: envoy-gateway-system}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: host, namespace: envoy-gateway-system}
spec:
  provider: {type: Host, host: {envoyVersion: %q}}
  concurrency: %d
  extraArgs: ["--disable-hot-restart"]
  logging: {level: {default: info}}
%s---%s
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: notes, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: 8080}}]}
`, o.envoy, max(o.workers, 1), s.filterOrder, gateway(httpPort, httpsPort))
}

func gateway(http, https int) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg, namespace: default}
spec:
  gatewayClassName: eg
  listeners:
    - {name: http, protocol: HTTP, port: %d}
    - name: https
      protocol: HTTPS
      port: %d
      tls: {mode: Terminate, certificateRefs: [{kind: Secret, name: mcp-example-com}]}`, http, https)
}

// wasmClusterPatch leads Envoy's cluster for modules to Envoy Gateway on this host: its
// address and the path of its CA exist only in a Kubernetes cluster.
func wasmClusterPatch(ca string) string {
	return fmt.Sprintf(`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyPatchPolicy
metadata: {name: wasm-cluster-on-this-host, namespace: default}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: eg}
  type: JSONPatch
  jsonPatches:
    - type: type.googleapis.com/envoy.config.cluster.v3.Cluster
      name: wasm_cluster
      operation: {op: replace, path: /load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/address, value: 127.0.0.1}
    - type: type.googleapis.com/envoy.config.cluster.v3.Cluster
      name: wasm_cluster
      operation: {op: replace, path: /transport_socket/typed_config/common_tls_context/validation_context/trusted_ca/filename, value: %q}
`, ca)
}

// put writes a file of resources in one step.
func (s *standalone) put(t testing.TB, name, text string) {
	t.Helper()
	unfinished := filepath.Join(s.home, name)
	if err := errors.Join(os.WriteFile(unfinished, []byte(text), 0o600), os.Rename(unfinished, filepath.Join(s.dir, name))); err != nil {
		t.Fatal(err)
	}
}

// remove deletes a file of resources, as kubectl delete would its resources.
func (s *standalone) remove(t testing.TB, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// admin returns what Envoy's admin interface answers, or "".
func (s *standalone) admin(path string) string {
	files, _ := filepath.Glob(filepath.Join(s.home, "run", "*", "admin-address.txt"))
	for _, file := range files {
		addr, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		res, err := http.Get("http://" + strings.TrimSpace(string(addr)) + path)
		if err != nil {
			continue
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return string(text)
	}
	return ""
}

// listener is where Envoy listens for HTTPS.
func listener() string { return fmt.Sprintf("127.0.0.1:%d", httpsPort) }

// guarded applies the guard and waits until it is in effect.
func (s *standalone) guarded(t testing.TB) {
	t.Helper()
	s.manifest(t, "guard.yaml")
	await(t, fmt.Sprintf("http://127.0.0.1:%d/", httpPort), http.Header{"Host": {"guard.invalid"}, "X-Mcpauth-Verdict": {"token"}}, 403)
}

// protected applies guard, plugin and route, in the order of apply.sh.
func (s *standalone) protected(t testing.TB, edits ...edit) {
	t.Helper()
	s.guarded(t)
	s.manifest(t, "identity-provider.yaml")
	s.manifest(t, "policy.yaml", edits...)
	await(t, fmt.Sprintf("http://127.0.0.1:%d/notes", httpPort), http.Header{"Host": {"auth.invalid"}}, 401)
	s.manifest(t, "mcp-route.yaml")
	mcp.Await(t, s.world.Token("read:notes"), 200, patience)
}
