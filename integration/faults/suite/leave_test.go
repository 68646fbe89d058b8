//go:build faults

package suite

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"mcpauth/integration/faults"
	"mcpauth/integration/load"
)

// TestClientsThatLeave: more requests than the gateway holds wait for a server
// that hangs, and their clients leave. Each time there must be room for as many
// as before.
func TestClientsThatLeave(t *testing.T) {
	t.Parallel()
	g := newTarget(t, "leave")
	r := newRig(t, []*target{g}, nil)
	r.ready()
	const (
		clients = 2 * workers // each with one connection
		each    = maxHeld * 3 / 4
		total   = clients * each // half as much again as there is room for
	)
	g.server.Set(faults.Hang)
	shots := make([]load.Shot, total)
	for i := range shots {
		shots[i] = g.shot(kindOf("unknown kid"))
	}
	var first, rss int64
	rounds := scaled(4, 40)
	for round := range rounds {
		// New connections each time: Envoy closes one on which many requests were
		// given up, and those that remain would not be spread evenly.
		r.client.CloseIdleConnections()
		eventually(t, slack, func() string {
			if r.stat(`http\.gateway\.downstream_cx_active`) > 0 {
				return "connections of clients that have left are still there"
			}
			return ""
		})
		crowd := make([]*http.Client, clients)
		for i := range crowd {
			crowd[i] = load.NewClient(true)
			load.Send(t.Context(), crowd[i], r.Addr(), host, g.shot(kindOf("none"))) // connects
		}
		ctx, leave := context.WithCancel(t.Context())
		var refused, passed, other atomic.Int64
		var all sync.WaitGroup
		for i, shot := range shots {
			all.Go(func() {
				status, err := load.Send(ctx, crowd[i%clients], r.Addr(), host, shot)
				switch {
				case err != nil && ctx.Err() != nil: // it has left
				case status == http.StatusUnauthorized, status == http.StatusServiceUnavailable:
					refused.Add(1)
				case status == http.StatusOK:
					passed.Add(1)
				default:
					other.Add(1)
				}
			})
		}
		// All are there: held, or refused for want of room.
		var held int64
		eventually(t, heldTime+slack, func() string {
			held = r.stat(activeRequests)
			if held+refused.Load() < total {
				return "the requests are not there yet"
			}
			return ""
		})
		leave()
		all.Wait()
		eventually(t, slack, func() string {
			if n := r.stat(activeRequests); n > 0 {
				return "requests of clients that have left are still there"
			}
			return ""
		})
		for _, c := range crowd {
			c.CloseIdleConnections()
		}
		now, err := r.RSS()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: %d held, %d refused, RSS %d MB", round, held, refused.Load(), now>>20)
		if passed.Load() > 0 || other.Load() > 0 {
			t.Errorf("%d requests with unknown keys passed, %d had another end than 401 and 503", passed.Load(), other.Load())
		}
		if held > workers*maxHeld {
			t.Errorf("%d requests held, want at most %d", held, workers*maxHeld)
		}
		switch {
		case round == 0:
			first, rss = held, now
			if held == 0 {
				t.Error("no requests were held: the test proves nothing")
			}
		case refused.Load() < total && held < first/2:
			t.Errorf("%d requests held, %d the first time", held, first)
		}
	}
	if now, err := r.RSS(); err != nil || now > rss+leaveGrowth {
		t.Errorf("RSS grew from %d to %d MB over the rounds (%v)", rss>>20, now>>20, err)
	}
	// A request that left without notice would be found when the fetch has ended.
	g.server.Set(faults.None)
	if p := r.serves(g, returnWithKeys+slack); p != "" {
		t.Error(p)
	}
	if n := strings.Count(r.Log(), "a request that waited is gone"); n > 0 {
		t.Errorf("%d requests were still held after their clients had left", n)
	}
}

// leaveGrowth is what memory may grow by in all rounds after the first.
const leaveGrowth = 64 << 20
