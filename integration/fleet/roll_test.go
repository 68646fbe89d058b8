package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/integration/load"
)

// A token kind is one that the load sends.
type tokenKind struct {
	name   string
	weight int
	valid  bool // it must pass at any time
	mint   func(*traffic) string
}

// tokenKinds are sent in proportion to their weights. Those of no use must pass at no
// time.
var tokenKinds = []tokenKind{
	{name: "valid, seen before", weight: 4, valid: true, mint: func(t *traffic) string { return t.seen[mathrand.IntN(len(t.seen))] }},
	{name: "valid, new", weight: 2, valid: true, mint: func(t *traffic) string { return t.fleet.token(authserver.Token{}) }},
	{name: "valid, opaque", weight: 2, valid: true, mint: func(t *traffic) string { return t.opaque[mathrand.IntN(len(t.opaque))] }},
	{name: "opaque of nobody", weight: 1, mint: func(t *traffic) string { return t.bad[mathrand.IntN(len(t.bad))] }},
	{name: "expired", weight: 1, mint: func(t *traffic) string {
		return t.fleet.token(authserver.Token{Claims: object{"exp": time.Now().Add(-time.Hour).Unix()}})
	}},
	{name: "of another audience", weight: 1, mint: func(t *traffic) string {
		return t.fleet.token(authserver.Token{Resource: resource + "/elsewhere"})
	}},
	{name: "without the scope", weight: 1, mint: func(t *traffic) string { return t.fleet.token(authserver.Token{Scope: "other"}) }},
	{name: "of an unknown key", weight: 1, mint: func(t *traffic) string {
		return t.fleet.token(authserver.Token{ForeignKey: true, Header: object{"kid": rand.Text()}})
	}},
	{name: "with a bad signature", weight: 1, mint: func(t *traffic) string { return t.fleet.token(authserver.Token{ForeignKey: true}) }},
	{name: "none", weight: 1, mint: func(*traffic) string { return "" }},
}

// traffic is constant load of valid and invalid tokens, and what became of it.
type traffic struct {
	fleet             *fleet
	seen, opaque, bad []string
	deck              []*tokenKind
	loads             []*load.Load

	mu       sync.Mutex
	answers  map[string]map[int]int // by kind and status
	problems []string
}

func newTraffic(f *fleet) *traffic {
	t := &traffic{fleet: f, answers: map[string]map[int]int{}}
	for range 20 {
		t.seen = append(t.seen, f.token(authserver.Token{}))
		t.opaque = append(t.opaque, opaquePrefix+rand.Text())
		t.bad = append(t.bad, "nobody-"+rand.Text())
	}
	for i := range tokenKinds {
		for range tokenKinds[i].weight {
			t.deck = append(t.deck, &tokenKinds[i])
		}
	}
	return t
}

// start starts load on one proxy, or on what leads to them.
func (t *traffic) start(addr string, rate int) *load.Load {
	l := load.Start(load.Options{
		Addr: addr, Host: host, Clients: 8, Rate: rate,
		Next: func(int) load.Shot {
			k := t.deck[mathrand.IntN(len(t.deck))]
			return load.Shot{Kind: k.name, Path: path, Token: k.mint(t), Header: http.Header{labelHeader: {k.name}}}
		},
		Done: t.done,
	})
	t.loads = append(t.loads, l)
	return l
}

func (t *traffic) done(r load.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answers[r.Kind] == nil {
		t.answers[r.Kind] = map[int]int{}
	}
	t.answers[r.Kind][r.Status]++
	i := slices.IndexFunc(tokenKinds, func(k tokenKind) bool { return k.name == r.Kind })
	if r.Status != 0 && tokenKinds[i].valid == (r.Status == http.StatusOK) {
		return
	}
	t.problems = append(t.problems, fmt.Sprintf("%s: a token %s: status %d, error %v, after %v",
		r.Start.Format("15:04:05.000"), r.Kind, r.Status, r.Err, r.End.Sub(r.Start)))
}

// judge stops the load and fails the test if a valid request failed, an invalid one
// passed, or any got no answer.
func (t *traffic) judge(tb testing.TB) {
	tb.Helper()
	for _, l := range t.loads {
		l.Stop()
		if n := l.Skipped(); n > 0 {
			tb.Errorf("%d requests were not sent: too many under way", n)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	for _, k := range tokenKinds {
		n := 0
		for _, count := range t.answers[k.name] {
			n += count
		}
		tb.Logf("%-22s %6d requests, by status: %v", k.name, n, t.answers[k.name])
		total += n
		if n < 50 {
			tb.Errorf("only %d requests with a token %s: the test proves little", n, k.name)
		}
		if reached := t.fleet.upstream.count(k.name); !k.valid && reached > 0 {
			tb.Errorf("%d requests with a token %s reached the server", reached, k.name)
		}
	}
	tb.Logf("%d requests, %d wrong answers", total, len(t.problems))
	for i, p := range t.problems {
		if i == 5 {
			tb.Errorf("and %d more", len(t.problems)-i)
			break
		}
		tb.Error(p)
	}
}

// newTestFleet is newFleet for a test, which ends it and prints its logs if it fails.
func newTestFleet(t *testing.T, workers int) *fleet {
	t.Helper()
	f, err := newFleet(t.Context(), workers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for i, p := range f.proxies {
			if log := p.Log(); t.Failed() {
				t.Logf("log of proxy %d:\n%s", i, log[max(0, len(log)-4000):])
			}
		}
		f.close()
	})
	return f
}

// A way is one in which Envoy gets a new configuration from a file. Istio pushes filters,
// Envoy Gateway listeners.
type way struct {
	options  func(*envoy.Options)
	update   func(*envoy.Process, string) error
	rejected string // the statistic that counts refused configurations
}

// drainTime is how long connections of a replaced listener may go on: longer than a
// request waits.
const drainTime = 20 * time.Second

var (
	byFilter = way{
		func(o *envoy.Options) { o.DynamicFilter = true }, (*envoy.Process).UpdateFilter,
		`^extension_config_discovery\..*mcpauth\.(config_fail|update_rejected)$`,
	}
	byListener = way{
		func(o *envoy.Options) { o.DynamicListener, o.DrainTime = true, drainTime }, (*envoy.Process).UpdateListener,
		`^listener_manager\.lds\.update_rejected$`,
	}
)

// uses returns a problem unless all workers of a proxy use a configuration of a name:
// resource_name in the metadata.
func (f *fleet) uses(p *proxy, name string) string {
	client := load.NewClient(false)
	defer client.CloseIdleConnections()
	for range 4 * f.workers {
		req, err := http.NewRequest(http.MethodGet, "http://"+p.Addr()+"/.well-known/oauth-protected-resource"+path, nil)
		if err != nil {
			return err.Error()
		}
		req.Close = true // a connection may go on with the configuration that it began with
		res, err := client.Do(req)
		if err != nil {
			return err.Error()
		}
		var doc struct {
			Name string `json:"resource_name"`
		}
		err = json.NewDecoder(res.Body).Decode(&doc)
		res.Body.Close()
		if err != nil || doc.Name != name {
			return fmt.Sprintf("status %d, the configuration %q is in use, not %q", res.StatusCode, doc.Name, name)
		}
	}
	return ""
}

func rejections(t *testing.T, p *proxy, w way) int64 {
	t.Helper()
	stats, err := p.Stats(t.Context(), w.rejected)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, n := range stats {
		sum += n
	}
	return sum
}

// TestRollingPush pushes configurations to three proxies, one after the other, while all
// of them serve valid and invalid tokens: no valid one is refused, no invalid one passes.
// Configurations with mistakes are refused, and the old ones go on.
func TestRollingPush(t *testing.T) {
	t.Parallel()
	ways := []way{byFilter, byFilter, byListener}
	f := newTestFleet(t, 2)
	named := func(name string, change func(server, resource object)) string {
		return f.plugin(func(server, r object) {
			r["metadata"] = object{"resource_name": name}
			if change != nil {
				change(server, r)
			}
		})
	}
	f.auth.freeze("/first" + keysPath)
	firstKeys := func(server, _ object) {
		delete(server, "discovery")
		server["jwks_uri"] = f.auth.Issuer() + "/first" + keysPath
		server["introspection"].(object)["endpoint"] = f.auth.Issuer() + introspectionPath
	}
	if err := f.grow(t.Context(), len(ways), func(i int, o *envoy.Options) {
		ways[i].options(o)
		o.Plugin = named("first", firstKeys)
	}); err != nil {
		t.Fatal(err)
	}
	seen := f.token(authserver.Token{})
	if err := f.auth.AddKeys(); err != nil { // published, but not at the address of the first keys
		t.Fatal(err)
	}
	for _, p := range f.proxies {
		if err := await(30*time.Second, func() string { return f.uses(p, "first") }); err != nil {
			t.Fatal(err)
		}
		if err := f.connect(p).each(t.Context(), http.StatusOK, seen); err != nil {
			t.Fatal(err)
		}
	}
	load := newTraffic(f)
	for _, p := range f.proxies {
		load.start(p.Addr(), 100)
	}
	status := func(p *proxy, path, token string, want int) {
		t.Helper()
		c := f.connect(p)
		defer c.close()
		for range 2 {
			if err := c.get(t.Context(), path, want, token); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	readOnly := f.token(authserver.Token{Scope: "read:notes"})
	more := f.token(authserver.Token{Resource: resource + "-more"})
	for _, push := range []struct {
		name   string
		change func(server, resource object)
		after  func(*proxy)
	}{
		{"another resource", firstKeys, func(p *proxy) {
			status(p, path+"-more", more, http.StatusOK)
			status(p, path, readOnly, http.StatusOK)
		}},
		{"another scope", func(server, r object) {
			firstKeys(server, r)
			r["required_scopes"] = []string{"read:notes", "write:notes"}
		}, func(p *proxy) {
			status(p, path, readOnly, http.StatusForbidden) // its verdict of before is forgotten
			status(p, path, seen, http.StatusOK)
		}},
		{"other keys", nil, func(p *proxy) { status(p, path, seen, http.StatusOK) }},
		{"the first keys again", firstKeys, func(p *proxy) { status(p, path, readOnly, http.StatusOK) }},
		{"other keys again", nil, func(p *proxy) { status(p, path, seen, http.StatusOK) }},
	} {
		document := named(push.name, push.change)
		if push.name == "another resource" {
			document = strings.Replace(document, `"resources":[`, `"resources":[{"resource":"`+resource+`-more"},`, 1)
		}
		for i, p := range f.proxies {
			if err := ways[i].update(p.Process, document); err != nil {
				t.Fatal(err)
			}
			if err := await(30*time.Second, func() string { return f.uses(p, push.name) }); err != nil {
				t.Fatalf("%s: proxy %d: %v", push.name, i, err)
			}
			push.after(p)
			time.Sleep(300 * time.Millisecond) // of load
		}
		for _, mistake := range []string{strings.Replace(document, `"resources"`, `"resource"`, 1), document[:len(document)-1]} {
			for i, p := range f.proxies {
				before := rejections(t, p, ways[i])
				if err := ways[i].update(p.Process, mistake); err != nil {
					t.Fatal(err)
				}
				if err := await(30*time.Second, func() string {
					if rejections(t, p, ways[i]) == before {
						return "a configuration with a mistake was not refused"
					}
					return f.uses(p, push.name)
				}); err != nil {
					t.Errorf("%s: proxy %d: %v", push.name, i, err)
				}
			}
		}
	}
	load.judge(t)

	// The keys that came with the last configuration are those in use.
	f.auth.SwitchKeys()
	for _, p := range f.proxies {
		status(p, path, f.token(authserver.Token{}), http.StatusOK)
	}
}

// TestPushWithManyOpaqueTokens: after a push a worker asks about every opaque token anew.
// More tokens come at once than it asks about at a time; none is refused.
func TestPushWithManyOpaqueTokens(t *testing.T) {
	t.Parallel()
	const users = 300
	f := newTestFleet(t, 1)
	named := func(name string) string {
		return f.plugin(func(_, r object) { r["metadata"] = object{"resource_name": name} })
	}
	if err := f.grow(t.Context(), 1, func(_ int, o *envoy.Options) {
		byFilter.options(o)
		o.Plugin = named("first")
	}); err != nil {
		t.Fatal(err)
	}
	p := f.proxies[0]
	f.auth.think(50 * time.Millisecond)
	all := &connections{proxy: p}
	defer all.close()
	for range users {
		all.clients = append(all.clients, load.NewClient(false))
	}
	var tokens []string
	for range users {
		tokens = append(tokens, opaquePrefix+rand.Text())
	}
	for _, name := range []string{"first", "second", "third"} {
		if err := byFilter.update(p.Process, named(name)); err != nil {
			t.Fatal(err)
		}
		if err := await(30*time.Second, func() string { return f.uses(p, name) }); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		statuses := make(chan int, users)
		for i, client := range all.clients {
			go func() {
				status, _ := load.Send(t.Context(), client, p.Addr(), host, load.Shot{Path: path, Token: tokens[i]})
				statuses <- status
			}()
		}
		counts := map[int]int{}
		for range users {
			counts[<-statuses]++
		}
		if counts[http.StatusOK] != users {
			t.Errorf("the configuration %s: %d users, by status: %v", name, users, counts)
		}
		if n := p.door.seen(begin)[introspection]; n != users {
			t.Errorf("the configuration %s: %d questions about %d tokens", name, n, users)
		}
	}
}

// TestManyOpaqueTokensWithNobodyToAsk: where the cluster has no endpoint, or nothing
// listens there, each question fails at once and the next ones come up. That goes on
// within no call of Envoy's, which would overflow the stack of a worker.
func TestManyOpaqueTokensWithNobodyToAsk(t *testing.T) {
	t.Parallel()
	port, err := loopback.Reserve(0)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Release()
	clusters := []string{
		`  - {name: nobody, type: STATIC, connect_timeout: 2s}`,
		fmt.Sprintf(`  - {name: nobody, type: STATIC, connect_timeout: 2s, load_assignment: {cluster_name: nobody,`+
			` endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %d}}}}]}]}}`, loopback.Host, port.Number()),
	}
	f := newTestFleet(t, 1)
	if err := f.grow(t.Context(), len(clusters), func(i int, o *envoy.Options) {
		o.Extra = clusters[i]
		o.Plugin = f.plugin(func(server, _ object) { server["introspection"].(object)["cluster"] = "nobody" })
	}); err != nil {
		t.Fatal(err)
	}
	for i, p := range f.proxies {
		valid := f.connect(p)
		defer valid.close()
		if err := valid.each(t.Context(), http.StatusOK, f.token(authserver.Token{})); err != nil {
			t.Fatal(err)
		}
		const users = 500
		statuses := make(chan int, users)
		for range users {
			client := load.NewClient(false)
			defer client.CloseIdleConnections()
			go func() {
				status, _ := load.Send(t.Context(), client, p.Addr(), host, load.Shot{Path: path, Token: opaquePrefix + rand.Text()})
				statuses <- status
			}()
		}
		counts := map[int]int{}
		for range users {
			counts[<-statuses]++
		}
		if counts[http.StatusServiceUnavailable] != users {
			t.Errorf("proxy %d: %d opaque tokens, by status: %v", i, users, counts)
		}
		if err := valid.each(t.Context(), http.StatusOK, f.token(authserver.Token{})); err != nil {
			t.Errorf("proxy %d, afterwards: %v", i, err)
		}
		// One VM each for the check at the start, the main thread and the worker.
		if n := strings.Count(p.Log(), "mcpauth: version"); n != 3 {
			t.Errorf("proxy %d: %d VMs have started: one has died", i, n)
		}
	}
}

// TestRollingReplacement replaces all proxies of a fleet behind a load balancer, another
// Envoy, one after the other: a new process starts, takes load when it is ready, and the
// old one ends when it has answered. Nobody notices, for nothing sends requests again.
func TestRollingReplacement(t *testing.T) {
	t.Parallel()
	f := newTestFleet(t, 2)
	if err := f.grow(t.Context(), 2, nil); err != nil {
		t.Fatal(err)
	}
	b := startBalancer(t, f)
	load := newTraffic(f)
	load.start(b.Addr(), 200)
	for i := range f.proxies {
		before := time.Now()
		p, err := f.start(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		old := f.proxies[i]
		f.proxies[i] = p
		b.use(t, append(slices.Clone(f.proxies), old)...)
		time.Sleep(500 * time.Millisecond) // of load
		b.use(t, f.proxies...)
		if err := await(30*time.Second, func() string {
			stats, err := old.Stats(t.Context(), `^http\.gateway\.downstream_rq_active$`)
			if err != nil {
				return err.Error()
			}
			if n := stats["http.gateway.downstream_rq_active"]; n > 0 {
				return fmt.Sprintf("%d requests are under way", n)
			}
			return ""
		}); err != nil {
			t.Fatal(err)
		}
		old.Stop()
		time.Sleep(500 * time.Millisecond)
		// The keys and the questions about opaque tokens each have the metadata searched for.
		if got := p.door.seen(before); got[metadata] > 2 || got[keys] > inFlood(time.Since(before))[keys]+atStart()[keys] {
			t.Errorf("the new proxy %d has asked for %v", i, got)
		}
		if sent := requests(t, p); sent < 50 {
			t.Errorf("the balancer has sent %d requests to the new proxy %d: the test proves little", sent, i)
		}
	}
	load.judge(t)
}

// A balancer is an Envoy without the plugin that spreads requests over proxies.
type balancer struct {
	*envoy.Process
	endpoints string // the file with their addresses
}

func startBalancer(t *testing.T, f *fleet) *balancer {
	t.Helper()
	b := &balancer{endpoints: filepath.Join(t.TempDir(), "endpoints.yaml")}
	b.write(t, f.proxies)
	var err error
	b.Process, err = envoy.Start(t.Context(), f.binary, envoy.Options{Bootstrap: fmt.Sprintf(`
node: {id: balancer, cluster: balancer}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: balancer
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: balancer
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: fleet, timeout: 0s}}]}]
  clusters:
  - name: fleet
    type: EDS
    connect_timeout: 2s
    circuit_breakers: {thresholds: [{max_connections: 10000, max_pending_requests: 10000, max_requests: 10000}]}
    eds_cluster_config: {eds_config: {resource_api_version: V3, path_config_source: {path: %q}}}
`, b.endpoints)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b
}

func (b *balancer) write(t *testing.T, proxies []*proxy) {
	t.Helper()
	var list []object
	for _, p := range proxies {
		address := netip.MustParseAddrPort(p.Addr())
		list = append(list, object{"endpoint": object{"address": object{"socket_address": object{"address": address.Addr(), "port_value": address.Port()}}}})
	}
	doc, err := json.Marshal(object{"resources": []object{{
		"@type":        "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
		"cluster_name": "fleet", "endpoints": []object{{"lb_endpoints": list}},
	}}})
	if err == nil {
		err = os.WriteFile(b.endpoints+".next", doc, 0o600)
	}
	if err == nil {
		err = os.Rename(b.endpoints+".next", b.endpoints)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// use makes the balancer send requests to these proxies alone.
func (b *balancer) use(t *testing.T, proxies ...*proxy) {
	t.Helper()
	b.write(t, proxies)
	if err := await(30*time.Second, func() string {
		stats, err := b.Stats(t.Context(), `^cluster\.fleet\.membership_total$`)
		if err != nil {
			return err.Error()
		}
		if n := stats["cluster.fleet.membership_total"]; n != int64(len(proxies)) {
			return fmt.Sprintf("%d members, want %d", n, len(proxies))
		}
		return ""
	}); err != nil {
		t.Fatal(err)
	}
}

// requests returns how many requests a proxy has had.
func requests(t *testing.T, p *proxy) int64 {
	t.Helper()
	stats, err := p.Stats(t.Context(), `^http\.gateway\.downstream_rq_total$`)
	if err != nil {
		t.Fatal(err)
	}
	return stats["http.gateway.downstream_rq_total"]
}
