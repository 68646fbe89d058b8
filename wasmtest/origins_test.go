package wasmtest

import (
	"strings"
	"testing"
)

func origin(value string) [2]string { return [2]string{"origin", value} }

// wantWrongOrigin checks the answer to a page that may not call: a 403 that its
// browser keeps from it, with no challenge, since no token would help.
func wantWrongOrigin(t *testing.T, s *Stream) {
	t.Helper()
	wantStatus(t, s, 403)
	wantHeaders(t, s, map[string]string{"content-type": "application/json", "cache-control": "no-store"})
	if !strings.HasPrefix(string(s.Local().Body), `{"error":"origin_not_allowed",`) {
		t.Errorf("body %s", s.Local().Body)
	}
}

func TestAllowedOrigins(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(object{"allowed_origins": []string{"https://app.example", "https://*.apps.example", "http://localhost:6274"}}), nil))
	token := rsaKey.bearer(claims(h, nil))
	preflight := func(value string) Headers {
		return request("OPTIONS", "/notes", origin(value), [2]string{"access-control-request-method", "POST"}, [2]string{"access-control-request-headers", "authorization"})
	}
	for _, value := range []string{"https://app.example", "https://a.apps.example", "https://a.b.apps.example", "http://localhost:6274"} {
		t.Run(value, func(t *testing.T) {
			for range 2 { // with the token new and known
				wantForwarded(t, vm.Request(rpc("/notes", token, origin(value))))
			}
			cors := map[string]string{
				"content-type": "application/json", "cache-control": "no-store",
				"access-control-allow-origin": value, "access-control-expose-headers": "WWW-Authenticate, Mcp-Session-Id", "vary": "Origin",
			}
			for authorization, status := range map[string]int{
				"": 401, "Bearer x": 401, "Bearer a, Bearer b": 400, rsaKey.bearer(claims(h, object{"scope": "x"})): 403,
			} {
				s := vm.Request(rpc("/notes", authorization, origin(value)))
				wantStatus(t, s, status)
				cors["www-authenticate"] = s.Local().Headers.Get("www-authenticate")
				wantHeaders(t, s, cors)
			}
			s := vm.Request(preflight(value))
			wantStatus(t, s, 204)
			wantHeaders(t, s, map[string]string{
				"access-control-allow-origin": value, "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
				"access-control-allow-headers": "authorization", "access-control-max-age": "7200", "vary": "Origin, Access-Control-Request-Headers",
			})
		})
	}
	for _, value := range []string{"https://evil.example", "null", "", "https://apps.example", "http://app.example", "https://app.example:8443",
		"https://app.example.evil.example", "https://evil.example/.apps.example", "https://app.example https://evil.example", "*"} {
		t.Run("not "+value, func(t *testing.T) {
			for _, authorization := range []string{token, "", "Bearer x", "Bearer a, Bearer b"} {
				wantWrongOrigin(t, vm.Request(rpc("/notes", authorization, origin(value))))
			}
			wantWrongOrigin(t, vm.Request(preflight(value)))
		})
	}
	t.Run("two origins", func(t *testing.T) {
		wantWrongOrigin(t, vm.Request(rpc("/notes", token, origin("https://app.example"), origin("https://app.example"))))
	})
	t.Run("no browser", func(t *testing.T) {
		wantForwarded(t, vm.Request(rpc("/notes", token)))
		s := vm.Request(rpc("/notes", ""))
		wantError(t, s, 401, "unauthorized")
		if s.Local().Headers.Has("access-control-allow-origin") {
			t.Error(describe(s))
		}
	})
	// The metadata is public, and where no resource is, no rule is.
	t.Run("metadata", func(t *testing.T) {
		for _, method := range []string{"GET", "OPTIONS"} {
			s := vm.Request(request(method, prm+"/notes", origin("https://evil.example"), [2]string{"access-control-request-method", "GET"}))
			if s.Local() == nil || s.Local().Status >= 300 || s.Local().Headers.Get("access-control-allow-origin") != "*" {
				t.Errorf("%s: %s", method, describe(s))
			}
		}
		wantError(t, vm.Request(rpc("/other", "", origin("https://evil.example"))), 404, "not_found")
	})
}

// A request that was held is answered for the page that sent it.
func TestAllowedOriginOfAHeldRequest(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(object{"allowed_origins": []string{"https://app.example"}}), nil))
	s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": "x"})), origin("https://app.example")))
	if s.State() != Held {
		t.Fatal(describe(s))
	}
	vm.Request(rpc("/notes", "", origin("https://evil.example"), [2]string{"x-long", strings.Repeat("x", 4000)})).Close()
	documents{"/keys": toJSON(keySet(rsaKey))}.run(h, 2e9)
	wantError(t, s, 403, "insufficient_scope")
	if got := s.Local().Headers.Get("access-control-allow-origin"); got != "https://app.example" {
		t.Errorf("access-control-allow-origin %q", got)
	}
}

func TestNullAndNoOrigin(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, object{
		"authorization_servers": []object{server(nil)},
		"resources": []object{
			{"resource": "https://mcp.example.com/null", "allowed_origins": []string{"null"}},
			{"resource": "https://mcp.example.com/none", "allowed_origins": []string{}},
			{"resource": "https://mcp.example.com/any"},
		},
	})
	token := func(name string) string {
		return rsaKey.bearer(claims(h, object{"aud": "https://mcp.example.com" + name}))
	}
	wantForwarded(t, vm.Request(rpc("/null", token("/null"), origin("null"))))
	wantWrongOrigin(t, vm.Request(rpc("/null", token("/null"), origin("https://app.example"))))
	wantForwarded(t, vm.Request(rpc("/none", token("/none"))))
	wantWrongOrigin(t, vm.Request(rpc("/none", token("/none"), origin("null"))))
	wantWrongOrigin(t, vm.Request(rpc("/none", token("/none"), origin("https://other.example.com"))))
	for _, value := range []string{"null", "", "https://evil.example"} {
		wantForwarded(t, vm.Request(rpc("/any", token("/any"), origin(value))))
	}
}

// Tokens are no credentials of a browser: it must never be told to send its own.
func TestCredentialsAreNeverAllowed(t *testing.T) {
	for _, members := range []object{nil, {"allowed_origins": []string{"https://app.example"}}} {
		vm := start(t, newHost(t, Options{}), config(server(nil), notes(members), nil))
		for _, r := range []Headers{rpc("/notes", ""), rpc("/notes", "Bearer x"), rpc("/other", ""), request("GET", prm+"/notes"),
			request("OPTIONS", "/notes", [2]string{"access-control-request-method", "POST"}), request("OPTIONS", prm+"/notes")} {
			s := vm.Request(r.With("origin", "https://app.example"))
			if s.Local() == nil || s.Local().Headers.Has("access-control-allow-credentials") || !s.Local().Headers.Has("access-control-allow-origin") {
				t.Error(describe(s))
			}
		}
	}
}
