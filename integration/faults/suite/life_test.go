//go:build faults

package suite

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/faults"
	"mcpauth/integration/load"
)

// maxStale is the least that max_stale_seconds can be, so that everything that
// happens to keys with time happens soon.
const maxStale = time.Minute

// TestTheLifeOfKeys has no tokens that make the plugin fetch: keys are
// refreshed in time, by one worker for all; those that are gone then no longer
// verify; and those that cannot be refreshed are used until they are too old,
// and not longer.
func TestTheLifeOfKeys(t *testing.T) {
	t.Parallel()
	g := newTarget(t, "life")
	if err := g.server.Auth.AddKeys(); err != nil {
		t.Fatal(err)
	}
	old := g.bearer(authserver.Token{})
	g.rekey(t, func() error { g.server.Auth.SwitchKeys(); return nil })
	r := newRig(t, []*target{g}, func(o *envoy.Options) {
		o.Plugin = fmt.Sprintf(`{
			"authorization_servers": [{"issuer": %q, "cluster": %q, "max_stale_seconds": %d}],
			"resources": [{"resource": %q}]
		}`, g.server.Issuer(), g.cluster(), maxStale/time.Second, g.resource())
	})
	stop := r.underLoad(quiet(), load.Options{Rate: 100})
	fetches := func() []faults.Request {
		var list []faults.Request
		for _, seen := range g.server.Seen(r.started) {
			if keys, _ := faults.Documents([]faults.Request{seen}); keys > 0 {
				list = append(list, seen)
			}
		}
		return list
	}
	eventually(t, returnWithoutKeys+slack, func() string { return r.answers(g, "valid, new", http.StatusOK) })
	g.server.Auth.RemoveKeys()
	first := window{from: r.started, to: fetches()[0].Time.Add(spreadTime + slack)}

	withOld := func() (int, error) {
		shot := g.shot(kindOf("valid, new"))
		shot.Token = old
		return load.Send(t.Context(), r.client, r.Addr(), host, shot)
	}
	if status, err := withOld(); err != nil || status != http.StatusOK {
		t.Errorf("a token of a published key: %d, %v", status, err)
	}
	eventually(t, maxStale/2+calloutTime+slack, func() string {
		if len(fetches()) < 2 {
			return "the keys have not been refreshed"
		}
		return ""
	})
	refreshed := fetches()[1].Time
	t.Logf("refreshed %.1f s after the first fetch", refreshed.Sub(fetches()[0].Time).Seconds())
	time.Sleep(2 * spreadTime) // the other workers would fetch now, if they did
	if n := len(fetches()); n != 2 {
		t.Errorf("%d requests for keys by %d workers, want one at the start and one refresh", n, workers)
	}
	eventually(t, slack, func() string {
		if status, err := withOld(); err != nil || status != http.StatusUnauthorized {
			return fmt.Sprintf("a token of a withdrawn key: %d, %v", status, err)
		}
		return ""
	})

	// That token has had the keys fetched anew.
	all := fetches()
	last := all[len(all)-1].Time
	g.server.Refuse()
	tooOld := last.Add(maxStale)
	eventually(t, maxStale+slack, func() string { return r.answers(g, "valid, new", http.StatusServiceUnavailable) })
	t.Logf("refused %.1f s after the last good fetch", time.Since(last).Seconds())
	if now := time.Now(); now.Before(tooOld.Add(-calloutTime)) {
		t.Errorf("refused %v after the last good fetch", now.Sub(last))
	}
	if err := g.server.Accept(); err != nil {
		t.Fatal(err)
	}
	eventually(t, returnWithoutKeys+slack, func() string { return r.answers(g, "valid, new", http.StatusOK) })
	second := window{from: tooOld.Add(-calloutTime), to: time.Now().Add(spreadTime + slack)}
	stop()
	r.judge(t, g, first, second)
}
