//go:build faults

package suite

import (
	"strings"
	"sync"
	"testing"
	"time"

	"mcpauth/integration/faults"
	"mcpauth/integration/load"
)

// down is a target whose server has a fault.
type down struct {
	*target
	fault   faults.Fault
	refuses bool // connections, instead of the fault
}

func (d *down) begin() {
	d.server.Set(d.fault)
	if d.refuses {
		d.server.Refuse()
	}
}

func (d *down) end(t *testing.T) {
	t.Helper()
	d.server.Set(faults.None)
	if err := d.server.Accept(); err != nil {
		t.Fatal(err)
	}
}

// outages returns a target for each fault.
func outages(t *testing.T, some ...faults.Fault) (list []*down, targets []*target) {
	add := func(name string, d down) {
		d.target = newTarget(t, strings.NewReplacer(" ", "-", ",", "").Replace(name))
		list = append(list, &d)
		targets = append(targets, d.target)
	}
	add("refuses", down{refuses: true})
	for _, f := range some {
		add(f.String(), down{fault: f})
	}
	return list, targets
}

// outageTime is how long the servers are down.
var outageTime = scaled(12*time.Second, time.Minute)

// TestOutages goes through all faults of a server, each of another one and all
// at once: first with no keys, then with keys in hand.
func TestOutages(t *testing.T) {
	t.Parallel()
	list, targets := outages(t, faults.Lasting...)
	for _, d := range list {
		d.begin()
	}
	r := newRig(t, targets, nil)
	stop := r.underLoad(kinds, load.Options{Rate: 300})

	r.outage(t, list, fetchesWithoutKeys)
	cleared, back := r.recover(t, list, returnWithoutKeys)
	first := window{from: r.started}
	for _, b := range back {
		first.to = later(first.to, b.Add(spreadTime+slack))
	}
	time.Sleep(time.Until(first.to)) // from then on everybody has keys, come what may

	for _, d := range list {
		d.begin()
	}
	r.outage(t, list, fetchesWhileDown)
	r.recover(t, list, returnWithKeys)
	stop()
	for i, d := range list {
		t.Run(d.name, func(t *testing.T) {
			t.Logf("back %.1f s after the server", back[i].Sub(cleared).Seconds())
			r.judge(t, d.target, first)
			for _, seen := range d.server.Seen(r.started) {
				if strings.HasPrefix(seen.Path, faults.Foreign) {
					t.Errorf("the plugin asked for %s, which only a document that it must not trust names", seen.Path)
				}
			}
		})
	}
}

// outage lets the servers be down for a while, until every one that can has
// served wrong keys and wrong metadata, and holds the number of requests that
// they saw to a bound.
func (r *rig) outage(t *testing.T, list []*down, bound func(time.Duration) int) {
	t.Helper()
	begin := time.Now()
	failures := func(d *down) int64 { return r.stat("cluster." + d.cluster() + ".upstream_cx_connect_fail") }
	before := map[*down]int64{}
	for _, d := range list {
		if d.refuses {
			before[d] = failures(d)
		}
	}
	time.Sleep(outageTime)
	for _, d := range list {
		eventually(t, attemptTime+newKeys+slack, func() string {
			keys, metadata := faults.Documents(d.server.Seen(begin))
			if d.refuses && failures(d) > before[d] || metadata > 0 || keys > 0 {
				return ""
			}
			return d.name + ": the server has not been asked"
		})
	}
	for _, d := range list {
		seen := d.server.Seen(begin)
		most := bound(time.Since(begin))
		keys, metadata := faults.Documents(seen)
		if d.refuses {
			metadata = int(failures(d) - before[d])
		}
		t.Logf("%s: %d requests for keys and %d for metadata in %v", d.name, keys, metadata, time.Since(begin).Round(time.Second))
		if keys > most || metadata > metadataPlaces*most {
			t.Errorf("%s: %d requests for keys and %d for metadata in %v, want at most %d and %d",
				d.name, keys, metadata, time.Since(begin), most, metadataPlaces*most)
		}
	}
}

// recover ends the faults and waits until each target has a good fetch, within
// a limit. It returns when the servers were back, and when each was fetched from.
func (r *rig) recover(t *testing.T, list []*down, limit time.Duration) (cleared time.Time, back []time.Time) {
	t.Helper()
	cleared = time.Now()
	for _, d := range list {
		d.end(t)
	}
	back = make([]time.Time, len(list))
	var all sync.WaitGroup
	for i, d := range list {
		back[i] = cleared
		all.Go(func() {
			problem := await(limit+slack, func() string {
				for _, seen := range d.server.Seen(cleared) {
					if keys, _ := faults.Documents([]faults.Request{seen}); keys == 1 && seen.Fault == faults.None {
						back[i] = seen.Time
						return ""
					}
				}
				return d.name + ": the keys have not been fetched"
			})
			if problem == "" {
				problem = r.serves(d.target, spreadTime+slack)
			}
			if problem != "" {
				t.Error(problem)
			}
		})
	}
	all.Wait()
	return cleared, back
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
