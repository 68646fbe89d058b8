package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
)

// TestOpaqueTokens: the gateway asks the server about tokens that are no JWTs,
// with a secret from its environment, at an endpoint that it finds itself; a
// server that is down lets nobody in.
func TestOpaqueTokens(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		const secret = "a secret: %"
		own := keyStage(t, s, authserver.Options{Opaque: true, Path: "/tenant1", Clients: []authserver.Client{testClient, {ID: "gate:way", Secret: secret}}})
		o := own.options(toJSON(object{
			"authorization_servers": []object{{
				"issuer": own.auth.Issuer(), "cluster": "auth",
				"introspection": object{"client_id": "gate:way", "client_secret_env": "GATEWAY_SECRET"},
			}},
			"resources": []object{{"resource": notes, "required_scopes": []string{"read:notes"}}},
		}))
		o.PluginEnv = map[string]string{"GATEWAY_SECRET": secret}
		g := own.start(t, o)

		good := own.issued(t, notes, "read:notes")
		for range 50 {
			if problem := passes(g, good); problem != "" {
				t.Fatal(problem)
			}
		}
		if got := own.mcp.Last().Header.Get("X-Mcpauth-Subject"); got != testClient.ID {
			t.Errorf("subject %q", got)
		}
		if n := own.auth.Requests("/tenant1/introspect"); n < 1 || n > 2 {
			t.Errorf("asked %d times about one token, want once for each of two workers at most", n)
		}
		before := own.mcp.Requests()
		for name, c := range map[string]struct {
			token, describes string
			status           int
		}{
			"unknown":          {"x" + good, "not active", 401},
			"another resource": {own.issued(t, open, "read:notes"), "audience", 401},
			"scope missing":    {own.issued(t, notes, "write:notes"), "scope", 403},
			"a JWT":            {own.minted("RS256"), "JWTs", 401},
		} {
			if a := g.do(t, request{path: "/notes", header: bearer(c.token)}); a.status != c.status || !strings.Contains(a.challenge(), c.describes) {
				t.Errorf("%s: status %d, challenge %s", name, a.status, a.challenge())
			}
		}

		// What is known stays known for a minute; nothing new is found out.
		fresh := own.issued(t, notes, "read:notes")
		release := make(chan struct{})
		own.auth.Override("/tenant1/introspect", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		start := time.Now()
		a := g.do(t, request{path: "/notes", header: bearer(fresh)})
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.challenge() != "" {
			t.Errorf("a server that hangs: status %d, headers %v", a.status, a.header)
		}
		if held := time.Since(start); held > 20*time.Second {
			t.Errorf("held for %v", held)
		}
		close(release)
		if n := own.mcp.Requests() - before; n != 0 {
			t.Errorf("%d requests reached the MCP server", n)
		}
		own.auth.Override("/tenant1/introspect", nil)
		eventually(t, recovery, func() string { return passes(g, fresh) })
		if log := g.Log(); strings.Contains(log, secret) || strings.Contains(log, good) || !strings.Contains(log, "tokens cannot be checked") {
			t.Errorf("the log has a secret, or does not say what is wrong:\n%s", tail(log, 4000))
		}
	})
}
