package wasmtest

import (
	"maps"
	"strings"
	"testing"
	"time"
)

const verdictHeader = "x-mcpauth-verdict"

var verdictHeaderOn = object{"verdict_header": true}

// wantVerdict checks that the request goes on with this verdict alone, "" for none, in
// whatever spelling a guard or a server may look for it.
func wantVerdict(t *testing.T, s *Stream, want string) {
	t.Helper()
	wantForwarded(t, s)
	var got []string
	for _, kv := range s.Upstream() {
		name := strings.Map(func(r rune) rune {
			if r == '-' || r >= 'a' && r <= 'z' {
				return r
			}
			return '-'
		}, strings.ToLower(kv[0]))
		if name == verdictHeader {
			got = append(got, kv[0]+": "+kv[1])
		}
	}
	var all []string
	if want != "" {
		all = []string{verdictHeader + ": " + want}
	}
	if toJSON(got) != toJSON(all) {
		t.Errorf("verdicts %q, want %q", got, all)
	}
}

// forgedVerdict are values that a client sends, in every spelling and several times.
func forgedVerdict() Headers {
	h := forged(verdictHeader)
	for _, value := range []string{"token", "public", ""} {
		h = append(h, [2]string{verdictHeader, value}, [2]string{"x_mcpauth_verdict", value}, [2]string{"X-MCPAuth-Verdict", value})
	}
	return h
}

// Each way of being let on brings exactly one verdict, and none without the member:
// whatever the client sends.
func TestVerdictHeader(t *testing.T) {
	for name, on := range map[string]bool{"set": true, "absent": false} {
		t.Run(name, func(t *testing.T) {
			token, public, top := "token", "public", object{"verdict_header": true}
			if !on {
				token, public, top = "", "", object{}
			}
			for _, sent := range []Headers{nil, forgedVerdict()} {
				testVerdicts(t, top, sent, token, public)
			}
		})
	}
}

func testVerdicts(t *testing.T, top object, sent Headers, token, public string) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), withIdentity(), with(top, object{"unmatched": "allow"})))
	bearer := rsaKey.bearer(claims(h, nil))
	for range 2 { // the second time from the cache
		wantVerdict(t, vm.Request(rpc("/notes", bearer, sent...)), token)
	}
	wantVerdict(t, vm.Request(rpc("/notes", strings.Replace(bearer, "Bearer ", "bearer  ", 1), sent...)), token)
	wantVerdict(t, vm.Request(request("GET", "/notes", append(Headers{{"authorization", bearer}}, sent...)...)), token)
	wantVerdict(t, vm.Request(rpc("/other", "", sent...)), public)
	wantVerdict(t, vm.Request(rpc("/other", bearer, sent...)), public) // nobody has verified it
	upgrade := append(Headers{{"connection", "Upgrade"}, {"upgrade", "websocket"}, {"authorization", bearer}}, sent...)
	s := vm.Open(request("GET", "/notes", upgrade...), false)
	s.Body("frame", false)
	wantVerdict(t, s, token)
	if len(sent) > 0 {
		s = vm.Open(rpc("/notes", bearer), false)
		s.Body("{}", false)
		if got := s.Trailers(append(Headers{{"x-kept", "1"}}, sent...)); toJSON(got) != toJSON(Headers{{"x-kept", "1"}}) {
			t.Errorf("trailers %s", toJSON(got))
		}
		wantVerdict(t, s, token)
	}

	// After a wait, with a body and without.
	for _, stops := range []bool{false, true} {
		h = newHost(t, Options{HeadersStopIteration: stops})
		vm = start(t, h, config(fetching(nil), ruled(nil), with(top, object{"allow_on_headers_stop_iteration": stops})))
		bearer = rsaKey.bearer(claims(h, nil))
		waiting, waitingBody := vm.Request(request("GET", "/notes", append(Headers{{"authorization", bearer}}, sent...)...)), vm.Open(rpc("/notes", bearer, sent...), false)
		waitingBody.Body(call("delete_note"), true)
		if waiting.State() != Held || waitingBody.State() != Held {
			t.Fatal(describe(waiting), describe(waitingBody))
		}
		goodServer(rsaKey).run(h, time.Second)
		wantVerdict(t, waiting, token)
		wantVerdict(t, waitingBody, token)
		known := vm.Open(rpc("/notes", bearer, sent...), false)
		known.Body(call("delete_note"), true)
		wantVerdict(t, known, token)
	}
	h = newHost(t, Options{})
	vm = start(t, h, config(server(nil), trusting(nil), top))
	wantVerdict(t, vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil)), append(mirrored("ping", ""), sent...)...), false), token)

	// By introspection: with a wait, and from the cache.
	h = newHost(t, Options{})
	vm = start(t, h, config(opaque(nil), notes(nil), top))
	a := newAsked(map[string]object{"opaque": aboutToken(h, nil)})
	s = vm.Request(rpc("/notes", "Bearer opaque", sent...))
	a.run(h, time.Second)
	wantVerdict(t, s, token)
	wantVerdict(t, vm.Request(rpc("/notes", "Bearer opaque", sent...)), token)
}

// No verdict that a client brings carries it past a refusal.
func TestForgedVerdictLetsNothingOn(t *testing.T) {
	for _, stops := range []bool{false, true} {
		h := newHost(t, Options{HeadersStopIteration: stops})
		vm := start(t, h, config(server(nil), ruled(nil), object{"verdict_header": true, "allow_on_headers_stop_iteration": stops}))
		sent := forgedVerdict()
		wantError(t, vm.Request(rpc("/notes", "", sent...)), 401, "unauthorized")
		wantError(t, vm.Request(rpc("/notes", "Bearer x", sent...)), 401, "invalid_token")
		wantError(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": "other"})), sent...)), 403, "insufficient_scope")
		wantError(t, vm.Request(rpc("/other", "", sent...)), 404, "not_found")
		s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": "read:notes"})), sent...), false)
		s.Body(call("delete_note"), true)
		wantError(t, s, 403, "insufficient_scope")
		wantNothingSent(t, s, stops)
	}
}

// A request without its verdict does not go on, and the verdict costs one call.
func TestVerdictHeaderAndTheHost(t *testing.T) {
	h := newHost(t, Options{})
	top := object{"unmatched": "allow"}
	calls := func(top object) map[string]int {
		vm := start(t, h, config(server(nil), notes(nil), top))
		for _, path := range []string{"/notes", "/notes"} {
			wantForwarded(t, vm.Request(rpc(path, rsaKey.bearer(claims(h, nil)))))
		}
		s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
		wantForwarded(t, s)
		return s.HostCalls()
	}
	without, on := calls(top), calls(with(top, verdictHeaderOn))
	const replace = "proxy_replace_header_map_value"
	if without[replace]++; !maps.Equal(without, on) {
		t.Errorf("with the verdict: %v, want %v", on, without)
	}

	vm := start(t, h, config(server(nil), notes(nil), with(top, verdictHeaderOn)))
	h.FailCall(replace, InternalFailure)
	wantStatus(t, vm.Request(rpc("/other", "")), 500)
	wantStatus(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))), 500)
	h.FailCall(replace, OK)
	h.FailCall("proxy_remove_header_map_value", InternalFailure)
	wantStatus(t, vm.Request(rpc("/other", "", [2]string{verdictHeader, "token"})), 500)
}
