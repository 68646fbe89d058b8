package wasmtest

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"
)

// allState asks for everything, in an order of its own.
var allState = object{"filter_state": []string{"scope", "expires", "issuer", "client", "subject"}}

func wantState(t *testing.T, s *Stream, want map[string]string) {
	t.Helper()
	wantForwarded(t, s)
	if got := s.FilterState(); !maps.Equal(got, want) {
		t.Errorf("filter state %v, want %v", got, want)
	}
}

func TestFilterState(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(allState), nil))
	c := claims(h, nil)
	all := map[string]string{
		"wasm.mcpauth-subject": "alice",
		"wasm.mcpauth-client":  "client-1",
		"wasm.mcpauth-scope":   "read:notes write:notes",
		"wasm.mcpauth-issuer":  issuer,
		"wasm.mcpauth-expires": strconv.FormatInt(c["exp"].(int64), 10),
	}
	without := func(names ...string) map[string]string {
		m := maps.Clone(all)
		for _, name := range names {
			delete(m, "wasm.mcpauth-"+name)
		}
		return m
	}
	for range 2 { // the second time from the cache
		wantState(t, vm.Request(rpc("/notes", rsaKey.bearer(c), forged(forgedNames...)...)), all)
		for claim, name := range map[string]string{"sub": "subject", "client_id": "client"} {
			wantState(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{claim: nil})), forged(forgedNames...)...)), without(name))
		}
	}
	// As in the headers, nothing in a value can break a line or pass for more
	// than it is.
	s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"sub": "zoë\r\n10:00 alice\x1b[2J%", "client_id": " "}))))
	wantForwarded(t, s)
	for name, want := range map[string]string{"subject": "zo%C3%AB%0D%0A10:00 alice%1B[2J%25", "client": "%20"} {
		if got := s.FilterState()["wasm.mcpauth-"+name]; got != want || got != s.Upstream().Get("x-mcpauth-"+name) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Only what was asked for is there, and nothing where there is no caller.
func TestFilterStateIsOptIn(t *testing.T) {
	for _, tt := range []struct {
		resource object
		path     string
		token    bool
		want     map[string]string
	}{
		{object{"filter_state": []string{"client"}}, "/notes", true, map[string]string{"wasm.mcpauth-client": "client-1"}},
		{object{"filter_state": []string{}}, "/notes", true, nil},
		{nil, "/notes", true, nil},
		{allState, "/other", true, nil},
		{allState, "/notes", false, nil},
		{with(allState, object{"required_scopes": []string{"admin"}}), "/notes", true, nil},
	} {
		h := newHost(t, Options{})
		vm := start(t, h, config(server(nil), notes(tt.resource), object{"unmatched": "allow"}))
		for range 2 {
			token := ""
			if tt.token {
				token = rsaKey.bearer(claims(h, nil))
			}
			s := vm.Request(rpc(tt.path, token, forged(forgedNames...)...))
			if !maps.Equal(s.FilterState(), tt.want) || s.HostCalls()["proxy_set_property"] != len(tt.want) {
				t.Errorf("%v %s: %v by %d calls, want %v", tt.resource, tt.path, s.FilterState(), s.HostCalls()["proxy_set_property"], tt.want)
			}
			s.Close()
		}
	}
}

// Each resource has its own list.
func TestFilterStateOfTwoResources(t *testing.T) {
	h := newHost(t, Options{})
	other := object{"resource": "https://mcp.example.com/other", "filter_state": []string{"issuer"}}
	vm := start(t, h, config(server(nil), notes(object{"filter_state": []string{"subject"}}),
		object{"resources": []object{notes(object{"filter_state": []string{"subject"}}), other}}))
	token := rsaKey.bearer(claims(h, object{"aud": []string{resource, "https://mcp.example.com/other"}}))
	for range 2 {
		wantState(t, vm.Request(rpc("/notes", token)), map[string]string{"wasm.mcpauth-subject": "alice"})
		wantState(t, vm.Request(rpc("/other", token)), map[string]string{"wasm.mcpauth-issuer": issuer})
	}
}

// A request that waited for keys, and one that waited for an answer about its
// token, go on with the filter state of their own.
func TestFilterStateOfHeldRequests(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(allState), nil))
	var held []*Stream
	for _, subject := range []string{"alice", "bob"} {
		held = append(held, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"sub": subject})))))
	}
	none := vm.Request(rpc("/notes", impostorRSA.bearer(claims(h, nil))))
	goodServer(rsaKey).run(h, time.Second)
	for i, subject := range []string{"alice", "bob"} {
		wantForwarded(t, held[i])
		if got := held[i].FilterState(); got["wasm.mcpauth-subject"] != subject || len(got) != 5 {
			t.Errorf("%s: %v", subject, got)
		}
	}
	if none.State() == Forwarded || len(none.FilterState()) != 0 {
		t.Errorf("refused: %s, %v", describe(none), none.FilterState())
	}

	h = newHost(t, Options{})
	vm = start(t, h, config(opaque(nil), notes(allState), nil))
	a := newAsked(map[string]object{"opaque": aboutToken(h, object{"sub": "carol"})})
	s := a.decided(h, vm, "opaque")
	wantForwarded(t, s)
	if got := s.FilterState()["wasm.mcpauth-subject"]; got != "carol" {
		t.Errorf("opaque token: %q", got)
	}
}

// The log of a request that is refused for its body says whose it was.
func TestFilterStateOfRefusedBodies(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), ruled(object{"filter_state": []string{"subject"}}), nil))
	token := rsaKey.bearer(claims(h, object{"scope": "read:notes"}))
	s := vm.Open(rpc("/notes", token), false)
	s.Body(call("delete_note"), true)
	wantInsufficient(t, s, "write:notes")
	if got := s.FilterState(); got["wasm.mcpauth-subject"] != "alice" {
		t.Errorf("refused for its body: %v", got)
	}
	s = vm.Open(rpc("/notes", token, mirrored("tools/call", "delete_note")...), false)
	wantInsufficient(t, s, "write:notes")
	if got := s.FilterState(); len(got) != 0 {
		t.Errorf("refused for its headers: %v", got)
	}
}

// A host that takes no filter state for a request that was held: what follows
// may rely on it, so the request does not go on.
func TestFilterStateThatAHostRefusesLater(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(allState), nil))
	s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
	h.FailCall("proxy_set_property", InternalFailure)
	goodServer(rsaKey).run(h, time.Second)
	if s.State() != Answered || s.Local().Status != 500 || !strings.Contains(h.LogText(), "filter state") {
		t.Errorf("%s\n%s", describe(s), h.LogText())
	}
}

// Each value costs one call of the host, and nothing else; none costs nothing.
func TestCostOfFilterState(t *testing.T) {
	calls := func(resource object) map[string]int {
		h := newHost(t, Options{})
		vm := start(t, h, config(server(nil), notes(resource), nil))
		token := rsaKey.bearer(claims(h, nil))
		vm.Request(rpc("/notes", token)).Close()
		s := vm.Request(rpc("/notes", token))
		wantForwarded(t, s)
		n := maps.Clone(s.HostCalls())
		maps.DeleteFunc(n, func(name string, _ int) bool { return !strings.HasPrefix(name, "proxy_") }) // Go's collector asks for the time
		return n
	}
	off, on := calls(nil), calls(allState)
	if off["proxy_set_property"] != 0 || on["proxy_set_property"] != 5 {
		t.Errorf("%d calls with none, %d with all", off["proxy_set_property"], on["proxy_set_property"])
	}
	delete(on, "proxy_set_property")
	if !maps.Equal(on, off) {
		t.Errorf("calls %v, without filter state %v", on, off)
	}
}
