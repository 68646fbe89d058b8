package controlplane

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Kubernetes is an API server without nodes: it stores resources, validates them against
// their definitions and lets controllers watch them. Nothing runs pods.
type Kubernetes struct {
	// Kubeconfig is the path of a configuration for kubectl and for controllers.
	Kubeconfig string
	// URL is where the API server listens.
	URL string
}

const kubernetesPort = "6443"

// StartKubernetes starts etcd and kube-apiserver. They end with the test.
func StartKubernetes(t testing.TB) *Kubernetes {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	accounts := write("accounts.key", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	cert, certKey, err := TestCA().Certificate("localhost", "127.0.0.1", "kubernetes", "kubernetes.default.svc")
	if err != nil {
		t.Fatal(err)
	}
	k := &Kubernetes{URL: "https://127.0.0.1:" + kubernetesPort}
	k.Kubeconfig = write("kubeconfig", fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: admin, user: {token: admin}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
current-context: test
`, k.URL, write("ca.crt", string(TestCA().PEM))))

	const etcd = "http://127.0.0.1:2379"
	StartProcess(t, "etcd", exec.Command(Etcd.Path(), "--data-dir", filepath.Join(dir, "etcd"), "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", "http://127.0.0.1:2380",
		"--initial-advertise-peer-urls", "http://127.0.0.1:2380", "--initial-cluster", "default=http://127.0.0.1:2380"))
	StartProcess(t, "kube-apiserver", exec.Command(KubeAPIServer.Path(), "--etcd-servers="+etcd,
		"--secure-port="+kubernetesPort, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--cert-dir="+filepath.Join(dir, "certs"),
		"--tls-cert-file="+write("tls.crt", string(cert)), "--tls-private-key-file="+write("tls.key", string(certKey)),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+accounts, "--service-account-signing-key-file="+accounts,
		"--authorization-mode=AlwaysAllow", "--token-auth-file="+write("tokens.csv", "admin,admin,admin,system:masters\n"),
		// No controller makes service accounts or removes the contents of namespaces.
		"--disable-admission-plugins=ServiceAccount,NamespaceLifecycle",
		"--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none"))
	Eventually(t, "kube-apiserver", time.Minute, func() error {
		_, err := k.kubectl("", "get", "--raw", "/readyz")
		return err
	})
	return k
}

// Kubectl runs kubectl with the arguments and returns its output. It fails the test if
// kubectl fails.
func (k *Kubernetes) Kubectl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := k.kubectl("", args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// Apply applies resources in YAML.
func (k *Kubernetes) Apply(t testing.TB, yaml string) {
	t.Helper()
	// The definitions of resources are too large for the annotation of client-side apply.
	if _, err := k.kubectl(yaml, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		t.Fatalf("kubectl apply: %v\n%s", err, yaml)
	}
}

// Delete deletes resources in YAML.
func (k *Kubernetes) Delete(t testing.TB, yaml string) {
	t.Helper()
	if _, err := k.kubectl(yaml, "delete", "--wait=false", "-f", "-"); err != nil {
		t.Fatalf("kubectl delete: %v\n%s", err, yaml)
	}
}

// ApplyDefinitions applies a file of resource definitions and waits until they are
// established.
func (k *Kubernetes) ApplyDefinitions(t testing.TB, file string) {
	t.Helper()
	k.Kubectl(t, "apply", "--server-side", "--force-conflicts", "-f", file)
	k.Kubectl(t, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
}

func (k *Kubernetes) kubectl(stdin string, args ...string) (string, error) {
	cmd := exec.Command(Kubectl.Path(), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+k.Kubeconfig)
	cmd.Stdin = strings.NewReader(stdin)
	var out, diagnostics strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w\n%s%s", err, out.String(), diagnostics.String())
	}
	return out.String(), nil
}
