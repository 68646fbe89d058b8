package wasmtest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// keysAt answers every callout with a key set and headers, and notes when.
type keysAt struct {
	set     object
	headers Headers
	times   []time.Time
}

func (k *keysAt) run(h *Host, d time.Duration) {
	answer := func() {
		for _, c := range h.Callouts() {
			k.times = append(k.times, h.Clock().Now())
			c.Answer("200", k.headers, []byte(toJSON(k.set)))
		}
	}
	answer()
	h.Run(d, answer)
}

// failing lets time pass while every callout fails.
func failing(h *Host, d time.Duration) {
	fail := func() {
		for _, c := range h.Callouts() {
			c.Answer("503", nil, []byte("upstream connect error"))
		}
	}
	fail()
	h.Run(d, fail)
}

// direct is the authorization server whose keys are fetched with one callout.
func direct(members object) object {
	return fetching(with(object{"jwks_uri": issuer + "/keys"}, members))
}

// How long keys are fresh is the server's to say, between a minute and an hour.
func TestCacheControlOfTheKeys(t *testing.T) {
	for _, tt := range []struct {
		name    string
		headers Headers
		want    time.Duration
	}{
		{"nothing is said", nil, 5 * time.Minute},
		{"max-age", Headers{{"cache-control", "public, max-age=900"}}, 15 * time.Minute},
		{"max-age less Age", Headers{{"cache-control", "max-age=900"}, {"age", "300"}}, 10 * time.Minute},
		{"too short", Headers{{"cache-control", "max-age=15"}}, time.Minute},
		{"no-store", Headers{{"cache-control", "no-store"}}, time.Minute},
		{"too long", Headers{{"cache-control", "max-age=86400"}}, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			start(t, h, config(direct(nil), notes(nil), nil))
			start(t, h, config(direct(nil), notes(nil), nil))
			k := &keysAt{set: keySet(rsaKey), headers: tt.headers}
			k.run(h, 10*tt.want+5*time.Second)
			for i := 1; i < len(k.times); i++ {
				if d := k.times[i].Sub(k.times[i-1]); d < tt.want*9/10-time.Second || d > tt.want+2*time.Second {
					t.Errorf("%v between two fetches, want %v or a tenth less", d, tt.want)
				}
			}
			if n := len(k.times); n < 10 || n > 12 {
				t.Errorf("%d fetches in ten times %v", n, tt.want)
			}
		})
	}
}

// The last keys of a server that is down are used until they are too old; then
// nobody is let in, those neither whose token passed before, until it is back.
func TestStaleKeysAreGivenUp(t *testing.T) {
	h := newHost(t, Options{})
	plugin := config(direct(object{"max_stale_seconds": 600}), notes(nil), nil)
	vms := []*VM{start(t, h, plugin), start(t, h, plugin)}
	up := &keysAt{set: keySet(rsaKey)}
	up.run(h, 2*time.Second)
	token := rsaKey.bearer(claims(h, nil))
	ask := func(want func(*testing.T, *Stream)) {
		t.Helper()
		for _, vm := range vms {
			want(t, vm.Request(rpc("/notes", token)))
			want(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		}
	}
	forwarded := func(t *testing.T, s *Stream) { t.Helper(); wantForwarded(t, s) }
	failing(h, 590*time.Second)
	ask(forwarded)
	failing(h, 12*time.Second)
	ask(func(t *testing.T, s *Stream) {
		t.Helper()
		failing(h, 1100*time.Millisecond) // until the next fetch has failed
		wantUnavailable(t, s)
	})
	// A worker that starts now, with the old keys in shared data, as well.
	vms = append(vms, start(t, h, plugin))
	failing(h, 2*time.Second)
	ask(func(t *testing.T, s *Stream) {
		t.Helper()
		failing(h, 1100*time.Millisecond)
		wantUnavailable(t, s)
	})
	wantError(t, vms[0].Request(rpc("/notes", "")), 401, "unauthorized")
	up.run(h, 10*time.Second)
	ask(forwarded)
	if n := strings.Count(h.LogText(), "older than max_stale_seconds"); n != 1 {
		t.Errorf("the log says %d times that the keys are too old:\n%s", n, h.LogText())
	}
}

// A day is the default.
func TestStaleKeysOfADay(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(direct(nil), notes(nil), nil))
	(&keysAt{set: keySet(rsaKey)}).run(h, 2*time.Second)
	for _, step := range []struct {
		pass time.Duration
		want func(testing.TB, *Stream)
	}{
		{24*time.Hour - 10*time.Second, func(t testing.TB, s *Stream) { t.Helper(); wantForwarded(t, s) }},
		{20 * time.Second, func(t testing.TB, s *Stream) { t.Helper(); wantStatus(t, s, 503) }},
	} {
		h.Clock().Advance(step.pass - time.Minute/10)
		failing(h, time.Minute/10)
		s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
		failing(h, 1100*time.Millisecond)
		step.want(t, s)
	}
}

// A server that has a new key, or restarts with a new key under the old ID: the
// first token of the new key waits for it, in every worker, and costs one fetch.
func TestNewKeyWithinASecond(t *testing.T) {
	for name, keys := range map[string][2]*signer{
		"another ID":  {rsaKey, otherRSA},
		"RS256":       {rsaKey, impostorRSA},
		"ES256":       {ecKey, impostorEC},
		"with no kid": {{rsa: rsaKey.rsa}, {rsa: otherRSA.rsa}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			var vms []*VM
			for range 4 {
				vms = append(vms, start(t, h, config(direct(nil), notes(nil), nil)))
			}
			before, after := keys[0], keys[1]
			(&keysAt{set: keySet(before)}).run(h, 10*time.Second)
			var held []*Stream
			for _, vm := range vms {
				held = append(held, vm.Request(rpc("/notes", after.bearer(claims(h, nil)))))
			}
			asked := h.Dispatched()
			(&keysAt{set: keySet(after)}).run(h, time.Second)
			for _, s := range held {
				wantForwarded(t, s)
			}
			if n := h.Dispatched() - asked; n != 1 {
				t.Errorf("%d fetches for one new key", n)
			}
			for _, vm := range vms {
				wantForwarded(t, vm.Request(rpc("/notes", after.bearer(claims(h, nil)))))
				s := vm.Request(rpc("/notes", before.bearer(claims(h, nil))))
				(&keysAt{set: keySet(after)}).run(h, 11*time.Second)
				wantInvalid(t, s, "signature|key")
			}
		})
	}
}

// Bad signatures cost the server a fetch after 5, 10, 20 and then 30 seconds, and
// the gateway one verification each. Nobody is told that a signature is bad by keys
// that are older than the token.
func TestFloodOfBadSignatures(t *testing.T) {
	h := newHost(t, Options{})
	var vms []*VM
	for range 4 {
		vms = append(vms, start(t, h, config(direct(nil), notes(nil), nil)))
	}
	k := &keysAt{set: keySet(rsaKey)}
	k.run(h, 10*time.Second)
	fetches, verified := h.Dispatched(), h.ForeignCalls("verify_signature")
	const seconds, each = 20, 10
	var held []*Stream
	for range seconds {
		for _, vm := range vms {
			for range each {
				held = append(held, vm.Request(rpc("/notes", impostorRSA.bearer(claims(h, nil)))))
			}
			// The others are not disturbed.
			wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"sub": "bob"})))))
		}
		k.run(h, time.Second)
	}
	k.run(h, 5*time.Second)
	for _, s := range held {
		wantInvalid(t, s, "signature")
	}
	if n := h.Dispatched() - fetches; n > 3 {
		t.Errorf("%d fetches in %d s", n, seconds)
	}
	most := len(held) + seconds*len(vms)
	if n := h.ForeignCalls("verify_signature") - verified; n > most {
		t.Errorf("%d signatures verified, want at most %d", n, most)
	}
}

// After a pause of days, such as a laptop's sleep, the keys are too old, but
// nobody has failed to fetch new ones: requests wait for those.
func TestKeysThatAgeWithoutTicks(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(direct(nil), notes(nil), nil))
	k := &keysAt{set: keySet(rsaKey)}
	k.run(h, 10*time.Second)
	h.Clock().Advance(72 * time.Hour)
	vm.Tick()
	s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
	if s.State() != Held {
		t.Errorf("%s, want held", describe(s))
	}
	k.run(h, time.Second)
	wantForwarded(t, s)
}

// With new settings the plugin keeps the keys it has: not even the first
// request waits, whether the server is up or not.
func TestReloadKeepsTheKeys(t *testing.T) {
	h := newHost(t, Options{})
	old := start(t, h, config(fetching(nil), notes(nil), nil))
	goodServer(rsaKey).run(h, 2*time.Second)
	before := h.Dispatched()
	for i := range 10 {
		changed := fetching(object{"clock_skew_seconds": i, "max_stale_seconds": 3600 + i})
		vm := start(t, h, config(changed, notes(object{"audiences": []string{fmt.Sprint("api://", i)}}), nil))
		wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"aud": fmt.Sprint("api://", i)})))))
		failing(h, time.Second)
		wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		old.Kill()
		old = vm
	}
	if n := h.Dispatched() - before; n != 0 {
		t.Errorf("%d callouts in ten reloads", n)
	}
}

// Whatever the number of workers, the server sees one fetch at each refresh.
func TestFourWorkersFetchOnce(t *testing.T) {
	h := newHost(t, Options{})
	for range 5 { // and Envoy's main thread
		start(t, h, config(direct(nil), notes(nil), nil))
	}
	k := &keysAt{set: keySet(rsaKey), headers: Headers{{"cache-control", "max-age=60"}}}
	k.run(h, time.Hour)
	if n := len(k.times); n < 60 || n > 68 {
		t.Errorf("%d fetches in an hour of refreshes each minute", n)
	}
}

// The plugin looks after itself once a second, and often only while something
// waits; a host that refuses to set the period is asked again.
func TestTickPeriods(t *testing.T) {
	const idle, waiting = time.Second, 50 * time.Millisecond
	h := newHost(t, Options{})
	vm := start(t, h, config(direct(nil), notes(nil), nil))
	want := func(d time.Duration, when string) {
		t.Helper()
		if vm.TickPeriod() != d {
			t.Errorf("%s: a tick each %v, want %v", when, vm.TickPeriod(), d)
		}
	}
	want(waiting, "before the first keys")
	vm.Tick()
	want(waiting, "while they are fetched")
	(&keysAt{set: keySet(rsaKey)}).run(h, 10*time.Second)
	want(idle, "with keys")
	for _, key := range []*signer{otherRSA, {kid: "another", rsa: otherRSA.rsa}} {
		s := vm.Request(rpc("/notes", key.bearer(claims(h, nil))))
		want(waiting, "while a request waits")
		vm.Tick()
		want(waiting, "while it still does")
		(&keysAt{set: keySet(rsaKey)}).run(h, 10*time.Second)
		wantInvalid(t, s, "key")
		want(idle, "after it")
	}
	s := vm.Request(rpc("/notes", (&signer{kid: "third", rsa: otherRSA.rsa}).bearer(claims(h, nil))))
	h.FailCall("proxy_set_tick_period_milliseconds", InternalFailure)
	(&keysAt{set: keySet(rsaKey)}).run(h, 10*time.Second)
	wantInvalid(t, s, "key")
	want(waiting, "while the host refuses")
	h.FailCall("proxy_set_tick_period_milliseconds", OK)
	h.Run(time.Second, nil)
	want(idle, "once it does not")
}
