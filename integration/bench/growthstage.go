package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/template"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
)

// listener is a filter in an Envoy.
type listener struct {
	Filter string
	Port   *loopback.Port
}

//go:embed growth.yaml.tmpl
var growthBootstrapText string

var growthBootstrap = template.Must(template.New("growth").Funcs(template.FuncMap{
	"json": func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
}).Parse(growthBootstrapText))

// bootstrap renders the configuration of the Envoy of a scene.
func (g *growth) bootstrap(s *scene, listeners []listener) (string, error) {
	plugin, err := s.plugin(g.keySet)
	if err != nil {
		return "", fmt.Errorf("the plugin's configuration: %w", err)
	}
	var b strings.Builder
	err = growthBootstrap.Execute(&b, struct {
		Listeners                                                 []listener
		Wasm, Plugin, Issuer, KeySet                              string
		Routes                                                    []guarded
		CacheEntries, MaxTokenBytes, HeaderKilobytes, BufferBytes int
	}{listeners, g.wasm, plugin, issuer, g.keySet, s.routes, s.cacheEntries, growthTokenBytes, growthHeaderKB, growthBufferBytes})
	return b.String(), err
}

// A running is the Envoy of a scene.
type running struct {
	*growth
	scene     *scene
	envoy     *envoy.Process
	listeners []listener
	clients   map[string]clients // by filter
	leave     func()             // gives this process back what it had
	sent      int                // requests to mcpauth
	misses    int                // of these, those whose token is not in the cache
	seen      map[string]bool    // paths with tokens that mcpauth has been sent
}

// play starts the Envoy of a scene, and measures its steps.
func (g *growth) play(ctx context.Context, t *growthTable, s *scene, round int) error {
	r := &running{growth: g, scene: s, clients: map[string]clients{}, seen: map[string]bool{}, leave: func() {}}
	defer r.stop()
	if err := r.start(ctx, t); err != nil {
		return err
	}
	for i := range s.steps {
		if err := r.step(ctx, t, &s.steps[i], round); err != nil {
			return fmt.Errorf("%s %s: %w", s.steps[i].label, s.steps[i].kind, err)
		}
	}
	if s.process {
		memory, err := r.envoy.RSS()
		if err != nil {
			return err
		}
		t.record(r.processTitle("memory"), "MB", s.x, s.label, float64(memory)/1e6)
	}
	return r.check(ctx)
}

// processTitle is the heading of a column of start-up or memory.
func (r *running) processTitle(what string) string {
	if r.scene.workers > 0 {
		return what + ", " + filterTitles[r.scene.filters[0]]
	}
	return what
}

// start starts the Envoy, and records how long that takes. Then it pins the processes
// and opens the connections, and each filter answers some requests.
func (r *running) start(ctx context.Context, t *growthTable) error {
	for _, f := range r.scene.filters {
		port, err := loopback.Reserve(0)
		if err != nil {
			return err
		}
		r.listeners = append(r.listeners, listener{f, port})
	}
	bootstrap, err := r.bootstrap(r.scene, r.listeners)
	if err != nil {
		return err
	}
	began := time.Now()
	if r.envoy, err = envoy.Start(ctx, r.binary, envoy.Options{Bootstrap: bootstrap, Workers: max(1, r.scene.workers)}); err != nil {
		return err
	}
	ready := time.Since(began)
	used, err := cpuTime(r.envoy.PID())
	if err != nil {
		return err
	}
	if s := r.scene; s.process {
		t.record(r.processTitle("ready after"), "s", s.x, s.label, ready.Seconds())
		t.record(r.processTitle("processor until then"), "s", s.x, s.label, used.Seconds())
	}
	if r.scene.workers == 0 { // else Envoy is to have all processors
		if r.leave, err = r.cpus.apart(r.envoy.PID()); err != nil {
			return err
		}
	}
	route := r.scene.routes[0]
	first, err := r.mint.signAll(1, func(int) map[string]any { return claimsOf(99_999_999, route.Resource) })
	if err != nil {
		return err
	}
	items := []item{{&form{http.MethodPost, route.Path, call.body}, first[0]}}
	for _, l := range r.listeners {
		if r.clients[l.Filter], err = dialAll(http1, l.Port.Addr()); err != nil {
			return err
		}
		if _, err := r.run(ctx, l.Filter, items, 0, 5*connections); err != nil {
			return fmt.Errorf("%s: first requests: %w", l.Filter, err)
		}
	}
	return nil
}

// turns is how often the filters take turns in a step that has enough requests: of a
// disturbance that is shorter than half of the step, the median knows nothing.
const turns = 5

// step measures a step with all filters, each round in another order.
func (r *running) step(ctx context.Context, t *growthTable, s *step, round int) error {
	var filters []string
	for i := range r.listeners {
		filter := r.listeners[(i+round)%len(r.listeners)].Filter
		if s.filters == nil || slices.Contains(s.filters, filter) {
			filters = append(filters, filter)
		}
	}
	if !s.cold {
		for _, filter := range filters {
			if _, err := r.run(ctx, filter, s.items, 0, len(s.items)); err != nil {
				return fmt.Errorf("%s: %w", filter, err)
			}
		}
	}
	n := min(turns, max(1, s.requests/(5*connections)))
	costs := map[string]sample{}
	for turn := range n {
		for _, filter := range filters {
			cost, err := r.cost(ctx, filter, s, turn, n)
			if err != nil {
				return fmt.Errorf("%s: %w", filter, err)
			}
			costs[filter] = append(costs[filter], cost)
		}
	}
	if r.scene.workers == 0 { // else it is for the memory alone
		t.recordCosts(s, r.scene.filters, costs)
	}
	return nil
}

// cost sends the requests of one of n turns, and returns Envoy's processor time for each, in
// microseconds.
func (r *running) cost(ctx context.Context, filter string, s *step, turn, n int) (float64, error) {
	var o *outcome
	requests := s.requests / n / connections * connections
	used, err := cpuTimeOf(r.envoy.PID(), func() (err error) {
		o, err = quietly(func() (*outcome, error) { return r.run(ctx, filter, s.items, turn*requests, requests) })
		return err
	})
	if err != nil {
		return 0, err
	}
	return float64(used) / float64(time.Microsecond) / float64(o.requests), nil
}

// run sends a number of requests to a filter, from one of the items on, and counts what
// mcpauth gets.
func (r *running) run(ctx context.Context, filter string, items []item, from, requests int) (*outcome, error) {
	at := func(i int) *item { return &items[(from+i)%len(items)] }
	l := &load{
		status: http.StatusOK,
		forms:  func(i int) *form { return at(i).form },
		token:  func(i int) string { return at(i).token },
	}
	o, err := l.run(ctx, r.clients[filter], requests, 0)
	if err == nil && filter == "mcpauth" {
		r.count(at, min(o.requests, len(items)), o.requests)
	}
	return o, err
}

// count counts requests to mcpauth, and how many of them have a token that the cache does
// not hold, if it works as it should: each is sent again only while it is to be there.
func (r *running) count(at func(int) *item, distinct, requests int) {
	r.sent += requests
	if r.scene.cacheEntries == 0 {
		r.misses += requests
		return
	}
	for i := range distinct {
		key := at(i).form.path + " " + at(i).token
		if !r.seen[key] {
			r.misses++
		}
		r.seen[key] = true
	}
}

// check tells whether all requests went over the connections that were opened first, for
// new ones cost more than the filters, and whether warm tokens were in mcpauth's cache and
// cold ones were not.
func (r *running) check(ctx context.Context) error {
	stats, err := r.envoy.Stats(ctx, `^http\..*\.downstream_cx_total$`)
	if err != nil {
		return err
	}
	for _, l := range r.listeners {
		if n := stats["http."+l.Filter+".downstream_cx_total"]; n != connections {
			return fmt.Errorf("%s: %d connections instead of %d", l.Filter, n, connections)
		}
	}
	const hit, miss = "wasmcustom.mcpauth_requests_total.result=passed.reason=cache_hit", "wasmcustom.mcpauth_requests_total.result=passed.reason=cache_miss"
	// The plugin tells the host on its next tick.
	for deadline := time.Now().Add(metricsTimeout); ; time.Sleep(50 * time.Millisecond) {
		if stats, err = r.envoy.Stats(ctx, `mcpauth_requests_total\.result=passed`); err != nil {
			return err
		}
		switch passed := int(stats[hit] + stats[miss]); {
		case passed < r.sent && time.Now().Before(deadline):
			continue
		case passed != r.sent:
			return fmt.Errorf("mcpauth passed %d requests instead of %d", passed, r.sent)
		case r.scene.workers == 0 && int(stats[miss]) != r.misses:
			return fmt.Errorf("mcpauth verified %d tokens instead of %d: its cache did not hold what it was to hold", stats[miss], r.misses)
		}
		return nil
	}
}

// metricsTimeout is far more than the plugin takes to update its metrics, a second.
const metricsTimeout = 20 * time.Second

// stop ends the Envoy.
func (r *running) stop() {
	for _, c := range r.clients {
		c.close()
	}
	if r.envoy != nil {
		r.envoy.Stop()
	}
	for _, l := range r.listeners {
		l.Port.Release()
	}
	r.leave()
}
