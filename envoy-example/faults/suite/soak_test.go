//go:build faults

package suite

import (
	"testing"
	"time"

	"mcpauth/envoy-example/load"
)

// soakGrowth is what the memory of Envoy may grow by after the warm-up. It
// holds the workers' token caches of 16 MiB each at most, which fill slowly.
const soakGrowth = 96 << 20

// TestSoak sends all that the gateway can take, new tokens among it, and watches
// Envoy's memory.
func TestSoak(t *testing.T) {
	g := newTarget(t, "soak")
	r := newRig(t, []*target{g}, nil)
	r.ready()
	begin := time.Now()
	lasts := scaled(45*time.Second, 10*time.Minute)
	warm := begin.Add(lasts / 3)
	stop := r.underLoad(kinds, load.Options{Clients: 8 * workers})
	defer stop()
	var base, last int64
	for time.Since(begin) < lasts {
		time.Sleep(lasts / 15)
		now, err := r.RSS()
		if err != nil {
			t.Fatal(err)
		}
		if time.Now().Before(warm) || base == 0 {
			base = now
		}
		last = now
		t.Logf("%3.0f s: RSS %d MB, %d requests", time.Since(begin).Seconds(), now>>20, len(r.log.all()))
	}
	stop()
	r.judge(t, g)
	t.Logf("%.0f requests a second; RSS %d MB after the warm-up, %d MB at the end",
		float64(len(r.log.all()))/lasts.Seconds(), base>>20, last>>20)
	if last > base+soakGrowth {
		t.Errorf("RSS grew from %d MB after the warm-up to %d MB", base>>20, last>>20)
	}
}
