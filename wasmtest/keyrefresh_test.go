package wasmtest

import (
	"fmt"
	"testing"
	"time"
)

// An unknown kid may be a new key: it is fetched soon, but random kids do not
// reach the server any more often.
func TestUnknownKeyIsFetchedOnce(t *testing.T) {
	h := newHost(t, Options{})
	var vms []*VM
	for range 3 {
		vms = append(vms, start(t, h, config(fetching(nil), notes(nil), nil)))
	}
	goodServer(rsaKey).run(h, 10*time.Second)
	rotated := goodServer(rsaKey, otherRSA)

	t.Run("a new key works at once", func(t *testing.T) {
		before := h.Dispatched()
		var held []*Stream
		for _, vm := range vms {
			held = append(held, vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil)))))
		}
		rotated.run(h, 3*time.Second)
		for i, s := range held {
			if s.State() != Forwarded {
				t.Errorf("worker %d: %s, want the request held and then forwarded", i, describe(s))
			}
			s.Close()
		}
		if n := h.Dispatched() - before; n < 1 || n > 2 {
			t.Errorf("%d callouts for one new key", n)
		}
		for _, vm := range vms {
			wantForwarded(t, vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil)))))
		}
	})
	t.Run("random kids", func(t *testing.T) {
		rotated.run(h, 10*time.Second)
		before := h.Dispatched()
		const seconds = 30
		var streams []*Stream
		for i := range seconds {
			for _, vm := range vms {
				for j := range 10 {
					key := &signer{kid: fmt.Sprintf("random-%d-%d", i, j), rsa: otherRSA.rsa}
					streams = append(streams, vm.Request(rpc("/notes", key.bearer(claims(h, nil)))))
				}
			}
			rotated.run(h, time.Second)
		}
		rotated.run(h, 11*time.Second)
		// After 5, 10 and then 20 seconds, one document each.
		if n := h.Dispatched() - before; n > 4 {
			t.Errorf("%d callouts in %d s of random kids", n, seconds)
		}
		for _, s := range streams {
			wantInvalid(t, s, "key")
		}
	})
	t.Run("the server is down", func(t *testing.T) {
		rotated.run(h, time.Minute)
		s := vms[0].Request(rpc("/notes", (&signer{kid: "new", rsa: otherRSA.rsa}).bearer(claims(h, nil))))
		h.Run(11*time.Second, func() {
			for _, c := range h.Callouts() {
				c.Fail()
			}
		})
		wantUnavailable(t, s)
		wantForwarded(t, vms[0].Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	})
}

// Whoever sends tokens with made-up kids must not delay a new key for others:
// its tokens wait for the next fetch, they are not refused.
func TestNewKeyDuringAFloodOfUnknownOnes(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	goodServer(rsaKey).run(h, 10*time.Second)
	vm.Request(rpc("/notes", (&signer{kid: "made-up", rsa: otherRSA.rsa}).bearer(claims(h, nil))))
	goodServer(rsaKey).run(h, time.Second)
	s := vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil))))
	goodServer(rsaKey, otherRSA).run(h, 6*time.Second)
	wantForwarded(t, s)
}

// A flood of tokens of keys that are gone fills the places of such tokens. The
// others of them are not told that their tokens are bad, since their keys may be
// new; those who wait for something else have places of their own, and the worker
// goes on.
func TestNoRoomToWaitForUnknownKeys(t *testing.T) {
	h := newHost(t, Options{})
	second := object{"issuer": "https://second.example.com", "cluster": "second"}
	vm := start(t, h, config(nil, notes(nil), object{"authorization_servers": []object{with(opaque(nil), object{"discovery": "auto"}), second}}))
	goodServer(rsaKey).run(h, 10*time.Second)
	gone := (&signer{kid: "gone", rsa: otherRSA.rsa}).bearer(claims(h, nil))
	var held []*Stream
	for range 512 {
		held = append(held, vm.Request(rpc("/notes", gone)))
		if s := held[len(held)-1]; s.State() != Held {
			t.Fatalf("request %d: %s", len(held), describe(s))
		}
	}
	wantUnavailable(t, vm.Request(rpc("/notes", gone)))
	opaque := vm.Request(rpc("/notes", "Bearer opaque"))
	withMetadata(h, newAsked(map[string]object{"opaque": aboutToken(h, nil)}), goodServer(rsaKey), 100*time.Millisecond)
	wantForwarded(t, opaque)
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	goodServer(rsaKey).run(h, 10*time.Second)
	for _, s := range held {
		wantInvalid(t, s, "key")
	}
}

// A key that its server has withdrawn is worth nothing, also for tokens that
// were verified before.
func TestRemovedKeyStopsVerifying(t *testing.T) {
	for name, after := range map[string]*signer{"another kid": otherRSA, "the same kid": impostorRSA} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vms := []*VM{start(t, h, config(fetching(nil), notes(nil), nil)), start(t, h, config(fetching(nil), notes(nil), nil))}
			goodServer(rsaKey).run(h, 2*time.Second)
			token := rsaKey.bearer(claims(h, object{"exp": h.Clock().Now().Unix() + 86400}))
			for _, vm := range vms {
				wantForwarded(t, vm.Request(rpc("/notes", token)))
			}
			goodServer(after).run(h, 7*time.Minute)
			for _, vm := range vms {
				s := vm.Request(rpc("/notes", token))
				goodServer(after).run(h, 11*time.Second)
				wantInvalid(t, s, "key|signature")
				wantForwarded(t, vm.Request(rpc("/notes", after.bearer(claims(h, nil)))))
			}
		})
	}
}

func TestKeysAreRefreshed(t *testing.T) {
	h := newHost(t, Options{})
	for range 3 {
		start(t, h, config(fetching(nil), notes(nil), nil))
	}
	goodServer(rsaKey).run(h, 10*time.Second)
	before := h.Dispatched()
	goodServer(rsaKey).run(h, time.Hour)
	// Every 5 minutes with jitter, for the process and not for each worker.
	if n := h.Dispatched() - before; n < 10 || n > 40 {
		t.Errorf("%d callouts in an hour", n)
	}
}

func TestClockGoesBackwards(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	goodServer(rsaKey).run(h, 2*time.Second)
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	h.Clock().SetWall(h.Clock().Now().Add(-24 * time.Hour))
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	before := h.Dispatched()
	goodServer(rsaKey, otherRSA).run(h, 15*time.Minute)
	if h.Dispatched() == before {
		t.Error("no refresh within 15 minutes after the clock went back")
	}
	s := vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil))))
	goodServer(rsaKey, otherRSA).run(h, 2*time.Second)
	wantForwarded(t, s)
	// Held requests end in time, too.
	late := start(t, h, config(fetching(object{"cluster": "second"}), notes(nil), nil))
	held := late.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
	h.Clock().SetWall(h.Clock().Now().Add(-24 * time.Hour))
	h.Run(30*time.Second, func() {
		for _, c := range h.Callouts() {
			if c.Cluster == "second" {
				c.Fail()
			}
		}
	})
	if held.State() == Held {
		t.Error("a request is still held after 30 s")
	}
}
