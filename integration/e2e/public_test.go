package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
)

// TestPublicOperations: what is public reaches the server whole and without a token, and
// all else gets 401 with no byte of its body sent on, in both protocols.
func TestPublicOperations(t *testing.T) {
	more := object{"public": object{
		"methods": []string{"initialize", "notifications/*"}, "lists": true, "tools": []string{"search_docs"}, "paths": []string{"/notes/docs/*"},
	}}
	const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`
	onEachRuledWith(t, more, func(t *testing.T, g *ruled) {
		lacking := g.stage.auth.Mint(authserver.Token{Resource: notes, Scope: "other"})
		large := strings.Replace(tool("search_docs"), "{}", `{"x":"`+strings.Repeat("x", maxRuledBody)+`"}`, 1)
		for _, c := range []struct {
			name, method, path, body string
			headers                  []string
			status                   int // 200 if it reaches the server
		}{
			{"initialize", "", "", initialize, nil, 200},
			{"a notification", "", "", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, nil, 200},
			{"a list", "", "", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, nil, 200},
			{"a tool", "", "", tool("search_docs"), nil, 200},
			{"a batch", "", "", "[" + initialize + "," + tool("search_docs") + "]", nil, 200},
			{"a token without a required scope", "", "", tool("search_docs"), []string{"Authorization", "Bearer " + lacking}, 200},
			{"a private tool", "", "", tool("list_notes"), nil, 401},
			{"a private tool in a batch", "", "", "[" + initialize + "," + tool("list_notes") + "]", nil, 401},
			{"two readings", "", "", `{"method":"initialize","Method":"tools/call","params":{"name":"list_notes"}}`, nil, 401},
			{"a response", "", "", `{"jsonrpc":"2.0","id":1,"result":{}}`, nil, 401},
			{"no JSON", "", "", "initialize", nil, 401},
			{"no body", "", "", "", nil, 401},
			{"too large", "", "", large, nil, 401},
			{"another header", "", "", initialize, []string{"Mcp-Method", "tools/call"}, 401},
			{"another header, respelled", "", "", initialize, []string{"Mcp_Method", "tools/call"}, 401},
			{"compressed", "", "", initialize, []string{"Content-Encoding", "gzip"}, 401},
			{"another scheme", "", "", initialize, []string{"Authorization", "Basic YTpi"}, 401},
			{"a bad token", "", "", initialize, []string{"Authorization", "Bearer x"}, 401},
			{"two tokens", "", "", initialize, []string{"Authorization", "Bearer x", "Authorization", "Bearer y"}, 400},
			{"a token in the query", "", "/notes?access_token=x", initialize, nil, 401},
			{"PUT", "PUT", "", initialize, nil, 401},
			{"a stream", "GET", "", "", []string{"Accept", "text/event-stream"}, 405},
			{"the end of a session", "DELETE", "", "", []string{"Mcp-Session-Id", "a"}, 405},
			{"a page", "GET", "", "", nil, 401},
			{"a public path", "HEAD", "/notes/docs/a?b", "", nil, 200},
			{"beside a public path", "HEAD", "/notes/docs", "", nil, 401},
			{"out of a public path", "HEAD", "/notes/docs/../a", "", nil, 401},
			{"out of a public path, encoded", "HEAD", "/notes/docs/%2e%2e/a", "", nil, 401},
			{"POST to a public path", "POST", "/notes/docs/a", tool("list_notes"), nil, 401},
		} {
			for _, p := range protocols {
				t.Run(fmt.Sprint(c.name, " ", p), func(t *testing.T) {
					g.server.forget()
					r := request{proto: p, method: c.method, path: c.path, body: c.body}
					if r.method == "" {
						r.method = http.MethodPost
					}
					if r.path == "" {
						r.path = "/notes"
					}
					r.header = headers(append([]string{"Content-Type", "application/json", "X-Mcpauth-Subject", "mallory", "X_mcpauth_subject", "mallory"}, c.headers...)...)
					a := g.do(t, r)
					_, body := g.server.seen()
					if c.status == 200 {
						if a.status != 200 || body != c.body {
							t.Errorf("status %d, and the server got %q", a.status, body)
						}
						return
					}
					if a.status != c.status || body != "" {
						t.Errorf("status %d, want %d; the server got %q", a.status, c.status, body)
					}
					if challenged := a.challenge() != ""; challenged != (c.status == 401 || c.name == "two tokens") {
						t.Errorf("challenge %q", a.challenge())
					}
				})
			}
		}
	})
}
