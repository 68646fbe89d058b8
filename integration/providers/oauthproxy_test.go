package providers

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/debian"
	"mcpauth/integration/install"
)

// verifier and challenge are those of RFC 7636, appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// documentURL is the ID of a client whose document proxyScene publishes.
const documentURL = "https://clients.example.com/app.json"

// proxyScene starts oidc-provider, and a gateway that stands for it. There are no
// challenge_scopes: clients are asked for more scope when they need it.
func proxyScene(t *testing.T) *scene {
	t.Helper()
	g := newGateway(t)
	server := oidcProvider(t, g, "jwt", "RS256")
	documents := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"client_id": documentURL, "client_name": "An App", "redirect_uris": []string{callback}})
	}))
	t.Cleanup(documents.Close)
	config := g.pageConfig(t, "oidc-provider.md", "Behind oauth_proxy", "https://auth.example.com", server.issuer)
	theServer(config)["oauth_proxy"].(map[string]any)["client_id_metadata_documents"] = []any{map[string]any{"url": documentURL, "cluster": "clients"}}
	g.start(t, config, map[string]string{"GATEWAY_SECRET": gatewaySecret, "MCPAUTH_SIGNING_KEY": "the key of the tests has 32 bytes"},
		envoy.ClusterAt("auth", strings.TrimPrefix(server.issuer, "http://")), envoy.ClusterAt("clients", documents.Listener.Addr().String()))
	return &scene{g, server.issuer, oidcProviderUser, "alice", "editor", proxyClients(t)}
}

// proxyClients are the SDKs that ask for more scope though they have a refresh token, which
// version 1 of the TypeScript SDK does not, and FastMCP.
func proxyClients(t *testing.T) []client {
	t.Helper()
	all := clients(t)
	typescript, err := folder("clients", "typescript", "v2")
	if err == nil {
		_, err = install.NodeModules(t.Context(), typescript)
	}
	if err != nil {
		t.Fatal(err)
	}
	all[1] = client{name: "TypeScript 2.x", command: []string{"node", filepath.Join(typescript, "client.mjs")}}
	fastMCP := all[2]
	fastMCP.name, fastMCP.command = "FastMCP", []string{"python3", filepath.Join(filepath.Dir(fastMCP.command[1]), "client_fastmcp.py")}
	return append(all, fastMCP)
}

// TestOIDCProviderOAuthProxy: with the gateway in between, real clients register with it, or
// name their document; the user agrees on its page and on oidc-provider's; and the client
// gets more scope when a tool needs it.
func TestOIDCProviderOAuthProxy(t *testing.T) {
	t.Parallel()
	s := proxyScene(t)
	s.testProxySignIn(t)
	for _, c := range s.clients[1:3] {
		t.Run(c.name+" with a document", func(t *testing.T) {
			c.env = append(slices.Clone(c.env), "CLIENT_URL="+documentURL)
			got, err := s.visit(t, c, stepUp)
			if err != nil || len(got.Results) != 3 || got.ClientID != documentURL {
				t.Fatalf("client %q, asked for %q, results %v, %v", got.ClientID, got.Asked, got.Results, err)
			}
		})
	}
	t.Run("refresh", func(t *testing.T) { s.testProxyRefresh(t) })
	t.Run("in Chromium", func(t *testing.T) { s.testProxyInChromium(t) })
}

// testProxySignIn: each client registers with the gateway, and is asked for more scope when a
// tool needs it.
func (s *scene) testProxySignIn(t *testing.T) {
	for _, c := range s.clients {
		t.Run(c.name, func(t *testing.T) {
			got, err := s.visit(t, c, stepUp)
			if err != nil || len(got.Results) != 3 || got.ClientID == "mcp-gateway" {
				t.Fatalf("asked for %q, results %v, %v", got.Asked, got.Results, err)
			}
			if last := got.Asked[len(got.Asked)-1]; len(got.Asked) != 2 || !holds(last, bothScopes) {
				t.Errorf("asked for %q", got.Asked)
			}
		})
	}
}

// testProxyInChromium: the pages of the gateway and of the provider work in a real browser,
// with its rules for cookies, forms and policies.
func (s *scene) testProxyInChromium(t *testing.T) {
	path, err := debian.Chromium()
	if err != nil {
		t.Fatal(err)
	}
	in := *s
	in.user = inChromium{s.user.(user), path}
	for _, c := range in.clients {
		t.Run(c.name, func(t *testing.T) {
			got, err := in.visit(t, c, stepUp)
			if err != nil || len(got.Results) != 3 {
				t.Fatalf("asked for %q, results %v, %v", got.Asked, got.Results, err)
			}
		})
	}
}

// testProxyRefresh: a refresh token of oidc-provider is of use to the client that got it, and
// to no other.
func (s *scene) testProxyRefresh(t *testing.T) {
	origin := s.port.Origin()
	status, text := register(t, origin+"/register", "", "")
	var other struct {
		ID string `json:"client_id"`
	}
	if json.Unmarshal([]byte(text), &other); status != http.StatusCreated || other.ID == "" {
		t.Fatalf("status %d, %s", status, text)
	}
	request := url.Values{"response_type": {"code"}, "client_id": {documentURL}, "redirect_uri": {callback}, "scope": {readScope}, "resource": {s.resource()},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}, "state": {"s"}}
	back, err := s.user.visit(t.Context(), origin+"/authorize?"+request.Encode())
	if err != nil || back.Query().Get("code") == "" || back.Query().Get("iss") != origin {
		t.Fatal(back, err)
	}
	exchange := func(form url.Values) (int, map[string]any) {
		status, document, err := postForm(t.Context(), origin+"/token", form)
		if err != nil {
			t.Fatal(err)
		}
		return status, document
	}
	status, tokens := exchange(url.Values{"grant_type": {"authorization_code"}, "client_id": {documentURL}, "redirect_uri": {callback}, "code": {back.Query().Get("code")},
		"code_verifier": {verifier}, "resource": {s.resource()}})
	first, _ := tokens["refresh_token"].(string)
	if status != http.StatusOK || first == "" {
		t.Fatalf("status %d, %v", status, tokens)
	}
	s.passes(t, tokens["access_token"].(string))
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {documentURL}, "refresh_token": {first}, "resource": {s.resource()}}
	status, fresh := exchange(refresh)
	if access, _ := fresh["access_token"].(string); status != http.StatusOK || access == "" || access == tokens["access_token"] {
		t.Fatalf("status %d, %v", status, fresh)
	} else {
		s.passes(t, access)
	}
	refresh.Set("client_id", other.ID)
	if status, document := exchange(refresh); status != http.StatusBadRequest || document["error"] != "invalid_grant" {
		t.Errorf("another client: status %d, %v", status, document)
	}
}
