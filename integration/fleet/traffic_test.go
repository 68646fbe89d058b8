package main

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/integration/load"
)

// A token kind is one that the load sends.
type tokenKind struct {
	name   string
	weight int
	valid  bool // it must pass at any time
	mint   func(*traffic) string
}

// tokenKinds are sent in proportion to their weights. Those of no use must pass at no
// time.
var tokenKinds = []tokenKind{
	{name: "valid, seen before", weight: 4, valid: true, mint: func(t *traffic) string { return t.seen[mathrand.IntN(len(t.seen))] }},
	{name: "valid, new", weight: 2, valid: true, mint: func(t *traffic) string { return t.fleet.token(authserver.Token{}) }},
	{name: "valid, opaque", weight: 2, valid: true, mint: func(t *traffic) string { return t.opaque[mathrand.IntN(len(t.opaque))] }},
	{name: "opaque of nobody", weight: 1, mint: func(t *traffic) string { return t.bad[mathrand.IntN(len(t.bad))] }},
	{name: "expired", weight: 1, mint: func(t *traffic) string {
		return t.fleet.token(authserver.Token{Claims: object{"exp": time.Now().Add(-time.Hour).Unix()}})
	}},
	{name: "of another audience", weight: 1, mint: func(t *traffic) string {
		return t.fleet.token(authserver.Token{Resource: resource + "/elsewhere"})
	}},
	{name: "without the scope", weight: 1, mint: func(t *traffic) string { return t.fleet.token(authserver.Token{Scope: "other"}) }},
	{name: "of an unknown key", weight: 1, mint: func(t *traffic) string {
		return t.fleet.token(authserver.Token{ForeignKey: true, Header: object{"kid": rand.Text()}})
	}},
	{name: "with a bad signature", weight: 1, mint: func(t *traffic) string { return t.fleet.token(authserver.Token{ForeignKey: true}) }},
	{name: "none", weight: 1, mint: func(*traffic) string { return "" }},
}

// traffic is constant load of valid and invalid tokens, and what became of it.
type traffic struct {
	fleet             *fleet
	seen, opaque, bad []string
	deck              []*tokenKind
	loads             []*load.Load

	mu       sync.Mutex
	answers  map[string]map[int]int // by kind and status
	problems []string
}

func newTraffic(f *fleet) *traffic {
	t := &traffic{fleet: f, answers: map[string]map[int]int{}}
	for range 20 {
		t.seen = append(t.seen, f.token(authserver.Token{}))
		t.opaque = append(t.opaque, opaquePrefix+rand.Text())
		t.bad = append(t.bad, "nobody-"+rand.Text())
	}
	for i := range tokenKinds {
		for range tokenKinds[i].weight {
			t.deck = append(t.deck, &tokenKinds[i])
		}
	}
	return t
}

// start starts load on one proxy, or on what leads to them.
func (t *traffic) start(addr string, rate int) *load.Load {
	l := load.Start(load.Options{
		Addr: addr, Host: host, Clients: 8, Rate: rate,
		Next: func(int) load.Shot {
			k := t.deck[mathrand.IntN(len(t.deck))]
			return load.Shot{Kind: k.name, Path: path, Token: k.mint(t), Header: http.Header{labelHeader: {k.name}}}
		},
		Done: t.done,
	})
	t.loads = append(t.loads, l)
	return l
}

func (t *traffic) done(r load.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answers[r.Kind] == nil {
		t.answers[r.Kind] = map[int]int{}
	}
	t.answers[r.Kind][r.Status]++
	i := slices.IndexFunc(tokenKinds, func(k tokenKind) bool { return k.name == r.Kind })
	if r.Status != 0 && tokenKinds[i].valid == (r.Status == http.StatusOK) {
		return
	}
	t.problems = append(t.problems, fmt.Sprintf("%s: a token %s: status %d, error %v, after %v",
		r.Start.Format("15:04:05.000"), r.Kind, r.Status, r.Err, r.End.Sub(r.Start)))
}

// judge stops the load and fails the test if a valid request failed, an invalid one
// passed, or any got no answer.
func (t *traffic) judge(tb testing.TB) {
	tb.Helper()
	for _, l := range t.loads {
		l.Stop()
		if n := l.Skipped(); n > 0 {
			tb.Errorf("%d requests were not sent: too many under way", n)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	for _, k := range tokenKinds {
		n := 0
		for _, count := range t.answers[k.name] {
			n += count
		}
		tb.Logf("%-22s %6d requests, by status: %v", k.name, n, t.answers[k.name])
		total += n
		if n < 50 {
			tb.Errorf("only %d requests with a token %s: the test proves little", n, k.name)
		}
		if reached := t.fleet.upstream.count(k.name); !k.valid && reached > 0 {
			tb.Errorf("%d requests with a token %s reached the server", reached, k.name)
		}
	}
	tb.Logf("%d requests, %d wrong answers", total, len(t.problems))
	for i, p := range t.problems {
		if i == 5 {
			tb.Errorf("and %d more", len(t.problems)-i)
			break
		}
		tb.Error(p)
	}
}

// newTestFleet is newFleet for a test, which ends it and prints its logs if it fails.
func newTestFleet(t *testing.T, workers int) *fleet {
	t.Helper()
	f, err := newFleet(t.Context(), workers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for i, p := range f.proxies {
			if log := p.Log(); t.Failed() {
				t.Logf("log of proxy %d:\n%s", i, log[max(0, len(log)-4000):])
			}
		}
		f.close()
	})
	return f
}
