//go:build faults

package suite

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"mcpauth/integration/load"
)

// results are those of a load, in the order in which the answers came.
type results struct {
	mu   sync.Mutex
	list []load.Result
}

func (l *results) add(r load.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, r)
}

func (l *results) all() []load.Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list[:len(l.list):len(l.list)]
}

// window is a time in which no key of a target can be had or, with dead, in
// which the VM of a worker is dead: then its requests get 503 whatever their
// token, those that it held when Envoy's request timeout ends them.
//
// With late, keys are used before they are published, while tokens of made-up keys
// have the keys fetched in vain: their tokens may get 401 until the next fetch.
type window struct {
	from, to   time.Time
	dead, late bool
}

func (w window) covers(r load.Result) bool {
	return r.End.After(w.from) && r.Start.Before(w.to)
}

// judge holds all results for a target to what is promised always: no invalid
// token passes, and no valid one is refused, but with 503 in the windows. An
// unknown key, or one that may have been replaced, is a reason for 503 whenever
// it cannot be looked up; what needs no key gets 401 unless a VM is dead.
func (r *rig) judge(t *testing.T, g *target, windows ...window) {
	t.Helper()
	type tally struct{ ok, unauthorized, unavailable, refused int }
	counts := map[string]*tally{}
	problems := 0
	for _, a := range r.log.all() {
		if a.Target != g.name {
			continue
		}
		k := kindOf(a.Kind)
		c := counts[a.Kind]
		if c == nil {
			c = &tally{}
			counts[a.Kind] = c
		}
		noKeys, dead, late := false, false, false
		for _, w := range windows {
			noKeys = noKeys || w.covers(a)
			dead = dead || w.dead && w.covers(a)
			late = late || w.late && w.covers(a)
		}
		fine := false
		switch a.Status {
		case http.StatusOK:
			c.ok++
			fine = k.valid
		case k.refusal:
			c.refused++
			fine = true
		case http.StatusUnauthorized:
			c.unauthorized++
			fine = !k.valid && k.refusal == 0 || late || a.Epoch != g.epochAt(a.End)
		case http.StatusServiceUnavailable:
			c.unavailable++
			fine = dead || !k.keyless && (noKeys || k.refetches)
		}
		if fine {
			continue
		}
		if problems++; problems <= 5 {
			t.Errorf("%s: %s token: status %d, error %v, sent %.2f s after the start, answered after %.2f s",
				g.name, a.Kind, a.Status, a.Err, a.Start.Sub(r.started).Seconds(), a.End.Sub(a.Start).Seconds())
		}
	}
	summary := ""
	for _, k := range slices.Concat(kinds, ruled) {
		c := counts[k.name]
		if c == nil {
			continue
		}
		summary += fmt.Sprintf("; %s: %d/%d/%d", k.name, c.ok, c.unauthorized, c.unavailable)
		if k.refusal != 0 {
			summary += fmt.Sprintf(", %d times %d", c.refused, k.refusal)
		}
		n := r.upstream.count(g.name, k.name)
		if !k.valid && n > 0 {
			t.Errorf("%s: %d requests with a token of the kind %q reached the upstream", g.name, n, k.name)
		}
		if k.valid && n < c.ok {
			t.Errorf("%s: %d answers 200 for %q, but only %d requests reached the upstream", g.name, c.ok, k.name, n)
		}
	}
	if len(counts) == 0 {
		t.Errorf("%s: no requests", g.name)
	}
	t.Logf("%s: 200/401/503%s", g.name, summary)
	if problems > 5 {
		t.Errorf("%s: %d answers were wrong", g.name, problems)
	}
}
