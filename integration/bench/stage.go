package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/envoy-example/envoy"
)

// stage is one Envoy on a processor of its own.
type stage struct {
	*bench
	variants  []*variant
	protocol  protocol
	algorithm jose.SignatureAlgorithm
	envoy     *envoy.Process
	clients   map[string]clients // by the variant's name
	seen      map[string]bool    // variants that have seen all tokens
	leave     func()             // gives this process back what it had
}

// newStage starts an Envoy. It compiles the plugins on all processors; then
// Envoy and the load are put on one each.
func (b *bench) newStage(ctx context.Context, p protocol, algorithm jose.SignatureAlgorithm, variants []*variant) (*stage, error) {
	bootstrap, err := b.gateway.bootstrap(variants...)
	if err != nil {
		return nil, err
	}
	process, err := envoy.Start(ctx, b.binary, envoy.Options{Bootstrap: bootstrap, Workers: 1})
	if err != nil {
		return nil, err
	}
	s := &stage{
		bench: b, variants: variants, protocol: p, algorithm: algorithm, envoy: process,
		clients: map[string]clients{}, seen: map[string]bool{}, leave: func() {},
	}
	if err := s.prepare(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// prepare pins the processes and opens the connections.
func (s *stage) prepare(ctx context.Context) error {
	var err error
	if s.leave, err = s.cpus.apart(s.envoy.PID()); err != nil {
		return err
	}
	all := s.tokens[s.algorithm]
	first := &load{form: &call, token: inTurn(all[s.Tokens:]), status: http.StatusOK} // one that is in no work
	for _, v := range s.variants {
		c, err := dialAll(s.protocol, v.Port.Addr())
		if err != nil {
			return err
		}
		s.clients[v.Name] = c
		if _, err := first.run(ctx, c, 5*connections, 0); err != nil {
			return fmt.Errorf("%s: first requests: %w", v.Name, err)
		}
	}
	return nil
}

// stop ends the Envoy.
func (s *stage) stop() {
	for _, c := range s.clients {
		c.close()
	}
	s.envoy.Stop()
	s.leave()
}

// distinct are the tokens of cold and warm work.
func (s *stage) distinct() []string { return s.tokens[s.algorithm][:s.Tokens] }

// load returns the requests of a work to a variant.
func (s *stage) load(w work, v *variant) *load {
	return w.load(v, &form{method: http.MethodGet, path: s.gateway.MetadataPath}, s.distinct())
}

// warm returns requests with tokens that the variant has seen.
func (s *stage) warm(ctx context.Context, v *variant) (*load, error) {
	l := s.load(warmOf(s.algorithm), v)
	if s.seen[v.Name] {
		return l, nil
	}
	_, err := l.run(ctx, s.clients[v.Name], s.Tokens, 0)
	s.seen[v.Name] = err == nil
	return l, err
}

// proved returns requests with one token that is bound to a key, and proofs for them, which
// are signed before the measurement.
func (s *stage) proved(requests int) (*load, error) {
	m, err := s.keys.mint(s.algorithm)
	if err != nil {
		return nil, err
	}
	p, err := m.prover()
	if err != nil {
		return nil, err
	}
	proofs := make([]string, max(requests, 2*connections))
	for i := range proofs {
		if proofs[i], err = p.proof(); err != nil {
			return nil, err
		}
	}
	return &load{form: &boundCall, token: inTurn([]string{p.token}), proof: inTurn(proofs), status: http.StatusOK}, nil
}

// loadMemory is when the load collects garbage in the middle of a measurement
// after all.
const loadMemory = 1 << 30

// quietly runs a measurement without garbage collections of the load in it.
func quietly(measure func() (*outcome, error)) (*outcome, error) {
	runtime.GC()
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(loadMemory))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	return measure()
}

// checkConnections tells whether all requests went over the connections that
// were opened first: new ones cost more than the filters.
func (s *stage) checkConnections(ctx context.Context) error {
	stats, err := s.envoy.Stats(ctx, `^http\..*\.downstream_cx_total$`)
	if err != nil {
		return err
	}
	for _, v := range s.variants {
		if n := stats["http."+v.Name+".downstream_cx_total"]; n != connections {
			return fmt.Errorf("%s: %d connections instead of %d", v.Name, n, connections)
		}
	}
	return nil
}
