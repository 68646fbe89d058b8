package wasmtest

import "testing"

// Pages of a resource's own origin may always call it.
func TestOwnOriginIsAllowed(t *testing.T) {
	for _, tt := range []struct{ resource, path, own string }{
		{"https://mcp.example.com/notes", "/notes", "https://mcp.example.com"},
		{"https://mcp.example.com/notes/", "/notes", "https://mcp.example.com"},
		{"HTTPS://MCP.example.com:443/notes", "/notes", "https://mcp.example.com"},
		{"https://mcp.example.com:8443", "/notes", "https://mcp.example.com:8443"},
		{"http://127.0.0.1:80/notes", "/notes", "http://127.0.0.1"},
		{"http://[::1]:8080/notes", "/notes", "http://[::1]:8080"},
	} {
		for _, allowed := range [][]string{{}, {"https://app.example"}, {"null"}} {
			h := newHost(t, Options{})
			vm := start(t, h, config(server(nil), notes(object{"resource": tt.resource, "allowed_origins": allowed}), nil))
			token := rsaKey.bearer(claims(h, object{"aud": tt.resource}))
			wantForwarded(t, vm.Request(rpc(tt.path, token, origin(tt.own))))
			s := vm.Request(rpc(tt.path, "", origin(tt.own)))
			wantError(t, s, 401, "unauthorized")
			if got := s.Local().Headers.Get("access-control-allow-origin"); got != tt.own {
				t.Errorf("%s: access-control-allow-origin %q", tt.own, got)
			}
			wantStatus(t, vm.Request(request("OPTIONS", tt.path, origin(tt.own), [2]string{"access-control-request-method", "POST"})), 204)
			for _, other := range []string{"", tt.own + ".evil.example", tt.own + "/", tt.own + "0", "https://mcp.example.org", "http://mcp.example.com", "https://x.mcp.example.com", tt.own + " "} {
				wantWrongOrigin(t, vm.Request(rpc(tt.path, token, origin(other))))
			}
		}
	}
}
