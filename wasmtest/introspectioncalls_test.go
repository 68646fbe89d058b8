package wasmtest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Requests with one token share one question, at all resources, and what comes
// of it is known for a while.
func TestOneIntrospectionForManyRequests(t *testing.T) {
	h := newHost(t, Options{})
	other := notes(object{"resource": "https://mcp.example.com/other"})
	vm := start(t, h, with(config(opaque(nil), nil, nil), object{"resources": []object{notes(nil), other}}))
	a := newAsked(map[string]object{"opaque": aboutToken(h, nil)})
	var held []*Stream
	for i := range 20 {
		held = append(held, vm.Request(rpc("/notes", "Bearer opaque")))
		h.Run(time.Duration(i)*time.Millisecond, nil)
	}
	there := vm.Request(rpc("/other", "Bearer opaque"))
	if h.Dispatched() != 1 {
		t.Errorf("%d questions", h.Dispatched())
	}
	a.run(h, time.Millisecond)
	for _, s := range held {
		wantForwarded(t, s)
	}
	wantInvalid(t, there, "audience")
	for range 5 {
		a.run(h, 10*time.Second)
		wantForwarded(t, vm.Request(rpc("/notes", "Bearer opaque")))
		wantInvalid(t, vm.Request(rpc("/other", "Bearer opaque")), "audience")
	}
	if a.total != 1 {
		t.Errorf("asked %d times in less than a minute", a.total)
	}
	// The minute is over, and the token has been revoked.
	a.run(h, 10*time.Second)
	delete(a.known, "opaque")
	wantInvalid(t, a.decided(h, vm, "opaque"), "not active")
	if a.total != 2 {
		t.Errorf("asked %d times, want twice", a.total)
	}
}

// A token that is known costs no more than a JWT that is.
func TestKnownOpaqueTokenIsCheap(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(nil), nil))
	a := newAsked(map[string]object{"opaque": aboutToken(h, nil)})
	wantForwarded(t, a.decided(h, vm, "opaque"))
	s := vm.Request(rpc("/notes", "Bearer opaque"))
	wantForwarded(t, s)
	jwt := usualVM(t)
	jwt.Request(rpc("/notes", rsaKey.bearer(claims(jwt.host, nil)))).Close()
	s2 := jwt.Request(rpc("/notes", rsaKey.bearer(claims(jwt.host, nil))))
	wantForwarded(t, s2)
	for name, n := range s.HostCalls() {
		if n > s2.HostCalls()[name] {
			t.Errorf("%d calls of %s, for a JWT %d", n, name, s2.HostCalls()[name])
		}
	}
}

// An answer is believed for max_cache_seconds, and never past exp.
func TestIntrospectionCacheLifetime(t *testing.T) {
	for _, tt := range []struct {
		name    string
		seconds int
		members object
		steps   []time.Duration // between requests
		total   int
	}{
		{"a configured time", 10, nil, []time.Duration{9 * time.Second, 2 * time.Second, 8 * time.Second}, 2},
		{"none", 0, nil, []time.Duration{time.Second, time.Second, time.Second}, 4},
		{"no exp", 600, object{"exp": nil}, []time.Duration{599 * time.Second, 2 * time.Second}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(opaque(object{"max_cache_seconds": tt.seconds}), notes(nil), nil))
			a := newAsked(map[string]object{"opaque": aboutToken(h, tt.members)})
			wantForwarded(t, a.decided(h, vm, "opaque"))
			for _, step := range tt.steps {
				a.run(h, step)
				wantForwarded(t, a.decided(h, vm, "opaque"))
			}
			if a.total != tt.total {
				t.Errorf("asked %d times, want %d", a.total, tt.total)
			}
		})
	}
	// RFC 7662, section 4: no answer is used after exp, be it within the clock skew. The
	// server is asked again.
	for name, skew := range map[string]int{"no skew": 0, "the usual skew": 60} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(with(opaque(object{"max_cache_seconds": 3600}), object{"clock_skew_seconds": skew}), notes(nil), nil))
			a := newAsked(map[string]object{"opaque": aboutToken(h, object{"exp": h.Clock().Now().Unix() + 100})})
			wantForwarded(t, a.decided(h, vm, "opaque"))
			a.run(h, 98*time.Second)
			wantForwarded(t, vm.Request(rpc("/notes", "Bearer opaque")))
			if a.total != 1 {
				t.Errorf("asked %d times before exp", a.total)
			}
			a.run(h, 3*time.Second)
			s := vm.Request(rpc("/notes", "Bearer opaque"))
			if s.State() != Held {
				t.Fatalf("after exp: %s, want held", describe(s))
			}
			delete(a.known, "opaque") // the server counts it as expired
			a.run(h, time.Second)
			wantInvalid(t, s, "not active")
		})
	}
	// Nor is an answer used before it came, if the clock goes back.
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(object{"max_cache_seconds": 3600}), notes(nil), nil))
	a := newAsked(map[string]object{"opaque": aboutToken(h, nil)})
	wantForwarded(t, a.decided(h, vm, "opaque"))
	h.Clock().SetWall(h.Clock().Now().Add(-time.Hour))
	if s := vm.Request(rpc("/notes", "Bearer opaque")); s.State() != Held {
		t.Errorf("%s, want held", describe(s))
	}
}

// That a token is bad is known for a few seconds, apart from the good ones: a
// flood of bad tokens makes the gateway forget none of those.
func TestBadTokensAreCachedSeparately(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(object{"max_cache_seconds": 3600}), notes(nil), object{"token_cache": object{"max_entries": 0}}))
	a := newAsked(map[string]object{"good": aboutToken(h, object{"exp": h.Clock().Now().Unix() + 7200})})
	wantForwarded(t, a.decided(h, vm, "good"))
	for range 3 {
		wantInvalid(t, a.decided(h, vm, "bad"), "not active")
		a.run(h, time.Second)
	}
	if a.count["bad"] != 1 {
		t.Errorf("asked %d times about a bad token", a.count["bad"])
	}
	a.run(h, 3*time.Second)
	wantInvalid(t, a.decided(h, vm, "bad"), "not active")
	if a.count["bad"] != 2 {
		t.Errorf("asked %d times about a bad token in 6 s, want twice", a.count["bad"])
	}
	for i := range 6000 {
		vm.Request(rpc("/notes", fmt.Sprint("Bearer flood-", i)))
		a.run(h, time.Millisecond)
	}
	wantForwarded(t, vm.Request(rpc("/notes", "Bearer good")))
	if a.count["good"] != 1 {
		t.Errorf("asked %d times about the good token", a.count["good"])
	}
	if size := vm.MemorySize(); size > 64<<20 {
		t.Errorf("%d bytes of memory", size)
	}
}

// Of questions there are only so many at a time. Further tokens wait for their turn;
// where too many wait they get 503 at once, and those that are known go on.
func TestIntrospectionsAreBounded(t *testing.T) {
	const limit, room = 64, 512
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(nil), nil))
	a := newAsked(map[string]object{"good": aboutToken(h, nil)})
	wantForwarded(t, a.decided(h, vm, "good"))
	before := h.Dispatched()
	var held []*Stream
	for i := range room - 1 {
		a.known[fmt.Sprint("new-", i)] = aboutToken(h, nil)
		held = append(held, vm.Request(rpc("/notes", fmt.Sprint("Bearer new-", i))))
	}
	shared := vm.Request(rpc("/notes", "Bearer new-3"))
	wantUnavailable(t, vm.Request(rpc("/notes", "Bearer one-too-many")))
	wantForwarded(t, vm.Request(rpc("/notes", "Bearer good")))
	h.Run(time.Second, nil)
	if n := h.Dispatched() - before; n != limit {
		t.Errorf("%d questions at a time, want %d", n, limit)
	}
	a.run(h, time.Second)
	for _, s := range append(held, shared) {
		wantForwarded(t, s)
	}
	wantInvalid(t, a.decided(h, vm, "one-too-many"), "not active")
}

// A host that loses calls does not use them up for good.
func TestLostIntrospections(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(nil), nil))
	var held []*Stream
	for i := range 64 {
		held = append(held, vm.Request(rpc("/notes", fmt.Sprint("Bearer lost-", i))))
	}
	h.Run(9*time.Second, nil)
	if held[0].State() != Held {
		t.Errorf("%s, want held", describe(held[0]))
	}
	h.Run(2*time.Second, nil)
	for _, s := range held {
		wantUnavailable(t, s)
	}
	lost := h.Callouts()
	h.Run(10*time.Second, nil)
	s := vm.Request(rpc("/notes", "Bearer lost-0"))
	h.Run(10*time.Millisecond, nil)
	if n := len(h.Callouts()); s.State() != Held || n != len(lost)+1 {
		t.Fatalf("%s, %d questions", describe(s), n)
	}
	// An answer that comes after all is to a question of the past.
	lost[0].Answer("200", Headers{{"content-type", "application/json"}}, []byte(toJSON(aboutToken(h, nil))))
	if s.State() != Held {
		t.Errorf("%s, want held", describe(s))
	}
	a := newAsked(nil)
	a.run(h, time.Millisecond)
	wantInvalid(t, s, "not active")
}

// A server that is slow holds requests up; one whose client leaves takes the
// answer from nobody.
func TestClientLeavesDuringIntrospection(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(nil), nil))
	a := newAsked(map[string]object{"opaque": aboutToken(h, nil), "alone": aboutToken(h, nil)})
	first, second, alone := vm.Request(rpc("/notes", "Bearer opaque")), vm.Request(rpc("/notes", "Bearer opaque")), vm.Request(rpc("/notes", "Bearer alone"))
	alone.Close()
	h.Run(4*time.Second, nil)
	first.Close()
	a.run(h, time.Millisecond)
	wantForwarded(t, second)
	if first.State() != Gone || alone.State() != Gone {
		t.Errorf("%v, %v, want gone", first.State(), alone.State())
	}
	wantForwarded(t, vm.Request(rpc("/notes", "Bearer alone")))
	if a.total != 2 {
		t.Errorf("asked %d times", a.total)
	}
}

// Whatever the server does but answer: nobody is let in, nobody is told that
// the token is bad, the log says why in one line, and all is well when the
// server is.
func TestIntrospectionServerFails(t *testing.T) {
	json := Headers{{"content-type", "application/json"}}
	good := func(h *Host) []byte { return []byte(toJSON(aboutToken(h, nil))) }
	for _, tt := range []struct {
		name string
		fail func(h *Host, c *Callout)
		log  string
	}{
		{"no answer", func(h *Host, c *Callout) { c.Fail() }, "no answer"},
		{"time-out", func(h *Host, c *Callout) { c.TimeOut() }, "status 504"},
		{"500", func(h *Host, c *Callout) { c.Answer("500", json, good(h)) }, "status 500"},
		{"401", func(h *Host, c *Callout) { c.Answer("401", json, good(h)) }, "status 401: the endpoint refuses the gateway's own credentials"},
		{"403", func(h *Host, c *Callout) { c.Answer("403", json, good(h)) }, "status 403"},
		{"201", func(h *Host, c *Callout) { c.Answer("201", json, good(h)) }, "status 201"},
		{"302", func(h *Host, c *Callout) { c.Answer("302", Headers{{"location", "https://evil.example"}}, nil) }, `status 302 to "evil.example": redirects are not followed`},
		{"HTML", func(h *Host, c *Callout) { c.Answer("200", Headers{{"content-type", "text/html"}}, good(h)) }, "not application/json"},
		{"a JWT", func(h *Host, c *Callout) {
			c.Answer("200", Headers{{"content-type", "application/token-introspection+jwt"}}, good(h))
		}, "not application/json"},
		{"no type", func(h *Host, c *Callout) { c.Answer("200", nil, good(h)) }, "not application/json"},
		{"empty", func(h *Host, c *Callout) { c.Answer("200", json, nil) }, "cannot be read"},
		{"no JSON", func(h *Host, c *Callout) { c.Answer("200", json, []byte("active: true")) }, "cannot be read"},
		{"cut off", func(h *Host, c *Callout) { c.Answer("200", json, good(h)[:20]) }, "cannot be read"},
		{"an array", func(h *Host, c *Callout) { c.Answer("200", json, []byte(`[{"active":true}]`)) }, "cannot be read"},
		{"429", func(h *Host, c *Callout) { c.Answer("429", json, good(h)) }, "status 429"},
		{"no active", func(h *Host, c *Callout) {
			c.Answer("200", json, []byte(strings.Replace(string(good(h)), `"active"`, `"Active"`, 1)))
		}, "no active"},
		{"active as a string", func(h *Host, c *Callout) {
			c.Answer("200", json, []byte(strings.Replace(string(good(h)), `"active":true`, `"active":"true"`, 1)))
		}, "no active"},
		{"active as a number", func(h *Host, c *Callout) {
			c.Answer("200", json, []byte(strings.Replace(string(good(h)), `"active":true`, `"active":1`, 1)))
		}, "no active"},
		{"too large", func(h *Host, c *Callout) {
			c.Answer("200", json, []byte(toJSON(aboutToken(h, object{"x": strings.Repeat("x", 256<<10)}))))
		}, "too large"},
		{"deep", func(h *Host, c *Callout) {
			c.Answer("200", json, []byte(`{"active":true,"x":`+strings.Repeat("[", 30_000)+strings.Repeat("]", 30_000)+"}"))
		}, "cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vms := []*VM{start(t, h, config(opaque(nil), notes(nil), nil)), start(t, h, config(opaque(nil), notes(nil), nil))}
			fail := func() {
				for _, c := range h.Callouts() {
					tt.fail(h, c)
				}
			}
			for range 5 {
				for _, vm := range vms {
					held := []*Stream{vm.Request(rpc("/notes", "Bearer opaque")), vm.Request(rpc("/notes", "Bearer opaque"))}
					h.Run(10*time.Millisecond, fail)
					for _, s := range held {
						wantUnavailable(t, s)
					}
					// At once after that, without a question.
					asked := h.Dispatched()
					wantUnavailable(t, vm.Request(rpc("/notes", "Bearer opaque")))
					if h.Dispatched() != asked {
						t.Error("asked again at once")
					}
				}
				h.Run(2*time.Second, fail)
			}
			if n := strings.Count(h.LogText(), "tokens cannot be checked"); n != 1 || !strings.Contains(h.LogText(), tt.log) {
				t.Errorf("%d log lines, want one with %q:\n%s", n, tt.log, h.LogText())
			}
			a := newAsked(map[string]object{"opaque": aboutToken(h, nil), "later": aboutToken(h, nil)})
			wantForwarded(t, a.decided(h, vms[0], "opaque"))
			a.run(h, time.Minute)
			for _, vm := range vms {
				wantForwarded(t, a.decided(h, vm, "later"))
			}
			if n := strings.Count(h.LogText(), "tokens can be checked again"); n != 1 {
				t.Errorf("%d lines that it works again:\n%s", n, h.LogText())
			}
		})
	}
}

func TestClusterOfIntrospectionIsNotThere(t *testing.T) {
	h := newHost(t, Options{Clusters: []string{"other"}})
	vm := start(t, h, config(opaque(nil), notes(nil), nil))
	s := vm.Request(rpc("/notes", "Bearer opaque"))
	h.Run(10*time.Millisecond, nil)
	wantUnavailable(t, s)
	if !strings.Contains(h.LogText(), `the cluster "auth" cannot be called`) {
		t.Errorf("log:\n%s", h.LogText())
	}
	h.SetCluster("auth", false)
	h.Run(2*time.Second, nil)
	wantForwarded(t, newAsked(map[string]object{"opaque": aboutToken(h, nil)}).decided(h, vm, "opaque"))
}

// The tick is as soon as can be while a question is to be asked, and idle while
// it is under way.
func TestTickOfAnIntrospection(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(nil), nil))
	h.Run(2*time.Second, nil)
	if vm.TickPeriod() != time.Second {
		t.Fatalf("a tick each %v", vm.TickPeriod())
	}
	vm.Request(rpc("/notes", "Bearer opaque"))
	if vm.TickPeriod() != time.Millisecond {
		t.Errorf("a tick each %v", vm.TickPeriod())
	}
	h.Run(time.Millisecond, nil)
	if h.Dispatched() != 1 || vm.TickPeriod() != time.Second {
		t.Errorf("%d questions, a tick each %v", h.Dispatched(), vm.TickPeriod())
	}
}
