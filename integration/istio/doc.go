// Package istio runs the manifests of envoy-example/istio under a real Istio: istiod on a
// real API server, and pilot-agent with a stock Envoy in place of istio-proxy. Its tests
// have the build tag controlplane.
package istio
