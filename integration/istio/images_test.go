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
	m.apply(t, "guard.yaml")
	m.apply(t, "identity-provider.yaml")
	m.k.Apply(t, route)
	m.poll(t)
	for _, file := range []string{"wasmplugin.yaml", "trafficextension.yaml"} {
		m.apply(t, file)
		p := m.start(t, proxyOptions{})
		await(t, fromGuard)
		logged(t, p.Process, "401 Unauthorized")
		m.apply(t, file, pullSecret)
		logged(t, p.Process, "missing image pulling secret")
		await(t, fromGuard) // there is no such secret
		m.k.Apply(t, secret)
		m.pass(t)
		m.k.Delete(t, secret)
		m.k.Delete(t, m.manifest(t, file))
		p.kill()
	}
}
