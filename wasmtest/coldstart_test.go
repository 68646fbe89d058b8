package wasmtest

import (
	"strings"
	"testing"
	"time"
)

// refusing lets time pass while every callout gets 503, and returns how many there
// were.
func refusing(h *Host, d time.Duration) int {
	before := h.Dispatched()
	failing(h, d)
	return h.Dispatched() - before
}

// A gateway that starts a moment before its authorization server refuses nobody:
// a request waits for the next fetch, which is made a second after the last.
func TestServerThatComesUpAMomentLater(t *testing.T) {
	for name, up := range map[string]time.Duration{
		"during the first fetch": 30 * time.Millisecond, "after it": 500 * time.Millisecond, "after some": 7300 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vms := []*VM{start(t, h, config(fetching(nil), notes(nil), nil)), start(t, h, config(fetching(nil), notes(nil), nil))}
			var held []*Stream
			if up < time.Second {
				// Those that are there from the start have a second try.
				for _, vm := range vms {
					held = append(held, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
				}
			}
			failing(h, up)
			for _, vm := range vms {
				s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
				if s.State() != Held {
					t.Errorf("%s, want held", describe(s))
				}
				held = append(held, s)
			}
			goodServer(rsaKey).run(h, 1100*time.Millisecond)
			for _, s := range held {
				wantForwarded(t, s)
			}
		})
	}
}

// A server that is down gets a fetch a second while requests come, of which each
// waits for one fetch, and fewer when none comes.
func TestFetchesWhileNobodyCanBeServed(t *testing.T) {
	for name, prepare := range map[string]func(h *Host){
		"with no keys ever": func(h *Host) {},
		"with keys too old": func(h *Host) {
			(&keysAt{set: keySet(rsaKey)}).run(h, 2*time.Second)
			failing(h, 25*time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vms := []*VM{start(t, h, config(direct(nil), notes(nil), nil)), start(t, h, config(direct(nil), notes(nil), nil))}
			prepare(h)
			failing(h, 10*time.Second)
			const seconds = 20
			fetches := 0
			var all []*Stream
			for range seconds * 5 {
				for _, vm := range vms {
					all = append(all, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
				}
				fetches += refusing(h, 200*time.Millisecond)
			}
			if fetches < seconds*8/10 || fetches > seconds+1 {
				t.Errorf("%d fetches in %d s, want one a second", fetches, seconds)
			}
			failing(h, 2*time.Second)
			for _, s := range all {
				wantUnavailable(t, s)
			}
			if n := refusing(h, time.Minute); n < 8 || n > 16 {
				t.Errorf("%d fetches in a minute without requests", n)
			}
			// Service is back a second after the server.
			s := vms[1].Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
			goodServer(rsaKey).run(h, 1100*time.Millisecond)
			wantForwarded(t, s)
		})
	}
}

// Those that come while a fetch is under way are served by it, with no other.
func TestRequestsDuringTheFirstFetch(t *testing.T) {
	for name, plugin := range map[string]object{
		"keys": config(direct(nil), notes(nil), nil), "metadata too": oldClients(fetching(nil), nil),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vms := []*VM{start(t, h, plugin), start(t, h, plugin)}
			h.Run(100*time.Millisecond, nil)
			var held []*Stream
			for range 20 {
				for _, vm := range vms {
					held = append(held, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
				}
				h.Run(100*time.Millisecond, nil)
			}
			paths := goodServer(rsaKey).recorded(h, time.Second)
			for _, s := range held {
				wantForwarded(t, s)
			}
			paths = append(paths, goodServer(rsaKey).recorded(h, 30*time.Second)...)
			if n := strings.Count(strings.Join(paths, " "), "/keys"); n != 1 {
				t.Errorf("asked %q", paths)
			}
		})
	}
}

// So it is with a new key.
func TestRequestsDuringTheFetchOfANewKey(t *testing.T) {
	h := newHost(t, Options{})
	vms := []*VM{start(t, h, config(direct(nil), notes(nil), nil)), start(t, h, config(direct(nil), notes(nil), nil))}
	(&keysAt{set: keySet(rsaKey)}).run(h, 10*time.Second)
	before := h.Dispatched()
	held := []*Stream{vms[0].Request(rpc("/notes", otherRSA.bearer(claims(h, nil))))}
	h.Run(100*time.Millisecond, nil)
	for range 20 {
		for _, vm := range vms {
			held = append(held, vm.Request(rpc("/notes", otherRSA.bearer(claims(h, nil)))))
		}
		h.Run(100*time.Millisecond, nil)
	}
	(&keysAt{set: keySet(otherRSA)}).run(h, 30*time.Second)
	for _, s := range held {
		wantForwarded(t, s)
	}
	if n := h.Dispatched() - before; n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// One fetch is under way at a time, however many wait and however slow it is.
func TestOneFetchAtATimeWhileRequestsWait(t *testing.T) {
	h := newHost(t, Options{})
	vms := []*VM{start(t, h, config(direct(nil), notes(nil), nil)), start(t, h, config(direct(nil), notes(nil), nil))}
	failing(h, time.Second)
	for range 80 {
		for _, vm := range vms {
			vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
		}
		h.Run(100*time.Millisecond, nil)
		if n := len(h.Callouts()); n > 1 {
			t.Fatalf("%d callouts at a time", n)
		}
	}
}

// What holds for keys holds for metadata that is served, and for the endpoints of
// a provider.
func TestMetadataThatComesAMomentLater(t *testing.T) {
	for name, tt := range map[string]struct {
		plugin object
		ask    func(vm *VM) *Stream
		status uint32
	}{
		"served":    {oldClients(fetching(nil), nil), func(vm *VM) *Stream { return vm.Request(request("GET", asMetadata)) }, 200},
		"the proxy": {proxying(nil, nil), func(vm *VM) *Stream { return vm.Request(request("GET", authorizing(nil))) }, 200},
		"a form":    {proxying(nil, nil), func(vm *VM) *Stream { return post(vm, "/token", formType, form(nil)) }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{HeadersStopIteration: true})
			vm := start(t, h, tt.plugin)
			failing(h, 3500*time.Millisecond)
			s, late := tt.ask(vm), tt.ask(vm)
			if s.State() != Held {
				t.Fatalf("%s, want held", describe(s))
			}
			late.Close()
			p := newUpstreamServer()
			p.run(h, 1200*time.Millisecond)
			wantStatus(t, s, int(tt.status))
		})
		t.Run(name+", which does not come", func(t *testing.T) {
			h := newHost(t, Options{HeadersStopIteration: true})
			vm := start(t, h, tt.plugin)
			failing(h, 3500*time.Millisecond)
			s := tt.ask(vm)
			failing(h, 1100*time.Millisecond)
			wantUnavailable(t, s)
			if n := refusing(h, 10*time.Second); n > 8 {
				t.Errorf("%d callouts in ten seconds without requests", n)
			}
		})
	}
}

// The introspection endpoint is searched for when a token comes, by one worker a
// second as long as it is not found, and by each as soon as one has found it.
func TestSearchForTheEndpoint(t *testing.T) {
	h := newHost(t, Options{})
	var vms []*VM
	for range 4 {
		vms = append(vms, start(t, h, config(discovered(nil), notes(nil), nil)))
	}
	a := newAsked(map[string]object{"opaque": aboutToken(h, nil)})
	var all []*Stream
	searches := 0
	const seconds = 10
	for range seconds * 5 {
		for _, vm := range vms {
			all = append(all, vm.Request(rpc("/notes", "Bearer opaque")))
		}
		for _, path := range withMetadata(h, a, nil, 200*time.Millisecond) {
			if path == oauthPlace {
				searches++
			}
		}
	}
	withMetadata(h, a, nil, 11*time.Second)
	for _, s := range all {
		wantUnavailable(t, s)
	}
	if searches < seconds*8/10 || searches > seconds+1 {
		t.Errorf("%d searches in %d s by four workers, want one a second", searches, seconds)
	}
	var held []*Stream
	for _, vm := range vms {
		held = append(held, vm.Request(rpc("/notes", "Bearer opaque")))
	}
	withMetadata(h, a, documents{oauthPlace: metadata(object{"introspection_endpoint": issuer + "/ask"})}, 1300*time.Millisecond)
	for _, s := range held {
		wantForwarded(t, s)
	}
}
