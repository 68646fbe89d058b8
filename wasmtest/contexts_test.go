package wasmtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// push gives the VM a further configuration, as Envoy does after an update: a context for
// it comes up in the VM in which streams of the one before still live. New streams are
// those of the new configuration.
func push(t testing.TB, vm *VM, config any) (root uint32) {
	t.Helper()
	vm.lastContext++
	vm.former = append(vm.former, vm.root)
	vm.root, vm.config = vm.lastContext, toJSON(config)
	vm.enter(vm.root, "proxy_on_context_create", uint64(vm.root), 0)
	vm.enter(vm.root, "proxy_on_vm_start", uint64(vm.root), 0)
	vm.configuring = true
	ok, _ := vm.enter(vm.root, "proxy_on_configure", uint64(vm.root), uint64(len(vm.config)))
	if vm.configuring = false; ok == 0 {
		t.Fatalf("the configuration is refused: %s", vm.host.LogText())
	}
	return vm.root
}

// remove ends a configuration that has no streams left.
func remove(vm *VM, root uint32) {
	vm.enter(root, "proxy_on_done", uint64(root))
	vm.enter(root, "proxy_on_delete", uint64(root))
}

// tick calls the timer of one of several configurations.
func tick(vm *VM, root uint32) { vm.enter(root, "proxy_on_tick", uint64(root)) }

// A fault in the trailers of a request that the plugin has let on ends that request alone.
func TestFaultInTrailersOfAnyRequest(t *testing.T) {
	for _, c := range []struct{ function, trailer string }{
		{"proxy_get_header_map_pairs", "x-checksum"},
		{"proxy_get_header_map_pairs", "content-type"},
		{"proxy_remove_header_map_value", "content-type"},
		{"proxy_remove_header_map_value", "x-mcpauth-subject"},
	} {
		t.Run(c.function+" "+c.trailer, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, usual())
			good := rsaKey.bearer(claims(h, nil))
			s := vm.Open(rpc("/notes", good), false)
			h.FailCall(c.function, InternalFailure)
			s.Trailers(Headers{{c.trailer, "root"}})
			h.FailCall(c.function, OK)
			wantStatus(t, s, 500)
			wantForwarded(t, vm.Request(rpc("/notes", good)))
		})
	}
}

// A host that creates contexts early, or deletes them without headers, gets the verdict of
// each request for that request.
func TestContextsInAnyOrder(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, usual())
	good := rsaKey.bearer(claims(h, nil))
	create := func(headers Headers) *Stream {
		vm.lastContext++
		s := &Stream{vm: vm, id: vm.lastContext, state: Held, request: lowerNames(headers), open: true}
		vm.streams[s.id] = s
		vm.enter(s.id, "proxy_on_context_create", uint64(s.id), uint64(vm.root))
		return s
	}
	decide := func(s *Stream) {
		vm.stop = false
		action, _ := vm.enter(s.id, "proxy_on_request_headers", uint64(s.id), uint64(len(s.request)), 0)
		if s.local == nil && action == 0 {
			s.state = Forwarded
		}
	}
	a, b, c, d := create(rpc("/notes", "")), create(rpc("/notes", good)), create(rpc("/notes", "")), create(rpc("/notes", good))
	c.Close() // never had headers
	for _, s := range []*Stream{b, a} {
		decide(s)
	}
	wantStatus(t, a, 401)
	e := create(rpc("/notes", ""))
	for _, s := range []*Stream{e, d} {
		decide(s)
	}
	wantStatus(t, e, 401)
	for _, s := range []*Stream{b, d} {
		if s.state != Forwarded || s.request.Get("x-mcpauth-subject") != "alice" {
			t.Error(describe(s))
		}
		wantForwarded(t, s)
	}
	f := create(rpc("/notes", good))
	f.Close()
	wantForwarded(t, vm.Request(rpc("/notes", good)))
	wantStatus(t, vm.Request(rpc("/notes", "")), 401)
}

// Streams of several configurations live in one VM. Whatever the order of their callbacks,
// each gets what its own configuration and its own token and body are worth.
func TestRequestsInAnyOrder(t *testing.T) {
	for _, stops := range []bool{false, true} {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("headers stop: %v, seed %d", stops, seed), func(t *testing.T) { mix(t, stops, seed) })
		}
	}
}

type mixed struct {
	s        *Stream
	root     int // of the configuration
	user     string
	method   string
	allowed  bool // of the token and the body
	token    bool // good
	hasBody  bool
	bodySent bool
	step     int
}

func mix(t *testing.T, stops bool, seed uint64) {
	const users = 5
	rnd := rand.New(rand.NewPCG(seed, 1))
	h := newHost(t, Options{HeadersStopIteration: stops})
	configuration := func(n int) object {
		return config(server(nil), fitted("claims", object{"claim_to_headers": []object{{"claim_name": "team", "header_name": fmt.Sprintf("x-team-%d", n)}}}),
			object{"allow_on_headers_stop_iteration": stops, "verdict_header": true})
	}
	vm := start(t, h, configuration(1))
	roots, alive := []uint32{0, vm.root}, map[int]int{}
	tokens := map[string]string{}
	for i := range users {
		user := fmt.Sprint("user-", i)
		scope := "read:notes"
		if i%2 == 0 {
			scope += " write:notes"
		}
		tokens[user] = rsaKey.bearer(claims(h, object{"sub": user, "team": "team-" + user, "scope": scope}))
	}
	var open []*mixed
	check := func(m *mixed) {
		s := m.s
		switch {
		case !m.token:
			if s.State() != Answered || s.Local().Status != 401 {
				t.Fatalf("%+v: %s", m, describe(s))
			}
		case s.State() == Forwarded:
			u := s.Upstream()
			if u.Get("x-mcpauth-subject") != m.user || u.Get(fmt.Sprintf("x-team-%d", m.root)) != "team-"+m.user || u.Has("authorization") ||
				!m.allowed && s.UpstreamBody() != "" || strings.Contains(fmt.Sprint(u), "forged") {
				t.Fatalf("%+v: %s, %q", m, describe(s), s.UpstreamBody())
			}
		case s.State() == Answered && m.bodySent && !m.allowed && s.Local().Status == 403:
		case s.State() == Held && stops && m.hasBody && !m.bodySent:
		default:
			t.Fatalf("%+v: %s", m, describe(s))
		}
	}
	for range 1500 {
		if rnd.IntN(100) == 0 {
			vm.root = push(t, vm, configuration(len(roots)))
			roots = append(roots, vm.root)
		}
		for n := 1; n < len(roots)-1; n++ {
			if roots[n] != 0 && alive[n] == 0 && rnd.IntN(10) == 0 {
				remove(vm, roots[n])
				roots[n] = 0
			}
		}
		if len(open) < 12 && rnd.IntN(2) == 0 {
			m := &mixed{root: len(roots) - 1, user: fmt.Sprint("user-", rnd.IntN(users)), token: rnd.IntN(4) > 0, hasBody: rnd.IntN(4) > 0}
			m.method = []string{"list_notes", "add_note", "lists"}[rnd.IntN(3)]
			m.allowed = m.token && m.hasBody && (m.method != "add_note" || strings.ContainsAny(m.user[5:], "024"))
			token := tokens[m.user]
			if !m.token {
				token = []string{"", impostorRSA.bearer(claims(h, nil))}[rnd.IntN(2)]
			}
			headers := rpc("/notes", token, [2]string{"x-mcpauth-subject", "forged"}, [2]string{fmt.Sprintf("x_team_%d", m.root), "forged"})
			if !m.hasBody {
				headers[0][1] = "GET"
			}
			m.s = vm.Open(headers, !m.hasBody)
			check(m)
			alive[m.root]++
			open = append(open, m)
		}
		if len(open) == 0 {
			continue
		}
		i := rnd.IntN(len(open))
		m := open[i]
		body := call(m.method)
		if m.method == "lists" {
			body = message("tools/list", "")
		}
		answer := m.s.State() == Answered
		switch m.step++; {
		case m.step == 1 && m.hasBody && !answer:
			if rnd.IntN(5) == 0 { // the client leaves
				m.step = 4
				break
			}
			m.s.Body(body[:20], false)
			check(m)
		case m.step == 2 && m.hasBody && !answer:
			m.bodySent = true
			if rnd.IntN(3) == 0 {
				m.s.Body(body[20:], false)
				trailers := m.s.Trailers(Headers{{"x-a", "b"}, {"x-mcpauth-subject", "forged"}, {fmt.Sprintf("x-team.%d", m.root), "forged"}})
				if m.s.State() == Forwarded && m.allowed && (len(trailers) != 1 || !trailers.Has("x-a")) {
					t.Fatalf("%+v: trailers %v", m, trailers)
				}
			} else {
				m.s.Body(body[20:], true)
			}
			check(m)
			if m.allowed && m.s.State() != Forwarded || !m.allowed && m.s.State() != Answered {
				t.Fatalf("%+v: %s", m, describe(m.s))
			}
			if m.allowed && m.s.UpstreamBody() != body {
				t.Fatalf("%+v: body %q", m, m.s.UpstreamBody())
			}
		case m.step == 3 && m.s.State() == Forwarded && m.allowed:
			if m.method == "lists" {
				respond(m.s, "application/json", result("tools", allTools), 30)
				if text, _ := m.s.ResponseText(); text != result("tools", `{"name":"list_notes"},{"name":"add_note"}`) {
					t.Fatalf("%+v: %q", m, text)
				}
			} else {
				respond(m.s, "text/plain", "done", 2)
			}
		}
		if m.step >= 4 || m.s.State() == Answered {
			m.s.Close()
			alive[m.root]--
			open = append(open[:i], open[i+1:]...)
		}
		if vm.Dead() != nil {
			t.Fatal(vm.Dead())
		}
	}
	for _, m := range open {
		m.s.Close()
	}
}

// Requests that wait belong to the configuration that they came to, also when another one
// has taken its place.
func TestWaitingRequestsOfAnEarlierConfiguration(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	first := vm.root
	good := rsaKey.bearer(claims(h, nil))
	held, gone, bad := vm.Open(rpc("/notes", good), false), vm.Request(rpc("/notes", good)), vm.Request(rpc("/notes", impostorRSA.bearer(claims(h, nil))))
	second := push(t, vm, config(fetching(nil), notes(object{"required_scopes": []string{"notes:admin"}}), nil))
	later := vm.Request(rpc("/notes", good))
	gone.Close()
	for range 200 {
		for _, root := range []uint32{first, second} {
			tick(vm, root)
			goodServer(rsaKey).answer(h)
		}
		h.Clock().Advance(50 * time.Millisecond)
	}
	if held.State() != Forwarded || held.Upstream().Get("x-mcpauth-subject") != "alice" {
		t.Error(describe(held))
	}
	if got := held.Trailers(Headers{{"x-mcpauth-subject", "root"}}); len(got) != 0 {
		t.Errorf("trailers %v", got)
	}
	wantForwarded(t, held)
	wantInvalid(t, bad, "signature")
	wantError(t, later, 403, "insufficient_scope")
	remove(vm, first)
	wantError(t, vm.Request(rpc("/notes", good)), 403, "insufficient_scope")
}

// Configurations and requests that are gone leave no memory behind, whatever the callbacks
// of their end.
func TestMemoryOfDeletedContexts(t *testing.T) {
	if plain {
		t.Skip("the SDK tells no context that it is deleted")
	}
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), fitted("all", nil), nil))
	token := rsaKey.bearer(claims(h, object{"pad": strings.Repeat("x", 3000)}))
	round := func() {
		for range 2000 {
			s := ask(vm, rpc("/notes", token), message("tools/list", ""))
			if s.State() != Forwarded {
				t.Fatal(describe(s))
			}
			vm.enter(s.id, "proxy_on_delete", uint64(s.id)) // without on_log and on_done
			delete(vm.streams, s.id)
			wantStatus(t, vm.Open(rpc("/notes", ""), false), 401)
		}
	}
	for range 12 { // until the collector has found its pace
		round()
	}
	before := vm.MemorySize()
	for range 10 {
		round()
	}
	if grown := vm.MemorySize() - before; grown > 1<<20 {
		t.Errorf("%d bytes more", grown)
	}
}

func TestMemoryOfDeletedConfigurations(t *testing.T) {
	h := newHost(t, Options{})
	large := func() object {
		r := notes(nil)
		r["tools"] = object{}
		for i := range 400 {
			r["tools"].(object)[fmt.Sprintf("tool-%d-%s", i, strings.Repeat("x", 900))] = []string{}
		}
		return config(server(nil), r, nil)
	}()
	vm := start(t, h, large)
	round := func() {
		first := vm.root
		push(t, vm, large)
		wantStatus(t, vm.Open(rpc("/notes", ""), false), 401)
		remove(vm, first)
	}
	for range 10 {
		round()
	}
	before := vm.MemorySize()
	for range 40 {
		round()
	}
	if grown := vm.MemorySize() - before; grown > 4<<20 {
		t.Errorf("%d bytes more", grown)
	}
}

// Whatever call of the host fails, and whenever, no VM dies, and no request goes on without
// what the gateway sets or against its body.
func TestHostCallsThatFailInAnyOrder(t *testing.T) {
	for _, stops := range []bool{false, true} {
		for _, audit := range []bool{false, true} {
			for _, rules := range []bool{false, true} {
				t.Run(fmt.Sprintf("headers stop: %v, audit: %v, rules: %v", stops, audit, rules), func(t *testing.T) { fail(t, stops, audit, rules) })
			}
		}
	}
}

func fail(t *testing.T, stops, audit, rules bool) {
	calls := []string{"proxy_get_header_map_pairs", "proxy_remove_header_map_value", "proxy_replace_header_map_value", "proxy_set_property",
		"proxy_get_buffer_bytes", "proxy_set_buffer_bytes", "proxy_send_local_response", "proxy_get_property", "proxy_continue_stream",
		"proxy_set_effective_context", "proxy_set_tick_period_milliseconds", "proxy_http_call"}
	rnd := rand.New(rand.NewPCG(1, 7))
	h := newHost(t, Options{HeadersStopIteration: stops})
	protected := fitted("claims", nil)
	if !rules {
		protected = notes(nil)
	}
	vm := start(t, h, config(fetching(nil), with(protected, object{"filter_state": []string{"subject"}}),
		object{"allow_on_headers_stop_iteration": stops, "verdict_header": true, "audit": audit}))
	good := rsaKey.bearer(claims(h, nil))
	var open []*Stream
	for step := range 1000 {
		if rnd.IntN(6) == 0 {
			h.FailCall(calls[rnd.IntN(len(calls))], InternalFailure)
		}
		if step > 40 && step < 60 { // the first requests wait for keys
			goodServer(rsaKey).answer(h)
			h.Run(time.Second, nil)
		}
		if len(open) < 10 {
			token := []string{good, good, "", rsaKey.bearer(claims(h, object{"jti": fmt.Sprint(step)}))}[rnd.IntN(4)]
			s := vm.Open(rpc("/notes", token, [2]string{"x-mcpauth-subject", "forged"}), rnd.IntN(3) == 0)
			if u := s.Upstream(); u != nil && (token == "" || u.Get("x-mcpauth-subject") != "alice" || u.Has("authorization") || u.Get("x-mcpauth-verdict") == "") {
				t.Fatalf("step %d: %s", step, describe(s))
			}
			open = append(open, s)
		}
		i := rnd.IntN(len(open))
		s := open[i]
		goes := s.State() == Forwarded || s.State() == Held
		switch k := rnd.IntN(6); {
		case !goes || s.closed:
		case k == 0:
			s.Close()
		case s.body.ended && s.State() == Forwarded && s.response.headers == nil && s.local == nil:
			respond(s, "application/json", result("tools", allTools), 30)
		case s.body.ended || s.local != nil:
		case k == 1:
			s.Body(call("add_note")[:10], false)
		case k == 2:
			s.Body(call("purge_all"), true)
		case k == 3 && s.State() == Forwarded && (s.body.kept || s.body.upstream != nil):
			if got := s.Trailers(Headers{{"x-mcpauth-subject", "forged"}, {"x-a", "b"}}); got.Has("x-mcpauth-subject") {
				t.Fatalf("step %d: trailers %v", step, got)
			}
		default:
			s.Body(message("tools/list", ""), true)
		}
		for _, f := range calls {
			h.FailCall(f, OK)
		}
		if rules && strings.Contains(s.UpstreamBody(), "purge_all") || vm.Dead() != nil {
			t.Fatalf("step %d: %s, %q; VM: %v", step, describe(s), s.UpstreamBody(), vm.Dead())
		}
		if s.closed || s.State() == Answered || rnd.IntN(12) == 0 {
			s.Close()
			open = append(open[:i], open[i+1:]...)
		}
		if rnd.IntN(30) == 0 {
			vm.Tick()
		}
	}
}

// After four thousand million contexts a host begins with the first ID again that is free.
func TestContextIDsBeginAgain(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, usual())
	first := vm.root
	good := rsaKey.bearer(claims(h, nil))
	old := vm.Open(rpc("/notes", good), false)
	vm.lastContext = 1<<32 - 4
	second := push(t, vm, config(server(nil), notes(object{"required_scopes": []string{"notes:admin"}}), nil))
	late := vm.Open(rpc("/notes", good), false)
	wantError(t, vm.Request(rpc("/notes", good)), 403, "insufficient_scope")
	vm.lastContext = old.id
	for range 3 {
		wantError(t, vm.Open(rpc("/notes", good), false), 403, "insufficient_scope")
		wantStatus(t, vm.Request(rpc("/notes", "")), 401)
	}
	wantError(t, late, 403, "insufficient_scope")
	old.Trailers(Headers{{"x-mcpauth-subject", "root"}})
	wantForwarded(t, old)
	remove(vm, first)
	third := push(t, vm, config(server(nil), notes(nil), nil))
	wantForwarded(t, vm.Request(rpc("/notes", good)))
	remove(vm, second)
	wantForwarded(t, vm.Request(rpc("/notes", good)))
	if third > second {
		t.Error("the IDs have not begun again")
	}
}
