package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/integration/load"
)

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
