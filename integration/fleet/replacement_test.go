package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
)

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
