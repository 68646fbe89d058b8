//go:build controlplane

package istio

import (
	"testing"
)

// The edits for a Gateway of the Gateway API, as the comments in the manifests say.
var (
	apiLabel = edit{Why: "a Gateway of the Gateway API", Old: "istio: ingressgateway #", New: "gateway.networking.k8s.io/gateway-name: my-gateway #"}
	apiRef   = edit{Why: "a Gateway of the Gateway API", Old: `  selector:
    matchLabels:
      istio: ingressgateway # CHANGE: labels of the gateway's pods
`, New: `  targetRefs:
    - group: gateway.networking.k8s.io
      kind: Gateway
      name: my-gateway
`}
)

const apiRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: notes, namespace: default}
spec:
  parentRefs: [{name: my-gateway, namespace: istio-ingress}]
  hostnames: [mcp.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /notes}}]
      backendRefs: [{name: notes, port: 8080}]
`

func (m *mesh) testGatewayAPI(t *testing.T) {
	m.apply(t, "guard.yaml", apiLabel)
	m.start(t, proxyOptions{ip: apiIP, label: "gateway.networking.k8s.io/gateway-name=my-gateway"})
	m.k.Apply(t, apiRoute)
	await(t, fromGuard)
	m.poll(t)
	m.applyAll(t, m.manifest(t, "identity-provider.yaml"), m.manifest(t, "wasmplugin.yaml", apiRef))
	m.pass(t)
	t.Run("WasmPlugin", func(t *testing.T) { mcp.Job(t, m.world) })
	m.k.Delete(t, m.manifest(t, "wasmplugin.yaml", apiRef))
	await(t, fromGuard)
	m.apply(t, "trafficextension.yaml", apiRef)
	m.pass(t)
	t.Run("TrafficExtension", func(t *testing.T) { mcp.Job(t, m.world) })
	m.k.Delete(t, m.manifest(t, "trafficextension.yaml", apiRef))
	await(t, fromGuard)
	m.apply(t, "envoyfilter.yaml", apiLabel)
	m.pass(t)
	t.Run("EnvoyFilter", func(t *testing.T) { mcp.Job(t, m.world) })
}

// The edits for the sidecar of the MCP server, as the comments in the manifests say.
var (
	serverLabel  = edit{Why: "the MCP server's pods", Old: "istio: ingressgateway #", New: "app: notes #"}
	serverSpace  = edit{Why: "their namespace", Old: "namespace: istio-ingress", New: "namespace: default"}
	serverMatch  = edit{Why: "what the server receives", Old: "  # Before Istio's own", New: "  match:\n    - mode: SERVER\n\n  # Before Istio's own"}
	inboundPatch = edit{Why: "what the server receives", Old: "context: GATEWAY", New: "context: SIDECAR_INBOUND"}
)

const sidecarRoute = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: notes, namespace: istio-ingress}
spec:
  hosts: [mcp.example.com]
  gateways: [gateway]
  http:
    - route: [{destination: {host: notes-sidecar.default.svc.cluster.local, port: {number: 8080}}}]
`

// The plugin runs in the sidecar of the MCP server; the gateway before it has none.
func (m *mesh) testSidecar(t *testing.T) {
	m.start(t, proxyOptions{})
	m.k.Apply(t, sidecarRoute)
	m.applyAll(t, m.manifest(t, "guard.yaml", serverLabel, serverSpace), m.manifest(t, "identity-provider.yaml", serverSpace))
	p := m.start(t, proxyOptions{role: "sidecar", ip: sidecarIP, label: "app=notes", space: "default"})
	await(t, fromGuard)
	m.poll(t, "http://"+sidecarIP+":8080/notes")
	for _, kind := range []struct {
		file  string
		edits []edit
	}{
		{"wasmplugin.yaml", []edit{serverLabel, serverSpace, serverMatch}},
		{"trafficextension.yaml", []edit{serverLabel, serverSpace, serverMatch}},
		{"envoyfilter.yaml", []edit{serverLabel, serverSpace, inboundPatch}},
	} {
		m.apply(t, kind.file, kind.edits...)
		m.pass(t)
		t.Run(kind.file, func(t *testing.T) { mcp.Job(t, m.world) })
		m.k.Delete(t, m.manifest(t, kind.file, kind.edits...))
		await(t, fromGuard)
	}
	p.mustBeReady(t)
}
