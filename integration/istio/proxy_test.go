//go:build controlplane

package istio

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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

// proxy is a pilot-agent with its Envoy: a pod of a gateway, or a sidecar.
type proxy struct {
	*controlplane.Process
	admin, status int // ports on 127.0.0.1
}

type proxyOptions struct {
	role    string // "router" if empty, or "sidecar"
	ip      string // gatewayIP if empty
	label   string // name and value, "istio=ingressgateway" if empty
	space   string // namespace, "istio-ingress" if empty
	envoy   string // version, envoy.DefaultVersion if empty
	workers int    // 1 if zero
	env     []string
}

// start starts a proxy. It ends with the test.
func (m *mesh) start(t testing.TB, o proxyOptions) *proxy {
	t.Helper()
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&o.role, "router")
	set(&o.ip, gatewayIP)
	set(&o.label, "istio=ingressgateway")
	set(&o.space, "istio-ingress")
	set(&o.envoy, envoy.DefaultVersion)
	binary, err := envoy.Binary(context.Background(), o.envoy)
	if err != nil {
		t.Fatal(err)
	}
	bootstrap, err := controlplane.PilotAgent.ModuleFile("istio.io/istio", "tools/packaging/common/envoy_bootstrap.json")
	if err != nil {
		t.Fatal(err)
	}
	m.proxies++
	base := 20000 + 10*m.proxies
	p := &proxy{admin: base, status: base + 1}
	name := fmt.Sprintf("pod-%d", m.proxies)
	dir := filepath.Join(m.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// By the name in its certificate istiod knows that the proxy may have the secrets of
	// its namespace: pull secrets and certificates.
	cert, key := m.certificate(t, name, "spiffe://cluster.local/ns/"+o.space+"/sa/pod")
	config, err := json.Marshal(map[string]any{
		"discoveryAddress": istiodHost + ":15012", "controlPlaneAuthPolicy": "MUTUAL_TLS",
		"configPath": filepath.Join(dir, "conf"), "binaryPath": binary,
		"proxyAdminPort": p.admin, "statusPort": p.status, "concurrency": max(o.workers, 1),
		"terminationDrainDuration": "1s", "interceptionMode": "NONE", "tracing": map[string]any{},
		"proxyMetadata": map[string]string{
			"ISTIO_META_TLS_CLIENT_CERT_CHAIN": cert, "ISTIO_META_TLS_CLIENT_KEY": key,
			"ISTIO_META_TLS_CLIENT_ROOT_CERT": filepath.Join(m.dir, "ca.crt"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	labelName, labelValue, _ := strings.Cut(o.label, "=")
	labels, err := json.Marshal(map[string]string{labelName: labelValue})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `mount -t tmpfs tmpfs /var/lib/istio/data && exec "$0" "$@"`,
		controlplane.PilotAgent.Path(), "proxy", o.role, "--domain", o.space+".svc.cluster.local", "--templateFile", bootstrap,
		"--proxyLogLevel=info", "--proxyComponentLogLevel=wasm:info", "--log_output_level=wasm:info,xdsproxy:info")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "POD_NAME="+name, "POD_NAMESPACE="+o.space, "INSTANCE_IP="+o.ip, "SERVICE_ACCOUNT=pod",
		"ISTIO_METAJSON_LABELS="+string(labels), "ISTIO_META_CLUSTER_ID=Kubernetes", "ISTIO_META_ISTIO_VERSION=1.31.0", "ISTIO_META_INTERCEPTION_MODE=NONE",
		"CA_PROVIDER=none", "FILE_MOUNTED_CERTS=true", "JWT_POLICY=none", "GRPC_XDS_BOOTSTRAP=",
		fmt.Sprintf("ENVOY_STATUS_PORT=%d", base+2), fmt.Sprintf("ENVOY_PROMETHEUS_PORT=%d", base+3), "PROXY_CONFIG="+string(config))
	cmd.Env = append(cmd.Env, o.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS}
	p.Process = controlplane.StartProcess(t, name, cmd)
	t.Cleanup(p.kill)
	if o.role == "router" {
		m.target.Store(o.ip)
	}
	return p
}

// kill ends pilot-agent and Envoy at once.
func (p *proxy) kill() {
	syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.Exited()
}

// get returns what pilot-agent or Envoy's admin interface answers.
func get(port int, path string) (status int, body string, err error) {
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// mustBeReady fails the test if the proxy's readiness probe does: the probe tells nothing of
// plugins.
func (p *proxy) mustBeReady(t testing.TB) {
	t.Helper()
	status, body, err := get(p.status, "/healthz/ready")
	if err != nil || status != 200 {
		t.Errorf("the readiness probe got %d %s %v", status, body, err)
	}
}

// awaitReady waits until the proxy is ready.
func (p *proxy) awaitReady(t testing.TB) {
	t.Helper()
	controlplane.Eventually(t, "readiness", 30*time.Second, func() error {
		status, _, err := get(p.status, "/healthz/ready")
		if err == nil && status != 200 {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
}
