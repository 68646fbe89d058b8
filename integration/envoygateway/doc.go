// Package envoygateway runs the manifests of envoy-example/gatewayapi under a real Envoy
// Gateway: standalone, on files, and with its Kubernetes provider, on a real API server.
// Its tests have the build tag controlplane.
package envoygateway
