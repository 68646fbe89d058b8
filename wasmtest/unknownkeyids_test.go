package wasmtest

import (
	"fmt"
	"testing"
	"time"
)

// signedBy is a key of this ID that no server publishes.
func signedBy(kid string) *signer { return &signer{kid: kid, rsa: otherRSA.rsa} }

// A kid that was looked for in vain is refused at once from then on, by every
// worker, and costs the server nothing; so is a token whose signature does not
// verify, and one without a kid for whose algorithm there is no key.
func TestKeyThatWasLookedForIsRefusedAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		set *signer
		key *signer
	}{
		"unknown kid":   {rsaKey, signedBy("withdrawn")},
		"bad signature": {rsaKey, impostorRSA},
		"no kid":        {rsaKey, &signer{ec: otherEC.ec}},
		"of ES256":      {ecKey, impostorEC},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			var vms []*VM
			for range 4 {
				vms = append(vms, start(t, h, config(direct(nil), notes(nil), nil)))
			}
			k := &keysAt{set: keySet(tt.set), headers: Headers{{"cache-control", "max-age=3600"}}}
			k.run(h, 10*time.Second)
			token := tt.key.bearer(claims(h, nil))
			before := len(k.times)
			s := vms[0].Request(rpc("/notes", token))
			k.run(h, time.Second)
			wantInvalid(t, s, "key|signature")
			for range 40 {
				for _, vm := range vms {
					wantInvalid(t, vm.Request(rpc("/notes", token)), "key|signature")
				}
				k.run(h, time.Second)
			}
			if n := len(k.times) - before; n != 1 {
				t.Errorf("%d fetches in 40 s for one key", n)
			}
		})
	}
}

// Two requests of one key that is not there need one fetch, though the second came
// while it was under way.
func TestKeyThatIsBeingLookedFor(t *testing.T) {
	h := newHost(t, Options{})
	vms := []*VM{start(t, h, config(direct(nil), notes(nil), nil)), start(t, h, config(direct(nil), notes(nil), nil))}
	k := &keysAt{set: keySet(rsaKey)}
	k.run(h, 10*time.Second)
	token := otherRSA.bearer(claims(h, nil))
	first := vms[0].Request(rpc("/notes", token))
	h.Run(500*time.Millisecond, nil)
	second := vms[1].Request(rpc("/notes", token))
	k.run(h, 1100*time.Millisecond)
	wantInvalid(t, first, "key")
	wantInvalid(t, second, "key")
	if len(k.times) != 2 {
		t.Errorf("%d fetches", len(k.times))
	}
}

// Fetches that bring nothing new come after 5, 10, 20 and then 30 seconds; those
// that do, and five quiet minutes, begin again. A request whose key is unknown waits for
// five seconds at most; then the keys in use are recent enough to refuse its token.
func TestFetchesThatBringNothingNew(t *testing.T) {
	for name, key := range map[string]func(i int) *signer{
		"random kids":    func(i int) *signer { return signedBy(fmt.Sprint("random-", i)) },
		"bad signatures": func(int) *signer { return impostorRSA },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vms := []*VM{start(t, h, config(direct(nil), notes(nil), nil)), start(t, h, config(direct(nil), notes(nil), nil))}
			k := &keysAt{set: keySet(rsaKey), headers: Headers{{"cache-control", "max-age=3600"}}}
			k.run(h, 10*time.Second)
			i := 0
			ask := func() (all []*Stream) {
				for _, vm := range vms {
					i++
					all = append(all, vm.Request(rpc("/notes", key(i).bearer(claims(h, object{"jti": fmt.Sprint(i)})))))
				}
				return all
			}
			flood := func(d time.Duration) (gaps []int) {
				var all []*Stream
				before := len(k.times)
				for range d / time.Second {
					all = append(all, ask()...)
					k.run(h, time.Second)
				}
				k.run(h, 6*time.Second)
				for _, s := range all {
					wantInvalid(t, s, "key|signature")
				}
				for j := before + 1; j < len(k.times); j++ {
					gaps = append(gaps, int(k.times[j].Sub(k.times[j-1]).Round(time.Second)/time.Second))
				}
				return gaps
			}
			want := func(got []int, text string) {
				t.Helper()
				if fmt.Sprint(got) != text {
					t.Errorf("seconds between fetches %v, want %s", got, text)
				}
			}
			want(flood(130*time.Second), "[5 10 20 30 30 30]")
			for _, s := range ask() {
				wantInvalid(t, s, "key|signature") // at once: the next fetch is far away
			}
			k.run(h, time.Minute)
			// One that brings a key begins again, in another order or not.
			k.set = keySet(rsaKey, ecKey)
			vms[0].Request(rpc("/notes", key(0).bearer(claims(h, object{"jti": "x"}))))
			k.run(h, 6*time.Second)
			want(flood(40*time.Second), "[5 10 20]")
			// So do five quiet minutes.
			k.run(h, 6*time.Minute)
			want(flood(40*time.Second), "[5 10 20]")
		})
	}
}

// Keys in another order, or written in another way, are nothing new.
func TestSameKeysInAnotherOrderAreNothingNew(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(direct(nil), notes(nil), nil))
	k := &keysAt{set: keySet(rsaKey, ecKey)}
	k.run(h, 10*time.Second)
	before := len(k.times)
	h.ForgetLogs()
	for i := range 40 {
		k.set = keySet(rsaKey, ecKey)
		if i%2 == 0 {
			k.set = keySet(ecKey, rsaKey)
		}
		k.set["x"] = i
		vm.Request(rpc("/notes", signedBy(fmt.Sprint("random-", i)).bearer(claims(h, nil))))
		k.run(h, time.Second)
	}
	if n := len(k.times) - before; n > 4 {
		t.Errorf("%d fetches in 40 s", n)
	}
}

// What was looked for in vain is found when it is published later: with the next
// set of keys that brings it, whoever had it fetched, and else after five minutes.
func TestKeyThatIsPublishedLate(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(direct(nil), notes(nil), nil))
	k := &keysAt{set: keySet(rsaKey), headers: Headers{{"cache-control", "max-age=3600"}}}
	k.run(h, 10*time.Second)
	ask := func(key *signer) *Stream {
		s := vm.Request(rpc("/notes", key.bearer(claims(h, nil))))
		k.run(h, time.Second)
		return s
	}
	wantInvalid(t, ask(otherRSA), "key")
	k.set = keySet(rsaKey, otherRSA)
	wantInvalid(t, ask(otherRSA), "key")
	k.run(h, 5*time.Second)
	wantInvalid(t, ask(signedBy("made-up")), "key") // has the keys fetched
	wantForwarded(t, ask(otherRSA))

	k.set = keySet(rsaKey)
	k.run(h, time.Hour)
	wantInvalid(t, ask(otherRSA), "key")
	k.set = keySet(rsaKey, otherRSA)
	k.run(h, 5*time.Minute)
	wantForwarded(t, ask(otherRSA))
}

// Another set of keys makes what was looked for before worth another look.
func TestNewKeysMakeRefusedKidsForgotten(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(direct(nil), notes(nil), nil))
	k := &keysAt{set: keySet(rsaKey), headers: Headers{{"cache-control", "max-age=60"}}}
	k.run(h, 10*time.Second)
	token := otherRSA.bearer(claims(h, nil))
	s := vm.Request(rpc("/notes", token))
	k.run(h, time.Second)
	wantInvalid(t, s, "key")
	k.set = keySet(rsaKey, ecKey)
	k.run(h, 70*time.Second)
	k.set = keySet(rsaKey, ecKey, otherRSA)
	s = vm.Request(rpc("/notes", token))
	k.run(h, time.Second)
	wantForwarded(t, s)
}

// Random kids by the thousand push out none that was asked for again, nor use up
// memory.
func TestFloodOfKidsForgetsNone(t *testing.T) {
	h := newHost(t, Options{})
	vms := []*VM{start(t, h, config(direct(nil), notes(nil), nil)), start(t, h, config(direct(nil), notes(nil), nil))}
	k := &keysAt{set: keySet(rsaKey), headers: Headers{{"cache-control", "max-age=3600"}}}
	k.run(h, 10*time.Second)
	for i := range 100 {
		vms[i%2].Request(rpc("/notes", signedBy(fmt.Sprint("before-", i)).bearer(claims(h, nil))))
	}
	k.run(h, time.Minute)
	withdrawn := otherRSA.bearer(claims(h, nil))
	s := vms[0].Request(rpc("/notes", withdrawn))
	k.run(h, time.Second)
	wantInvalid(t, s, "key")
	wantInvalid(t, vms[1].Request(rpc("/notes", withdrawn)), "key")
	for i := 1; i <= 3000; i++ {
		vms[i%2].Request(rpc("/notes", signedBy(fmt.Sprint("random-", i)).bearer(claims(h, nil))))
		if i%100 == 0 {
			k.run(h, time.Second)
			wantInvalid(t, vms[i/100%2].Request(rpc("/notes", withdrawn)), "key")
		}
	}
	for _, name := range h.SharedData().Keys() {
		if value, _ := h.SharedData().Get(name); len(value) > 8<<10 {
			t.Errorf("%s: %d bytes", name, len(value))
		}
	}
	for _, vm := range vms {
		if size := vm.MemorySize(); size > 64<<20 {
			t.Errorf("%d bytes of memory", size)
		}
	}
}

// A key that is new is in use within half a minute of a flood of made-up ones.
func TestRotationDuringAFloodOfKids(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(direct(nil), notes(nil), nil))
	k := &keysAt{set: keySet(rsaKey), headers: Headers{{"cache-control", "max-age=3600"}}}
	k.run(h, 10*time.Second)
	i := 0
	flood := func() {
		i++
		vm.Request(rpc("/notes", signedBy(fmt.Sprint("random-", i)).bearer(claims(h, nil))))
		k.run(h, time.Second)
	}
	for range 70 {
		flood()
	}
	k.set = keySet(rsaKey, otherRSA)
	for range 31 {
		vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil))))
		flood()
	}
	flood()
	wantForwarded(t, vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil)))))
}
