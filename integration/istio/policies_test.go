//go:build controlplane

package istio

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mcpauth/integration/controlplane"
)

const (
	requestAuthentication = `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: jwt, namespace: istio-ingress}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  jwtRules: [{issuer: "https://auth.example.com", jwksUri: "https://auth.example.com/jwks", forwardOriginalToken: true}]
`
	byPrincipal = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: callers, namespace: istio-ingress}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  action: ALLOW
  rules: [{from: [{source: {requestPrincipals: ["https://auth.example.com/alice"]}}]}]
`
	bySubject = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: callers, namespace: istio-ingress}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  action: ALLOW
  rules: [{when: [{key: "request.headers[x-mcpauth-subject]", values: [alice]}]}]
`
	openToAll = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: callers, namespace: istio-ingress}
spec:
  selector: {matchLabels: {istio: ingressgateway}}
  action: ALLOW
  rules: [{}]
`
)

// forward lets Istio's own filters see the token.
var forward = edit{Why: "Istio's filters are to see the token", Old: "        required_scopes:", New: "        forward: true\n        required_scopes:"}

// The plugin runs before RequestAuthentication, and that before AuthorizationPolicy.
func (m *mesh) testPolicies(t *testing.T) {
	m.applyAll(t, m.manifest(t, "guard.yaml"), m.manifest(t, "identity-provider.yaml"), m.manifest(t, "wasmplugin.yaml"), route)
	m.poll(t)
	m.start(t, proxyOptions{})
	m.pass(t)
	token := func() string { return m.world.Token("read:notes") }

	// A policy about headers of the plugin sees what the plugin sets.
	m.k.Apply(t, bySubject)
	stays()
	m.pass(t)
	m.k.Apply(t, strings.Replace(bySubject, "alice", "bob", 1))
	mcp.Await(t, token(), 403, 10*time.Second)
	mcp.Await(t, "", 401, 10*time.Second)

	// RequestAuthentication sees no token unless the plugin forwards it.
	m.applyAll(t, requestAuthentication, byPrincipal)
	stays()
	mcp.Await(t, token(), 403, 10*time.Second)
	m.apply(t, "wasmplugin.yaml", forward)
	mcp.Await(t, token(), 200, 20*time.Second)
	mcp.Await(t, "garbage", 401, 10*time.Second)
	if a, err := ask(map[string][]string{"Authorization": {"Bearer garbage"}}); err != nil || a != fromPlugin {
		t.Errorf("%v %v: RequestAuthentication comes before the plugin", a, err)
	}
	m.k.Apply(t, strings.Replace(byPrincipal, "alice", "bob", 1))
	mcp.Await(t, token(), 403, 10*time.Second)

	// An ALLOW for everything does not open what the guard closes.
	m.k.Apply(t, openToAll)
	mcp.Await(t, token(), 200, 10*time.Second)
	m.k.Delete(t, m.manifest(t, "wasmplugin.yaml"))
	await(t, fromGuard)
	stays()
}

var wrongName = edit{Why: "the certificate has another name", Old: "subjectAltNames: [*host]", New: "subjectAltNames: [login.example.com]"}

// Other sites of the gateway pass the guard as public, while the plugin runs. TCP passes it
// with the line for ports.
func (m *mesh) testOtherSites(t *testing.T) {
	public := edit{Why: "the gateway serves more than MCP", Old: "    verdict_header: true\n", New: "    verdict_header: true\n    unmatched: allow\n"}
	ports := edit{Why: "the gateway serves TCP too", Old: "# to: [{operation:", New: "to: [{operation:"}
	m.applyAll(t, m.manifest(t, "guard.yaml"), m.manifest(t, "identity-provider.yaml", wrongName), m.manifest(t, "wasmplugin.yaml", public), route, `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: site, namespace: istio-ingress}
spec:
  hosts: [www.example.com]
  gateways: [gateway]
  http: [{route: [{destination: {host: notes.default.svc.cluster.local, port: {number: 8080}}}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: tcp, namespace: istio-ingress}
spec:
  hosts: ["*"]
  gateways: [gateway]
  tcp: [{match: [{port: 9000}], route: [{destination: {host: notes.default.svc.cluster.local, port: {number: 8080}}}]}]
`)
	p := m.start(t, proxyOptions{})
	// The identity provider's certificate is not good for the name.
	mcp.Await(t, m.world.Token("read:notes"), 503, limit)
	logged(t, p.Process, "no keys fetched")
	m.apply(t, "identity-provider.yaml")
	m.pass(t)
	site := func(url string) func() (string, error) {
		return func() (string, error) {
			req, err := http.NewRequest(http.MethodGet, url, nil)
			if err != nil {
				return "", err
			}
			req.Host = "www.example.com"
			req.Header.Set("X-Mcpauth-Verdict", "token")
			before := m.world.Upstream.Requests()
			res, body, err := do(req)
			switch {
			case err != nil:
				return "no answer", nil
			case m.world.Upstream.Requests() > before:
				return m.world.Upstream.Last().Header.Get("X-Mcpauth-Verdict"), nil
			}
			return fmt.Sprint(res.StatusCode, " ", body), nil
		}
	}
	awaitSite := func(what string, get func() (string, error), want string) {
		t.Helper()
		controlplane.Eventually(t, what, limit, func() error {
			got, err := get()
			if err == nil && got != want {
				err = fmt.Errorf("%q, want %q", got, want)
			}
			return err
		})
	}
	plain, tcp := site("http://"+controlplane.MCPHost+"/"), site("http://"+gatewayIP+":9000/")
	awaitSite("another site", plain, "public")
	awaitSite("TCP", tcp, "no answer")
	m.apply(t, "guard.yaml", ports)
	awaitSite("TCP with the line for ports", tcp, "token") // it is not HTTP, and nothing is removed
	awaitSite("another site", plain, "public")
	m.k.Delete(t, m.manifest(t, "wasmplugin.yaml"))
	await(t, fromGuard)
	awaitSite("another site without the plugin", plain, "403 RBAC: access denied")
}
