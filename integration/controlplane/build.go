package controlplane

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"mcpauth/envoy-example/envoy"
)

// Tool is a program of a control plane. Module is the folder in tools that pins its
// version, Package its main package.
type Tool struct{ Name, Module, Package string }

// The programs that the tests run.
var (
	EnvoyGateway  = Tool{"envoy-gateway", "envoygateway", "github.com/envoyproxy/gateway/cmd/envoy-gateway"}
	Etcd          = Tool{"etcd", "etcd", "go.etcd.io/etcd/server/v3"}
	KubeAPIServer = Tool{"kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"}
	Kubectl       = Tool{"kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl"}
	Istiod        = Tool{"pilot-discovery", "istio", "istio.io/istio/pilot/cmd/pilot-discovery"}
	PilotAgent    = Tool{"pilot-agent", "istio", "istio.io/istio/pilot/cmd/pilot-agent"}
	Istioctl      = Tool{"istioctl", "istio", "istio.io/istio/istioctl/cmd/istioctl"}
)

// Path returns where the program lies after [Main] has built it: in the folder
// build/controlplane of the repository, named after its version. It panics if the
// program's module cannot be read.
func (t Tool) Path() string {
	root, err := envoy.Root()
	if err != nil {
		panic(err)
	}
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), t.Package)
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(t.moduleDir(root), file))
		if err != nil {
			panic(err)
		}
		hash.Write(text)
	}
	return filepath.Join(root, "build", "controlplane", t.Name+"-"+hex.EncodeToString(hash.Sum(nil))[:12], t.Name)
}

func (t Tool) moduleDir(root string) string {
	return filepath.Join(root, "integration", "controlplane", "tools", t.Module)
}

// ModuleFile returns the path of a file of a module that the program's build downloaded,
// for example the definitions of a control plane's resources.
func (t Tool) ModuleFile(module, file string) (string, error) {
	root, err := envoy.Root()
	if err != nil {
		return "", err
	}
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module)
	list.Dir = t.moduleDir(root)
	list.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("module %s: %w", module, err)
	}
	path := filepath.Join(string(out[:len(out)-1]), file)
	_, err = os.Stat(path)
	return path, err
}

// build compiles the program unless it is there. It moves the file into place, so that
// two runs can build at once.
func (t Tool) build() error {
	path := t.Path()
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	root, err := envoy.Root()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	start := time.Now()
	fmt.Fprintf(os.Stderr, "building %s: the first time some minutes\n", t.Name)
	unfinished := fmt.Sprintf("%s.%d", path, os.Getpid())
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", unfinished, t.Package)
	build.Dir = t.moduleDir(root)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", t.Name, err, out)
	}
	if err := os.Rename(unfinished, path); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "built %s in %s\n", t.Name, time.Since(start).Round(time.Second))
	return nil
}
