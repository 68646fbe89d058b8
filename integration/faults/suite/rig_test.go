//go:build faults

package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/load"
)

// rig is an Envoy in front of an upstream that counts what reaches it, with
// some targets and, once started, a load on them.
type rig struct {
	*envoy.Process
	t        *testing.T
	targets  []*target
	upstream *upstream
	started  time.Time
	log      results
	client   *http.Client // for single requests
}

// newRig starts an Envoy. change, if not nil, changes its options.
func newRig(t *testing.T, targets []*target, change func(*envoy.Options)) *rig {
	t.Helper()
	return newRigOn(t, binary, targets, change)
}

// newRigOn is newRig with another Envoy.
func newRigOn(t *testing.T, binary string, targets []*target, change func(*envoy.Options)) *rig {
	t.Helper()
	r := &rig{t: t, targets: targets, upstream: startUpstream(t), client: load.NewClient(false)}
	o := envoy.Options{
		Wasm: wasm, Plugin: pluginConfig(targets, nil), Upstream: "mcp", Workers: workers,
		BalanceConnections: true,
		Clusters:           []envoy.Cluster{envoy.ClusterAt("mcp", r.upstream.addr)},
	}
	for _, g := range targets {
		o.Clusters = append(o.Clusters, g.endpoint())
	}
	if change != nil {
		change(&o)
	}
	r.started = time.Now()
	var err error
	if r.Process, err = envoy.Start(t.Context(), binary, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			text := r.Log()
			t.Logf("log of Envoy:\n%s", text[max(0, len(text)-8000):])
		}
		r.Stop()
	})
	return r
}

// pluginConfig is the plugin's configuration; more, if not nil, are further
// members.
func pluginConfig(targets []*target, more object) string {
	var servers, resources []object
	for _, g := range targets {
		servers = append(servers, object{"issuer": g.server.Issuer(), "cluster": g.cluster()})
		resource := object{"resource": g.resource(), "authorization_servers": []string{g.server.Issuer()}}
		maps.Copy(resource, more)
		resources = append(resources, resource)
	}
	doc, err := json.Marshal(object{"authorization_servers": servers, "resources": resources})
	if err != nil {
		panic(err)
	}
	return string(doc)
}

// underLoad sends tokens of some kinds to all targets until stop is called or
// the test ends. With rate 0 it sends as many as it can.
func (r *rig) underLoad(kinds []kind, o load.Options) (stop func()) {
	var deck []*kind
	for i := range kinds {
		for range kinds[i].weight {
			deck = append(deck, &kinds[i])
		}
	}
	o.Addr, o.Host = r.Addr(), host
	if o.Clients == 0 {
		o.Clients = 4 * workers
	}
	o.Next = func(int) load.Shot {
		return r.targets[rand.IntN(len(r.targets))].shot(deck[rand.IntN(len(deck))])
	}
	o.Done = r.log.add
	l := load.Start(o)
	var once sync.Once
	stop = func() {
		once.Do(func() {
			l.Stop()
			if n := l.Skipped(); n > 0 {
				r.t.Logf("%d requests not sent: too many under way", n)
			}
		})
	}
	r.t.Cleanup(stop)
	return stop
}

// status sends one request of a kind.
func (r *rig) status(g *target, k string) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return load.Send(ctx, r.client, r.Addr(), host, g.shot(kindOf(k)))
}

// answers says what is wrong with the answer to a request of a kind, or "".
func (r *rig) answers(g *target, k string, want int) string {
	got, err := r.status(g, k)
	if err != nil {
		return fmt.Sprintf("%s, %s: %v", g.name, k, err)
	}
	if got != want {
		return fmt.Sprintf("%s, %s: status %d, want %d", g.name, k, got, want)
	}
	return ""
}

// serves waits until valid tokens pass and those of unknown keys are refused. It
// returns "" or what is wrong.
func (r *rig) serves(g *target, limit time.Duration) string {
	for _, try := range []struct {
		kind string
		want int
	}{
		{"valid, new", http.StatusOK}, {"valid RS256, seen before", http.StatusOK}, {"unknown kid", http.StatusUnauthorized},
	} {
		if try.want == http.StatusUnauthorized {
			limit = max(limit, newKeys+slack) // others may have had the keys fetched in vain
		}
		if p := await(limit, func() string { return r.answers(g, try.kind, try.want) }); p != "" {
			return p
		}
	}
	return ""
}

// ready waits until everything is as it should be after a start.
func (r *rig) ready() {
	r.t.Helper()
	for _, g := range r.targets {
		if p := r.serves(g, returnWithoutKeys+slack); p != "" {
			r.t.Fatal(p)
		}
	}
}

// stat returns one of Envoy's statistics.
func (r *rig) stat(name string) int64 {
	r.t.Helper()
	stats, err := r.Stats(r.t.Context(), "^"+name+"$")
	if err != nil {
		r.t.Fatal(err)
	}
	var sum int64
	for _, v := range stats {
		sum += v
	}
	return sum
}

// labelHeader tells the upstream what it gets.
const labelHeader = "X-Load"

func label(target, kind string) string { return target + "/" + kind }

// upstream is the server behind the gateway. It counts requests by label.
type upstream struct {
	addr string
	mu   sync.Mutex
	seen map[string]int
}

func startUpstream(t *testing.T) *upstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{addr: l.Addr().String(), seen: map[string]int{}}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.seen[r.Header.Get(labelHeader)]++
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return u
}

func (u *upstream) count(target, kind string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen[label(target, kind)]
}
