package providers

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
)

// oidcProviderScene starts oidc-provider, and a gateway with the configuration
// below a heading of its page, which change may change.
func oidcProviderScene(t *testing.T, tokens, heading string, change func(config map[string]any)) (*OIDCProvider, *scene) {
	t.Helper()
	return oidcProviderSceneWith(t, tokens, "RS256", heading, change)
}

// oidcProvider starts oidc-provider for the resource of a gateway. Its log is shown if the
// test fails.
func oidcProvider(t *testing.T, g *gateway, tokens, algorithm string) *OIDCProvider {
	t.Helper()
	server, err := StartOIDCProvider(t.Context(), g.resource(), tokens, algorithm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("oidc-provider:\n%s", server.Log())
		}
		server.Stop()
	})
	return server
}

// oidcProviderSceneWith is oidcProviderScene for another algorithm.
func oidcProviderSceneWith(t *testing.T, tokens, algorithm, heading string, change func(config map[string]any)) (*OIDCProvider, *scene) {
	t.Helper()
	g := newGateway(t)
	server := oidcProvider(t, g, tokens, algorithm)
	config := g.pageConfig(t, "oidc-provider.md", heading, "https://auth.example.com", server.issuer)
	if change != nil {
		change(config)
	}
	g.start(t, config, map[string]string{"GATEWAY_SECRET": gatewaySecret, "MCPAUTH_SIGNING_KEY": "the key of the tests has 32 bytes"}, envoy.ClusterAt("auth", strings.TrimPrefix(server.issuer, "http://")))
	return server, &scene{g, server.issuer, oidcProviderUser, "alice", "editor", clients(t)}
}

func TestOIDCProvider(t *testing.T) {
	t.Parallel()
	server, s := oidcProviderScene(t, "jwt", "Configuration", nil)
	t.Run("flow", s.testFlow)
	t.Run("JWTs cannot be revoked", func(t *testing.T) {
		got := s.token(t)
		if header := tokenHeader(t, got.Token); header["typ"] != "at+jwt" {
			t.Errorf("token header %v", header)
		}
		if status, document := revoke(t, server.issuer+"/token/revocation", got); status != http.StatusBadRequest || document["error"] != "unsupported_token_type" {
			t.Errorf("revocation: status %d, %v", status, document)
		}
		s.passes(t, got.Token)
	})
	t.Run("registration", func(t *testing.T) {
		status, text := register(t, server.issuer+"/reg", "delete:notes", "")
		if status != http.StatusBadRequest || !strings.Contains(text, "scope must only contain Authorization Server supported scope values") {
			t.Errorf("a scope that is unknown: status %d, %s", status, text)
		}
		for _, scope := range []string{"", bothScopes} {
			if status, text := register(t, server.issuer+"/reg", scope, ""); status != http.StatusCreated {
				t.Errorf("scope %q: status %d, %s", scope, status, text)
			}
		}
	})
	t.Run("another resource", func(t *testing.T) {
		got := s.token(t)
		request := server.issuer + "/auth?response_type=code&scope=read:notes&client_id=" + got.ClientID + "&redirect_uri=" + url.QueryEscape(callback) +
			"&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&resource=https://other.example.com"
		back, err := s.user.visit(t.Context(), request)
		if err != nil || back.Query().Get("error") != "invalid_target" {
			t.Errorf("sent to %v, %v", back, err)
		}
	})
	t.Run("web pages", func(t *testing.T) {
		for path, want := range map[string]bool{"/.well-known/openid-configuration": true, "/reg": false, "/token": true} {
			if got := preflight(t, server.issuer+path, http.MethodPost, "Content-Type"); got != want {
				t.Errorf("%s: %v", path, got)
			}
		}
	})
	t.Run("rotation", func(t *testing.T) {
		first := s.token(t).Token
		if err := server.AddKey(); err != nil {
			t.Fatal(err)
		}
		second := s.token(t).Token
		if tokenHeader(t, first)["kid"] == tokenHeader(t, second)["kid"] {
			t.Fatal("the same key")
		}
		s.passes(t, first)
		if err := server.AddKey(); err != nil {
			t.Fatal(err)
		}
		if err := server.RemoveOldKeys(); err != nil {
			t.Fatal(err)
		}
		s.becomes(t, s.token(t).Token, http.StatusOK, fetchTime)
		s.becomes(t, first, http.StatusUnauthorized, fetchTime)
		s.becomes(t, second, http.StatusUnauthorized, fetchTime)
	})
}

func TestOIDCProviderStepUpWithoutChallengeScopes(t *testing.T) {
	t.Parallel()
	_, s := oidcProviderScene(t, "jwt", "Configuration", withoutChallengeScopes)
	s.testStepUpFails(t)
}

func TestOIDCProviderOpaqueTokens(t *testing.T) {
	t.Parallel()
	server, s := oidcProviderScene(t, "opaque", "Opaque tokens", nil)
	s.clients = s.clients[:1]
	t.Run("flow", s.testFlow)
	t.Run("revocation", func(t *testing.T) {
		got := s.token(t)
		s.passes(t, got.Token)
		if status, document := revoke(t, server.issuer+"/token/revocation", got); status != http.StatusOK {
			t.Fatalf("revocation: status %d, %v", status, document)
		}
		t.Logf("refused %v after the revocation", s.becomes(t, got.Token, http.StatusUnauthorized, cacheTime))
	})
}

// TestOIDCProviderSignsAsLogto: Logto is built on oidc-provider and signs with ES384. The
// algorithms that its page gives accept such tokens; the default does not.
func TestOIDCProviderSignsAsLogto(t *testing.T) {
	t.Parallel()
	text, err := pageBlock("logto.md", "Configuration here", "json")
	if err != nil {
		t.Fatal(err)
	}
	var page map[string]any
	if err := json.Unmarshal([]byte(text), &page); err != nil {
		t.Fatal(err)
	}
	t.Run("as the page says", func(t *testing.T) {
		_, s := oidcProviderSceneWith(t, "jwt", "ES384", "Configuration", func(config map[string]any) {
			theServer(config)["algorithms"] = theServer(page)["algorithms"]
		})
		s.testFlow(t)
		if got := tokenHeader(t, s.token(t).Token); got["alg"] != "ES384" {
			t.Errorf("token header %v", got)
		}
	})
	t.Run("by default", func(t *testing.T) {
		_, s := oidcProviderSceneWith(t, "jwt", "ES384", "Configuration", nil)
		if _, err := s.visit(t, s.clients[0], "whoami"); err == nil {
			t.Error("the token was accepted")
		}
	})
}
