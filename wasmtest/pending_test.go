package wasmtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// wantUnavailable checks the answer when no keys are to be had: the client is
// not told that its token is bad, since nobody knows.
func wantUnavailable(t *testing.T, s *Stream) {
	t.Helper()
	wantError(t, s, 503, "temporarily_unavailable")
	var seconds int
	if _, err := fmt.Sscan(s.Local().Headers.Get("retry-after"), &seconds); err != nil || seconds < 1 || seconds > 60 {
		t.Errorf("retry-after %q", s.Local().Headers.Values("retry-after"))
	}
}

func TestRequestsAreHeldUntilTheFirstKeys(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	ask := func(authorization string) *Stream { return vm.Request(rpc("/notes", authorization)) }
	c := claims(h, nil)
	good, bad, expired, scopeless, known := ask(rsaKey.bearer(c)), ask(impostorRSA.bearer(c)), ask(rsaKey.bearer(with(c, object{"exp": 1}))),
		ask(rsaKey.bearer(with(c, object{"scope": "x"}))), ask(rsaKey.bearer(c))
	for name, s := range map[string]*Stream{"good": good, "bad": bad, "known": known} {
		if s.State() != Held {
			t.Errorf("%s: %s, want held", name, describe(s))
		}
	}
	// What needs no key is not held.
	wantError(t, ask(""), 401, "unauthorized")
	wantError(t, ask("Bearer a, Bearer b"), 400, "invalid_request")
	wantStatus(t, vm.Request(request("GET", prm+"/notes")), 200)
	wantError(t, vm.Request(rpc("/other", "")), 404, "not_found")

	goodServer(rsaKey).run(h, time.Second)
	if got := good.Upstream(); good.State() != Forwarded || got.Has("authorization") || got.Get("x-mcpauth-subject") != "alice" {
		t.Errorf("good: %s", describe(good))
	}
	wantForwarded(t, good)
	wantForwarded(t, known)
	wantInvalid(t, bad, "signature")
	wantInvalid(t, expired, "expired")
	wantError(t, scopeless, 403, "insufficient_scope")
	wantForwarded(t, ask(rsaKey.bearer(c)))
}

func TestFailedFirstFetch(t *testing.T) {
	for name, fail := range map[string]func(c *Callout){
		"404":       func(c *Callout) { c.Answer("404", nil, nil) },
		"500":       func(c *Callout) { c.Answer("500", nil, []byte(metadata(nil))) },
		"302":       func(c *Callout) { c.Answer("302", Headers{{"location", "https://evil.example/"}}, nil) },
		"no answer": func(c *Callout) { c.Fail() },
		"time-out":  func(c *Callout) { c.TimeOut() },
		"empty":     func(c *Callout) { c.Answer("200", nil, nil) },
		"never":     func(c *Callout) {},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(fetching(nil), notes(nil), nil))
			held := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
			failing := func() {
				for _, c := range h.Callouts() {
					fail(c)
				}
			}
			h.Run(11*time.Second, failing)
			wantUnavailable(t, held)
			// And so it stays, although nobody asks the server all the time.
			before := h.Dispatched()
			h.Run(time.Minute, failing)
			if n := h.Dispatched() - before; n > 90 || n == 0 {
				t.Errorf("%d callouts in a minute of failures", n)
			}
			late := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
			h.Run(11*time.Second, failing)
			wantUnavailable(t, late)
			// The server comes up after the gateway.
			for _, c := range h.Callouts() {
				c.Fail()
			}
			goodServer(rsaKey).run(h, 61*time.Second)
			wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		})
	}
}

func TestClusterThatIsNotThere(t *testing.T) {
	for name, prepare := range map[string]func(h *Host){
		"unknown": func(h *Host) {},
		"empty":   func(h *Host) { h.SetCluster("auth", true) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{Clusters: []string{"other"}})
			prepare(h)
			vm := start(t, h, config(fetching(nil), notes(nil), nil))
			held := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
			h.Run(11*time.Second, nil)
			wantUnavailable(t, held)
			if !strings.Contains(h.LogText(), "auth") {
				t.Errorf("the log does not name the cluster:\n%s", h.LogText())
			}
			h.SetCluster("auth", false)
			goodServer(rsaKey).run(h, time.Minute)
			wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		})
	}
}

func TestHeldRequestsAreBounded(t *testing.T) {
	const limit = 1024
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	token := rsaKey.bearer(claims(h, nil))
	var held []*Stream
	for range limit {
		s := vm.Request(rpc("/notes", token))
		if s.State() != Held {
			t.Fatalf("request %d: %s", len(held)+1, describe(s))
		}
		held = append(held, s)
	}
	wantUnavailable(t, vm.Request(rpc("/notes", token)))
	// A client that leaves makes room for another.
	held[500].Close()
	again := vm.Request(rpc("/notes", token))
	if again.State() != Held {
		t.Errorf("after one left: %s", describe(again))
	}
	wantUnavailable(t, vm.Request(rpc("/notes", token)))
	held = append(slices.Delete(held, 500, 501), again)

	h.Run(9*time.Second, nil)
	for i, s := range held {
		if s.State() != Held {
			t.Fatalf("request %d after 9 s: %s", i, describe(s))
		}
	}
	h.Run(1200*time.Millisecond, nil)
	for _, s := range held {
		wantUnavailable(t, s)
	}
	goodServer(rsaKey).run(h, time.Minute)
	wantForwarded(t, vm.Request(rpc("/notes", token)))
}

func TestClientLeavesWhileHeld(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	token := rsaKey.bearer(claims(h, nil))
	before, stays := vm.Request(rpc("/notes", token)), vm.Request(rpc("/notes", token))
	before.Close()
	h.Run(100*time.Millisecond, nil)
	between := vm.Request(rpc("/notes", token))
	between.Close()
	goodServer(rsaKey).run(h, time.Second)
	wantForwarded(t, stays)
	if before.State() != Gone || between.State() != Gone {
		t.Errorf("%v, %v, want gone", before.State(), between.State())
	}
	h.Run(time.Minute, nil)
}
