package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

const (
	host     = "mcp.example.com"
	path     = "/notes"
	resource = "https://" + host + path
)

type object = map[string]any

// A proxy is an Envoy of a fleet, with its own way to the authorization server.
type proxy struct {
	*envoy.Process
	door *door
}

// A fleet is some proxies in front of one server, with one authorization server.
type fleet struct {
	binary, wasm string
	workers      int // of each proxy
	auth         *authServer
	upstream     *upstream
	proxies      []*proxy
}

// newFleet starts the servers of a fleet that has no proxies yet.
func newFleet(ctx context.Context, workers int) (*fleet, error) {
	f := &fleet{workers: workers}
	var err error
	if f.binary, err = envoy.Find(ctx); err != nil {
		return nil, err
	}
	if f.wasm, err = envoy.Wasm(); err != nil {
		return nil, err
	}
	if f.auth, err = startAuthServer(); err != nil {
		return nil, err
	}
	if f.upstream, err = startUpstream(); err != nil {
		f.auth.Close()
		return nil, err
	}
	return f, nil
}

// close ends everything.
func (f *fleet) close() {
	var all sync.WaitGroup
	for _, p := range f.proxies {
		all.Go(p.Stop)
	}
	all.Wait()
	f.upstream.http.Close()
	f.auth.Close()
}

// plugin returns a configuration of the plugin. change, if not nil, changes it.
func (f *fleet) plugin(change func(server, resource object)) string {
	server := object{
		"issuer": f.auth.Issuer(), "cluster": "auth", "discovery": "auto",
		"introspection": object{"client_id": "gateway", "client_secret": "secret of a test"},
	}
	r := object{"resource": resource, "required_scopes": []string{"read:notes"}}
	if change != nil {
		change(server, r)
	}
	b, err := json.Marshal(object{"authorization_servers": []object{server}, "resources": []object{r}})
	if err != nil {
		panic(err) // such values always marshal
	}
	return string(b)
}

// start starts one proxy. change, if not nil, changes its options.
func (f *fleet) start(ctx context.Context, change func(*envoy.Options)) (*proxy, error) {
	d, err := f.auth.open()
	if err != nil {
		return nil, err
	}
	o := envoy.Options{
		Wasm: f.wasm, Plugin: f.plugin(nil), Upstream: "mcp", Workers: f.workers, BalanceConnections: true,
		Clusters: []envoy.Cluster{envoy.ClusterAt("mcp", f.upstream.addr), envoy.ClusterAt("auth", d.addr)},
	}
	if change != nil {
		change(&o)
	}
	p, err := envoy.Start(ctx, f.binary, o)
	if err != nil {
		return nil, err
	}
	return &proxy{p, d}, nil
}

// grow starts n proxies at once. change, if not nil, changes the options of each, by
// its number.
func (f *fleet) grow(ctx context.Context, n int, change func(int, *envoy.Options)) error {
	proxies, errs := make([]*proxy, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			proxies[i], errs[i] = f.start(ctx, func(o *envoy.Options) {
				if change != nil {
					change(i, o)
				}
			})
		})
	}
	all.Wait()
	for _, p := range proxies {
		if p != nil {
			f.proxies = append(f.proxies, p)
		}
	}
	return errors.Join(errs...)
}

// token returns a valid token with changes.
func (f *fleet) token(t authserver.Token) string {
	if t.Algorithm == "" {
		t.Algorithm = "ES256" // signs in a tenth of the time of RS256
	}
	if t.Resource == "" {
		t.Resource = resource
	}
	if t.Scope == "" {
		t.Scope = "read:notes write:notes"
	}
	return f.auth.Mint(t)
}

// await waits until problem returns "". It returns an error with what problem returned
// last if that takes longer than limit.
func await(limit time.Duration, problem func() string) error {
	deadline := time.Now().Add(limit)
	for {
		p := problem()
		if p == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %s", limit, p)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
