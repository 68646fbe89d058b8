package wasmtest

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"
)

var auditOn = object{"audit": true}

// audited, if it is not nil, makes start set "audit" in each configuration, and gets the
// labels of all outcomes that are found in the audit trail.
var audited map[string]bool

// auditLabels returns the outcome in the audit trail of a request, as the metrics have it.
func auditLabels(s *Stream) string {
	labels := s.FilterState()["wasm.mcpauth-outcome"]
	if reason := s.FilterState()["wasm.mcpauth-reason"]; reason != "" {
		labels += ".reason=" + reason
	}
	return labels
}

// compareAudit checks that the audit trail of all requests to a host has the outcomes that
// its metrics have.
func compareAudit(t testing.TB, h *Host, found map[string]bool) {
	for _, vm := range h.VMs() {
		vm.Tick()
	}
	got := map[string]int{}
	for _, s := range h.Streams() {
		if labels := auditLabels(s); labels != "" {
			found[labels] = true
			got[labels]++
		}
	}
	want := map[string]int{}
	for _, name := range h.MetricNames() {
		if n := int(h.Counter(name)); n > 0 && strings.HasPrefix(name, requestsTotal) {
			want[strings.TrimPrefix(name, requestsTotal)] = n
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the audit trail has %v, the metrics have %v", got, want)
	}
}

// TestAuditOfEveryOutcome runs the tests that come to the outcomes with audit on: each
// outcome that the metrics know is in the audit trail, in the same words, as often.
func TestAuditOfEveryOutcome(t *testing.T) {
	audited = map[string]bool{}
	defer func() { audited = nil }()
	for name, test := range map[string]func(t *testing.T){
		"usual":       TestEachRequestIsCountedOnce,
		"others":      TestOutcomesOfOtherConfigurations,
		"held":        TestHeldRequestsAreCountedOnce,
		"unavailable": TestUnavailableIsCountedByReason,
		"opaque":      TestOpaqueTokensAreCounted,
		"rules":       TestOutcomesOfRules,
		"trailers":    TestFaultInTrailersIsNoSecondRequest,
		"register":    TestProxyRegister,
		"authorize":   TestProxyAuthorize,
		"callback":    TestProxyCallback,
		"consent":     TestConsent,
		"exchange":    TestProxyExchange,
		"refused":     TestProxyExchangeRefuses,
		"provider":    TestProxyProviderFails,
		"large":       TestLargeBodies,
		"room":        TestRulesWithNoRoomToWait,
		"waiting":     TestRulesWhileKeysAreFetched,
	} {
		t.Run(name, test)
	}
	for _, tt := range outcomes {
		if !audited[tt.labels] {
			t.Errorf("%s is not in the audit trail of any test", tt.labels)
		}
	}
}

// wantAudit checks all of the audit trail of a request: names without "wasm.mcpauth-".
func wantAudit(t *testing.T, name string, s *Stream, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for state, value := range s.FilterState() {
		got[strings.TrimPrefix(state, "wasm.mcpauth-")] = value
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s: the audit trail has %v, want %v", name, got, want)
	}
}

// auditCase is a request with what the audit trail says of it.
type auditCase struct {
	name    string
	headers Headers
	body    string // "" for none
	want    map[string]string
}

func (c *auditCase) run(t *testing.T, vm *VM) {
	t.Helper()
	s := vm.Open(c.headers, c.body == "")
	if c.body != "" && s.State() != Answered {
		s.Body(c.body, true)
	}
	s.Close()
	wantAudit(t, c.name, s, c.want)
}

// The values that the audit trail has of a request: who, as far as verified, and for what.
func TestAudit(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), ruled(object{"required_claims": object{"tenant": "a b"}}), auditOn))
	who := object{"subject": "alice", "client": "client-1", "issuer": issuer}
	state := func(outcome, reason string, more ...object) map[string]string {
		m := map[string]string{"outcome": outcome, "resource": resource}
		if reason != "" {
			m["reason"] = reason
		}
		for _, o := range more {
			for name, value := range o {
				m[name] = value.(string)
			}
		}
		return m
	}
	op := func(method, target string) object {
		o := object{"method": method}
		if target != "" {
			o["target"] = target
		}
		return o
	}
	good := rsaKey.bearer(claims(h, object{"scope": "read:notes", "tenant": "a b"}))
	with := func(members object) string {
		all := object{"tenant": "a b"}
		maps.Copy(all, members)
		return rsaKey.bearer(claims(h, all))
	}
	deleting, listing := op("tools/call", "delete_note"), op("tools/call", "list_notes")
	for _, c := range []auditCase{
		{"passes", rpc("/notes", good), call("list_notes"), state("passed", "cache_miss", who, listing)},
		{"passes again", rpc("/notes", good), call("list_notes"), state("passed", "cache_hit", who, listing)},
		{"a method alone", rpc("/notes", good), message("ping", ""), state("passed", "cache_hit", who, op("ping", ""))},
		{"a prompt", rpc("/notes", with(object{"scope": "read:notes prompts"})), message("prompts/get", `{"name":"p"}`), state("passed", "cache_miss", who, op("prompts/get", "p"))},
		{"a URI", rpc("/notes", good), message("resources/read", `{"uri":"note:///a%20b?x=1"}`), state("passed", "cache_hit", who, op("resources/read", "note:///a%2520b?x=1"))},
		{"the response of a client", rpc("/notes", good), `{"jsonrpc":"2.0","id":1,"result":{}}`, state("passed", "cache_hit", who)},
		{"no body", request("GET", "/notes", [2]string{"authorization", good}), "", state("passed", "cache_hit", who)},
		{"a batch", rpc("/notes", good), "[" + call("list_notes") + "," + message("ping", "") + `,{"id":1,"result":{}},` + call("-") + "]",
			state("passed", "cache_hit", who, op("tools/call ping - tools/call", "list_notes - - %2D"))},
		{"lacks a scope", rpc("/notes", good), call("delete_note"), state("insufficient_scope", "", who, deleting, object{"missing": "write:notes"})},
		{"lacks a scope, by headers", rpc("/notes", good, mirrored("tools/call", "delete_note")...), call("delete_note"),
			state("insufficient_scope", "", who, deleting, object{"missing": "write:notes"})},
		{"lacks a scope, new token", rpc("/notes", with(object{"scope": "read:notes x"}), mirrored("tools/call", "delete_note")...), call("delete_note"),
			state("insufficient_scope", "", who, deleting, object{"missing": "write:notes"})},
		{"lacks two", rpc("/notes", good), "[" + call("export") + "," + call("delete_note") + "]",
			state("insufficient_scope", "", who, op("tools/call tools/call", "export delete_note"), object{"missing": "write:notes export audit"})},
		{"lacks the required scope", rpc("/notes", with(object{"scope": "x"})), call("list_notes"), state("insufficient_scope", "", who, object{"missing": "read:notes"})},
		{"lacks the required claim", rpc("/notes", with(object{"tenant": "c"})), call("list_notes"), state("access_denied", "claim", who, object{"missing": "tenant"})},
		{"expired", rpc("/notes", with(object{"exp": 1})), call("list_notes"), state("invalid_token", "expired", who)},
		{"another audience", rpc("/notes", with(object{"aud": "https://x.example"})), call("list_notes"), state("invalid_token", "audience", who)},
		{"no claims of the caller", rpc("/notes", with(object{"sub": nil, "client_id": nil, "exp": 1})), call("list_notes"),
			state("invalid_token", "expired", object{"issuer": issuer})},
		{"no signature that verifies", rpc("/notes", impostorRSA.bearer(claims(h, nil))), call("list_notes"), state("invalid_token", "signature")},
		{"unknown key, expired", rpc("/notes", otherRSA.bearer(claims(h, object{"exp": 1}))), "", state("invalid_token", "unknown_key")},
		{"another issuer", rpc("/notes", with(object{"iss": "https://x.example"})), "", state("invalid_token", "issuer")},
		{"no token", rpc("/notes", "", mirrored("tools/call", "delete_note")...), call("delete_note"), state("unauthorized", "")},
		{"two tokens", rpc("/notes", "Bearer a, Bearer b"), "", state("bad_request", "two_tokens")},
		{"an ambiguous body", rpc("/notes", good), `{"method":"ping","method":"tools/call"}`, state("bad_request", "body", who)},
		{"another operation in the headers", rpc("/notes", good, mirrored("tools/call", "whoami")...), call("list_notes"), state("bad_request", "mismatch", who)},
		{"compressed", rpc("/notes", good, [2]string{"content-encoding", "gzip"}), "x", state("unsupported_encoding", "", who)},
		{"metadata", request("GET", prm+"/notes"), "", state("metadata", "")},
		{"preflight", request("OPTIONS", "/notes", origin("https://x.example"), [2]string{"access-control-request-method", "POST"}), "", state("preflight", "")},
		{"no resource", rpc("/other", good), call("delete_note"), map[string]string{"outcome": "not_found", "reason": "no_resource"}},
		{"a path with two readings", rpc("/notes%2Fx", good), "", map[string]string{"outcome": "bad_request", "reason": "path"}},
	} {
		c.run(t, vm)
	}
}

// Without a rule the body goes on at once, and the audit trail has what it asks for all
// the same: for any pieces, any size, and with nothing refused.
func TestAuditOfBodiesThatGoOn(t *testing.T) {
	h := newHost(t, Options{BufferLimit: 16 << 10})
	vm := start(t, h, config(server(nil), notes(nil), auditOn))
	token := rsaKey.bearer(claims(h, nil))
	vm.Request(rpc("/notes", token)).Close()
	arguments := strings.Repeat(`{"name":"x","a":["\"}]",1.5e+3,true]},`, 40_000) // 1.5 MB
	big := message("tools/call", `{"arguments":{"list":[`+arguments+`{}]},"name":"delete_note","_meta":{"name":"x"}}`)
	for _, c := range []struct {
		name, body     string
		method, target string
		unread         string
	}{
		{"a call", call("delete_note"), "tools/call", "delete_note", ""},
		{"with white space", " {\n \"method\" : \"tools/call\" ,\r\n\t\"params\" : { \"name\" : \"delete_note\" } } ", "tools/call", "delete_note", ""},
		{"a batch", "[" + call("a") + "," + call("b") + "]", "tools/call tools/call", "a b", ""},
		{"a large body", big, "tools/call", "delete_note", ""},
		{"a large batch", "[" + big + "," + call("x") + "]", "tools/call tools/call", "delete_note x", ""},
		{"a response", `{"id":1,"result":{"method":"x"}}`, "", "", ""},
		{"two names", `{"method":"tools/call","params":{"name":"a","arguments":{"x":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `},"name":"delete_note"}}`, "", "", "ambiguous"},
		{"another case", `{"method":"tools/call","params":{"Name":"a"}}`, "", "", "ambiguous"},
		{"not JSON", "hello", "", "", "json"},
		{"no message", "17", "", "", "json"},
		{"JSON that is not closed", `{"method":"tools/call","params":{"name":"a"}`, "", "", "json"},
		{"comments", `{"method":"tools/call","params":{"arguments":{/*"*/},"name":"delete_note","a":{/*"*/}}}`, "", "", "json"},
		{"a long text beside the name", `{"method":"tools/call","params":{"name":"a","b":"` + strings.Repeat("x", 20_000) + `"}}`, "", "", "size"},
	} {
		for _, size := range []int{len(c.body), 1000, 7} {
			if size == 7 && len(c.body) > 10_000 {
				continue
			}
			s := vm.Open(rpc("/notes", token), false)
			for body := c.body; ; {
				n := min(size, len(body))
				s.Body(body[:n], n == len(body))
				if body = body[n:]; body == "" {
					break
				}
			}
			wantForwarded(t, s)
			if s.UpstreamBody() != c.body {
				t.Errorf("%s: the upstream has %d bytes of %d", c.name, len(s.UpstreamBody()), len(c.body))
			}
			want := map[string]string{"outcome": "passed", "reason": "cache_hit", "resource": resource, "subject": "alice", "client": "client-1", "issuer": issuer}
			for name, value := range map[string]string{"method": c.method, "target": c.target, "unread": c.unread} {
				if value != "" {
					want[name] = value
				}
			}
			wantAudit(t, c.name, s, want)
			s.Close()
			wantAudit(t, c.name+", ended", s, want)
		}
	}
	unread := func(name, why string, s *Stream) {
		t.Helper()
		s.Close()
		if got := s.FilterState(); got["wasm.mcpauth-unread"] != why || got["wasm.mcpauth-method"] != "" || got["wasm.mcpauth-outcome"] != "passed" {
			t.Errorf("%s: %v", name, got)
		}
	}
	s := vm.Open(rpc("/notes", token), false)
	s.Body(call("delete_note")[:20], false)
	unread("the client leaves", "incomplete", s)
	s = vm.Open(rpc("/notes", token, [2]string{"content-encoding", "gzip"}), false)
	s.Body("x", true)
	unread("compressed", "encoding", s)
	s = vm.Open(append(Headers{{"connection", "Upgrade"}, {"upgrade", "websocket"}, {"authorization", token}}, request("GET", "/notes")...), false)
	s.Body("x", false)
	unread("an upgrade", "upgrade", s)
	s = vm.Open(rpc("/notes", token, [2]string{"connection", "Upgrade"}, [2]string{"upgrade", "websocket"}), false)
	s.Body(call("delete_note"), true) // a server need not upgrade
	unread("an upgrade with a body", "upgrade", s)

	s = vm.Open(rpc("/notes", token), false)
	s.Body(call("delete_note"), false)
	s.Trailers(Headers{{"x", "y"}})
	if got := s.FilterState(); got["wasm.mcpauth-target"] != "delete_note" {
		t.Errorf("trailers: %v", got)
	}
	s = vm.Open(rpc("/notes", token), false)
	s.Trailers(Headers{{"x", "y"}})
	s.Close()
	if got := s.FilterState(); got["wasm.mcpauth-unread"] != "" {
		t.Errorf("trailers alone: %v", got)
	}
}

// No text of a client ends a field, a line or a string, or is long.
func TestAuditOfHostileValues(t *testing.T) {
	for name, resource := range map[string]object{"held": ruled(nil), "going on": notes(nil)} {
		h := newHost(t, Options{})
		vm := start(t, h, config(server(nil), resource, with(auditOn, object{"allow_on_headers_stop_iteration": false})))
		token := rsaKey.bearer(claims(h, nil))
		for tool, want := range map[string]string{
			"a\nb":                               "a%0Ab",
			`"},{"outcome":"x`:                   "%22%7D%2C%7B%22outcome%22:%22x",
			`\"'` + "`;|<>()":                    "%5C%22%27%60%3B%7C%3C%3E%28%29",
			"a b*%41":                            "a%20b%2A%2541",
			"é\u2028\u202e\x7f":                  "%C3%A9%E2%80%A8%E2%80%AE%7F",
			strings.Repeat("a", 256):             strings.Repeat("a", 256),
			strings.Repeat("a", 257):             strings.Repeat("a", 256) + "*",
			strings.Repeat("é", 15_000):          strings.Repeat("%C3%A9", 42) + "%C3" + "*",
			strings.Repeat("a", 255) + "é":       strings.Repeat("a", 255) + "*",
			"":                                   "-",
			"https://x/?a=1&b=2#c@~!$+d_e-f.g:h": "https://x/?a=1&b=2#c@~!$+d_e-f.g:h",
		} {
			body := message("tools/call", toJSON(object{"name": tool}))
			s := vm.Open(rpc("/notes", token), false)
			s.Body(body, true)
			got := s.FilterState()["wasm.mcpauth-target"]
			if name == "held" && s.State() == Answered {
				// Servers may read that name differently, so the rules refuse it.
				want = ""
			}
			if len(tool) > 16<<10 && name == "going on" {
				want = "" // see "size" in TestAuditOfBodiesThatGoOn
			}
			if got != want {
				t.Errorf("%s: %.40q is %q, want %q", name, tool, got, want)
			}
			s.Close()
		}
		// A batch of many, and a method of 64 KB.
		s := vm.Open(rpc("/notes", token), false)
		s.Body("["+strings.Repeat(call("abcdefghi")+",", 150)+call("last")+"]", true)
		methods, targets := s.FilterState()["wasm.mcpauth-method"], s.FilterState()["wasm.mcpauth-target"]
		if name == "held" {
			if want := strings.Repeat("tools/call ", 94) + "*"; methods != want {
				t.Errorf("methods %q", methods)
			}
			if want := strings.Repeat("abcdefghi ", 94) + "*"; targets != want {
				t.Errorf("targets %q", targets)
			}
		}
		s.Close()
		s = vm.Open(rpc("/notes", token), false)
		s.Body(message(strings.Repeat("m", 10_000), ""), true)
		if got := s.FilterState()["wasm.mcpauth-method"]; got != strings.Repeat("m", 256)+"*" {
			t.Errorf("%s: a long method: %q", name, got)
		}
		s.Close()
	}
}

// filter_state and audit give one value for one name, by one call.
func TestAuditBesideFilterState(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(allState), auditOn))
	c := claims(h, object{"sub": "zoë \"x\""})
	for range 2 {
		s := vm.Request(rpc("/notes", rsaKey.bearer(c)))
		wantForwarded(t, s)
		got := s.FilterState()
		if len(got) != 5+3 || s.HostCalls()["proxy_set_property"] != 5+3 || got["wasm.mcpauth-subject"] != s.Upstream().Get("x-mcpauth-subject") {
			t.Errorf("%d calls, %v", s.HostCalls()["proxy_set_property"], got)
		}
	}
	s := vm.Request(rpc("/notes", rsaKey.bearer(with(c, object{"aud": "x"}))))
	if got := s.FilterState(); got["wasm.mcpauth-subject"] != `zo%C3%AB "x"` || got["wasm.mcpauth-scope"] != "" || got["wasm.mcpauth-expires"] != "" {
		t.Errorf("refused: %v", got)
	}
}

// What waits has its own values when it goes on, is refused, or leaves.
func TestAuditOfHeldRequests(t *testing.T) {
	for _, stops := range []bool{false, true} {
		h := newHost(t, Options{HeadersStopIteration: stops})
		vm := start(t, h, config(fetching(nil), ruled(nil), with(auditOn, object{"allow_on_headers_stop_iteration": stops})))
		open := func(token string) *Stream {
			s := vm.Open(rpc("/notes", token), false)
			s.Body(call("delete_note"), true)
			return s
		}
		passes := open(rsaKey.bearer(claims(h, nil)))
		lacks := open(rsaKey.bearer(claims(h, object{"sub": "bob", "scope": "read:notes"})))
		expired := open(rsaKey.bearer(claims(h, object{"sub": "carol", "exp": 1})))
		leaves := open(rsaKey.bearer(claims(h, object{"sub": "dave"})))
		wantAudit(t, "held", leaves, map[string]string{"resource": resource})
		leaves.Close()
		goodServer(rsaKey).run(h, time.Second)
		who := func(subject string, more map[string]string) map[string]string {
			m := map[string]string{"resource": resource, "subject": subject, "client": "client-1", "issuer": issuer}
			maps.Copy(m, more)
			return m
		}
		wantAudit(t, "passes", passes, who("alice", map[string]string{"outcome": "passed", "reason": "cache_miss", "method": "tools/call", "target": "delete_note"}))
		wantAudit(t, "lacks", lacks, who("bob", map[string]string{"outcome": "insufficient_scope", "missing": "write:notes", "method": "tools/call", "target": "delete_note"}))
		wantAudit(t, "expired", expired, who("carol", map[string]string{"outcome": "invalid_token", "reason": "expired"}))
		wantAudit(t, "leaves", leaves, map[string]string{"resource": resource, "outcome": "client_gone"})
	}

	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(nil), auditOn))
	a := newAsked(map[string]object{"good": aboutToken(h, nil), "old": aboutToken(h, object{"exp": 1}), "foreign": aboutToken(h, object{"iss": "https://x.example"})})
	who := map[string]string{"resource": resource, "subject": "alice", "client": "client-1", "issuer": issuer}
	for token, want := range map[string]map[string]string{
		"good":    {"outcome": "passed", "reason": "cache_miss"},
		"old":     {"outcome": "invalid_token", "reason": "expired"},
		"foreign": {"outcome": "invalid_token", "reason": "issuer"},
		"unknown": {"outcome": "invalid_token", "reason": "inactive"},
	} {
		if token == "good" || token == "old" {
			maps.Copy(want, who)
		}
		want["resource"] = resource
		wantAudit(t, token, a.decided(h, vm, token), want)
	}
}

// With trust_mcp_headers the headers have the operation, and the body is not read.
func TestAuditByTrustedHeaders(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), ruled(object{"trust_mcp_headers": true}), auditOn))
	s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil)), mirrored("tools/call", "=?base64?ZGVsZXRlX25vdGU=?=")...), false)
	if got := s.FilterState(); s.State() != Forwarded || got["wasm.mcpauth-method"] != "tools/call" || got["wasm.mcpauth-target"] != "delete_note" {
		t.Errorf("%s, %v", describe(s), got)
	}
}

// A request that cannot be audited does not go on: a rule behind the plugin may deny by
// what is missing.
func TestAuditThatAHostRefuses(t *testing.T) {
	for name, resource := range map[string]object{"no rules": notes(nil), "rules": ruled(nil)} {
		h := newHost(t, Options{HeadersStopIteration: true})
		vm := start(t, h, config(server(nil), resource, with(auditOn, object{"allow_on_headers_stop_iteration": true})))
		h.FailCall("proxy_set_property", InternalFailure)
		s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil))), false)
		if s.State() != Answered || s.Local().Status != 500 || !strings.Contains(h.LogText(), "filter state") {
			t.Errorf("%s: %s\n%s", name, describe(s), h.LogText())
		}
		h.FailCall("proxy_set_property", OK)
		s = vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil))), false)
		h.FailCall("proxy_set_property", InternalFailure)
		s.Body(call("list_notes"), true)
		if name == "rules" && (s.State() != Answered || s.Local().Status != 500) {
			t.Errorf("%s, body: %s", name, describe(s))
		}
		if name == "no rules" && s.State() != Forwarded {
			t.Errorf("%s, body: %s", name, describe(s))
		}
		if s = vm.Request(rpc("/notes", "")); s.State() != Answered {
			t.Errorf("no token: %s", describe(s))
		}
		wantOnlyCounted(t, h)
	}
}

func wantOnlyCounted(t *testing.T, h *Host) {
	t.Helper()
	h.FailCall("proxy_set_property", OK)
	h.Run(2*time.Second, nil)
	if n := h.Counter(requestsTotal + "error"); n < 2 {
		t.Errorf("%d faults are counted", n)
	}
}

// Without audit there is no call of the host for it; with it, a call of a tool with a token
// seen before has eight values, each by one call.
func TestCostOfAudit(t *testing.T) {
	for _, tt := range []struct {
		resource object
		audit    bool
		set      int
		read     int // of the body
	}{{notes(nil), false, 0, 0}, {ruled(nil), false, 0, 1}, {notes(nil), true, 8, 1}, {ruled(nil), true, 8, 1}} {
		h := newHost(t, Options{})
		vm := start(t, h, config(server(nil), tt.resource, object{"audit": tt.audit}))
		token := rsaKey.bearer(claims(h, nil))
		vm.Request(rpc("/notes", token)).Close()
		before := vm.Calls()
		s := vm.Open(rpc("/notes", token), false)
		s.Body(call("list_notes"), true)
		s.Close()
		wantForwarded(t, s)
		after := vm.Calls()
		for name, want := range map[string]int{"proxy_set_property": tt.set, "proxy_get_buffer_bytes": tt.read} {
			if n := after[name] - before[name]; n != want {
				t.Errorf("audit %v: %d calls of %s, want %d", tt.audit, n, name, want)
			}
		}
	}
}

// An observer of each request in the middle of its body takes little memory.
func TestMemoryOfAudit(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(nil), auditOn))
	token := rsaKey.bearer(claims(h, nil))
	before := vm.MemorySize()
	var open []*Stream
	for i := range 300 {
		s := vm.Open(rpc("/notes", token), false)
		s.Body(`{"method":"tools/call","params":{"arguments":{"id":`+strconv.Itoa(i)+`,"text":"`, false)
		for range 4 {
			s.Body(strings.Repeat("x", 64<<10), false)
		}
		open = append(open, s)
	}
	for _, s := range open {
		s.Body(`"},"name":"delete_note"}}`, true)
		if got := s.FilterState()["wasm.mcpauth-target"]; got != "delete_note" {
			t.Fatalf("target %q", got)
		}
		s.Close()
	}
	if grown := vm.MemorySize() - before; grown > 16<<20 {
		t.Errorf("the memory has grown by %d bytes for 75 MB of bodies", grown)
	}
}
