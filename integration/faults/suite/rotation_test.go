//go:build faults

package suite

import (
	"net/http"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/integration/faults"
	"mcpauth/integration/load"
)

// TestRotation changes keys under load, in every way that servers do.
func TestRotation(t *testing.T) {
	t.Parallel()
	steps, hasty, replaced, moved := newTarget(t, "steps"), newTarget(t, "hasty"), newTarget(t, "replaced"), newTarget(t, "moved")
	r := newRig(t, []*target{steps, hasty, replaced, moved}, nil)
	r.ready()
	stop := r.underLoad(kinds, load.Options{Rate: 200})

	// withdrawn waits until a token of a key that is no longer there is refused.
	withdrawn := func(t *testing.T, g *target, token string) {
		t.Helper()
		shot := g.shot(kindOf("valid, new"))
		shot.Token = token
		eventually(t, newKeys+spreadTime+slack, func() string {
			status, err := load.Send(t.Context(), r.client, r.Addr(), host, shot)
			if err != nil {
				return err.Error()
			}
			if status != http.StatusUnauthorized {
				return "a token of a withdrawn key: status " + http.StatusText(status)
			}
			return ""
		})
	}
	fetched := func(t *testing.T, g *target, since time.Time) {
		t.Helper()
		eventually(t, newKeys+slack, func() string {
			if keys, _ := faults.Documents(g.server.Seen(since)); keys == 0 {
				return g.name + ": the keys have not been fetched"
			}
			return ""
		})
	}

	// Where a key is used before it is published, its tokens get 401 or 503 until it
	// is found: the load has had the keys fetched in vain, so that this may take as
	// long as newKeys.
	late := map[*target]window{}

	t.Run("in steps", func(t *testing.T) {
		if err := steps.server.Auth.AddKeys(); err != nil {
			t.Fatal(err)
		}
		fetched(t, steps, time.Now())
		old := steps.bearer(authserver.Token{})
		steps.rekey(t, func() error { steps.server.Auth.SwitchKeys(); return nil })
		for range 8 * workers {
			if p := r.answers(steps, "valid, new", http.StatusOK); p != "" {
				t.Error(p)
			}
		}
		steps.server.Auth.RemoveKeys()
		withdrawn(t, steps, old)
	})
	t.Run("all at once", func(t *testing.T) {
		old := hasty.bearer(authserver.Token{})
		hasty.rekey(t, func() error { return hasty.server.Auth.Rotate(false) })
		eventually(t, newKeys+slack, func() string { return r.answers(hasty, "valid, new", http.StatusOK) })
		late[hasty] = window{from: hasty.epochs[0], to: time.Now().Add(spreadTime + slack), late: true}
		withdrawn(t, hasty, old)
	})
	t.Run("new keys under the old kids", func(t *testing.T) {
		old := replaced.bearer(authserver.Token{})
		replaced.rekey(t, replaced.server.Auth.ReplaceKeys)
		eventually(t, newKeys+slack, func() string { return r.answers(replaced, "valid, new", http.StatusOK) })
		late[replaced] = window{from: replaced.epochs[0], to: time.Now().Add(spreadTime + slack), late: true}
		withdrawn(t, replaced, old)
	})
	t.Run("new keys at a new address", func(t *testing.T) {
		old := moved.bearer(authserver.Token{})
		if err := moved.server.Move(); err != nil {
			t.Fatal(err)
		}
		moved.rekey(t, func() error { return moved.server.Auth.Rotate(true) })
		// Envoy hears of the address a while after the move.
		failures := r.stat("cluster.auth-moved.upstream_cx_connect_fail")
		eventually(t, newKeys+slack, func() string {
			if r.stat("cluster.auth-moved.upstream_cx_connect_fail") == failures {
				return "the old address has not been tried"
			}
			return ""
		})
		if err := r.MoveCluster(moved.endpoint()); err != nil {
			t.Fatal(err)
		}
		known := time.Now()
		eventually(t, returnWithKeys+slack, func() string { return r.answers(moved, "valid, new", http.StatusOK) })
		fetched(t, moved, known)
		if p := r.answers(moved, "valid, new", http.StatusOK); p != "" {
			t.Error(p)
		}
		shot := moved.shot(kindOf("valid, new"))
		shot.Token = old // its key is still published
		if status, err := load.Send(t.Context(), r.client, r.Addr(), host, shot); err != nil || status != http.StatusOK {
			t.Errorf("a token of the old key: %d, %v", status, err)
		}
	})
	stop()
	for _, g := range r.targets {
		t.Run(g.name, func(t *testing.T) {
			var windows []window
			if w, ok := late[g]; ok {
				windows = append(windows, w)
			}
			if g == moved {
				// Its new keys cannot be had until Envoy knows where, and are used meanwhile.
				windows = append(windows, window{from: g.epochs[0], to: time.Now(), late: true})
			}
			r.judge(t, g, windows...)
			keys, _ := faults.Documents(g.server.Seen(r.started))
			if most := fetchesWhileDown(time.Since(r.started)); keys > most {
				t.Errorf("%d requests for keys in %v, want at most %d", keys, time.Since(r.started), most)
			}
		})
	}
}

// TestOneFetchForAllWorkers counts what the server gets of one process with
// four workers: one fetch when it starts, none more while all keys are known,
// and ever fewer under a flood of unknown keys.
func TestOneFetchForAllWorkers(t *testing.T) {
	t.Parallel()
	g := newTarget(t, "flood")
	r := newRig(t, []*target{g}, nil)
	stop := r.underLoad(quiet(), load.Options{Rate: 200})
	eventually(t, returnWithoutKeys+slack, func() string { return r.answers(g, "valid, new", http.StatusOK) })
	calm := time.Now().Add(spreadTime)
	time.Sleep(scaled(5*time.Second, 30*time.Second)) // a second fetch would come on a tick
	if keys, metadata := faults.Documents(g.server.Seen(r.started)); keys != 1 || metadata != 1 {
		t.Errorf("%d requests for keys and %d for metadata by %d workers, want one of each", keys, metadata, workers)
	}
	stop()

	begin := time.Now()
	stop = r.underLoad([]kind{*kindOf("unknown kid"), *kindOf("bad signature"), *kindOf("valid, new")}, load.Options{Rate: 600})
	time.Sleep(scaled(15*time.Second, 2*time.Minute))
	stop()
	took := time.Since(begin)
	keys, _ := faults.Documents(g.server.Seen(begin))
	t.Logf("%d fetches in %v under a flood of unknown keys", keys, took.Round(time.Second))
	if most := fetchesUnderFlood(took); keys < 1 || keys > most {
		t.Errorf("%d requests for keys in %v, want 1 to %d", keys, took, most)
	}
	r.judge(t, g, window{from: r.started, to: calm.Add(slack)})
}
