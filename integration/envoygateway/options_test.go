//go:build controlplane

package envoygateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	mcpsdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"mcpauth/envoy-example/authserver"
	"mcpauth/integration/clients/golang"
	"mcpauth/integration/controlplane"
)

// What only some users need, on one gateway: a registry with a password, a secret from
// the environment, oauth_proxy, several workers, CORS.
func TestOptions(t *testing.T) {
	w := controlplane.NewWorld(t, upstreamAddr)
	w.RegistryAuth("puller:password")
	s := start(t, w, options{workers: 3, env: []string{"GATEWAY_CLIENT_SECRET=" + controlplane.GatewaySecret}})
	s.guarded(t)
	s.put(t, "pull-secret.yaml", pullSecret("puller:password"))
	s.manifest(t, "identity-provider.yaml")
	s.manifest(t, "mcp-route.yaml", proxyRoutes)
	offset := len(s.process.Log())
	s.manifest(t, "policy.yaml")
	s.awaitLog(t, offset, "could not fetch Wasm OCI image") // 401 of the registry
	s.manifest(t, "patch.yaml")                             // before the plugin: it is in effect with it
	s.manifest(t, "policy.yaml", append(proxyPolicy, usesPullSecret)...)
	call(t, func() error { return signIn(t, w) })

	t.Run("CORS", s.cors)
}

var (
	usesPullSecret = edit{Why: "the registry's password", Old: " # CHANGE\n        # Instead of an image", New: "\n          pullSecretRef: {name: registry}\n        # Instead of an image"}
	proxyPolicy    = []edit{
		{Why: "the secret", Old: "      # env:\n      #   hostKeys: [GATEWAY_CLIENT_SECRET]\n", New: "      env:\n        hostKeys: [GATEWAY_CLIENT_SECRET]\n"},
		stopIteration,
		{Why: "the gateway as authorization server", Old: "            cluster: httproute/default/mcpauth-identity-provider/rule/0\n", New: `            cluster: httproute/default/mcpauth-identity-provider/rule/0
            oauth_proxy:
              client_id: gateway
              client_secret_env: GATEWAY_CLIENT_SECRET
              signing_key: the key of the tests has 32 bytes
              path_prefix: /oauth
              redirect_uris: ["http://127.0.0.1/callback"]
`},
	}
	proxyRoutes = edit{Why: "where the plugin answers as the authorization server",
		Old: "        # - path: {type: PathPrefix, value: /oauth}\n        # - path: {type: PathPrefix, value: /.well-known/oauth-authorization-server}\n",
		New: "        - path: {type: PathPrefix, value: /oauth}\n        - path: {type: PathPrefix, value: /.well-known/oauth-authorization-server}\n"}
)

func pullSecret(credentials string) string {
	user, password, _ := strings.Cut(credentials, ":")
	config := fmt.Sprintf(`{"auths": {%q: {"username": %q, "password": %q, "auth": %q}}}`,
		controlplane.RegistryHost, user, password, base64.StdEncoding.EncodeToString([]byte(credentials)))
	return fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata: {name: registry, namespace: default}
type: kubernetes.io/dockerconfigjson
data: {.dockerconfigjson: %s}
`, base64.StdEncoding.EncodeToString([]byte(config)))
}

// call waits until f succeeds.
func call(t testing.TB, f func() error) {
	t.Helper()
	controlplane.Eventually(t, "a call", patience, f)
}

// signIn lets a client of the Go SDK sign in at the gateway and call a tool.
func signIn(t testing.TB, w *controlplane.World) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	handler, err := golang.NewHandler(func(string, string) {})
	if err != nil {
		return err
	}
	session, err := mcpsdk.NewClient(&mcpsdk.Implementation{Name: "mcpauth example client", Version: "1.0.0"}, nil).Connect(ctx,
		&mcpsdk.StreamableClientTransport{Endpoint: notesURL, OAuthHandler: handler}, nil)
	if err != nil {
		return err
	}
	defer session.Close()
	result, err := session.CallTool(ctx, &mcpsdk.CallToolParams{Name: "whoami"})
	if err != nil {
		return err
	}
	text, err := json.Marshal(result.StructuredContent)
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), authserver.User) {
		return fmt.Errorf("whoami: %s", text)
	}
	// The client has seen the gateway as its authorization server.
	_, metadata, err := get(metadataURL, nil)
	if err == nil && !strings.Contains(metadata, `"authorization_servers":["https://`+controlplane.MCPHost+`"]`) {
		err = fmt.Errorf("metadata %s", metadata)
	}
	return err
}

// cors attaches a SecurityPolicy with CORS to the route. Envoy Gateway's CORS filter comes
// before the plugin unless the EnvoyProxy moves it.
func (s *standalone) cors(t *testing.T) {
	const app = "https://app.example.com"
	s.put(t, "cors.yaml", `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {name: notes-cors, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: notes}]
  mergeType: StrategicMerge
  cors: {allowOrigins: ["`+app+`"], allowMethods: [POST], allowHeaders: [x-only-this]}
`)
	preflight := func() (http.Header, error) {
		req, err := http.NewRequest(http.MethodOptions, notesURL, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Origin", app)
		req.Header.Set("Access-Control-Request-Method", "POST")
		req.Header.Set("Access-Control-Request-Headers", "authorization, mcp-protocol-version")
		client := controlplane.NewClient()
		defer client.CloseIdleConnections()
		res, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		res.Body.Close()
		return res.Header, nil
	}
	awaitAllowed := func(want string) {
		t.Helper()
		controlplane.Eventually(t, "a preflight with "+want, patience, func() error {
			header, err := preflight()
			if allowed := strings.ToLower(header.Get("Access-Control-Allow-Headers")); err == nil && !strings.Contains(allowed, want) {
				err = fmt.Errorf("allowed headers %q", allowed)
			}
			return err
		})
	}
	awaitAllowed("x-only-this")
	s.filterOrder = "  filterOrder: [{name: envoy.filters.http.cors, after: envoy.filters.http.wasm}]\n"
	s.put(t, "base.yaml", s.base(t, options{envoy: versions[0], workers: 3}))
	awaitAllowed("authorization")
}
