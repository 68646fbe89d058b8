//go:build controlplane

package envoygateway

import (
	"testing"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/controlplane"
)

func TestMain(m *testing.M) {
	controlplane.Main(m, controlplane.EnvoyGateway, controlplane.Etcd, controlplane.KubeAPIServer, controlplane.Kubectl)
}

// versions of Envoy: the first for all tests, both for the main job.
var versions = []string{envoy.DefaultVersion, controlplane.OlderEnvoy}
