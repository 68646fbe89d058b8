//go:build faults

package suite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/faults"
	"mcpauth/integration/load"
)

// countLines counts the lines of a log that hold a text.
func countLines(log, text string) int {
	n := 0
	for line := range strings.Lines(log) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// reloadFor is how long there is a new configuration every second.
var reloadFor = scaled(10*time.Second, time.Minute)

// reloadGrowth is what memory may grow by meanwhile, the start of the load
// included.
const reloadGrowth = 64 << 20

// named is a configuration that can be told from others by its metadata.
func named(targets []*target, name string) string {
	return pluginConfig(targets, object{"metadata": object{"resource_name": name}})
}

// inUse returns the name of the configuration that the gateway uses.
func (r *rig) inUse(g *target) (string, error) {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "http://"+r.Addr()+"/.well-known/oauth-protected-resource/"+g.name, nil)
	if err != nil {
		return "", err
	}
	req.Close = true // a connection may go on with the configuration that it began with
	res, err := r.client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var doc struct {
		Name string `json:"resource_name"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil {
		return "", fmt.Errorf("status %d: %w", res.StatusCode, err)
	}
	return doc.Name, nil
}

func (r *rig) uses(g *target, name string) func() string {
	return func() string {
		got, err := r.inUse(g)
		if err != nil {
			return err.Error()
		}
		if got != name {
			return fmt.Sprintf("the configuration %q is in use, not %q", got, name)
		}
		return ""
	}
}

// reloads are the ways in which Envoy gets a new configuration from a file.
var reloads = []struct {
	name    string
	options func(*envoy.Options)
	update  func(*rig, string) error
	// rejected is the statistic that counts refused configurations.
	rejected string
}{
	{
		"filter", func(o *envoy.Options) { o.DynamicFilter = true },
		func(r *rig, plugin string) error { return r.UpdateFilter(plugin) },
		`extension_config_discovery\..*mcpauth\.(config_fail|update_rejected)`,
	},
	{
		// Envoy closes the connections of a listener's old filter chains, in a
		// way that clients notice before they send: in the drain time it asks
		// them to leave. Ten minutes of it would outlast the test.
		"listener", func(o *envoy.Options) { o.DynamicListener, o.DrainTime = true, 5*time.Second },
		func(r *rig, plugin string) error { return r.UpdateListener(plugin) },
		`listener_manager\.lds\.update_rejected`,
	},
}

// TestReloads: a new configuration every second, with no request that fails and
// no fetch of keys that are there already; and one that is wrong.
func TestReloads(t *testing.T) {
	for _, way := range reloads {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			targets := []*target{newTarget(t, "reload")}
			g := targets[0]
			r := newRig(t, targets, way.options)
			r.ready()
			fetches, _ := faults.Documents(g.server.Seen(r.started))
			begin := time.Now()
			stop := r.underLoad(quiet(), load.Options{Rate: 300})

			before, err := r.RSS()
			if err != nil {
				t.Fatal(err)
			}
			name := ""
			seen := map[string]bool{}
			for n := 0; time.Since(begin) < reloadFor; n++ {
				name = fmt.Sprint("configuration ", n)
				if err := way.update(r, named(targets, name)); err != nil {
					t.Fatal(err)
				}
				next := begin.Add(time.Duration(n+1) * time.Second)
				for time.Now().Before(next) {
					if got, err := r.inUse(g); err == nil {
						seen[got] = true
					}
					time.Sleep(50 * time.Millisecond)
				}
			}
			eventually(t, time.Minute, r.uses(g, name))
			t.Logf("%d configurations were seen in use in %v", len(seen), reloadFor)
			if len(seen) < int(reloadFor/time.Second)/3 {
				t.Errorf("only %d configurations were in use: the test proves little", len(seen))
			}

			rejected := r.stat(way.rejected)
			if err := way.update(r, strings.ReplaceAll(named(targets, "wrong"), `"resources"`, `"resource"`)); err != nil {
				t.Fatal(err)
			}
			eventually(t, time.Minute, func() string {
				if r.stat(way.rejected) == rejected {
					return "the wrong configuration has not been rejected"
				}
				return ""
			})
			for range 4 * workers {
				if p := r.uses(g, name)(); p != "" {
					t.Errorf("after a wrong configuration: %s", p)
				}
			}
			if err := way.update(r, named(targets, "last")); err != nil {
				t.Fatal(err)
			}
			eventually(t, time.Minute, r.uses(g, "last"))
			stop()
			after, err := r.RSS()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("RSS %d MB before, %d MB after %v of reloads", before>>20, after>>20, reloadFor)
			if after > before+reloadGrowth {
				t.Errorf("RSS grew from %d to %d MB: old configurations do not go away", before>>20, after>>20)
			}
			r.judge(t, g)
			if now, _ := faults.Documents(g.server.Seen(r.started)); now != fetches {
				t.Errorf("%d fetches of keys during the reloads, want none", now-fetches)
			}
		})
	}
}

// TestReloadWhileRequestsAreHeld: whoever was fetching, the requests that wait
// for the keys get them, those of the old configuration as well as new ones.
func TestReloadWhileRequestsAreHeld(t *testing.T) {
	t.Parallel()
	targets := []*target{newTarget(t, "held")}
	g := targets[0]
	g.server.Set(faults.Late)
	r := newRig(t, targets, func(o *envoy.Options) { o.DynamicFilter = true })
	const n = 2 * workers
	answers := make(chan int, 2*n)
	send := func() {
		for range n {
			go func() {
				status, _ := r.status(g, "valid, new")
				answers <- status
			}()
		}
	}
	send()
	eventually(t, slack, func() string {
		if r.stat(activeRequests) < n && len(answers) == 0 {
			return "the requests are not there yet"
		}
		return ""
	})
	if err := r.UpdateFilter(named(targets, "new")); err != nil {
		t.Fatal(err)
	}
	send()
	// A fetch that had to begin anew must not end after the requests gave up.
	g.server.Set(faults.None)
	for range 2 * n {
		if status := <-answers; status != http.StatusOK {
			t.Errorf("a request that was held: status %d", status)
		}
	}
	eventually(t, time.Minute, r.uses(g, "new"))
}

// TestReloadDuringAFetch: a configuration that is replaced while it fetches
// keys does not leave the others to wait until its lease expires.
func TestReloadDuringAFetch(t *testing.T) {
	t.Parallel()
	targets := []*target{newTarget(t, "replaced")}
	g := targets[0]
	g.server.Set(faults.Hang)
	r := newRig(t, targets, func(o *envoy.Options) { o.DynamicFilter = true })
	asked := func(since time.Time) func() string {
		return func() string {
			if len(g.server.Seen(since)) == 0 {
				return "the server has not been asked"
			}
			return ""
		}
	}
	eventually(t, attemptTime+slack, asked(r.started))
	g.server.Set(faults.None)
	reload := time.Now()
	if err := r.UpdateFilter(named(targets, "new")); err != nil {
		t.Fatal(err)
	}
	eventually(t, slack, asked(reload))
	took := g.server.Seen(reload)[0].Time.Sub(reload)
	t.Logf("the next fetch began %.1f s after the reload", took.Seconds())
	if p := r.serves(g, slack); p != "" {
		t.Error(p)
	}
}

// activeRequests is the statistic of the requests that Envoy has under way.
const activeRequests = `http\.gateway\.downstream_rq_active`
