package wasmtest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Requests that wait for one thing take no place from those that wait for another,
// or for another server. On the left is the rubbish, which fills its places.
func TestPlacesToWait(t *testing.T) {
	const second = "https://second.example.com"
	h := newHost(t, Options{HeadersStopIteration: true})
	down := object{"issuer": second, "cluster": "second"}
	// The proxy takes all hosts' own paths.
	first := with(opaque(nil), object{"discovery": "auto", "oauth_proxy": object{
		"client_id": "gateway", "client_secret": clientSecret, "redirect_uris": []string{callback}, "signing_key": signingKey,
		"authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
	}})
	vm := start(t, h, config(nil, notes(nil), object{
		"authorization_servers": []object{first, down}, "allow_on_headers_stop_iteration": true,
	}))
	p := newUpstreamServer()
	good := func(d time.Duration) { // for the first server only
		h.Run(d, func() {
			for _, c := range h.Callouts() {
				switch {
				case c.Cluster == "second":
				case c.Path() == "/introspect":
					c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(toJSON(aboutToken(h, nil))))
				case c.Headers.Get(":method") == "POST":
					p.forms = append(p.forms, c)
					c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(p.body))
				case p.documents[c.Path()] != "":
					c.Answer("200", nil, []byte(p.documents[c.Path()]))
				default:
					c.Answer("404", nil, nil)
				}
			}
		})
	}
	good(10 * time.Second)
	fill := func(limit int, authorization func(i int) string) {
		t.Helper()
		for i := range limit {
			if s := vm.Request(rpc("/notes", authorization(i))); s.State() != Held {
				t.Fatalf("request %d: %s", i, describe(s))
			}
		}
		wantUnavailable(t, vm.Request(rpc("/notes", authorization(limit))))
	}
	// No keys of the second server; keys of the first that are not there.
	fill(1024, func(int) string { return rsaKey.bearer(claims(h, object{"iss": second})) })
	fill(512, func(i int) string { return signedBy(fmt.Sprint("k", i)).bearer(claims(h, nil)) })
	var others []*Stream
	for i := range 20 {
		others = append(others, vm.Request(rpc("/notes", fmt.Sprint("Bearer opaque-", i))), post(vm, "/token", formType, form(nil)))
	}
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	good(100 * time.Millisecond)
	for i, s := range others {
		if i%2 == 0 {
			wantForwarded(t, s)
		} else {
			wantStatus(t, s, 200)
		}
	}
}

// What is kept of all that wait is bounded: a large request takes more places.
func TestLargeRequestsTakeMorePlaces(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	large := rpc("/notes?"+strings.Repeat("x", 40_000), rsaKey.bearer(claims(h, nil)))
	held := 0
	for vm.Request(large).State() == Held {
		held++
	}
	if held < 100 || held > 1024/5 {
		t.Errorf("%d requests of 41 kB are held", held)
	}
	if size := vm.MemorySize(); size > 64<<20 {
		t.Errorf("%d bytes of memory", size)
	}
}

// All servers together have room for so many; beyond, each still has a share.
func TestAllPlacesTogether(t *testing.T) {
	h := newHost(t, Options{})
	var servers []object
	for i := range 8 {
		servers = append(servers, object{"issuer": fmt.Sprint("https://", i, ".example.com"), "cluster": fmt.Sprint("c", i)})
	}
	vm := start(t, h, config(nil, notes(nil), object{"authorization_servers": servers}))
	total := 0
	for i := range servers {
		token := rsaKey.bearer(claims(h, object{"iss": servers[i]["issuer"]}))
		held := 0
		for vm.Request(rpc("/notes", token)).State() == Held {
			held++
		}
		if held < 64 || held > 1024 {
			t.Errorf("server %d: %d requests held", i, held)
		}
		total += held
	}
	if want := 4096 + 4*64; total != want {
		t.Errorf("%d requests held, want %d", total, want)
	}
	h.Run(11*time.Second, nil)
	if s := vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"iss": servers[7]["issuer"]})))); s.State() != Held {
		t.Errorf("after the others have gone: %s", describe(s))
	}
}

// Clients that come and leave without end find room, and leave no memory behind.
func TestManyClientsLeaveWhileHeld(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(fetching(nil), notes(nil), nil))
	token := rsaKey.bearer(claims(h, nil))
	stays := vm.Request(rpc("/notes", token))
	var list []*Stream
	memory := uint64(0)
	for round := range 100 {
		if round == 10 {
			memory = uint64(vm.MemorySize())
		}
		for range 1000 {
			s := vm.Request(rpc("/notes", token))
			if s.State() != Held {
				t.Fatal(describe(s))
			}
			list = append(list, s)
		}
		for i := len(list) - 1; i >= 0; i-- {
			list[i].Close()
		}
		list = list[:0]
	}
	goodServer(rsaKey).run(h, time.Second)
	wantForwarded(t, stays)
	if size := uint64(vm.MemorySize()); size > memory+2<<20 {
		t.Errorf("memory grew from %d to %d bytes", memory, size)
	}
}
