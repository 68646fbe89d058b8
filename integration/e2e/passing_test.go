package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
)

// passing is a request that must reach the MCP server with exactly these
// headers among those that the gateway sets or removes.
type passing struct {
	name   string
	path   string
	host   string
	header http.Header
	want   map[string]string
}

// watched tells the headers that only the gateway may set.
func watched(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	return strings.HasPrefix(name, "x-mcpauth-") || slices.Contains([]string{"authorization", "x-tenant", "x-token-payload"}, name)
}

func (s *stage) passing(t *testing.T) []passing {
	identity := func(token string, more ...string) map[string]string {
		var c struct {
			Sub, Scope string
			ClientID   string `json:"client_id"`
			Exp        int64
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		if err == nil {
			err = json.Unmarshal(payload, &c)
		}
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"x-mcpauth-subject": c.Sub, "x-mcpauth-client": c.ClientID, "x-mcpauth-issuer": s.auth.Issuer(),
			"x-mcpauth-expires": strconv.FormatInt(c.Exp, 10),
		}
		if c.Scope != "" {
			want["x-mcpauth-scope"] = c.Scope
		}
		for i := 0; i+1 < len(more); i += 2 {
			want[more[i]] = more[i+1]
		}
		return want
	}
	payload := func(token string) string { return strings.Split(token, ".")[1] }
	issued := s.issued(t, notes, "read:notes")
	elliptic := s.auth.Mint(authserver.Token{Algorithm: "ES256", Resource: notes, Scope: "read:notes write:notes",
		Claims: map[string]any{"tenant": "blue", "aud": []string{"https://else.example.com", notes}}})
	plain := s.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes", Header: map[string]any{"typ": nil}, Claims: map[string]any{"sub": "zoë"}})
	forwarded := s.issued(t, open, "")
	shared := s.issued(t, shareA, "")
	return []passing{
		{"issued, RS256", "/notes", "", bearer(issued), identity(issued, "x-token-payload", payload(issued))},
		{"the same again, from the cache", "/notes/deep/path?q=1", "", bearer(issued), identity(issued, "x-token-payload", payload(issued))},
		{"scheme in lower case", "/notes", "", headers("Authorization", "bearer "+issued), identity(issued, "x-token-payload", payload(issued))},
		{"ES256, a claim for a header", "/notes", "", bearer(elliptic), identity(elliptic, "x-token-payload", payload(elliptic), "x-tenant", "blue")},
		{"no typ, a subject beyond ASCII", "/notes", "", bearer(plain), identity(plain, "x-token-payload", payload(plain), "x-mcpauth-subject", "zo%C3%AB")},
		{"forged headers", "/notes", "", bearer(issued, "X-Mcpauth-Subject", "root", "x_mcpauth_subject", "root", "X-Mcpauth_Client", "root",
			"x-mcpauth-other", "root", "X-Tenant", "root", "x_tenant", "root", "X-Token-Payload", "root"), identity(issued, "x-token-payload", payload(issued))},
		{"forward keeps the token", "/open", "", bearer(forwarded), identity(forwarded, "authorization", "Bearer "+forwarded)},
		{"one path at two hosts", "/shared", "A.Example.com:443", bearer(shared), identity(shared)},
	}
}

// TestPassing is the last line of the table: what a valid request carries when
// it goes on.
func TestPassing(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for _, g := range s.gateways() {
			for _, p := range protocols {
				for _, r := range s.passing(t) {
					t.Run(fmt.Sprintf("%s/%s/%s", g.name, p, r.name), func(t *testing.T) {
						before := s.mcp.Requests()
						req := toolCall(p, r.path, r.header)
						req.host = r.host
						a := g.do(t, req)
						if a.status != http.StatusOK {
							t.Fatalf("status %d, challenge %s, body %.200q", a.status, a.challenge(), a.body)
						}
						if n := s.mcp.Requests() - before; n != 1 {
							t.Fatalf("%d requests reached the MCP server, want 1", n)
						}
						seen := s.mcp.Last()
						if seen.URL.RequestURI() != r.path {
							t.Errorf("path %q, want %q", seen.URL.RequestURI(), r.path)
						}
						got := map[string]string{}
						for name, values := range seen.Header {
							if watched(name) {
								got[strings.ToLower(name)] = strings.Join(values, " | ")
							}
						}
						if g, w := toJSON(got), toJSON(r.want); g != w {
							t.Errorf("headers\n got %s\nwant %s", g, w)
						}
					})
				}
			}
		}
	})
}

// TestUnmatchedAllowed: with "unmatched": "allow" other paths pass without a
// token, but nobody can claim an identity there either, and the resources stay
// protected.
func TestUnmatchedAllowed(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		o := own.options(toJSON(object{
			"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
			"resources": []object{{
				"resource": notes, "required_scopes": []string{"read:notes"},
				"claim_to_headers": []object{{"claim_name": "tenant", "header_name": "x-tenant"}},
			}},
			"unmatched": "allow",
		}))
		o.Lenient = true // or Envoy drops some of the headers itself
		g := own.start(t, o)
		a := g.do(t, toolCall(http2, "/other", headers("x-mcpauth-subject", "root", "x_mcpauth_subject", "root", "X-Tenant", "root", "x_tenant", "root")))
		if a.status != http.StatusOK || own.mcp.Requests() != 1 {
			t.Fatalf("status %d, %d requests reached the MCP server", a.status, own.mcp.Requests())
		}
		for name, values := range own.mcp.Last().Header {
			if watched(name) {
				t.Errorf("%s: %q reached the MCP server", name, values)
			}
		}
		if a := g.do(t, request{path: "/notes"}); a.status != http.StatusUnauthorized {
			t.Errorf("the resource: status %d without a token", a.status)
		}
		for _, path := range []string{"/other/../notes", "//notes", "/%6eotes", "/other/..%2fnotes", `/other/..\notes`} {
			before := own.mcp.Requests()
			if a := g.do(t, request{path: path}); own.mcp.Requests() != before {
				t.Errorf("%s: status %d, reached the MCP server as %s", path, a.status, own.mcp.Last().URL.RequestURI())
			}
		}
	})
}

// TestMetadataDocument checks the document itself, byte for byte where clients
// compare bytes.
func TestMetadataDocument(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for _, c := range []struct {
			path, host string
			want       object
		}{
			{"/notes", "", object{"resource": notes, "scopes_supported": []string{"read:notes", "write:notes"}}},
			{"/open", "", object{"resource": open, "resource_name": "Open notes"}},
			{"/shared", "a.example.com", object{"resource": shareA}},
			{"/shared", "b.example.com", object{"resource": shareB}},
			{"/mcp", "127.0.0.1", object{
				"resource": s.clientResource(), "scopes_supported": []string{"read:notes", "write:notes"}, "dpop_signing_alg_values_supported": []string{"ES256", "RS256"},
			}},
		} {
			c.want["authorization_servers"] = []string{s.auth.Issuer()}
			c.want["bearer_methods_supported"] = []string{"header"}
			a := s.strict.do(t, request{path: wellKnown + c.path, host: c.host})
			var got object
			if err := json.Unmarshal([]byte(a.body), &got); err != nil {
				t.Errorf("%s: %v in %q", c.path, err, a.body)
				continue
			}
			if g, w := toJSON(got), toJSON(c.want); g != w {
				t.Errorf("%s at %q:\n got %s\nwant %s", c.path, c.host, g, w)
			}
		}
	})
}
