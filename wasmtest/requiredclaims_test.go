package wasmtest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// staff is the usual resource that lets in the staff alone, and some of them further.
func staff(members object) object {
	return notes(with(object{
		"required_claims": object{"groups": []string{"staff", "platform"}},
		"tools": object{
			"purge_*": object{"scopes": []string{"notes:admin"}, "claims": object{"realm_access.roles": []any{"admin", 7}}},
			"audit":   object{"claims": object{"mfa": true}},
		},
	}, members))
}

// wantDenied checks a 403 that names a claim, and that no sign-in would change.
func wantDenied(t *testing.T, s *Stream, claim string) {
	t.Helper()
	wantError(t, s, 403, "access_denied")
	if want := "the token lacks a required value of the claim " + claim; !strings.Contains(string(s.Local().Body), `"`+want+`"`) {
		t.Errorf("body %s, want %q", s.Local().Body, want)
	}
	if got := s.Local().Headers.Values("www-authenticate"); len(got) != 0 {
		t.Errorf("a challenge: %q", got)
	}
}

// claimCases are what becomes of tokens with other claims than the usual.
var claimCases = []struct {
	name   string
	claims object
	tool   string // empty for a request without a body
	denied string // the claim that is missing
	lacks  string // the scopes of a step-up
}{
	{"no claim", nil, "", "groups", ""},
	{"a claim of the required", object{"groups": "staff"}, "", "", ""},
	{"one of several", object{"groups": []any{"a", 1, "platform"}}, "", "", ""},
	{"another value", object{"groups": []string{"staffer", "Staff", ""}}, "", "groups", ""},
	{"null", object{"groups": json.RawMessage("null")}, "", "groups", ""},
	{"an object", object{"groups": object{"staff": "staff"}}, "", "groups", ""},
	{"a list in a list", object{"groups": []any{[]string{"staff"}}}, "", "groups", ""},
	{"before scopes", object{"groups": "x", "scope": "other"}, "", "groups", ""},
	{"scopes after the claims", object{"groups": "staff", "scope": "other"}, "", "", "read:notes"},

	{"a tool without a rule", object{"groups": "staff"}, "list_notes", "", ""},
	{"a tool without a rule, no claim", nil, "list_notes", "groups", ""},
	{"a claim of the rule", object{"groups": "staff", "mfa": true}, "audit", "", ""},
	{"of another type", object{"groups": "staff", "mfa": "true"}, "audit", "mfa", ""},
	{"at a path", object{"groups": "staff", "scope": "read:notes notes:admin", "realm_access": object{"roles": []any{"x", "admin"}}}, "purge_all", "", ""},
	{"a number", object{"groups": "staff", "scope": "read:notes notes:admin", "realm_access": object{"roles": json.RawMessage("70e-1")}}, "purge_all", "", ""},
	{"a near number", object{"groups": "staff", "scope": "read:notes notes:admin", "realm_access": object{"roles": json.RawMessage("7.00000000000000000001")}}, "purge_all", "realm_access.roles", ""},
	{"claims before scopes", object{"groups": "staff", "realm_access": object{"roles": "viewer"}}, "purge_all", "realm_access.roles", ""},
	{"scopes, with the claims", object{"groups": "staff", "realm_access": object{"roles": "admin"}}, "purge_all", "", "read:notes notes:admin"},
}

// try sends a request and, if tool names one, a call of it.
func try(vm *VM, authorization, tool string, headers ...[2]string) *Stream {
	s := vm.Open(rpc("/notes", authorization, headers...), tool == "")
	if tool != "" && s.State() != Answered {
		s.Body(call(tool), true)
	}
	return s
}

func wantOutcome(t *testing.T, s *Stream, denied, lacks string) {
	t.Helper()
	switch {
	case denied != "":
		wantDenied(t, s, denied)
	case lacks != "":
		wantInsufficient(t, s, lacks)
	default:
		wantForwarded(t, s)
	}
}

// JWTs, new and known.
func TestRequiredClaims(t *testing.T) {
	onBoth(t, server(nil), staff(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		for _, tt := range claimCases {
			t.Run(tt.name, func(t *testing.T) {
				token := rsaKey.bearer(claims(h, tt.claims))
				for range 3 {
					wantOutcome(t, try(vm, token, tt.tool), tt.denied, tt.lacks)
				}
				if tt.tool != "" && tt.denied != "groups" { // by the headers of MCP alone
					wantOutcome(t, try(vm, token, tt.tool, mirrored("tools/call", tt.tool)...), tt.denied, tt.lacks)
				}
			})
		}
	})
}

// Answers of introspection and userinfo endpoints, fresh and cached. A claim that only
// the token itself has does not count.
func TestRequiredClaimsOfOpaqueTokens(t *testing.T) {
	for _, tt := range claimCases {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{HeadersStopIteration: true})
			stops := object{"allow_on_headers_stop_iteration": true}
			vm := start(t, h, config(opaque(nil), staff(nil), stops))
			a := newAsked(map[string]object{"opaque-1": aboutToken(h, tt.claims)})
			for range 3 {
				s := vm.Open(rpc("/notes", "Bearer opaque-1"), tt.tool == "")
				if tt.tool != "" {
					s.Body(call(tt.tool), true)
				}
				a.run(h, 10*time.Millisecond)
				wantOutcome(t, s, tt.denied, tt.lacks)
			}
			if a.total != 1 {
				t.Errorf("asked %d times", a.total)
			}

			h = newHost(t, Options{HeadersStopIteration: true})
			vm = start(t, h, config(userinfo(object{"claims": object{"scopes": "scope"}}), staff(nil), stops))
			answer := toJSON(with(object{"sub": "alice", "scope": "read:notes"}, tt.claims))
			for range 3 {
				s := vm.Open(rpc("/notes", "Bearer gho_1"), tt.tool == "")
				if tt.tool != "" {
					s.Body(call(tt.tool), true)
				}
				h.Run(10e6, func() {
					for _, c := range h.Callouts() {
						c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(answer))
					}
				})
				wantOutcome(t, s, tt.denied, tt.lacks)
			}
			if h.Dispatched() != 1 {
				t.Errorf("asked %d times", h.Dispatched())
			}
		})
	}
}

// With introspection.jwt, the response counts and not the JWT itself. Of an answer of a
// userinfo endpoint, the mapped claims count.
func TestRequiredClaimsComeFromTheAnswer(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(object{"jwt": true}), staff(nil), nil))
	token := rsaKey.token(claims(h, object{"groups": "staff"}))
	a := newAsked(map[string]object{token: aboutToken(h, object{"groups": "visitors"})})
	wantDenied(t, a.decided(h, vm, token), "groups")

	h = newHost(t, Options{})
	vm = start(t, h, config(userinfo(object{"claims": object{"subject": "id"}}), notes(object{"required_scopes": []string{}, "required_claims": object{"sub": "alice"}}), nil))
	s := vm.Request(rpc("/notes", "Bearer gho_1"))
	h.Run(10e6, func() {
		for _, c := range h.Callouts() {
			c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(`{"id":"mallory","sub":"alice"}`))
		}
	})
	wantDenied(t, s, "sub")
}

// A batch needs what each of its messages needs.
func TestRequiredClaimsOfBatches(t *testing.T) {
	onBoth(t, server(nil), staff(nil), func(t *testing.T, h *Host, vm *VM, stops bool) {
		send := func(members object, body string) *Stream {
			s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, members))), false)
			s.Body(body, true)
			return s
		}
		batch := "[" + call("list_notes") + "," + call("audit") + "," + call("purge_all") + "]"
		for range 2 {
			all := object{"groups": "staff", "mfa": true, "scope": "read:notes notes:admin", "realm_access": object{"roles": "admin"}}
			wantForwarded(t, send(all, batch))
			s := send(with(all, object{"mfa": false}), batch)
			wantDenied(t, s, "mfa")
			wantNothingSent(t, s, stops)
			wantDenied(t, send(with(all, object{"realm_access": nil}), batch), "realm_access.roles")
			wantInsufficient(t, send(with(all, object{"scope": nil, "scp": "read:notes"}), batch), "read:notes notes:admin")
		}
	})
}

// Each resource has claims of its own, also for a token that another one knows.
func TestRequiredClaimsOfSeveralResources(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, object{
		"authorization_servers": []object{server(nil)},
		"resources":             []object{notes(nil), notes(object{"resource": "https://mcp.example.com/staff", "audiences": []string{resource}, "required_claims": object{"groups": "staff"}})},
	})
	token := rsaKey.bearer(claims(h, object{"groups": "visitors"}))
	for range 2 {
		wantForwarded(t, vm.Request(rpc("/notes", token)))
		wantDenied(t, vm.Request(rpc("/staff", token)), "groups")
	}
}

// A member that is there twice makes the token malformed, wherever it is.
func TestRequiredClaimsThatAreThereTwice(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), staff(nil), nil))
	for _, twice := range []string{`{"groups":"visitors","groups":"staff"}`, `{"groups":"visitors","\u0067roups":"staff"}`, `{"groups":"staff","x":{"y":1,"y":2}}`} {
		token := rsaKey.sign(`{"alg":"RS256"}`, strings.TrimSuffix(toJSON(claims(h, nil)), "}")+","+twice[1:])
		wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+token)), "duplicate")
	}
}

// The answer, the log and the metric name the claim, and never a value.
func TestRequiredClaimsInLogAndMetrics(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), staff(object{"allowed_origins": []string{"https://app.example"}}), nil))
	s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"groups": "s3cret-group"})), [2]string{"origin", "https://app.example"}))
	wantDenied(t, s, "groups")
	if got := s.Local().Headers.Get("access-control-allow-origin"); got != "https://app.example" {
		t.Errorf("access-control-allow-origin %q", got)
	}
	h.Run(2*time.Second, nil)
	if n := h.Counter(requestsTotal + "access_denied.reason=claim"); n != 1 {
		t.Errorf("%d requests counted", n)
	}
	text := h.LogText()
	if !strings.Contains(text, "refused at "+resource+`: the token lacks a required value of the claim "groups"; issuer "`+issuer+`"`) {
		t.Errorf("the log says\n%s", text)
	}
	for _, value := range []string{"s3cret-group", "staff", "platform"} {
		if strings.Contains(text, value) || strings.Contains(string(s.Local().Body), value) {
			t.Errorf("%s is in the log or the answer:\n%s\n%s", value, text, s.Local().Body)
		}
	}
}

// A known token costs no more host calls than without claims.
func TestRequiredClaimsOfAKnownToken(t *testing.T) {
	calls := func(resource object) map[string]int {
		h := newHost(t, Options{})
		vm := start(t, h, config(server(nil), resource, nil))
		token := rsaKey.bearer(claims(h, object{"groups": "staff"}))
		wantForwarded(t, vm.Request(rpc("/notes", token)))
		s := vm.Request(rpc("/notes", token))
		wantForwarded(t, s)
		return s.HostCalls()
	}
	plain, required := calls(notes(nil)), calls(notes(object{"required_claims": object{"groups": "staff"}}))
	if toJSON(plain) != toJSON(required) {
		t.Errorf("host calls %v, without claims %v", required, plain)
	}
}

// Where the headers name the operation, its claims come before the required scopes too.
func TestRequiredClaimsBeforeRequiredScopes(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), staff(nil), nil))
	token := rsaKey.bearer(claims(h, object{"groups": "staff", "scope": "other"}))
	wantDenied(t, try(vm, token, "purge_all", mirrored("tools/call", "purge_all")...), "realm_access.roles")
	wantInsufficient(t, try(vm, token, "list_notes", mirrored("tools/call", "list_notes")...), "read:notes")
}
