//go:build controlplane

package istio

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"mcpauth/integration/clients/golang"
	"mcpauth/integration/controlplane"
)

// large calls a tool that needs write:notes, with bodies small and large, over both versions
// of HTTP. unseen says that the server must see nothing of a refused call.
func large(t *testing.T, m *mesh, unseen bool) {
	for _, h2 := range []bool{false, true} {
		for _, size := range []int{1, 100_000, 900_000} {
			for scope, passes := range map[string]bool{"read:notes": false, "read:notes write:notes": true} {
				client := controlplane.NewClient()
				if !h2 {
					client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
					client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{}
				}
				before := m.world.Upstream.Requests()
				req, err := http.NewRequest(http.MethodPost, notesURL, strings.NewReader(
					`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"add_note","arguments":{"text":"`+strings.Repeat("x", size)+`"}}}`))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Accept", "application/json, text/event-stream")
				req.Header.Set("Authorization", "Bearer "+m.world.Token(scope))
				res, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				client.CloseIdleConnections()
				refused := res.StatusCode == 403 && strings.Contains(res.Header.Get("WWW-Authenticate"), `scope="read:notes write:notes"`)
				reached := res.Header.Get("X-Upstream") != ""
				if reached != passes || refused == passes {
					t.Errorf("%s, %d bytes with %s: %s", res.Proto, size, scope, res.Status)
				}
				if seen := m.world.Upstream.Requests() > before; unseen && seen && !passes {
					t.Errorf("%s, %d bytes: the server saw a refused call", res.Proto, size)
				}
			}
		}
	}
}

// withRules gives the EnvoyFilter's plugin the rule of large.
var withRules = edit{Why: "a rule", Old: `"required_scopes": ["read:notes"]`, New: `"required_scopes": ["read:notes"], "tools": {"add_note": ["write:notes"]}`}

// The gateway stands for the provider, with a secret from its environment.
func (m *mesh) testOAuthProxy(t *testing.T) {
	proxied := []edit{
		withRules,
		{Why: "the secret", Old: "# environment_variables:", New: "environment_variables:"},
		{Why: "the OAuth proxy", Old: `"cluster": "outbound|443||auth.example.com"`, New: `"cluster": "outbound|443||auth.example.com",
                        "oauth_proxy": {
                          "client_id": "gateway", "client_secret_env": "GATEWAY_CLIENT_SECRET",
                          "signing_key": "the key of the tests has 32 bytes", "path_prefix": "/oauth", "redirect_uris": ["http://127.0.0.1/callback"]
                        }`},
	}
	m.applyAll(t, m.manifest(t, "guard.yaml"), m.manifest(t, "identity-provider.yaml"), m.manifest(t, "envoyfilter.yaml", proxied...), route)
	m.poll(t)
	m.start(t, proxyOptions{env: []string{"GATEWAY_CLIENT_SECRET=" + controlplane.GatewaySecret}})
	m.pass(t)
	t.Run("rules", func(t *testing.T) { large(t, m, true) })
	t.Run("sign in", func(t *testing.T) {
		if err := metadataHas(`"https://mcp.example.com"`); err != nil {
			t.Fatal(err)
		}
		asked := 0
		handler, err := golang.NewHandler(func(string, string) { asked++ })
		if err != nil {
			t.Fatal(err)
		}
		session, err := sdk.NewClient(&sdk.Implementation{Name: "client", Version: "1.0.0"}, nil).Connect(t.Context(),
			&sdk.StreamableClientTransport{Endpoint: notesURL, OAuthHandler: handler}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		if _, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "whoami"}); err != nil || asked != 1 {
			t.Errorf("%d authorization requests, %v", asked, err)
		}
	})
}
