//go:build providers

package providers

import (
	"net/http"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
)

// hydraScene starts Hydra, and a gateway with the configuration below a heading
// of its page, which change may change.
func hydraScene(t *testing.T, o HydraOptions, heading string, change func(config map[string]any)) (*Hydra, *scene) {
	t.Helper()
	g := newGateway(t)
	server, err := StartHydra(t.Context(), g.resource(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Hydra:\n%s", server.Log())
		}
		server.Stop()
	})
	config := g.pageConfig(t, "hydra.md", heading, "https://hydra.example.com", server.issuer, "https://hydra-admin.example.com", server.admin)
	if change != nil {
		change(config)
	}
	g.start(t, config, map[string]string{"GATEWAY_SECRET": gatewaySecret, "MCPAUTH_SIGNING_KEY": "the key of the tests has 32 bytes"},
		envoy.ClusterAt("hydra", strings.TrimPrefix(server.issuer, "http://")),
		envoy.ClusterAt("hydra-admin", strings.TrimPrefix(server.admin, "http://")))
	return server, &scene{g, server.issuer, user{}, "alice", "editor", hydraClients(t)}
}

// hydraClients are those that can read Hydra's answer to a registration: it has
// "client_uri":"", "contacts":null and "jwks":{} where the client sent none.
func hydraClients(t *testing.T) []client {
	t.Helper()
	all := clients(t)
	typescript := all[1]
	typescript.metadata["client_uri"] = "https://client.example.com"
	typescript.metadata["contacts"] = []string{"a@example.com"}
	return []client{all[2], typescript}
}

func TestHydra(t *testing.T) {
	t.Parallel()
	server, s := hydraScene(t, HydraOptions{}, "Configuration", nil)
	t.Run("flow", s.testFlow)
	t.Run("clients that cannot register", func(t *testing.T) {
		for i, want := range []string{".jwks of type string", `"client_uri"`} {
			c := clients(t)[i]
			if _, err := s.visit(t, c, "whoami"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	})
	t.Run("registration", func(t *testing.T) {
		for asked, want := range map[string]string{"": bothScopes, "whatever it likes": "whatever it likes"} {
			if status, text := register(t, server.issuer+"/oauth2/register", asked, ""); status != http.StatusCreated || !strings.Contains(text, `"scope":"`+want+`"`) {
				t.Errorf("scope %q: status %d, %s", asked, status, text)
			}
		}
	})
	t.Run("the token", func(t *testing.T) {
		got := s.token(t)
		if _, list := tokenClaims(t, got.Token)["scp"].([]any); !list || tokenHeader(t, got.Token)["typ"] != "JWT" {
			t.Errorf("claims %v, header %v", tokenClaims(t, got.Token), tokenHeader(t, got.Token))
		}
	})
	t.Run("keys do not know of revocation", func(t *testing.T) {
		got := s.token(t)
		if status, document := revoke(t, server.issuer+"/oauth2/revoke", got); status != http.StatusOK {
			t.Fatalf("revocation: status %d, %v", status, document)
		}
		s.passes(t, got.Token)
	})
	t.Run("rotation", func(t *testing.T) {
		first := s.token(t).Token
		if err := server.AddKey(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := s.token(t).Token
		if tokenHeader(t, first)["kid"] == tokenHeader(t, second)["kid"] {
			t.Fatal("the same key")
		}
		s.passes(t, first)
		if err := server.RemoveKey(t.Context(), tokenHeader(t, first)["kid"].(string)); err != nil {
			t.Fatal(err)
		}
		t.Logf("refused %v after its key went", s.becomes(t, first, http.StatusUnauthorized, withdrawnTime))
		s.passes(t, second)
	})
}

func TestHydraStepUpWithoutChallengeScopes(t *testing.T) {
	t.Parallel()
	_, s := hydraScene(t, HydraOptions{}, "Configuration", withoutChallengeScopes)
	s.testStepUpFails(t)
}

func TestHydraOpaqueTokens(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{true, false} {
		server, s := hydraScene(t, HydraOptions{Opaque: opaque}, "Opaque tokens and revocation", nil)
		s.clients = s.clients[:1]
		t.Run("flow", s.testFlow)
		t.Run("revocation", func(t *testing.T) {
			got := s.token(t)
			if strings.HasPrefix(got.Token, "ory_at_") != opaque {
				t.Fatal("a token of the other kind")
			}
			if status, document := revoke(t, server.issuer+"/oauth2/revoke", got); status != http.StatusOK {
				t.Fatalf("revocation: status %d, %v", status, document)
			}
			t.Logf("refused %v after the revocation", s.becomes(t, got.Token, http.StatusUnauthorized, cacheTime))
		})
	}
}

// TestHydraOAuthProxy: with the gateway in between, every client can register,
// and none is bound to scopes.
func TestHydraOAuthProxy(t *testing.T) {
	t.Parallel()
	server, s := hydraScene(t, HydraOptions{}, "Clients that cannot register", nil)
	if err := server.AddClient(t.Context(), "mcp-gateway", gatewaySecret, s.port.Origin()+"/callback"); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients(t) {
		t.Run(c.name, func(t *testing.T) {
			if got, err := s.visit(t, c, stepUp); err != nil || len(got.Results) != 3 {
				t.Errorf("asked for %q, results %v, %v", got.Asked, got.Results, err)
			}
		})
	}
}

// TestHydraTraps is what happens where a setting of the page is left out.
func TestHydraTraps(t *testing.T) {
	t.Parallel()
	t.Run("no registration endpoint in the metadata", func(t *testing.T) {
		server, s := hydraScene(t, HydraOptions{NoRegistration: true}, "Configuration", nil)
		var metadata object
		if err := callJSON(t.Context(), http.MethodGet, server.issuer+"/.well-known/openid-configuration", "", nil, &metadata); err != nil {
			t.Fatal(err)
		}
		if metadata["registration_endpoint"] != nil {
			t.Error("it has one")
		}
		// Nor does a client that registers without scopes get those of the page.
		if status, text := register(t, server.issuer+"/oauth2/register", "", ""); status != http.StatusCreated || !strings.Contains(text, `"scope":"offline_access offline openid"`) {
			t.Errorf("registration: status %d, %s", status, text)
		}
		if _, err := s.visit(t, s.clients[0], "whoami"); err == nil || !strings.Contains(err.Error(), "Registration failed: 404") {
			t.Errorf("the client says %v", err)
		}
	})
	t.Run("no audience", func(t *testing.T) {
		_, s := hydraScene(t, HydraOptions{NoAudience: true}, "Configuration", nil)
		if _, err := s.visit(t, s.clients[0], "whoami"); err == nil {
			t.Error("a token without audience was accepted")
		}
		s.refusedForAudience(t)
	})
	t.Run("preflights", func(t *testing.T) {
		server, _ := hydraScene(t, HydraOptions{}, "Configuration", nil)
		for _, path := range []string{"/.well-known/openid-configuration", "/oauth2/register", "/oauth2/token"} {
			if preflight(t, server.issuer+path, "POST", "content-type") {
				t.Errorf("%s may be called from a web page", path)
			}
		}
	})
}
