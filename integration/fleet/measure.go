package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/integration/load"
)

const (
	opaqueTokens = 50

	// settle is how long after each step further requests to the authorization server
	// still count to it. A fetch too many would come on a tick, at least once a second.
	settle = 2 * time.Second
)

// Measured is what one fleet asked of its authorization server.
type Measured struct {
	Proxies, Workers int
	FloodKeys        int           // unknown keys, of each proxy
	FloodTime        time.Duration // from the first to the last answer

	PeaceTime time.Duration // 0 if it was not measured

	// Each has an entry for each proxy.
	Start, Rotation, Flood, Opaque, Peace []tally
}

// A measurement is what is to be measured of one fleet.
type measurement struct {
	proxies, workers int
	unknown          int           // keys that each proxy is flooded with
	rate             int           // of the flood, a second
	peace            time.Duration // first, with no request but at the beginning
}

// A connections is a set of connections to a proxy, which reach all its workers.
type connections struct {
	proxy   *proxy
	clients []*http.Client
}

// connect returns connections that reach all workers of a proxy: its listener gives
// each worker the same number of them.
func (f *fleet) connect(p *proxy) *connections {
	c := &connections{proxy: p}
	for range 2 * f.workers {
		c.clients = append(c.clients, load.NewClient(false))
	}
	return c
}

// each sends a request with each of some tokens by each connection, and returns an
// error unless all get a status.
func (c *connections) each(ctx context.Context, status int, tokens ...string) error {
	return c.get(ctx, path, status, tokens...)
}

// get is each with another path.
func (c *connections) get(ctx context.Context, path string, status int, tokens ...string) error {
	errs := make([]error, len(c.clients))
	var all sync.WaitGroup
	for i, client := range c.clients {
		all.Go(func() {
			for _, token := range tokens {
				got, err := load.Send(ctx, client, c.proxy.Addr(), host, load.Shot{Path: path, Token: token})
				if err == nil && got != status {
					err = fmt.Errorf("status %d, want %d", got, status)
				}
				if err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (c *connections) close() {
	for _, client := range c.clients {
		client.CloseIdleConnections()
	}
}

// step does something with all proxies at once and returns what each asked of the
// authorization server meanwhile.
func (f *fleet) step(all []*connections, do func(*connections) error) ([]tally, error) {
	begin := time.Now()
	errs := make([]error, len(all))
	var group sync.WaitGroup
	for i, c := range all {
		group.Go(func() { errs[i] = do(c) })
	}
	group.Wait()
	time.Sleep(settle)
	return f.seen(begin), errors.Join(errs...)
}

// seen returns what each proxy has asked since a time.
func (f *fleet) seen(since time.Time) []tally {
	var list []tally
	for _, p := range f.proxies {
		list = append(list, p.door.seen(since))
	}
	return list
}

// run starts a fleet, rotates the keys, sends opaque tokens, and floods each proxy with
// tokens of unknown keys.
func (o measurement) run(ctx context.Context) (*Measured, error) {
	f, err := newFleet(ctx, o.workers)
	if err != nil {
		return nil, err
	}
	defer f.close()
	if o.peace > 0 {
		f.auth.setCacheControl(fmt.Sprintf("max-age=%.0f", peaceFresh.Seconds()))
	}
	m := &Measured{Proxies: o.proxies, Workers: o.workers, FloodKeys: o.unknown, PeaceTime: o.peace}
	begin := time.Now()
	if err := f.grow(ctx, o.proxies, nil); err != nil {
		return nil, err
	}
	var all []*connections
	for _, p := range f.proxies {
		c := f.connect(p)
		defer c.close()
		all = append(all, c)
	}
	if _, err = f.step(all, func(c *connections) error { return c.each(ctx, http.StatusOK, f.token(authserver.Token{})) }); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	m.Start = f.seen(begin)
	if o.peace > 0 {
		time.Sleep(o.peace)
		m.Peace = f.seen(begin)
		for i := range m.Peace { // without those of the start
			for what, n := range m.Start[i] {
				m.Peace[i][what] -= n
			}
		}
		f.auth.setCacheControl("max-age=300")
	}

	if err := f.auth.Rotate(true); err != nil {
		return nil, err
	}
	if m.Rotation, err = f.step(all, func(c *connections) error { return c.each(ctx, http.StatusOK, f.token(authserver.Token{})) }); err != nil {
		return nil, fmt.Errorf("rotation: %w", err)
	}

	var opaque []string
	for range opaqueTokens {
		opaque = append(opaque, opaquePrefix+rand.Text())
	}
	if m.Opaque, err = f.step(all, func(c *connections) error { return c.each(ctx, http.StatusOK, opaque...) }); err != nil {
		return nil, fmt.Errorf("opaque tokens: %w", err)
	}

	begin = time.Now()
	m.Flood, err = f.step(all, func(c *connections) error { return f.flood(c.proxy, o.unknown, o.rate) })
	if err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	m.FloodTime = time.Since(begin) - settle
	return m, nil
}

// flood sends tokens of n unknown keys to a proxy, and a valid one beside every tenth
// of them. It returns an error unless all of the former are refused and all of the
// latter pass.
func (f *fleet) flood(p *proxy, n, rate int) error {
	valid := f.token(authserver.Token{})
	forged := strings.SplitN(f.token(authserver.Token{ForeignKey: true}), ".", 2)[1] // claims and signature
	var sent, answered, wrong atomic.Int64
	var problem atomic.Value
	done := make(chan struct{})
	total := int64(n + n/10)
	l := load.Start(load.Options{
		Addr: p.Addr(), Host: host, Clients: 4 * f.workers, HTTP2: true, Rate: rate * 11 / 10,
		Next: func(int) load.Shot {
			if sent.Add(1)%11 == 0 {
				return load.Shot{Kind: "valid", Path: path, Token: valid}
			}
			header := `{"alg":"ES256","typ":"at+jwt","kid":"` + rand.Text() + `"}`
			return load.Shot{Kind: "unknown key", Path: path, Token: base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + forged,
				Header: http.Header{labelHeader: {"unknown key"}}}
		},
		Done: func(r load.Result) {
			ok := r.Status == http.StatusUnauthorized || r.Status == http.StatusServiceUnavailable
			if r.Kind == "valid" {
				ok = r.Status == http.StatusOK
			}
			if !ok && wrong.Add(1) == 1 {
				problem.Store(fmt.Sprintf("a token of the kind %q: status %d, error %v", r.Kind, r.Status, r.Err))
			}
			if answered.Add(1) == total {
				close(done)
			}
		},
	})
	defer l.Stop()
	select {
	case <-done:
	case <-time.After(5 * time.Minute):
		return fmt.Errorf("%d of %d requests answered in 5 minutes", answered.Load(), total)
	}
	l.Stop()
	if n := wrong.Load(); n > 0 {
		return fmt.Errorf("%d wrong answers; the first: %s", n, problem.Load())
	}
	if n := f.upstream.count("unknown key"); n > 0 {
		return fmt.Errorf("%d requests with tokens of unknown keys reached the server", n)
	}
	return nil
}
