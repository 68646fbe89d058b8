package wasmtest

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// One fetch serves all workers, and Envoy's main thread is one of them.
func TestWorkersShareOneFetch(t *testing.T) {
	h := newHost(t, Options{})
	var vms []*VM
	for range 3 {
		vms = append(vms, start(t, h, config(fetching(nil), notes(nil), nil)))
	}
	token := rsaKey.bearer(claims(h, nil))
	var held []*Stream
	for _, vm := range vms {
		held = append(held, vm.Request(rpc("/notes", token)))
	}
	got := goodServer(rsaKey).recorded(h, 3*time.Second)
	if want := []string{"/.well-known/oauth-authorization-server", "/keys"}; !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
	for _, s := range held {
		wantForwarded(t, s)
	}
	t.Run("a worker that starts later", func(t *testing.T) {
		before := h.Dispatched()
		vm := start(t, h, config(fetching(nil), notes(nil), nil))
		s := vm.Request(rpc("/notes", token))
		h.Run(2*time.Second, nil)
		wantForwarded(t, s)
		if h.Dispatched() != before {
			t.Errorf("%d more callouts", h.Dispatched()-before)
		}
	})
}

// Slow answers must not make the workers ask at the same time.
func TestOneFetchAtATime(t *testing.T) {
	h := newHost(t, Options{})
	for range 4 {
		start(t, h, config(fetching(nil), notes(nil), nil))
	}
	for range 40 {
		h.Run(100*time.Millisecond, nil)
		if n := len(h.Callouts()); n > 1 {
			t.Fatalf("%d callouts at a time", n)
		}
	}
	if h.Dispatched() != 1 {
		t.Errorf("%d callouts in 4 s without an answer", h.Dispatched())
	}
}

func TestLeaseOfADeadWorkerExpires(t *testing.T) {
	for name, jump := range map[string]time.Duration{"": 0, "the clock goes back a day": -24 * time.Hour, "the clock goes on a day": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			first := start(t, h, config(fetching(nil), notes(nil), nil))
			second := start(t, h, config(fetching(nil), notes(nil), nil))
			first.Tick()
			if len(h.Callouts()) != 1 {
				t.Fatalf("%d callouts", len(h.Callouts()))
			}
			first.Kill()
			h.Clock().SetWall(h.Clock().Now().Add(jump))
			goodServer(rsaKey).run(h, 45*time.Second)
			wantForwarded(t, second.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		})
	}
}

// An answer that comes when another worker has long taken over must not undo
// what that one has found.
func TestLateAnswerDoesNotBringOldKeysBack(t *testing.T) {
	h := newHost(t, Options{})
	slow := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
	slow.Tick()
	late := h.Callouts()[0]
	fast := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
	for len(h.Callouts()) < 2 { // the slow worker is so slow that it does not tick
		h.Clock().Advance(time.Second)
		if fast.Tick(); h.Clock().Now().Sub(h.options.Now) > time.Minute {
			t.Fatal("nobody takes over within a minute")
		}
	}
	h.Callouts()[1].Answer("200", nil, []byte(toJSON(keySet(otherRSA))))
	late.Answer("200", nil, []byte(toJSON(keySet(rsaKey))))
	h.Run(3*time.Second, nil)
	for _, vm := range []*VM{slow, fast} {
		wantForwarded(t, vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil)))))
	}
}

// Two configurations in one process share the map; the keys of one must not
// serve the other.
func TestConfigurationsDoNotMix(t *testing.T) {
	for name, second := range map[string]object{
		"another jwks_uri": {"jwks_uri": issuer + "/others"},
		"another cluster":  {"jwks_uri": issuer + "/keys", "cluster": "others"},
		"another issuer":   {"issuer": "https://second.example.com", "jwks_uri": issuer + "/keys", "cluster": "others"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			first := start(t, h, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil))
			other := start(t, h, config(fetching(second), notes(nil), nil))
			iss, ok := second["issuer"]
			if !ok {
				iss = issuer
			}
			answer := func() {
				for len(h.Callouts()) > 0 {
					c := h.Callouts()[0]
					key := rsaKey
					if c.Path() == "/others" || c.Cluster == "others" {
						key = otherEC
					}
					c.Answer("200", nil, []byte(toJSON(keySet(key))))
				}
			}
			h.Run(3*time.Second, answer)
			ask := func(vm *VM, authorization string) *Stream {
				s := vm.Request(rpc("/notes", authorization))
				h.Run(11*time.Second, answer)
				return s
			}
			wantForwarded(t, ask(first, rsaKey.bearer(claims(h, nil))))
			wantForwarded(t, ask(other, otherEC.bearer(claims(h, object{"iss": iss}))))
			wantInvalid(t, ask(first, otherEC.bearer(claims(h, nil))), "key")
			wantInvalid(t, ask(other, rsaKey.bearer(claims(h, object{"iss": iss}))), "key")
		})
	}
}

// Shared data that something else has written is no reason to die, nor to
// trust it.
func TestForeignSharedData(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	goodServer(rsaKey).run(h, 2*time.Second)
	for _, garbage := range [][]byte{nil, {0}, []byte("garbage"), []byte(strings.Repeat("\xff", 1000)), []byte(toJSON(keySet(otherRSA)))} {
		for _, key := range h.SharedData().Keys() {
			h.SharedData().Set(key, garbage, 0)
		}
		goodServer(rsaKey).run(h, time.Minute)
		wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	}
}
