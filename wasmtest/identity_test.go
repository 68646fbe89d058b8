package wasmtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestIdentityHeaders(t *testing.T) {
	vm := usualVM(t)
	c := claims(vm.host, nil)
	s := vm.Request(rpc("/notes", rsaKey.bearer(c)))
	wantForwarded(t, s)
	want := rpc("/notes", "",
		[2]string{"x-mcpauth-subject", "alice"},
		[2]string{"x-mcpauth-client", "client-1"},
		[2]string{"x-mcpauth-scope", "read:notes write:notes"},
		[2]string{"x-mcpauth-issuer", issuer},
		[2]string{"x-mcpauth-expires", strconv.FormatInt(c["exp"].(int64), 10)})
	if toJSON(s.Upstream()) != toJSON(want) {
		t.Errorf("upstream\n%s, want\n%s", toJSON(s.Upstream()), toJSON(want))
	}
}

func TestIdentityOfOtherProviders(t *testing.T) {
	vm := usualVM(t)
	for _, tt := range []struct {
		name, header string
		claims       object
		want         []string
	}{
		{"azp is the client", "x-mcpauth-client", object{"client_id": nil, "azp": "app"}, []string{"app"}},
		{"client_id comes before azp", "x-mcpauth-client", object{"azp": "app"}, []string{"client-1"}},
		{"cid is the client, as Okta has it", "x-mcpauth-client", object{"client_id": nil, "cid": "0oa1"}, []string{"0oa1"}},
		{"azp comes before cid", "x-mcpauth-client", object{"client_id": nil, "azp": "app", "cid": "0oa1"}, []string{"app"}},
		{"cid of another type", "x-mcpauth-client", object{"client_id": nil, "cid": 1}, nil},
		{"no client", "x-mcpauth-client", object{"client_id": nil}, nil},
		{"no subject", "x-mcpauth-subject", object{"sub": nil}, nil},
		{"scp", "x-mcpauth-scope", object{"scope": nil, "scp": []string{"read:notes", "b"}}, []string{"read:notes b"}},
		{"exp with a fraction", "x-mcpauth-expires", object{"exp": 1767229200.75}, []string{"1767229200"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := vm.Request(rpc("/notes", rsaKey.bearer(claims(vm.host, tt.claims))))
			wantForwarded(t, s)
			if got := s.Upstream().Values(tt.header); strings.Join(got, "|") != strings.Join(tt.want, "|") || len(got) != len(tt.want) {
				t.Errorf("%s: %q, want %q", tt.header, got, tt.want)
			}
		})
	}
}

// forged are headers that a client sends to pass for somebody: in every way
// to write them that a server might read as the same.
func forged(names ...string) Headers {
	var h Headers
	for _, name := range names {
		for _, n := range []string{name, strings.ToUpper(name), strings.ReplaceAll(name, "-", "_"), strings.Replace(name, "-", "_", 1),
			strings.ReplaceAll(name, "-", "."), strings.Replace(name, "-", ".", 1), strings.ReplaceAll(name, "-", "!"), strings.ReplaceAll(strings.Replace(name, "-", "~", 1), "-", "|")} {
			h = append(h, [2]string{n, "forged"}, [2]string{n, "forged again"})
		}
	}
	return h
}

func withIdentity() object {
	return notes(object{
		"forward_payload_header": "X-Payload",
		"claim_to_headers": []object{
			{"claim_name": "email", "header_name": "X-User-Email"},
			{"claim_name": "admin", "header_name": "x-user-admin"},
			{"claim_name": "groups", "header_name": "x-user-groups"},
			{"claim_name": "realm_access.roles", "header_name": "x-user-roles"},
			{"claim_name": []string{"kubernetes.io", "name/space"}, "header_name": "x.user.space"},
			{"claim_name": []string{"a.b"}, "header_name": "x-a"},
		},
	})
}

var forgedNames = []string{"x-mcpauth-subject", "x-mcpauth-client", "x-mcpauth-scope", "x-mcpauth-issuer", "x-mcpauth-expires",
	"x-mcpauth-anything", "x-user-email", "x-user-admin", "x-user-groups", "x-user-roles", "x-user-space", "x-payload"}

func TestForgedIdentityNeverPasses(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), withIdentity(), object{"unmatched": "allow"}))
	attack := forged(forgedNames...)
	check := func(t *testing.T, s *Stream) {
		t.Helper()
		wantForwarded(t, s)
		if strings.Contains(toJSON(s.Upstream()), "forged") {
			t.Errorf("a forged header passes: %s", toJSON(s.Upstream()))
		}
		if s.Upstream().Get("x-mcp-session") != "kept" {
			t.Error("another header is gone")
		}
	}
	kept := [2]string{"x-mcp-session", "kept"}
	t.Run("with a token", func(t *testing.T) {
		check(t, vm.Request(append(rpc("/notes", rsaKey.bearer(claims(h, nil)), kept), attack...)))
	})
	t.Run("with a known token", func(t *testing.T) {
		token := rsaKey.bearer(claims(h, nil))
		vm.Request(rpc("/notes", token)).Close()
		check(t, vm.Request(append(rpc("/notes", token, kept), attack...)))
	})
	t.Run("with a token that lacks the claims", func(t *testing.T) {
		for _, claim := range []string{"sub", "client_id"} {
			check(t, vm.Request(append(rpc("/notes", rsaKey.bearer(claims(h, object{claim: nil})), kept), attack...)))
		}
	})
	t.Run("unmatched", func(t *testing.T) {
		check(t, vm.Request(append(rpc("/other", "", kept), attack...)))
	})
	t.Run("in trailers", func(t *testing.T) {
		for _, s := range []*Stream{
			vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil))), false), vm.Open(rpc("/other", ""), false)} {
			got := s.Trailers(append(Headers{kept}, attack...))
			if toJSON(got) != toJSON(Headers{kept}) {
				t.Errorf("trailers %s", toJSON(got))
			}
			s.Close()
		}
	})
	t.Run("a token in trailers", func(t *testing.T) {
		s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil))), false)
		if got := s.Trailers(Headers{{"authorization", "Bearer x"}, kept}); toJSON(got) != toJSON(Headers{kept}) {
			t.Errorf("trailers %s", toJSON(got))
		}
		s.Close()
	})
	t.Run("empty trailers", func(t *testing.T) {
		s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil))), false)
		if s.Trailers(nil); s.State() != Forwarded {
			t.Error(describe(s))
		}
		s.Close()
	})
	t.Run("one alone", func(t *testing.T) {
		for _, f := range attack {
			s := vm.Request(rpc("/other", "", f, kept))
			check(t, s)
		}
	})
}

func TestClaimsToHeaders(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), withIdentity(), nil))
	for _, tt := range []struct {
		name   string
		claims object
		header string
		want   string // "" for no header
	}{
		{"string", object{"email": "a@example.com"}, "x-user-email", "a@example.com"},
		{"absent", nil, "x-user-email", ""},
		{"true", object{"admin": true}, "x-user-admin", "true"},
		{"false", object{"admin": false}, "x-user-admin", "false"},
		{"number", object{"admin": 42}, "x-user-admin", "42"},
		{"null", object{"admin": json.RawMessage("null")}, "x-user-admin", ""},
		{"array", object{"groups": []string{"a", "b,c"}}, "x-user-groups", `["a","b,c"]`},
		{"empty array", object{"groups": []string{}}, "x-user-groups", `[]`},
		{"array with what is not ASCII", object{"groups": []string{"Ä"}}, "x-user-groups", `["%C3%84"]`},
		{"object", object{"groups": object{"a": 1}}, "x-user-groups", `{"a":1}`},
		{"nested", object{"realm_access": object{"roles": []string{"admin", "user"}}}, "x-user-roles", `["admin","user"]`},
		{"nested, a string", object{"realm_access": object{"roles": "admin"}}, "x-user-roles", "admin"},
		{"nested, false", object{"realm_access": object{"roles": false}}, "x-user-roles", "false"},
		{"nested, null", object{"realm_access": object{"roles": json.RawMessage("null")}}, "x-user-roles", ""},
		{"nested, absent", object{"realm_access": object{}}, "x-user-roles", ""},
		{"nested in no object", object{"realm_access": []string{"roles"}}, "x-user-roles", ""},
		{"nested with line breaks", object{"realm_access": object{"roles": "a\r\nx-user-admin: true"}}, "x-user-roles", "a%0D%0Ax-user-admin: true"},
		{"a name with a dot comes first", object{"realm_access.roles": "whole", "realm_access": object{"roles": "part"}}, "x-user-roles", "whole"},
		{"a path that is an array", object{"kubernetes.io": object{"name/space": "default"}}, "x.user.space", "default"},
		{"a name of its own is no such path", object{"kubernetes.io.name/space": "x", "kubernetes": object{"io": object{"name/space": "x"}}}, "x.user.space", ""},
		{"a path of one name", object{"a.b": "whole", "a": object{"b": "part"}}, "x-a", "whole"},
		{"a path of one name is not split", object{"a": object{"b": "part"}}, "x-a", ""},
		{"another case", object{"Email": "a@example.com"}, "x-user-email", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, tt.claims))))
			wantForwarded(t, s)
			if got := s.Upstream().Values(tt.header); tt.want == "" && len(got) != 0 || tt.want != "" && (len(got) != 1 || got[0] != tt.want) {
				t.Errorf("%s: %q, want %q", tt.header, got, tt.want)
			}
		})
	}
}

// What an authorization server lets a user call himself must not become a
// header of its own, nor change its meaning on the way.
func TestClaimsCannotInjectHeaders(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), withIdentity(), nil))
	for value, want := range map[string]string{
		"a\r\nx-user-admin: true": "a%0D%0Ax-user-admin: true",
		"a\nb":                    "a%0Ab",
		"a\x00b":                  "a%00b",
		"a\tb":                    "a%09b",
		"é":                       "%C3%A9",
		"100%":                    "100%25",
		"%0d%0a":                  "%250d%250a",
		" a ":                     "%20a%20",
		"a b":                     "a b",
		"\x7f":                    "%7F",
		"名前":                      "%E5%90%8D%E5%89%8D",
		`a"b\c`:                   `a"b\c`,
	} {
		t.Run(want, func(t *testing.T) {
			s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"email": value, "sub": value, "client_id": value}))))
			wantForwarded(t, s)
			for _, name := range []string{"x-user-email", "x-mcpauth-subject", "x-mcpauth-client"} {
				if got := s.Upstream().Values(name); len(got) != 1 || got[0] != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if s.Upstream().Has("x-user-admin") {
				t.Errorf("injected: %s", toJSON(s.Upstream()))
			}
		})
	}
	t.Run("scope with line breaks", func(t *testing.T) {
		s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": []string{"read:notes", "a\r\nx: y"}}))))
		if s.State() == Forwarded && strings.ContainsAny(s.Upstream().Get("x-mcpauth-scope"), "\r\n") {
			t.Errorf("injected: %s", toJSON(s.Upstream()))
		}
	})
}

func TestForwardedPayload(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), withIdentity(), nil))
	c := claims(h, object{"email": "é\r\n"})
	s := vm.Request(rpc("/notes", rsaKey.bearer(c)))
	wantForwarded(t, s)
	if got, want := s.Upstream().Values("x-payload"), b64([]byte(toJSON(c))); len(got) != 1 || got[0] != want {
		t.Errorf("x-payload: %q, want %q", got, want)
	}
}

func TestForwardedToken(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(object{"forward": true}), nil))
	token := rsaKey.bearer(claims(h, nil))
	s := vm.Request(rpc("/notes", token))
	wantForwarded(t, s)
	if got := s.Upstream().Values("authorization"); len(got) != 1 || got[0] != token {
		t.Errorf("authorization: %q", got)
	}
}

// A claim whose number is too large for any integer type goes on as it is.
func TestClaimNumbersAreNotRounded(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), withIdentity(), nil))
	s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"admin": json.Number("12345678901234567890123")}))))
	wantForwarded(t, s)
	if got := s.Upstream().Get("x-user-admin"); got != "12345678901234567890123" {
		t.Errorf("x-user-admin: %q", got)
	}
}

// Some servers take the path from a header of the client: a token would be checked for one
// resource, and used at another.
func TestPathsFromOtherHeaders(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(nil), object{"unmatched": "allow"}))
	kept := Headers{{"x-original-forwarded-for", "1.2.3.4"}, {"x-forwarded-prefix", "/a"}, {"x-path", "/admin"}}
	attack := forged("x-original-url", "X-Original-URL", "x_original_url", "x-rewrite-url", "x.rewrite.url", "x-override-url", "script-name", "script_name", "path-info", "PATH_INFO", "x-script-name")
	check := func(s *Stream) {
		t.Helper()
		wantForwarded(t, s)
		text := toJSON(s.Upstream())
		if strings.Contains(text, "forged") {
			t.Errorf("a path from elsewhere passes: %s", text)
		}
		for _, k := range kept {
			if s.Upstream().Get(k[0]) != k[1] {
				t.Errorf("%s is gone: %s", k[0], text)
			}
		}
	}
	token := rsaKey.bearer(claims(h, nil))
	for range 2 { // unknown, then known
		check(vm.Request(append(rpc("/notes", token, kept...), attack...)))
	}
	check(vm.Request(append(rpc("/other", "", kept...), attack...)))
	s := vm.Open(rpc("/notes", token), false)
	if got := s.Trailers(append(slices.Clone(kept), attack...)); toJSON(got) != toJSON(kept) {
		t.Errorf("trailers %s", toJSON(got))
	}
	s.Close()
}
