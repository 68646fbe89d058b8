//go:build faults

package suite

import (
	"net/http"
	"sync"
	"testing"

	"mcpauth/integration/faults"
	"mcpauth/integration/load"
)

// TestAllThatAreHeldAreAnswered: as many requests as the gateway holds wait for
// one fetch, and all are decided when it has ended. First those with good
// tokens, which go on to the upstream, then those with unknown keys, which are
// refused.
func TestAllThatAreHeldAreAnswered(t *testing.T) {
	t.Parallel()
	g := newTarget(t, "crowd")
	g.server.Set(faults.Late)
	r := newRig(t, []*target{g}, nil)
	const (
		clients = 4 * workers // each with one connection, so that all workers hold as many
		total   = workers * maxHeld * 9 / 10
	)
	crowd := make([]*http.Client, clients)
	for i := range crowd {
		crowd[i] = load.NewClient(true)
		defer crowd[i].CloseIdleConnections()
		load.Send(t.Context(), crowd[i], r.Addr(), host, g.shot(kindOf("none"))) // connects
	}
	for _, wave := range []struct {
		kind        string
		want, least int
	}{{"valid, new", http.StatusOK, total}, {"unknown kid", http.StatusUnauthorized, total / 2}} { // which have half of the room
		shots := make([]load.Shot, total)
		for i := range shots {
			shots[i] = g.shot(kindOf(wave.kind))
		}
		var mu sync.Mutex
		got := map[int]int{}
		var all sync.WaitGroup
		for i, shot := range shots {
			all.Go(func() {
				status, _ := load.Send(t.Context(), crowd[i%clients], r.Addr(), host, shot)
				mu.Lock()
				defer mu.Unlock()
				got[status]++
			})
		}
		all.Wait()
		t.Logf("%s: answers by status %v", wave.kind, got)
		if n := got[wave.want]; n < wave.least || n+got[http.StatusServiceUnavailable] != total {
			t.Errorf("%s: answers by status %v, want at least %d times %d, and no others but 503", wave.kind, got, wave.least, wave.want)
		}
	}
	if n := countLines(r.Log(), "Uncaught"); n > 0 {
		t.Errorf("%d crashes of the plugin", n)
	}
}
