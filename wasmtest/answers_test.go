package wasmtest

import (
	"strings"
	"testing"
)

const bareChallenge = `Bearer scope="read:notes", resource_metadata="` + prmURL + `"`

func TestNoToken(t *testing.T) {
	vm := usualVM(t)
	for _, tt := range []struct {
		name    string
		request Headers
	}{
		{"no header", rpc("/notes", "")},
		{"GET", request("GET", "/notes")},
		{"below the resource", rpc("/notes/x/y", "")},
		{"token in the query", rpc("/notes?access_token=eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "")},
		{"empty header", rpc("/notes", "", [2]string{"authorization", ""})},
		{"Basic", rpc("/notes", "Basic dXNlcjpwYXNz")},
		{"DPoP", rpc("/notes", "DPoP eyJhbGciOiJSUzI1NiJ9.e30.c2ln")},
		{"Bearer alone", rpc("/notes", "Bearer")},
		{"Bearer and a space", rpc("/notes", "Bearer ")},
		{"Bearer and spaces", rpc("/notes", "Bearer    ")},
		{"a scheme that begins with Bearer", rpc("/notes", "BearerToken abc")},
		{"no scheme", rpc("/notes", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := vm.Request(tt.request)
			wantError(t, s, 401, "unauthorized")
			wantHeaders(t, s, map[string]string{
				"content-type": "application/json", "cache-control": "no-store", "www-authenticate": bareChallenge,
			})
		})
	}
	t.Run("a valid token in the query", func(t *testing.T) {
		wantError(t, vm.Request(rpc("/notes?access_token="+rsaKey.token(claims(vm.host, nil)), "")), 401, "unauthorized")
	})
	t.Run("a valid token in another header", func(t *testing.T) {
		token := rsaKey.bearer(claims(vm.host, nil))
		for _, name := range []string{"proxy-authorization", "x-authorization", "authorization_", "cookie", "x-forwarded-access-token"} {
			wantError(t, vm.Request(rpc("/notes", "", [2]string{name, token})), 401, "unauthorized")
		}
	})
}

func TestErrorsForBrowsers(t *testing.T) {
	vm := usualVM(t)
	origin := [2]string{"origin", "https://app.example"}
	cors := map[string]string{
		"content-type": "application/json", "cache-control": "no-store",
		"access-control-allow-origin": "*", "access-control-expose-headers": "WWW-Authenticate, Mcp-Session-Id",
	}
	for _, tt := range []struct {
		name, authorization, challenge string
		status                         int
	}{
		{"no token", "", bareChallenge, 401},
		{"wrong audience", rsaKey.bearer(claims(vm.host, object{"aud": "x"})), "invalid_token", 401},
		{"scope missing", rsaKey.bearer(claims(vm.host, object{"scope": "x"})), "insufficient_scope", 403},
		{"two tokens", "Bearer a, Bearer b", "invalid_request", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := vm.Request(rpc("/notes", tt.authorization, origin))
			wantStatus(t, s, tt.status)
			want := map[string]string{"www-authenticate": s.Local().Headers.Get("www-authenticate")}
			for name, value := range cors {
				want[name] = value
			}
			wantHeaders(t, s, want)
			if !strings.Contains(want["www-authenticate"], tt.challenge) {
				t.Errorf("challenge %q, want %q in it", want["www-authenticate"], tt.challenge)
			}
		})
	}
	t.Run("not found", func(t *testing.T) {
		s := vm.Request(rpc("/other", "", origin))
		wantError(t, s, 404, "not_found")
		if got := s.Local().Headers.Get("access-control-allow-origin"); got != "*" {
			t.Errorf("access-control-allow-origin %q", got)
		}
	})
}

func TestTwoTokens(t *testing.T) {
	vm := usualVM(t)
	token := rsaKey.token(claims(vm.host, nil))
	two := func(a, b string) Headers { return rpc("/notes", a, [2]string{"authorization", b}) }
	for _, tt := range []struct {
		name    string
		request Headers
	}{
		{"two headers", two("Bearer "+token, "Bearer "+token)},
		{"two headers in capitals", rpc("/notes", "Bearer "+token, [2]string{"Authorization", "Bearer " + token})},
		{"Basic first", two("Basic dXNlcjpwYXNz", "Bearer "+token)},
		{"Basic second", two("Bearer "+token, "Basic dXNlcjpwYXNz")},
		{"an empty one second", two("Bearer "+token, "")},
		{"joined by a comma", rpc("/notes", "Bearer "+token+",Bearer "+token)},
		{"joined by comma and space", rpc("/notes", "Bearer "+token+", Bearer "+token)},
		{"one scheme", rpc("/notes", "Bearer "+token+","+token)},
		{"a space between", rpc("/notes", "Bearer "+token+" "+token)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := vm.Request(tt.request)
			wantError(t, s, 400, "invalid_request")
			if c := s.Local().Headers.Get("www-authenticate"); !strings.HasPrefix(c,
				`Bearer error="invalid_request", scope="read:notes", resource_metadata="`+prmURL+`", error_description="`) {
				t.Errorf("challenge %q", c)
			}
		})
	}
}

func TestMissingScopes(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(object{"required_scopes": []string{"read:notes", "write:notes"}}), nil))
	for _, tt := range []struct {
		name      string
		claims    object
		forwarded bool
	}{
		{"all", object{"scope": "write:notes read:notes"}, true},
		{"more", object{"scope": "a read:notes b write:notes c"}, true},
		{"one", object{"scope": "read:notes"}, false},
		{"none", object{"scope": nil}, false},
		{"empty", object{"scope": ""}, false},
		{"prefixes", object{"scope": "read:note write:notes2"}, false},
		{"another case", object{"scope": "Read:Notes write:notes"}, false},
		{"joined by a comma", object{"scope": "read:notes,write:notes"}, false},
		{"scope array", object{"scope": []string{"read:notes", "write:notes"}}, true},
		{"scp string", object{"scope": nil, "scp": "read:notes write:notes"}, true},
		{"scp array", object{"scope": nil, "scp": []string{"read:notes", "write:notes"}}, true},
		{"scopes array", object{"scope": nil, "scopes": []string{"read:notes", "write:notes"}}, true},
		{"scope comes before scp", object{"scope": "x", "scp": "read:notes write:notes"}, false},
		{"another member", object{"scope": nil, "permissions": []string{"read:notes", "write:notes"}}, false},
		{"Scope", object{"scope": nil, "Scope": "read:notes write:notes"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, tt.claims))))
			if tt.forwarded {
				wantForwarded(t, s)
				return
			}
			wantError(t, s, 403, "insufficient_scope")
			if c := s.Local().Headers.Get("www-authenticate"); !strings.HasPrefix(c,
				`Bearer error="insufficient_scope", scope="read:notes write:notes", resource_metadata="`+prmURL+`"`) {
				t.Errorf("challenge %q", c)
			}
		})
	}
}

func TestNoScopeInTheChallengeWhenNoneIsRequired(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(object{"required_scopes": nil}), nil))
	s := vm.Request(rpc("/notes", ""))
	wantError(t, s, 401, "unauthorized")
	if c, want := s.Local().Headers.Get("www-authenticate"), `Bearer resource_metadata="`+prmURL+`"`; c != want {
		t.Errorf("challenge %q, want %q", c, want)
	}
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": nil})))))
}

func TestUnmatchedRequests(t *testing.T) {
	token := func(h *Host) string { return rsaKey.bearer(claims(h, nil)) }
	t.Run("denied by default", func(t *testing.T) {
		vm := usualVM(t)
		for _, path := range []string{"/", "/other", "/notesx", "/note"} {
			wantError(t, vm.Request(rpc(path, "")), 404, "not_found")
			wantError(t, vm.Request(rpc(path, token(vm.host))), 404, "not_found")
		}
	})
	t.Run("allowed", func(t *testing.T) {
		h := newHost(t, Options{})
		vm := start(t, h, config(server(nil), notes(nil), object{"unmatched": "allow"}))
		s := vm.Request(rpc("/other", "Basic dXNlcjpwYXNz"))
		wantForwarded(t, s)
		if got := s.Upstream().Get("authorization"); got != "Basic dXNlcjpwYXNz" {
			t.Errorf("authorization %q: what is not ours stays as it is", got)
		}
		wantError(t, vm.Request(rpc("/notes", "")), 401, "unauthorized")
	})
}

func TestValidTokenGoesOn(t *testing.T) {
	vm := usualVM(t)
	token := rsaKey.token(claims(vm.host, nil))
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER ", "Bearer   "} {
		for range 3 { // the first one is verified, the others are known
			s := vm.Request(rpc("/notes", scheme+token))
			wantForwarded(t, s)
			if s.Upstream().Has("authorization") {
				t.Errorf("%q: the token goes on: %s", scheme, describe(s))
			}
		}
	}
	if calls := vm.host.ForeignCalls("verify_signature"); calls == 0 {
		t.Error("verify_signature was never called")
	}
}

// Headers of the transport are the server's, of whatever version, known or not.
func TestHeadersOfTheTransportGoOn(t *testing.T) {
	headers := [][2]string{
		{"mcp-session-id", "1868a90c-7f"}, {"last-event-id", "s-1_42"}, {"accept", "application/json, text/event-stream"},
		{"mcp-protocol-version", "2026-07-28"}, {"mcp-method", "tools/call"}, {"mcp-name", "=?base64?bGlzdF9ub3Rlcw==?="},
		{"mcp-param-region", "eu-west"}, {"mcp-param-customer", "=?base64?IHBhZGRlZCA=?="},
	}
	for name, resource := range map[string]object{"no rules": notes(nil), "rules": ruled(nil), "trusted headers": trusting(nil)} {
		h := newHost(t, Options{})
		vm := start(t, h, config(server(nil), resource, nil))
		s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": "read:notes"})), headers...), false)
		s.Body(call("list_notes"), true)
		wantForwarded(t, s)
		for _, header := range headers {
			if got := s.Upstream().Get(header[0]); got != header[1] {
				t.Errorf("%s: %s goes on as %q, want %q", name, header[0], got, header[1])
			}
		}
	}
}
