//go:build controlplane

package istio

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mcpauth/integration/controlplane"
)

// Addresses of pods. Kubernetes refuses endpoints with loopback addresses.
const (
	gatewayIP = "192.0.2.10"
	apiIP     = "192.0.2.11" // of the gateway of the Gateway API
	serverIP  = "192.0.2.20" // of the MCP server
	sidecarIP = "192.0.2.21" // of the MCP server with a sidecar
)

// The ports that the gateway's pods listen on. Its Service has 80 and 443.
const (
	httpPort  = "8080"
	httpsPort = "8443"
)

// serverPort is the port of the MCP server's pods. Its Service has 8080.
const serverPort = "3000"

// mesh is what a user has before mcpauth: Istio, a gateway with a certificate, and the MCP
// server in the cluster.
type mesh struct {
	world   *controlplane.World
	k       *controlplane.Kubernetes
	istiod  *controlplane.Process
	dir     string
	target  atomic.Value // of connections to mcp.example.com, host without port
	proxies int
}

func startMesh(t *testing.T) *mesh {
	t.Helper()
	for label, address := range map[string]string{"gw": gatewayIP, "api": apiIP, "mcp": serverIP, "side": sidecarIP} {
		if err := controlplane.AddAddress(label, address); err != nil {
			t.Fatal(err)
		}
	}
	// pilot-agent keeps modules in /var/lib/istio/data, whatever it is told.
	if err := controlplane.TmpfsAt("/var/lib"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("/var/lib/istio/data", 0o755); err != nil {
		t.Fatal(err)
	}
	m := &mesh{world: controlplane.NewWorld(t, ":"+serverPort), dir: t.TempDir()}
	m.target.Store(gatewayIP)
	for from, to := range map[string]string{"80": httpPort, "443": httpsPort} {
		controlplane.Forward(t, net.JoinHostPort(controlplane.Address(controlplane.MCPHost), from), func() string {
			return net.JoinHostPort(m.target.Load().(string), to)
		})
	}
	m.k = controlplane.StartKubernetes(t)
	for module, file := range map[string]string{
		"istio.io/istio":          "manifests/charts/base/files/crd-all.gen.yaml",
		"sigs.k8s.io/gateway-api": "config/crd/standard",
	} {
		path, err := controlplane.Istiod.ModuleFile(module, file)
		if err != nil {
			t.Fatal(err)
		}
		m.k.ApplyDefinitions(t, path)
	}
	m.k.Apply(t, m.before(t))
	m.startIstiod(t)
	return m
}

// write writes a file and returns its path.
func (m *mesh) write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// certificate writes a certificate and its key as the files NAME.crt and NAME.key.
func (m *mesh) certificate(t testing.TB, name string, names ...string) (cert, key string) {
	t.Helper()
	c, k, err := controlplane.TestCA().Certificate(names...)
	if err != nil {
		t.Fatal(err)
	}
	return m.write(t, name+".crt", c), m.write(t, name+".key", k)
}

const istiodHost = "istiod.istio-system.svc"

const istiodIP = "127.0.0.5"

func init() { controlplane.NameHost(istiodHost, istiodIP) }

func (m *mesh) startIstiod(t *testing.T) {
	t.Helper()
	cert, key := m.certificate(t, "istiod", istiodHost)
	meshConfig := m.write(t, "mesh.yaml", []byte(`
accessLogFile: /dev/stdout
accessLogFormat: "access %RESPONSE_CODE% %RESPONSE_FLAGS% %REQ(:PATH)%\n"
enableAutoMtls: false
rootNamespace: istio-system
`))
	cmd := exec.Command(controlplane.Istiod.Path(), "discovery", "--kubeconfig", m.k.Kubeconfig, "--meshConfig", meshConfig,
		"--grpcAddr", "", "--secureGRPCAddr", istiodIP+":15012", "--httpAddr", istiodIP+":8080", "--httpsAddr", "", "--monitoringAddr", istiodIP+":15014", "--ctrlz_port", "0",
		"--tlsCertFile", cert, "--tlsKeyFile", key, "--caCertFile", m.write(t, "ca.crt", controlplane.TestCA().PEM))
	cmd.Env = append(os.Environ(), "POD_NAME=istiod", "POD_NAMESPACE=istio-system",
		// A stock Envoy does not have these filters.
		"PILOT_ENABLE_METADATA_EXCHANGE=false", "PILOT_ENABLE_ALPN_FILTER=false",
		"ENABLE_CA_SERVER=false", "PILOT_CERT_PROVIDER=none", "INJECTION_WEBHOOK_CONFIG_NAME=", "VALIDATION_WEBHOOK_CONFIG_NAME=",
		"PILOT_ENABLE_GATEWAY_API=true", "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER=false", "PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER=false",
		"UNSAFE_PILOT_ENABLE_RUNTIME_ASSERTIONS=false")
	m.istiod = controlplane.StartProcess(t, "istiod", cmd)
	controlplane.Eventually(t, "istiod", 30*time.Second, func() error {
		res, err := http.Get("http://" + istiodIP + ":8080/ready")
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			return fmt.Errorf("status %d", res.StatusCode)
		}
		return nil
	})
}

// before returns the resources that a user has before mcpauth.
func (m *mesh) before(t testing.TB) string {
	t.Helper()
	cert, key, err := controlplane.TestCA().Certificate(controlplane.MCPHost)
	if err != nil {
		t.Fatal(err)
	}
	e := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(`
apiVersion: v1
kind: Namespace
metadata: {name: istio-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: istio-ingress}
---
apiVersion: v1
kind: Secret
metadata: {name: mcp-example-com, namespace: istio-ingress}
type: kubernetes.io/tls
data: {tls.crt: %[1]s, tls.key: %[2]s}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gateway, namespace: istio-ingress}
spec:
  selector: {istio: ingressgateway}
  servers:
    - hosts: ["*"]
      bind: %[3]s
      port: {number: 443, name: https, protocol: HTTPS}
      tls: {mode: SIMPLE, credentialName: mcp-example-com}
    - hosts: ["*"]
      bind: %[3]s
      port: {number: 80, name: http, protocol: HTTP}
    - hosts: ["*"]
      bind: %[3]s
      port: {number: 9000, name: tcp, protocol: TCP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: istio}
spec: {controllerName: istio.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: my-gateway, namespace: istio-ingress}
spec:
  gatewayClassName: istio
  addresses: [{type: Hostname, value: my-gateway-istio.istio-ingress.svc.cluster.local}]
  listeners:
    - name: https
      port: 443
      protocol: HTTPS
      tls: {mode: Terminate, certificateRefs: [{kind: Secret, name: mcp-example-com}]}
      allowedRoutes: {namespaces: {from: All}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: DISABLE}}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: notes, namespace: default}
spec:
  workloadSelector: {labels: {app: notes}}
  ingress:
    - {port: {number: 8080, protocol: HTTP, name: http}, bind: %[4]s, captureMode: NONE, defaultEndpoint: 127.0.0.1:%[5]s}
`, e(cert), e(key), gatewayIP, sidecarIP, serverPort) +
		service("istio-ingress", "istio-ingressgateway", gatewayIP, "{istio: ingressgateway}", "80:"+httpPort, "443:"+httpsPort) +
		service("istio-ingress", "my-gateway-istio", apiIP, "{gateway.networking.k8s.io/gateway-name: my-gateway}", "80:"+httpPort, "443:"+httpsPort) +
		service("default", "notes", serverIP, "{app: notes}", "8080:"+serverPort) +
		service("default", "notes-sidecar", sidecarIP, "{app: notes}", "8080:8080")
}

// service returns a Service with one endpoint. Its ports are written PORT:TARGET.
func service(namespace, name, ip, selector string, ports ...string) string {
	var ofService, ofSlice []string
	for _, p := range ports {
		port, target, _ := strings.Cut(p, ":")
		ofService = append(ofService, fmt.Sprintf("{name: http-%[1]s, port: %[1]s, targetPort: %[2]s}", port, target))
		ofSlice = append(ofSlice, fmt.Sprintf("{name: http-%s, port: %s, protocol: TCP}", port, target))
	}
	return fmt.Sprintf(`
---
apiVersion: v1
kind: Service
metadata: {name: %[2]s, namespace: %[1]s}
spec:
  selector: %[4]s
  ports: [%[5]s]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[2]s-1, namespace: %[1]s, labels: {kubernetes.io/service-name: %[2]s}}
addressType: IPv4
endpoints: [{addresses: [%[3]s], conditions: {ready: true}}]
ports: [%[6]s]
`, namespace, name, ip, selector, strings.Join(ofService, ", "), strings.Join(ofSlice, ", "))
}

// clean removes what a test has applied: the routes first, as the page says.
func (m *mesh) clean(t testing.TB) {
	t.Helper()
	routes := m.k.Kubectl(t, "delete", "--all", "-A", "virtualservices,httproutes")
	if routes != "" {
		time.Sleep(500 * time.Millisecond) // until the gateway has heard of it
	}
	m.k.Kubectl(t, "delete", "--all", "-A",
		"wasmplugins,trafficextensions,envoyfilters,authorizationpolicies,requestauthentications,serviceentries,destinationrules")
}
