package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"mcpauth/envoy-example/authserver"
)

// Tenants of Microsoft Entra ID. Tokens of tenantC are accepted only with "any".
const (
	tenantA = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	tenantB = "99998888-0000-cccc-1111-dddd2222eeee"
	tenantC = "77776666-0000-cccc-1111-dddd2222eeee"

	entraOrigin = "https://login.microsoftonline.com"
)

// entraIssuer is the issuer of a tenant of Entra, in tokens of version 2.
func entraIssuer(tenant string) string { return entraOrigin + "/" + tenant + "/v2.0" }

// version1Issuer is the same in tokens of version 1.
func version1Issuer(tenant string) string { return "https://sts.windows.net/" + tenant + "/" }

// entraStage is a stage whose authorization server publishes what Entra does: documents of
// versions 1 and 2 for all tenants, and keys that name their issuers. The ES256 key is
// tenantA's alone.
func entraStage(t *testing.T, s *stage) *stage {
	t.Helper()
	own := keyStage(t, s, authserver.Options{})
	serve := func(path string, document object) {
		own.auth.Override(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != "login.microsoftonline.com" {
				t.Errorf("%s is asked for of the host %q", path, r.Host)
			}
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(toJSON(document)))
		}))
	}
	const all = entraOrigin + "/organizations"
	serve("/organizations/v2.0/.well-known/openid-configuration", object{
		"issuer": entraIssuer("{tenantid}"), "jwks_uri": all + "/discovery/v2.0/keys", "response_types_supported": []string{"code"},
		"authorization_endpoint": all + "/oauth2/v2.0/authorize", "token_endpoint": all + "/oauth2/v2.0/token",
	})
	serve("/organizations/.well-known/openid-configuration", object{
		"issuer": version1Issuer("{tenantid}"), "jwks_uri": entraOrigin + "/common/discovery/keys", "response_types_supported": []string{"code"},
		"authorization_endpoint": all + "/oauth2/authorize", "token_endpoint": all + "/oauth2/token",
	})
	var keys struct{ Keys []object }
	if err := json.Unmarshal(own.auth.KeySet(), &keys); err != nil {
		t.Fatal(err)
	}
	serve("/common/discovery/keys", object{"keys": keys.Keys}) // before they get issuers: version 1 has none
	var named []object
	for _, k := range keys.Keys {
		issuer := entraIssuer("{tenantid}")
		if k["kty"] == "EC" {
			issuer = entraIssuer(tenantA)
		}
		key := object{"issuer": issuer}
		for name, value := range k {
			key[name] = value
		}
		named = append(named, key)
	}
	serve("/organizations/discovery/v2.0/keys", object{"keys": named})
	return own
}

// ofTenant mints a token of version 2, with changes to its claims.
func (s *stage) ofTenant(tenant string, claims object) string {
	return s.signedOfTenant("RS256", tenant, claims)
}

func (s *stage) signedOfTenant(algorithm, tenant string, claims object) string {
	all := object{"iss": entraIssuer(tenant), "tid": tenant, "ver": "2.0"}
	for name, value := range claims {
		all[name] = value
	}
	return s.auth.Mint(authserver.Token{Algorithm: algorithm, Resource: notes, Scope: "read:notes", Claims: all})
}

// TestTenants: an authorization server with tenants as Entra has them. Tokens of listed
// tenants pass, also from the cache, and the server and the access log get their real issuer.
func TestTenants(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := entraStage(t, s)
		o := own.options(toJSON(object{
			"authorization_servers": []object{
				{"issuer": entraIssuer("{tid}"), "tenants": []string{tenantA, tenantB}, "cluster": "auth"},
				{"issuer": version1Issuer("{tid}"), "tenants": []string{tenantA}, "cluster": "auth", "metadata_issuer": entraIssuer("organizations"),
					"metadata_url": entraOrigin + "/organizations/.well-known/openid-configuration"},
			},
			"resources": []object{{"resource": notes, "required_scopes": []string{"read:notes"}, "filter_state": []string{"issuer"}}},
		}))
		o.AccessLog = `{"json_format": {"path": "%REQ(:PATH)%", "issuer": "%FILTER_STATE(wasm.mcpauth-issuer:PLAIN)%"}}`
		g := own.start(t, o)
		eventually(t, recovery, func() string { return passes(g, own.ofTenant(tenantA, nil)) })
		version1 := object{"iss": version1Issuer(tenantA), "ver": "1.0"}
		eventually(t, recovery, func() string { return passes(g, own.ofTenant(tenantA, version1)) })

		const another, unnamed = "the token is from another issuer", "the token does not name the tenant of its issuer"
		for n, c := range []struct {
			name, token string
			issuer      string // that the server sees; empty if the token is refused
			refused     string
		}{
			{"a tenant", own.ofTenant(tenantA, nil), entraIssuer(tenantA), ""},
			{"another tenant", own.ofTenant(tenantB, nil), entraIssuer(tenantB), ""},
			{"a tenant with a key of its own", own.signedOfTenant("ES256", tenantA, nil), entraIssuer(tenantA), ""},
			{"version 1", own.ofTenant(tenantA, version1), version1Issuer(tenantA), ""},
			{"a tenant that is not listed", own.ofTenant(tenantC, nil), "", another},
			{"version 1 of a tenant that is not listed", own.ofTenant(tenantB, object{"iss": version1Issuer(tenantB)}), "", another},
			{"version 1 without the slash", own.ofTenant(tenantA, object{"iss": strings.TrimSuffix(version1Issuer(tenantA), "/")}), "", another},
			{"another tenant than the issuer's", own.ofTenant(tenantA, object{"tid": tenantB}), "", unnamed},
			{"no tenant", own.ofTenant(tenantA, object{"tid": nil}), "", unnamed},
			{"a list of tenants", own.ofTenant(tenantA, object{"tid": []string{tenantA}}), "", unnamed},
			{"the template", own.ofTenant("{tid}", nil), "", another},
			{"the key of another tenant", own.signedOfTenant("ES256", tenantB, nil), "", "the signing key of the token belongs to another issuer"},
		} {
			for _, p := range protocols {
				for again := range 2 {
					path := fmt.Sprintf("/notes?%d-%v-%d", n, p, again)
					a := g.do(t, toolCall(p, path, bearer(c.token, "x-mcpauth-issuer", "https://forged.example")))
					logged := loggedIssuer(t, g, path)
					if c.refused != "" {
						if a.status != http.StatusUnauthorized || !strings.Contains(a.challenge(), `error_description="`+c.refused+`"`) || logged != nil {
							t.Errorf("%s: status %d, challenge %s, logged %v", c.name, a.status, a.challenge(), logged)
						}
						continue
					}
					if seen := own.mcp.Last().Header["X-Mcpauth-Issuer"]; a.status != http.StatusOK || len(seen) != 1 || seen[0] != c.issuer || logged != c.issuer {
						t.Errorf("%s: status %d, issuer %q, logged %v", c.name, a.status, seen, logged)
					}
				}
			}
		}
		a := g.do(t, request{path: "/.well-known/oauth-protected-resource/notes"})
		if !strings.Contains(a.body, `"authorization_servers":["`+entraIssuer("organizations")+`"]`) {
			t.Errorf("metadata: %d, %s", a.status, a.body)
		}
		for _, tenant := range []string{tenantA, tenantB, tenantC} {
			if n := own.auth.Requests("/"+tenant+"/v2.0/.well-known/openid-configuration") + own.auth.Requests("/.well-known/oauth-authorization-server/"+tenant+"/v2.0"); n != 0 {
				t.Errorf("metadata of a tenant was asked for %d times", n)
			}
		}
	})
}

// loggedIssuer returns the issuer in the line of the access log about a path.
func loggedIssuer(t *testing.T, g *gateway, path string) (issuer any) {
	t.Helper()
	eventually(t, recovery, func() string {
		for line := range strings.Lines(g.AccessLog()) {
			var logged struct {
				Path   string
				Issuer any
			}
			if json.Unmarshal([]byte(line), &logged) == nil && logged.Path == path {
				issuer = logged.Issuer
				return ""
			}
		}
		return "the request is not in the access log"
	})
	return issuer
}

// TestAnyTenant: every tenant passes, if the token names it. Clients find metadata that the
// strict ones take, of which the Go SDK is one: it refuses Entra's own.
func TestAnyTenant(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := entraStage(t, s)
		const origin = "https://mcp.example.com"
		g := own.start(t, own.options(toJSON(object{
			"authorization_servers": []object{{
				"issuer": entraIssuer("{tid}"), "tenants": "any", "cluster": "auth", "metadata_issuer": origin,
				"metadata_url":       entraOrigin + "/organizations/v2.0/.well-known/openid-configuration",
				"metadata_overrides": object{"issuer": origin, "code_challenge_methods_supported": []string{"S256"}},
			}},
			"resources": []object{{"resource": notes, "serve_authorization_server_metadata": true}},
		})))
		eventually(t, recovery, func() string { return passes(g, own.ofTenant(tenantC, nil)) })
		for _, c := range []struct {
			name, token, issuer string
		}{
			{"a tenant", own.ofTenant(tenantA, nil), entraIssuer(tenantA)},
			{"another", own.ofTenant(tenantC, nil), entraIssuer(tenantC)},
			{"another tenant than the issuer's", own.ofTenant(tenantC, object{"tid": tenantA}), ""},
			{"no tenant", own.ofTenant(tenantC, object{"tid": nil}), ""},
			{"two segments", own.ofTenant(tenantA+"/"+tenantC, nil), ""},
			{"the key of another tenant", own.signedOfTenant("ES256", tenantC, nil), ""},
		} {
			for _, p := range protocols {
				a := g.do(t, toolCall(p, "/notes", bearer(c.token)))
				switch {
				case c.issuer == "":
					if a.status != http.StatusUnauthorized {
						t.Errorf("%s: status %d", c.name, a.status)
					}
				case a.status != http.StatusOK || own.mcp.Last().Header.Get("X-Mcpauth-Issuer") != c.issuer:
					t.Errorf("%s: status %d, issuer %q", c.name, a.status, own.mcp.Last().Header.Get("X-Mcpauth-Issuer"))
				}
			}
		}

		a := g.do(t, request{path: "/.well-known/oauth-protected-resource/notes"})
		if !strings.Contains(a.body, `"authorization_servers":["`+origin+`"]`) {
			t.Errorf("metadata: %d, %s", a.status, a.body)
		}
		served := "http://" + g.Addr() + "/.well-known/oauth-authorization-server"
		if m, err := oauthex.GetAuthServerMeta(t.Context(), served, origin, http.DefaultClient); err != nil || m == nil || m.TokenEndpoint != entraOrigin+"/organizations/oauth2/v2.0/token" {
			t.Errorf("the Go SDK reads %+v, %v", m, err)
		}
		entra := &http.Client{Transport: asHost("login.microsoftonline.com")}
		document := "http://" + own.auth.Addr() + "/organizations/v2.0/.well-known/openid-configuration"
		if _, err := oauthex.GetAuthServerMeta(t.Context(), document, entraIssuer("organizations"), entra); err == nil || !strings.Contains(err.Error(), "does not match issuer URL") {
			t.Errorf("the Go SDK takes Entra's own metadata: %v", err)
		}
	})
}

// asHost sends requests with another Host header.
type asHost string

func (h asHost) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = string(h)
	return http.DefaultTransport.RoundTrip(r)
}
