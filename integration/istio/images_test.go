//go:build controlplane

package istio

import (
	"encoding/base64"
	"fmt"
	"testing"
)

var pullSecret = edit{Why: "the registry asks for a password", Old: "# imagePullSecret: registry", New: "imagePullSecret: registry"}

// A registry that asks for a password: pilot-agent gets it from istiod.
func (m *mesh) testPullSecret(t *testing.T) {
	m.world.RegistryAuth("puller:secret-password")
	defer m.world.RegistryAuth("")
	auth := base64.StdEncoding.EncodeToString([]byte("puller:secret-password"))
	secret := fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: registry, namespace: istio-ingress}
type: kubernetes.io/dockerconfigjson
data: {.dockerconfigjson: %s}
`, base64.StdEncoding.EncodeToString([]byte(`{"auths":{"registry.example.com":{"auth":"`+auth+`"}}}`)))
	m.applyAll(t, m.manifest(t, "guard.yaml"), m.manifest(t, "identity-provider.yaml"), m.manifest(t, "wasmplugin.yaml"), route)
	m.poll(t)
	p := m.start(t, proxyOptions{})
	await(t, fromGuard)
	logged(t, p.Process, "401 Unauthorized")
	m.apply(t, "wasmplugin.yaml", pullSecret)
	logged(t, p.Process, "missing image pulling secret")
	await(t, fromGuard) // there is no such secret
	m.k.Apply(t, secret)
	m.pass(t)
	m.k.Delete(t, secret)
}
