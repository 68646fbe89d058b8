//go:build controlplane

package istio

import (
	"testing"

	"mcpauth/integration/controlplane"
)

func TestMain(m *testing.M) {
	controlplane.Main(m, controlplane.Etcd, controlplane.KubeAPIServer, controlplane.Kubectl,
		controlplane.Istiod, controlplane.PilotAgent, controlplane.Istioctl)
}

// olderEnvoy runs the table of the main job, beside envoy.DefaultVersion for everything.
const olderEnvoy = controlplane.OlderEnvoy

// The control plane and the servers around it take longer to start than most tests here
// take to run. So one mesh serves them all.
func TestIstio(t *testing.T) {
	m := startMesh(t)
	for _, test := range []struct {
		name string
		run  func(*mesh, *testing.T)
	}{
		{"Job", (*mesh).testJob},
		{"GatewayAPI", (*mesh).testGatewayAPI},
		{"Sidecar", (*mesh).testSidecar},
		{"Policies", (*mesh).testPolicies},
		{"OtherSites", (*mesh).testOtherSites},
		{"Running", (*mesh).testRunning},
		{"OAuthProxy", (*mesh).testOAuthProxy},
		{"PullSecret", (*mesh).testPullSecret},
		{"Apply", (*mesh).testApply},
		{"Guard", (*mesh).testGuard},
		{"WithoutGuard", (*mesh).testWithoutGuard},
	} {
		t.Run(test.name, func(t *testing.T) {
			m.clean(t)
			test.run(m, t)
		})
	}
}
