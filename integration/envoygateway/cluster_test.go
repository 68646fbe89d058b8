//go:build controlplane

package envoygateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/controlplane"
)

const (
	serviceAddr   = "10.9.0.1" // Kubernetes refuses endpoints with loopback addresses
	controllerDNS = "envoy-gateway.envoy-gateway-system.svc.cluster.local"
)

func init() { controlplane.NameHost(controllerDNS, "127.0.0.1") }

// cluster is an Envoy Gateway with its Kubernetes provider. Nothing runs pods, so the test
// starts Envoy as the Deployment says that Envoy Gateway makes.
type cluster struct {
	*controlplane.Kubernetes
	world      *controlplane.World
	controller *controlplane.Process
	envoy      *controlplane.Process
}

func startCluster(t testing.TB, version string) *cluster {
	t.Helper()
	if err := controlplane.AddAddress("svc", serviceAddr); err != nil {
		t.Fatal(err)
	}
	c := &cluster{world: controlplane.NewWorld(t, serviceAddr+":3000"), Kubernetes: controlplane.StartKubernetes(t)}
	definitions, err := controlplane.EnvoyGateway.ModuleFile("github.com/envoyproxy/gateway", "charts/gateway-helm/charts/crds/crds")
	if err != nil {
		t.Fatal(err)
	}
	c.Kubectl(t, "apply", "--server-side", "-f", definitions+"/gatewayapi-crds.yaml", "-f", definitions+"/generated")
	c.Kubectl(t, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
	c.Apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: envoy-gateway-system}\n")

	home := t.TempDir()
	env := append(os.Environ(), "HOME="+home, "KUBECONFIG="+c.Kubeconfig, "ENVOY_GATEWAY_NAMESPACE=envoy-gateway-system", "KUBERNETES_CLUSTER_DOMAIN=cluster.local")
	certgen := exec.Command(controlplane.EnvoyGateway.Path(), "certgen", "--disable-topology-injector")
	certgen.Env = env
	controlplane.Run(t, certgen)
	config := controlplane.WriteFile(t, "envoy-gateway.yaml", []byte(`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
provider:
  type: Kubernetes
  kubernetes:
    leaderElection: {disable: true}
    proxyTopologyInjector: {disabled: true}
extensionApis: {enableBackend: true, enableEnvoyPatchPolicy: true}
`))
	cmd := exec.Command(controlplane.EnvoyGateway.Path(), "server", "--config-path", config)
	cmd.Env = env
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: newRoot(t, "controller", map[string]string{"certs": c.secret(t, "envoy-gateway")})}
	c.controller = controlplane.StartProcess(t, "envoy-gateway", cmd)

	c.Apply(t, c.base(t))
	c.startEnvoy(t, version)
	controlplane.Forward(t, controlplane.Address(controlplane.MCPHost)+":443", listener)
	return c
}

// base returns what a user has before mcpauth: a Gateway, and the MCP server as a Service.
func (c *cluster) base(t testing.TB) string {
	t.Helper()
	cert, key, err := controlplane.TestCA().Certificate(controlplane.MCPHost)
	if err != nil {
		t.Fatal(err)
	}
	e := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: mcp-example-com, namespace: default}
type: kubernetes.io/tls
data: {tls.crt: %s, tls.key: %s}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec:
  controllerName: gateway.envoyproxy.io/gatewayclass-controller
  parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: eg, namespace: envoy-gateway-system}
---
# Its port for metrics is that of Envoy Gateway's own.
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: eg, namespace: envoy-gateway-system}
spec: {concurrency: 1, telemetry: {metrics: {prometheus: {disable: true}}}}
---%s
---
apiVersion: v1
kind: Service
metadata: {name: notes, namespace: default}
spec: {ports: [{name: http, port: 8080, targetPort: 3000}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: notes, namespace: default, labels: {kubernetes.io/service-name: notes}}
addressType: IPv4
ports: [{name: http, port: 3000, protocol: TCP}] # Envoy Gateway itself listens on 8080
endpoints: [{addresses: [%s], conditions: {ready: true}}]
`, e(cert), e(key), gateway(80, 443), serviceAddr)
}

// secret writes the files of a Secret of Envoy Gateway's namespace, as its volume would
// have them, and returns their folder.
func (c *cluster) secret(t testing.TB, name string) string {
	t.Helper()
	var secret struct{ Data map[string][]byte }
	if err := json.Unmarshal([]byte(c.Kubectl(t, "-n", "envoy-gateway-system", "get", "secret", name, "-o", "json")), &secret); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for file, content := range secret.Data {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startEnvoy starts Envoy with the arguments of the Deployment's container.
func (c *cluster) startEnvoy(t testing.TB, version string) {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Spec     struct {
				Template struct {
					Spec struct {
						Containers []struct {
							Name string
							Args []string
						}
					}
				}
			}
			Data map[string]string
		}
	}
	get := func(kind string) error {
		list.Items = nil
		out := c.Kubectl(t, "-n", "envoy-gateway-system", "get", kind, "-l", "gateway.envoyproxy.io/owning-gateway-name=eg", "-o", "json")
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			return err
		}
		if len(list.Items) != 1 {
			return fmt.Errorf("%d of them", len(list.Items))
		}
		return nil
	}
	controlplane.Eventually(t, "the ConfigMap for Envoy", time.Minute, func() error { return get("configmap") })
	sds := t.TempDir()
	for file, content := range list.Items[0].Data {
		if err := os.WriteFile(filepath.Join(sds, file), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	controlplane.Eventually(t, "the Deployment of Envoy", time.Minute, func() error { return get("deployment") })
	var args []string
	for _, container := range list.Items[0].Spec.Template.Spec.Containers {
		if container.Name == "envoy" {
			args = container.Args
		}
	}
	if len(args) == 0 {
		t.Fatal("the Deployment has no container envoy")
	}
	text := strings.NewReplacer(
		"$(ENVOY_POD_NAME)", "envoy-1", "$(ENVOY_SERVICE_ZONE)", "",
		controllerDNS+".", controllerDNS, // the file of host names has no names with a dot at their end
		"port_value: 19000", "port_value: 19010", // Envoy Gateway's own
	).Replace(strings.Join(args, "\x00"))
	binary, err := envoy.Binary(context.Background(), version)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, append(strings.Split(text, "\x00"), "--disable-hot-restart")...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: newRoot(t, "envoy", map[string]string{"certs": c.secret(t, "envoy"), "sds": sds})}
	c.envoy = controlplane.StartProcess(t, "envoy", cmd)
	select {
	case <-c.envoy.Exited():
		t.Fatal("Envoy ended")
	case <-time.After(500 * time.Millisecond):
	}
}

// gatewayAddr is where clients reach the Gateway's listener for MCP.
const gatewayAddr = "127.0.0.1:10443"

// env is the environment of a user's shell.
func (c *cluster) env() []string {
	return append(os.Environ(), "KUBECONFIG="+c.Kubeconfig, "PATH="+filepath.Dir(controlplane.Kubectl.Path())+":"+os.Getenv("PATH"))
}

// applySh runs apply.sh with the manifests in dir and returns its output.
func (c *cluster) applySh(dir string, options ...string) (string, error) {
	root, err := envoy.Root()
	if err != nil {
		return "", err
	}
	args := []string{filepath.Join(root, "envoy-example", "gatewayapi", "apply.sh"), "-d", dir, "-a", gatewayAddr, "-c", "test"}
	args = append(append(args, options...), controlplane.Resource, filepath.Join(dir, "mcp-route.yaml"))
	cmd := exec.Command("sh", args...)
	cmd.Env = c.env()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// manifests writes the manifests, with the edits of a user, and returns their folder.
func (c *cluster) manifests(t testing.TB, edits map[string][]edit) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range []string{"guard.yaml", "identity-provider.yaml", "policy.yaml", "mcp-route.yaml", "patch.yaml"} {
		each := edits[file]
		if file == "policy.yaml" {
			each = append([]edit{digest(c.world.Digest)}, each...)
		}
		text := controlplane.Manifest(t, "gatewayapi/"+file, each...)
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tasks returns the second policy.
func (c *cluster) tasks(t testing.TB, edits ...edit) string {
	t.Helper()
	return secondPolicy(t, c.world.Digest, edits...)
}
