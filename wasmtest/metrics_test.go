package wasmtest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// counters returns all counters and gauges by name.
func counters(h *Host) map[string]int64 {
	all := map[string]int64{}
	for _, name := range h.MetricNames() {
		all[name] = int64(h.Counter(name)) + h.Gauge(name) // no name is both
	}
	return all
}

// changes returns what has changed since before, but for the age of keys and the version.
func changes(h *Host, before map[string]int64) map[string]int64 {
	changed := map[string]int64{}
	for name, value := range counters(h) {
		if d := value - before[name]; d != 0 && !strings.HasPrefix(name, "mcpauth_key_age_seconds") && !strings.HasPrefix(name, "mcpauth_info") {
			changed[name] = d
		}
	}
	return changed
}

const requestsTotal = "mcpauth_requests_total.result="

// outcomes are the rows of the table in docs/answers.md: a request and the
// counter that it adds 1 to. Those with no request have tests of their own.
var outcomes = []struct {
	labels  string
	request func(h *Host) Headers
}{
	{"public", func(*Host) Headers { return request("GET", "/open/docs/a") }},
	{"method_not_allowed", func(*Host) Headers { return request("GET", "/open", [2]string{"accept", "text/event-stream"}) }},
	{"unmatched", func(*Host) Headers { return rpc("/other", "") }},
	{"metadata", func(*Host) Headers { return request("GET", prm+"/notes") }},
	{"metadata", func(*Host) Headers { return request("HEAD", prm+"/notes/") }},
	{"preflight", func(*Host) Headers { return request("OPTIONS", prm+"/notes") }},
	{"preflight", func(*Host) Headers {
		return request("OPTIONS", "/notes", [2]string{"origin", "https://app.example"}, [2]string{"access-control-request-method", "POST"})
	}},
	{"method_not_allowed", func(*Host) Headers { return request("POST", prm+"/notes") }},
	{"unauthorized", func(*Host) Headers { return rpc("/notes", "") }},
	{"unauthorized", func(*Host) Headers { return rpc("/notes", "Basic dXNlcjpwYXNz") }},
	{"unauthorized", func(*Host) Headers { return rpc("/notes?access_token=x", "Bearer") }},
	{"bad_request.reason=two_tokens", func(*Host) Headers { return rpc("/notes", "Bearer a, Bearer b") }},
	{"bad_request.reason=path", func(*Host) Headers { return rpc("/notes%2Fx", "") }},
	{"not_found.reason=discovery", func(*Host) Headers { return rpc("/notes/.well-known/openid-configuration", "") }},
	{"invalid_token.reason=malformed", func(*Host) Headers { return rpc("/notes", "Bearer opaque") }},
	{"invalid_token.reason=too_large", func(*Host) Headers { return rpc("/notes", "Bearer "+strings.Repeat("x", 17<<10)) }},
	{"invalid_token.reason=duplicate_member", func(h *Host) Headers {
		return rpc("/notes", "Bearer "+rsaKey.sign(toJSON(rsaKey.header()), `{"iss":"`+issuer+`","iss":"`+issuer+`"}`))
	}},
	{"invalid_token.reason=critical", func(h *Host) Headers {
		return rpc("/notes", "Bearer "+rsaKey.sign(toJSON(with(rsaKey.header(), object{"crit": []string{"x"}, "x": 1})), toJSON(claims(h, nil))))
	}},
	{"invalid_token.reason=algorithm", func(h *Host) Headers {
		return rpc("/notes", "Bearer "+rsaKey.sign(toJSON(with(rsaKey.header(), object{"alg": "HS256"})), toJSON(claims(h, nil))))
	}},
	{"invalid_token.reason=type", func(h *Host) Headers {
		return rpc("/notes", "Bearer "+rsaKey.sign(toJSON(with(rsaKey.header(), object{"typ": "dpop+jwt"})), toJSON(claims(h, nil))))
	}},
	{"invalid_token.reason=unknown_key", func(h *Host) Headers { return rpc("/notes", otherRSA.bearer(claims(h, nil))) }},
	{"invalid_token.reason=signature", func(h *Host) Headers { return rpc("/notes", impostorRSA.bearer(claims(h, nil))) }},
	{"invalid_token.reason=issuer", claiming(object{"iss": "https://other.example.com"})},
	{"invalid_token.reason=no_expiry", claiming(object{"exp": nil})},
	{"invalid_token.reason=expired", claiming(object{"exp": 1})},
	{"invalid_token.reason=not_yet_valid", claiming(object{"nbf": 4_000_000_000})},
	{"invalid_token.reason=issued_in_future", claiming(object{"iat": 4_000_000_000})},
	{"invalid_token.reason=lifetime", claiming(object{"exp": 4_000_000_000})},
	{"invalid_token.reason=audience", claiming(object{"aud": "https://mcp.example.com/other"})},
	{"invalid_token.reason=id_token", claiming(object{"nonce": "x"})},
	{"invalid_token.reason=bound", claiming(object{"cnf": object{"jkt": "x"}})},
	{"invalid_token.reason=missing_claim", claiming(object{"iat": nil})},
	{"invalid_token.reason=certificate", func(h *Host) Headers {
		return rpc("/bound", rsaKey.bearer(claims(h, object{"cnf": object{"x5t#S256": strings.Repeat("A", 43)}})))
	}},
	{"invalid_token.reason=unbound", func(h *Host) Headers { return rpc("/bound", rsaKey.bearer(claims(h, nil))) }},
	{"invalid_token.reason=key_binding", func(h *Host) Headers { return ofKey(h, thiefKey, nil) }},
	{"invalid_dpop_proof.reason=invalid", func(h *Host) Headers { return ofKey(h, clientKey, object{"htm": "GET"}) }},
	{"passed.reason=cache_hit", func(h *Host) Headers { return ofKey(h, clientKey, object{"jti": "once"}) }},
	{"invalid_dpop_proof.reason=replayed", func(h *Host) Headers { return ofKey(h, clientKey, object{"jti": "once"}) }},
	{"insufficient_scope", claiming(object{"scope": "write:notes"})},
	{"access_denied.reason=claim", func(h *Host) Headers { return rpc("/staff", rsaKey.bearer(claims(h, nil))) }},
	{"wrong_origin", func(*Host) Headers { return request("POST", "/pages", [2]string{"origin", "https://evil.example"}) }},
	{"passed.reason=cache_miss", claiming(object{"jti": "new"})},
	{"passed.reason=cache_hit", claiming(object{"jti": "new"})},
	{"passed.reason=cache_hit", claiming(object{"jti": "new"})},

	{"not_found.reason=no_resource", nil},
	{"invalid_token.reason=ambiguous_key", nil},
	{"invalid_dpop_proof.reason=nonce", nil},
	{"unavailable.reason=proof_store", nil},
	{"unavailable.reason=no_keys", nil},
	{"unavailable.reason=no_room", nil},
	{"unavailable.reason=waited", nil},
	{"unavailable.reason=refetch_failed", nil},
	{"unavailable.reason=no_answer", nil},
	{"invalid_token.reason=inactive", nil},
	{"invalid_token.reason=no_jwt", nil},
	{"oauth_proxy.reason=registered", nil},
	{"oauth_proxy.reason=asked", nil},
	{"oauth_proxy.reason=declined", nil},
	{"oauth_proxy.reason=redirected", nil},
	{"oauth_proxy.reason=returned", nil},
	{"oauth_proxy.reason=exchanged", nil},
	{"oauth_proxy.reason=denied", nil},
	{"oauth_proxy.reason=refused", nil},
	{"oauth_proxy.reason=wrong_client", nil},
	{"oauth_proxy.reason=wrong_state", nil},
	{"oauth_proxy.reason=wrong_grant", nil},
	{"error", nil},
	{"client_gone", nil},

	// TestOutcomesOfRules
	{"bad_request.reason=body", nil},
	{"bad_request.reason=header", nil},
	{"bad_request.reason=mismatch", nil},
	{"too_large", nil},
	{"unsupported_encoding", nil},
}

func claiming(members object) func(h *Host) Headers {
	// RS256: the same claims give the same token again.
	return func(h *Host) Headers { return rpc("/notes", rsaKey.bearer(claims(h, members))) }
}

// Each request adds 1 to one counter, and calls the host for no metric.
func TestEachRequestIsCountedOnce(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(object{"max_token_lifetime_seconds": 86400}), notes(nil), object{"unmatched": "allow",
		"resources": []object{notes(nil), {"resource": "https://mcp.example.com/pages", "allowed_origins": []string{"https://app.example"}},
			{"resource": "https://mcp.example.com/staff", "audiences": []string{resource}, "required_claims": object{"groups": "staff"}},
			{"resource": "https://mcp.example.com/bound", "audiences": []string{resource}, "mutual_tls": "required"},
			{"resource": "https://mcp.example.com/keyed", "audiences": []string{resource}, "dpop": "accept"},
			{"resource": "https://mcp.example.com/open", "public": object{"methods": []string{"initialize"}, "paths": []string{"/open/docs/*"}}}}}))
	vm.Tick()
	for _, tt := range outcomes {
		if tt.request == nil {
			continue
		}
		before := counters(h)
		s := vm.Request(tt.request(h))
		s.Close()
		for name, n := range s.HostCalls() {
			if strings.HasSuffix(name, "_metric") {
				t.Errorf("%s: %d calls of %s for one request", tt.labels, n, name)
			}
		}
		if early := changes(h, before); len(early) != 0 {
			t.Errorf("%s: %v before the tick", tt.labels, early)
		}
		vm.Tick()
		wantChanges(t, h, tt.labels, before, map[string]int64{requestsTotal + tt.labels: 1})
	}
}

func wantChanges(t *testing.T, h *Host, what string, before, want map[string]int64) {
	t.Helper()
	if got := changes(h, before); !maps.Equal(got, want) {
		t.Errorf("%s: changed %v, want %v", what, got, want)
	}
}

// Every outcome that the plugin counts is in the table.
func TestEveryOutcomeHasATest(t *testing.T) {
	h := newHost(t, Options{})
	start(t, h, usual())
	tested := map[string]bool{}
	for _, tt := range outcomes {
		tested[requestsTotal+tt.labels] = true
	}
	for _, name := range h.MetricNames() {
		if strings.HasPrefix(name, requestsTotal) && !tested[name] {
			t.Errorf("%s has no test", name)
		}
		delete(tested, name)
	}
	for name := range tested {
		t.Errorf("there is no %s", name)
	}
}

func TestOutcomesOfOtherConfigurations(t *testing.T) {
	h := newHost(t, Options{})
	one := func(vm *VM, labels string, request Headers) {
		t.Helper()
		vm.Tick()
		before := counters(h)
		vm.Request(request).Close()
		vm.Tick()
		wantChanges(t, h, labels, before, map[string]int64{requestsTotal + labels: 1})
	}
	one(start(t, h, usual()), "not_found.reason=no_resource", rpc("/other", ""))

	// More keys fit than are tried.
	nameless := []*signer{newEC(""), newEC(""), newEC(""), newEC(""), newEC("")}
	vm := start(t, h, config(server(object{"jwks": keySet(nameless...)}), notes(nil), nil))
	one(vm, "invalid_token.reason=ambiguous_key", rpc("/notes", nameless[4].bearer(claims(h, nil))))

	bound := rsaKey.token(boundToKey(h, clientKey, nil))
	vm = start(t, h, with(dpopConfig(server(nil), nil), object{"dpop_nonce": object{"secret": strings.Repeat("s", 32)}}))
	one(vm, "invalid_dpop_proof.reason=nonce", dpopRPC(bound, clientKey.proof(h, bound, nil)))
	fillProofStore(h)
	one(start(t, h, dpopConfig(server(nil), nil)), "unavailable.reason=proof_store", dpopRPC(bound, clientKey.proof(h, bound, nil)))

	vm = start(t, h, usual())
	h.FailCall("proxy_get_header_map_pairs", InternalFailure)
	one(vm, "error", rpc("/notes", ""))
	h.FailCall("proxy_get_header_map_pairs", OK)
	h.FailCall("proxy_replace_header_map_value", InternalFailure)
	one(vm, "error", rpc("/notes", rsaKey.bearer(claims(h, nil))))
}

// A fault after the decision is no second request.
func TestFaultInTrailersIsNoSecondRequest(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, usual())
	vm.Tick()
	before := counters(h)
	s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, nil))), false)
	h.FailCall("proxy_remove_header_map_value", InternalFailure)
	s.Trailers(Headers{{"x-mcpauth-subject", "root"}})
	wantStatus(t, s, 500)
	vm.Tick()
	wantChanges(t, h, "trailers", before, map[string]int64{requestsTotal + "passed.reason=cache_miss": 1})
}

// A request that waits is counted in the end, however often it is looked at,
// and held requests are those of all workers.
func TestHeldRequestsAreCountedOnce(t *testing.T) {
	const held = "mcpauth_held_requests"
	h := newHost(t, Options{})
	vms := []*VM{start(t, h, config(fetching(nil), notes(nil), nil)), start(t, h, config(fetching(nil), notes(nil), nil))}
	token := rsaKey.bearer(claims(h, nil))
	before := counters(h)
	var streams []*Stream
	for i := range 5 {
		streams = append(streams, vms[i%2].Request(rpc("/notes", token)))
	}
	h.Run(time.Second, nil)
	wantChanges(t, h, "while they wait", before, map[string]int64{held: 5})
	streams[0].Close()
	h.Run(time.Second, nil)
	wantChanges(t, h, "one has left", before, map[string]int64{held: 4, requestsTotal + "client_gone": 1})
	goodServer(rsaKey).run(h, 3*time.Second)
	for _, s := range streams[1:] {
		wantForwarded(t, s)
	}
	wantChanges(t, h, "in the end", before, map[string]int64{
		requestsTotal + "client_gone":                                 1,
		requestsTotal + "passed.reason=cache_miss":                    2,
		requestsTotal + "passed.reason=cache_hit":                     2,
		"mcpauth_key_fetches_total.result=ok.issuer=auth_example_com": 1,
	})
}

func TestUnavailableIsCountedByReason(t *testing.T) {
	const failed = "mcpauth_key_fetches_total.result=failed.issuer=auth_example_com"
	h := newHost(t, Options{})
	vm := start(t, h, config(direct(nil), notes(nil), nil))
	token := rsaKey.bearer(claims(h, nil))
	for range 1025 {
		vm.Request(rpc("/notes", token))
	}
	h.Run(11*time.Second, nil) // the callout stays unanswered
	if got := int(h.Counter(requestsTotal + "unavailable.reason=no_room")); got != 1 {
		t.Errorf("no_room: %d, want 1", got)
	}
	if got := int(h.Counter(requestsTotal + "unavailable.reason=waited")); got != 1024 {
		t.Errorf("waited: %d, want 1024", got)
	}
	failing(h, 2*time.Second)
	before := counters(h)
	late := vm.Request(rpc("/notes", token))
	failing(h, 2*time.Second)
	wantUnavailable(t, late)
	wantChanges(t, h, "no keys", before, map[string]int64{requestsTotal + "unavailable.reason=no_keys": 1, failed: int64(h.Counter(failed)) - before[failed]})

	(&keysAt{set: keySet(rsaKey)}).run(h, 10*time.Second)
	before = counters(h)
	s := vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil))))
	failing(h, 2*time.Second)
	wantUnavailable(t, s)
	wantChanges(t, h, "refetch", before, map[string]int64{requestsTotal + "unavailable.reason=refetch_failed": 1, failed: int64(h.Counter(failed)) - before[failed]})
	if h.Counter(failed) == uint64(before[failed]) {
		t.Error("the failed fetch is not counted")
	}
}

// Counters are there before anything happens, and the host is told of what has
// changed and of nothing else.
func TestTicksReportTheDifference(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, usual())
	if got := counters(h); len(got) < 30 || got[requestsTotal+"unauthorized"] != 0 {
		t.Errorf("at the start: %v", got)
	}
	vm.Tick()
	tell := func() int {
		before := vm.Calls()
		vm.Tick()
		after := vm.Calls()
		if n := after["proxy_define_metric"] - before["proxy_define_metric"]; n != 0 {
			t.Errorf("%d metrics defined on a tick", n)
		}
		return after["proxy_increment_metric"] - before["proxy_increment_metric"] + after["proxy_record_metric"] - before["proxy_record_metric"]
	}
	if n := tell(); n != 0 {
		t.Errorf("%d calls on a tick on which nothing has changed", n)
	}
	total := uint64(0)
	for round := range uint64(5) {
		for range round {
			vm.Request(rpc("/notes", ""))
			vm.Request(rpc("/notes", "Bearer opaque"))
		}
		total += round
		if n, want := tell(), 2*min(int(round), 1); n != want {
			t.Errorf("round %d: %d calls, want %d", round, n, want)
		}
		for _, labels := range []string{"unauthorized", "invalid_token.reason=malformed"} {
			if got := h.Counter(requestsTotal + labels); got != total {
				t.Errorf("round %d: %s is %d, want %d", round, labels, got, total)
			}
		}
	}
}

// What several workers have counted adds up, and goes on where it was when one
// dies or is followed by another.
func TestCountersNeverGoBack(t *testing.T) {
	h := newHost(t, Options{})
	const name = requestsTotal + "unauthorized"
	want := uint64(0)
	for range 3 {
		a, b := start(t, h, usual()), start(t, h, usual())
		if got := h.Counter(name); got != want {
			t.Errorf("%d after a start, want %d", got, want)
		}
		for range 4 {
			a.Request(rpc("/notes", ""))
			b.Request(rpc("/notes", ""))
			a.Tick()
			b.Tick()
			want += 2
		}
		a.Request(rpc("/notes", "")) // lost: it dies before it can tell
		a.Kill()
		b.Tick()
		b.Kill()
		if got := h.Counter(name); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
}

// Every worker reports the age of the keys, and they agree; there is none
// before there are keys, nor of keys that are not fetched.
func TestKeyAge(t *testing.T) {
	const age = "mcpauth_key_age_seconds.issuer=auth_example_com"
	h := newHost(t, Options{})
	start(t, h, usual())
	for range 3 {
		start(t, h, config(direct(nil), notes(nil), nil))
	}
	failing(h, 30*time.Second)
	if slices.Contains(h.MetricNames(), age) {
		t.Error("there is an age although there are no keys")
	}
	(&keysAt{set: keySet(rsaKey)}).run(h, 10*time.Second)
	if got := h.Gauge(age); got < 3 || got > 10 {
		t.Errorf("age %d after at most 10 s", got)
	}
	h.Run(time.Minute, nil)
	first := h.Gauge(age)
	failed := h.Counter("mcpauth_key_fetches_total.result=failed.issuer=auth_example_com")
	for range 5 { // the callout for new keys stays unanswered
		h.Run(time.Minute, nil)
	}
	// A call that the host loses is a failed fetch: the keys are due after five
	// minutes or a tenth less, and a lost call is given up after 20 s.
	if n := h.Counter("mcpauth_key_fetches_total.result=failed.issuer=auth_example_com") - failed; n < 2 || n > 6 {
		t.Errorf("%d lost fetches", n)
	}
	if got := h.Gauge(age); got != first+300 {
		t.Errorf("age %d, 300 s before it was %d", got, first)
	}
	(&keysAt{set: keySet(rsaKey)}).run(h, 40*time.Second)
	if got := h.Gauge(age); got > 60 { // that callout is answered in the end
		t.Errorf("age %d of new keys", got)
	}
}

// A host that refuses metrics, now or always, gets its answers all the same.
func TestHostThatRefusesMetrics(t *testing.T) {
	for _, function := range []string{"proxy_define_metric", "proxy_increment_metric", "proxy_record_metric"} {
		h := newHost(t, Options{})
		h.FailCall(function, InternalFailure)
		vm := start(t, h, config(fetching(nil), notes(nil), nil))
		goodServer(rsaKey).run(h, 3*time.Second)
		wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		wantError(t, vm.Request(rpc("/notes", "")), 401, "unauthorized")
		h.Run(3*time.Second, nil)
	}
}

// The outcomes of opaque tokens, and the questions to their server.
func TestOpaqueTokensAreCounted(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(nil), nil))
	vm.Tick()
	const questions = "mcpauth_introspections_total.result="
	const label = ".issuer=auth_example_com"
	for _, tt := range []struct {
		labels, token string
		answer        func(c *Callout)
		questions     string
	}{
		{"passed.reason=cache_miss", "good", func(c *Callout) {
			c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(toJSON(aboutToken(h, nil))))
		}, "ok"},
		{"passed.reason=cache_hit", "good", nil, ""},
		{"invalid_token.reason=inactive", "bad", func(c *Callout) {
			c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(`{"active":false}`))
		}, "ok"},
		{"unavailable.reason=no_answer", "other", func(c *Callout) { c.Answer("500", nil, nil) }, "failed"},
		{"unavailable.reason=no_answer", "another", func(c *Callout) { c.TimeOut() }, "failed"},
		{"invalid_token.reason=no_jwt", rsaKey.token(claims(h, nil)), nil, ""},
	} {
		before := counters(h)
		s := vm.Request(rpc("/notes", "Bearer "+tt.token))
		h.Run(20*time.Millisecond, func() {
			for _, c := range h.Callouts() {
				tt.answer(c)
			}
		})
		s.Close()
		vm.Tick()
		want := map[string]int64{requestsTotal + tt.labels: 1}
		if tt.questions != "" {
			want[questions+tt.questions+label] = 1
		}
		wantChanges(t, h, tt.labels, before, want)
	}
}
