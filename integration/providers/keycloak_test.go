//go:build providers

package providers

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
)

// TestKeycloak runs all that needs Keycloak, which takes long to start: each part
// has a realm of its own.
func TestKeycloak(t *testing.T) {
	t.Parallel()
	server := startKeycloak(t)
	for name, test := range map[string]func(t *testing.T, server *Keycloak){
		"keys":                             keycloakKeys,
		"step-up without challenge_scopes": keycloakStepUpFails,
		"introspection":                    keycloakIntrospection,
		"registration":                     keycloakRegistration,
		"audience in a default scope":      keycloakDefaultScope,
		"no scopes":                        keycloakNoScopes,
		"gateway not in the audience":      keycloakGatewayNotInAudience,
		"claims":                           keycloakClaims,
		"algorithms":                       keycloakAlgorithms,
		"oauth_proxy":                      keycloakOAuthProxy,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, server)
		})
	}
}

func startKeycloak(t *testing.T) *Keycloak {
	t.Helper()
	server, err := StartKeycloak(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Keycloak:\n%s", server.Log())
		}
		server.Stop()
	})
	return server
}

// keycloakScene makes a realm with the settings of the page, but for scopes, and
// starts a gateway with the configuration below a heading, which change may change.
func keycloakScene(t *testing.T, server *Keycloak, name, heading string, scopes addScopes, change func(config map[string]any)) (*KeycloakRealm, *scene) {
	t.Helper()
	g := newGateway(t)
	realm, err := server.CreateRealm(t.Context(), name)
	if err == nil {
		err = scopes(t.Context(), realm, g.resource())
	}
	if err == nil {
		err = realm.AllowRegistration(t.Context())
	}
	if err == nil {
		err = realm.AddGateway(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	config := g.pageConfig(t, "keycloak.md", heading, "https://keycloak.example.com/realms/mcp", realm.issuer())
	if change != nil {
		change(config)
	}
	g.start(t, config, map[string]string{"GATEWAY_SECRET": gatewaySecret, "MCPAUTH_SIGNING_KEY": "the key of the tests has 32 bytes"}, envoy.ClusterAt("keycloak", strings.TrimPrefix(server.origin, "http://")))
	return realm, &scene{g, realm.issuer(), keycloakUser, "", "editor", clients(t)}
}

// addScopes adds scopes to a realm.
type addScopes func(ctx context.Context, r *KeycloakRealm, resource string) error

// pageScopes adds the scopes of the page.
func pageScopes(ctx context.Context, r *KeycloakRealm, resource string) error {
	return r.AddScopes(ctx, resource)
}

func keycloakKeys(t *testing.T, server *Keycloak) {
	realm, s := keycloakScene(t, server, "keys", "Configuration", pageScopes, nil)
	t.Run("flow", s.testFlow)
	t.Run("keys do not know of revocation", func(t *testing.T) {
		got := s.token(t)
		if status, document := revoke(t, realm.issuer()+"/protocol/openid-connect/revoke", got); status != http.StatusOK {
			t.Fatalf("revocation: status %d, %v", status, document)
		}
		s.passes(t, got.Token)
	})
	t.Run("rotation", func(t *testing.T) {
		rs256, err := realm.AddKey(t.Context(), "RS256", 200)
		if err != nil {
			t.Fatal(err)
		}
		first := s.token(t).Token
		if _, err := realm.AddKey(t.Context(), "ES256", 300); err != nil {
			t.Fatal(err)
		}
		second := s.token(t).Token
		if a, b := tokenHeader(t, first), tokenHeader(t, second); a["alg"] != "RS256" || b["alg"] != "ES256" {
			t.Fatalf("signed as %v and %v", a, b)
		}
		s.passes(t, first)
		if err := realm.RemoveKey(t.Context(), rs256); err != nil {
			t.Fatal(err)
		}
		t.Logf("refused %v after its key went", s.becomes(t, first, http.StatusUnauthorized, withdrawnTime))
		s.passes(t, second)
	})
}

// keycloakAlgorithms gives a realm a key of each further algorithm, one after the other.
// Only the gateway that lists the algorithm accepts its tokens.
func keycloakAlgorithms(t *testing.T, server *Keycloak) {
	names := []string{"PS256", "ES384", "ES512", "EdDSA"}
	realm, s := keycloakScene(t, server, "algorithms", "Configuration", pageScopes, func(config map[string]any) {
		theServer(config)["algorithms"] = append(names, "RS256")
	})
	for i, name := range names {
		if _, err := realm.AddKey(t.Context(), name, 200+i); err != nil {
			t.Fatal(err)
		}
		got := s.token(t).Token
		if header := tokenHeader(t, got); header["alg"] != name {
			t.Fatalf("signed as %v, want %s", header, name)
		}
		s.becomes(t, got, http.StatusOK, fetchTime)
	}
}

// keycloakOAuthProxy has a realm in which no client may register. With the gateway in
// between, real clients register there, the user agrees on its page, and a client gets more
// scope when a tool needs it.
func keycloakOAuthProxy(t *testing.T, server *Keycloak) {
	g := newGateway(t)
	realm, err := server.CreateRealm(t.Context(), "oauth-proxy")
	if err == nil {
		err = realm.AddScopes(t.Context(), g.resource())
	}
	if err == nil {
		err = realm.AddProxyClient(t.Context(), g.port.Origin()+"/callback")
	}
	if err != nil {
		t.Fatal(err)
	}
	if status, text := register(t, realm.issuer()+"/clients-registrations/openid-connect", "", ""); status != http.StatusForbidden {
		t.Errorf("the realm registers clients: status %d, %s", status, text)
	}
	config := g.pageConfig(t, "keycloak.md", "Behind oauth_proxy", "https://keycloak.example.com/realms/mcp", realm.issuer())
	g.start(t, config, map[string]string{"GATEWAY_SECRET": gatewaySecret, "MCPAUTH_SIGNING_KEY": "the key of the tests has 32 bytes"},
		envoy.ClusterAt("keycloak", strings.TrimPrefix(server.origin, "http://")))
	s := &scene{g, realm.issuer(), keycloakUser, "", "editor", proxyClients(t)}
	s.testProxySignIn(t)
	t.Run("in Chromium", func(t *testing.T) { s.testProxyInChromium(t) })
}

func keycloakStepUpFails(t *testing.T, server *Keycloak) {
	_, s := keycloakScene(t, server, "step-up", "Configuration", pageScopes, withoutChallengeScopes)
	s.testStepUpFails(t)
}

func keycloakIntrospection(t *testing.T, server *Keycloak) {
	realm, s := keycloakScene(t, server, "introspection", "Revocation", pageScopes, nil)
	s.clients = s.clients[:1]
	t.Run("flow", s.testFlow)
	t.Run("revocation", func(t *testing.T) {
		got := s.token(t)
		s.passes(t, got.Token)
		if status, document := revoke(t, realm.issuer()+"/protocol/openid-connect/revoke", got); status != http.StatusOK {
			t.Fatalf("revocation: status %d, %v", status, document)
		}
		t.Logf("refused %v after the revocation", s.becomes(t, got.Token, http.StatusUnauthorized, cacheTime))
	})
}

// keycloakRegistration is what a realm refuses from the start.
func keycloakRegistration(t *testing.T, server *Keycloak) {
	realm, err := server.CreateRealm(t.Context(), "registration")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := realm.issuer() + "/clients-registrations/openid-connect"
	refused := func(why, scope, origin string) {
		t.Helper()
		status, text := register(t, endpoint, scope, origin)
		if status != http.StatusForbidden || !strings.Contains(text, why) {
			t.Errorf("status %d, %s; want 403 with %q", status, text, why)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused("Policy 'Trusted Hosts' rejected request", "", "")
	must(realm.AllowRegistration(t.Context()))
	refused("Policy 'Allowed Client Scopes' rejected request", readScope, "")
	must(realm.AddScopes(t.Context(), "https://mcp.example.com/mcp"))
	refused("Invalid origin", readScope, "https://app.example.com")
	must(realm.AllowOrigins(t.Context(), "https://app.example.com"))
	for _, origin := range []string{"", "https://app.example.com"} {
		if status, text := register(t, endpoint, readScope, origin); status != http.StatusCreated {
			t.Errorf("origin %q: status %d, %s", origin, status, text)
		}
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/clients-registrations/openid-connect", "/protocol/openid-connect/token"} {
		for _, header := range []string{"Content-Type", "MCP-Protocol-Version"} {
			if !preflight(t, realm.issuer()+path, http.MethodPost, header) {
				t.Errorf("%s: web pages may not send %s", path, header)
			}
		}
	}
}

// keycloakDefaultScope has the mappers in a default scope of the realm, where a
// client that registers with scopes loses them.
func keycloakDefaultScope(t *testing.T, server *Keycloak) {
	_, s := keycloakScene(t, server, "default-scope", "Configuration", func(ctx context.Context, r *KeycloakRealm, resource string) error {
		_, err := r.addScope(ctx, "mcp", "default", r.audienceMapper("included.custom.audience", resource), r.rolesMapper())
		for _, name := range []string{"read:notes", "write:notes"} {
			if err == nil {
				_, err = r.addScope(ctx, name, "optional")
			}
		}
		return err
	}, nil)
	for _, c := range s.clients {
		got, err := s.visit(t, c, "whoami")
		if c.goSDK() { // registers without scopes, and has the defaults
			if err != nil {
				t.Errorf("%s: asked for %q, %v", c.name, got.Asked, err)
			}
		} else if err == nil {
			t.Errorf("%s got a token with the audience", c.name)
		}
	}
	s.refusedForAudience(t)
}

// keycloakNoScopes leaves it to the clients which scopes they ask for. None asks
// for the scope with the mappers; Python asks for all that the realm has.
func keycloakNoScopes(t *testing.T, server *Keycloak) {
	_, s := keycloakScene(t, server, "no-scopes", "Configuration", pageScopes, func(config map[string]any) {
		for _, member := range []string{"scopes_supported", "challenge_scopes", "required_scopes", "tools"} {
			delete(theResource(config), member)
		}
	})
	for _, c := range s.clients {
		_, err := s.visit(t, c, "whoami")
		want := "Unauthorized"
		if c.name == "Python 2.x" {
			want = "Not permitted to use specified clientScope"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// keycloakGatewayNotInAudience lacks the mapper for the gateway's client.
func keycloakGatewayNotInAudience(t *testing.T, server *Keycloak) {
	_, s := keycloakScene(t, server, "no-gateway", "Revocation", func(ctx context.Context, r *KeycloakRealm, resource string) error {
		_, err := r.addScope(ctx, "read:notes", "optional", r.audienceMapper("included.custom.audience", resource))
		if err == nil {
			_, err = r.addScope(ctx, "write:notes", "optional")
		}
		return err
	}, nil)
	if _, err := s.visit(t, s.clients[0], "whoami"); err == nil {
		t.Error("the token was accepted")
	}
	if !strings.Contains(server.Log(), "Client 'gateway' is not in the token audience") {
		t.Error("Keycloak's log does not say why")
	}
}
