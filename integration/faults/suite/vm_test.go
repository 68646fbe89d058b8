//go:build faults

package suite

import (
	"net/http"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/faults"
	"mcpauth/integration/load"
)

// TestAVMDies: the requests of its worker get 503 until Envoy has a new one;
// the other workers go on. Envoy makes the new one at the next request, unless
// it made the old one within its back-off of about a second; so it happens that
// nobody notices.
func TestAVMDies(t *testing.T) {
	t.Parallel()
	g := newTarget(t, "dies")
	r := newRig(t, []*target{g}, func(o *envoy.Options) { o.Wasm = trap })
	r.ready()
	// Over HTTP/2 each client has one connection, which is one worker's.
	const clients = 4 * workers
	stop := r.underLoad(quiet(), load.Options{Rate: 400, HTTP2: true, Clients: clients})
	deaths := scaled(3, 20)
	var windows []window
	for i := range deaths {
		begin := time.Now()
		r.spring(t, g, "now")
		w := window{from: begin, to: begin.Add(reloadTime + slack), dead: true}
		windows = append(windows, w)
		// Every client sends all the time: a worker that has not come back shows.
		eventually(t, reloadTime+slack, func() string {
			since := time.Now()
			time.Sleep(500 * time.Millisecond)
			return r.refusedSince(since)
		})
		hurt := map[int]bool{}
		for _, a := range r.log.all() {
			if a.Status == http.StatusServiceUnavailable && a.Start.After(begin) {
				hurt[a.Client] = true
			}
		}
		t.Logf("back after %.1f s; %d of %d clients saw it", time.Since(begin).Seconds(), len(hurt), clients)
		if got := countLines(r.Log(), "trap: a request"); got != i+1 {
			t.Errorf("%d VMs have died by Envoy's log, want %d", got, i+1)
		}
		// The worker's own clients are a quarter; a connection may have been
		// opened anew and be another worker's.
		if len(hurt) > clients/2 {
			t.Errorf("%d of %d clients saw the VM of one of %d workers die", len(hurt), clients, workers)
		}
	}
	stop()
	r.judge(t, g, windows...)
	if keys, _ := faults.Documents(g.server.Seen(r.started)); keys > 2 {
		t.Errorf("%d fetches of keys: a new VM is to find them in place", keys)
	}
}

// spring sends the request that ends a VM, or that arms the trap.
func (r *rig) spring(t *testing.T, g *target, what string) {
	t.Helper()
	shot := g.shot(kindOf("none"))
	shot.Header.Set("X-Debug-Trap", what)
	client := load.NewClient(false)
	defer client.CloseIdleConnections()
	status, err := load.Send(t.Context(), client, r.Addr(), host, shot)
	if err == nil && status == http.StatusOK {
		t.Errorf("the request of the trap got status %d", status)
	}
	t.Logf("trap %q: status %d, %v", what, status, err)
}

// refusedSince says which valid token was last refused, of those sent since a
// time.
func (r *rig) refusedSince(since time.Time) string {
	list := r.log.all()
	answers := 0
	for _, a := range list {
		if a.Start.After(since) && kindOf(a.Kind).valid {
			if answers++; a.Status != http.StatusOK {
				return "a valid token is refused"
			}
		}
	}
	if answers == 0 {
		return "no answers"
	}
	return ""
}

// TestAVMDiesDuringAFetch: the lease that it held expires, and another fetches.
func TestAVMDiesDuringAFetch(t *testing.T) {
	t.Parallel()
	g := newTarget(t, "fetching")
	g.server.Set(faults.Hang)
	r := newRig(t, []*target{g}, func(o *envoy.Options) { o.Wasm = trap })
	stop := r.underLoad(kinds, load.Options{Rate: 200})
	die := func(limit time.Duration) (died time.Time) {
		before := r.deaths()
		asked := time.Now()
		r.spring(t, g, "fetching")
		eventually(t, limit+slack, func() string {
			if r.deaths() == before {
				return "no VM has died"
			}
			return ""
		})
		t.Logf("a VM died %.1f s after the trap was armed", time.Since(asked).Seconds())
		died = time.Now()
		g.server.Set(faults.None)
		// The requests that hang now are the dead VM's.
		eventually(t, leaseTime+calloutTime+slack, func() string {
			if keys, _ := faults.Documents(g.server.Seen(died)); keys == 0 {
				return "no fetch since the VM died"
			}
			return ""
		})
		t.Logf("the next fetch came %.1f s after its death", time.Since(died).Seconds())
		return died
	}

	// With no keys: nobody has service until the lease has expired.
	die(attemptTime)
	if p := r.serves(g, reloadTime+spreadTime+slack); p != "" {
		t.Fatal(p)
	}
	first := window{from: r.started, to: time.Now().Add(spreadTime + slack), dead: true}
	time.Sleep(time.Until(first.to))
	// With keys in hand: service for all but the worker whose VM has died.
	g.server.Set(faults.Hang)
	second := time.Now()
	died := die(newKeys)
	if p := r.serves(g, reloadTime+spreadTime+slack); p != "" {
		t.Fatal(p)
	}
	stop()
	r.judge(t, g, first, window{from: second, to: died.Add(reloadTime + slack), dead: true})
}

// TestAVMDiesWithRequestsHeld: nobody is left to answer them, so Envoy's request
// timeout has to. They do not pass, whatever becomes of the keys; those that
// other workers hold are not concerned.
func TestAVMDiesWithRequestsHeld(t *testing.T) {
	t.Parallel()
	g := newTarget(t, "holding")
	g.server.Set(faults.Hang)
	r := newRig(t, []*target{g}, func(o *envoy.Options) { o.Wasm = trap })
	const n = 4 * workers
	type answer struct {
		status int
		err    error
		after  time.Duration
	}
	answers := make(chan answer, n)
	begin := time.Now()
	for range n {
		client := load.NewClient(true)
		t.Cleanup(client.CloseIdleConnections)
		go func() {
			status, err := load.Send(t.Context(), client, r.Addr(), host, g.shot(kindOf("valid, new")))
			answers <- answer{status, err, time.Since(begin)}
		}()
	}
	eventually(t, slack, func() string {
		if r.stat(activeRequests) < n {
			return "the requests are not there yet"
		}
		return ""
	})
	r.spring(t, g, "now")
	timedOut := 0
	for range n {
		a := <-answers
		if a.err != nil || a.status != http.StatusServiceUnavailable || a.after > requestTimeout+slack {
			t.Errorf("a request that was held: status %d, %v, after %v", a.status, a.err, a.after)
		}
		if a.after >= requestTimeout {
			timedOut++
		}
	}
	t.Logf("%d of %d requests ended by the request timeout", timedOut, n)
	if timedOut == 0 {
		t.Error("no request did: the VM that died held none")
	}
	if got := r.upstream.count(g.name, "valid, new"); got > 0 {
		t.Errorf("%d requests have reached the upstream without keys", got)
	}
	g.server.Set(faults.None)
	if p := r.serves(g, returnWithoutKeys+slack); p != "" {
		t.Error(p)
	}
}

// deaths counts the VMs that have died, by Envoy's log.
func (r *rig) deaths() int { return countLines(r.Log(), "trap: while the keys") }
