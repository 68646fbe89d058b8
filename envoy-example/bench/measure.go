package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/envoy-example/envoy"
)

// bench is what all measurements share.
type bench struct {
	settings
	binary  string
	gateway *gateway
	keys    keys
	tokens  map[jose.SignatureAlgorithm][]string
	// Processors of Envoy and of the load; pinned is false if there is but one.
	envoyCPU, loadCPU int
	pinned            bool
	shared            bool // the two are threads of one core
	progress          func(format string, args ...any)
}

func newBench(ctx context.Context, s settings) (*bench, error) {
	b := &bench{settings: s, tokens: map[jose.SignatureAlgorithm][]string{}}
	var err error
	if b.binary, err = envoy.Find(ctx); err != nil {
		return nil, err
	}
	if b.envoyCPU, b.loadCPU, b.shared, b.pinned, err = twoCPUs(); err != nil {
		return nil, err
	}
	if b.keys, err = newKeys(); err != nil {
		return nil, err
	}
	keySet, err := b.keys.set()
	if err != nil {
		return nil, err
	}
	for algorithm := range b.keys {
		m, err := b.keys.mint(algorithm)
		if err != nil {
			return nil, err
		}
		if b.tokens[algorithm], err = m.tokens(s.Tokens + 1); err != nil {
			return nil, err
		}
	}
	b.gateway, err = newGateway(keySet, s.Variants)
	return b, err
}

// costs measures what the requests cost. Each Envoy is a new one, so that its
// caches have seen none of the tokens.
func (b *bench) costs(ctx context.Context, r *Result) error {
	for round := range b.Rounds {
		for _, p := range b.Protocols {
			for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256} {
				list := selected(algorithm, b.only)
				if len(list) == 0 {
					continue
				}
				b.progress("round %d of %d: %s, %s tokens", round+1, b.Rounds, p, algorithm)
				if err := b.round(ctx, r, round, p, algorithm, list); err != nil {
					return fmt.Errorf("%s: %w", p, err)
				}
			}
		}
	}
	return nil
}

func (b *bench) round(ctx context.Context, r *Result, round int, p protocol, algorithm jose.SignatureAlgorithm, list []work) error {
	s, err := b.newStage(ctx, p, algorithm)
	if err != nil {
		return err
	}
	defer s.stop()
	for _, w := range list {
		measured := map[string]*cost{}
		for i := range b.gateway.variants {
			v := b.gateway.variants[(i+round)%len(b.gateway.variants)]
			if !w.applies(v) {
				continue
			}
			if measured[v.Name], err = s.measure(ctx, w, v); err != nil {
				return fmt.Errorf("%s, %s: %w", w.Name, v.Name, err)
			}
		}
		for _, v := range b.gateway.variants { // in the usual order, no filter first
			if c := measured[v.Name]; c != nil {
				r.record(p, w.Name, v.Name, c)
			}
		}
	}
	return nil
}

// stage is one Envoy with all variants, on a processor of its own.
type stage struct {
	*bench
	protocol  protocol
	algorithm jose.SignatureAlgorithm
	envoy     *envoy.Process
	clients   map[string]clients // by the variant's name
	seen      map[string]bool    // variants that have seen all tokens
	spare     string             // a token that is in no work
}

// newStage starts an Envoy. It compiles the plugins on all processors; then
// Envoy and the load are put on one each.
func (b *bench) newStage(ctx context.Context, p protocol, algorithm jose.SignatureAlgorithm) (*stage, error) {
	bootstrap, err := b.gateway.bootstrap(b.gateway.variants...)
	if err != nil {
		return nil, err
	}
	process, err := envoy.Start(ctx, b.binary, envoy.Options{Bootstrap: bootstrap, Workers: 1})
	if err != nil {
		return nil, err
	}
	s := &stage{bench: b, protocol: p, algorithm: algorithm, envoy: process, clients: map[string]clients{}, seen: map[string]bool{}}
	if err := s.prepare(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// prepare pins the processes and opens the connections.
func (s *stage) prepare(ctx context.Context) error {
	if s.pinned {
		if err := pin(s.envoy.PID(), s.envoyCPU); err != nil {
			return err
		}
		if err := pin(os.Getpid(), s.loadCPU); err != nil {
			return err
		}
		runtime.GOMAXPROCS(1)
	}
	all := s.tokens[s.algorithm]
	s.spare = all[len(all)-1]
	for _, v := range s.gateway.variants {
		c, err := dialAll(s.protocol, v.Port.Addr())
		if err != nil {
			return err
		}
		s.clients[v.Name] = c
		first := &load{form: &call, token: inTurn([]string{s.spare}), status: http.StatusOK}
		if _, err := first.run(ctx, c, 5*connections, 0); err != nil {
			return fmt.Errorf("%s: first requests: %w", v.Name, err)
		}
	}
	return nil
}

// stop ends the Envoy and gives this process all processors back.
func (s *stage) stop() {
	for _, c := range s.clients {
		c.close()
	}
	s.envoy.Stop()
	if s.pinned {
		pin(os.Getpid(), s.envoyCPU, s.loadCPU)
		runtime.GOMAXPROCS(2)
	}
}

// distinct are the tokens of cold and warm work.
func (s *stage) distinct() []string { return s.tokens[s.algorithm][:s.Tokens] }

// cost is what one measurement at full load gave.
type cost struct {
	cpu       float64 // of Envoy per request, in microseconds
	rate      float64 // requests per second
	envoyBusy float64 // share of the time in which Envoy's processor worked for it
	loadBusy  float64 // likewise for the load
}

// measure sends the requests of a work as fast as they are answered.
func (s *stage) measure(ctx context.Context, w work, v *variant) (*cost, error) {
	l := w.load(v, &form{method: http.MethodGet, path: s.gateway.MetadataPath}, s.distinct())
	requests := s.Requests
	switch w.kind {
	case cold:
		requests = s.Tokens
	case warm:
		if !s.seen[v.Name] {
			if _, err := l.run(ctx, s.clients[v.Name], s.Tokens, 0); err != nil {
				return nil, err
			}
		}
	}
	if w.kind == cold || w.kind == warm {
		s.seen[v.Name] = true
	}
	c, err := s.cost(ctx, l, v, requests)
	return c, err
}

func (s *stage) cost(ctx context.Context, l *load, v *variant, requests int) (*cost, error) {
	runtime.GC() // not in the middle
	envoyBefore, err := cpuTime(s.envoy.PID())
	if err != nil {
		return nil, err
	}
	loadBefore, err := cpuTime(os.Getpid())
	if err != nil {
		return nil, err
	}
	o, err := l.run(ctx, s.clients[v.Name], requests, 0)
	if err != nil {
		return nil, err
	}
	envoyAfter, err := cpuTime(s.envoy.PID())
	if err != nil {
		return nil, err
	}
	loadAfter, err := cpuTime(os.Getpid())
	if err != nil {
		return nil, err
	}
	return &cost{
		cpu:       float64(envoyAfter-envoyBefore) / float64(time.Microsecond) / float64(o.requests),
		rate:      float64(o.requests) / o.wall.Seconds(),
		envoyBusy: float64(envoyAfter-envoyBefore) / float64(o.wall),
		loadBusy:  float64(loadAfter-loadBefore) / float64(o.wall),
	}, nil
}
