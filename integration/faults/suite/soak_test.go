//go:build faults

package suite

import (
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/load"
)

// soakGrowth is what the memory of Envoy may grow by after the warm-up.
const soakGrowth = 32 << 20

// TestSoak sends all that the gateway can take, new tokens among it, and watches
// Envoy's memory.
func TestSoak(t *testing.T) {
	g := newTarget(t, "soak")
	r := newRig(t, []*target{g}, func(o *envoy.Options) {
		if !full { // a smaller cache is full in time
			o.Plugin = strings.TrimSuffix(o.Plugin, "}") + `,"token_cache":{"max_entries":1024}}`
		}
	})
	r.ready()
	begin := time.Now()
	lasts := scaled(45*time.Second, 10*time.Minute)
	warm := begin.Add(lasts / 3)
	stopAll := r.underLoad(quiet(), load.Options{Clients: 2 * workers})
	// Those that are held would keep clients from sending anything else.
	stopHeld := r.underLoad([]kind{*kindOf("unknown kid"), *kindOf("bad signature")}, load.Options{Rate: 40})
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
	stopAll()
	stopHeld()
	r.judge(t, g)
	t.Logf("%.0f requests a second; RSS %d MB after the warm-up, %d MB at the end",
		float64(len(r.log.all()))/lasts.Seconds(), base>>20, last>>20)
	if last > base+soakGrowth {
		t.Errorf("RSS grew from %d MB after the warm-up to %d MB", base>>20, last>>20)
	}
}
