package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/envoy-example/envoy"
)

// bench is what all measurements share.
type bench struct {
	settings
	binary  string
	cpus    cpus
	gateway *gateway
	keys    keys
	tokens  map[jose.SignatureAlgorithm][]string
	began   time.Time
	// progress tells a person who waits what goes on.
	progress func(format string, args ...any)
}

// newBench finds Envoy and the plugins, and signs the tokens.
func newBench(ctx context.Context, s settings) (*bench, error) {
	b := &bench{
		settings: s, tokens: map[jose.SignatureAlgorithm][]string{}, began: time.Now(),
		progress: func(string, ...any) {},
	}
	var err error
	if b.binary, err = envoy.Find(ctx); err != nil {
		return nil, err
	}
	if b.cpus, err = chooseCPUs(); err != nil {
		return nil, err
	}
	if b.keys, err = newKeys(s.Algorithms); err != nil {
		return nil, err
	}
	keySet, err := b.keys.set()
	if err != nil {
		return nil, err
	}
	if b.gateway, err = newGateway(keySet, s.Algorithms, s.Variants); err != nil {
		return nil, err
	}
	if err := b.sign(); err != nil {
		b.gateway.release()
		return nil, err
	}
	return b, nil
}

// sign makes the tokens: those of the works, and one more.
func (b *bench) sign() error {
	for algorithm := range b.keys {
		m, err := b.keys.mint(algorithm)
		if err != nil {
			return err
		}
		if b.tokens[algorithm], err = m.tokens(b.Tokens + 1); err != nil {
			return err
		}
	}
	return nil
}

// requests measures all that is measured with requests, round after round. Each
// round has new Envoys, so that their caches have seen none of the tokens.
func (b *bench) requests(ctx context.Context, r *Result) error {
	longest := time.Duration(0) // time of one Envoy
	for round := range b.Rounds {
		for _, p := range b.Protocols {
			if round >= b.rounds(p) {
				continue
			}
			for _, algorithm := range b.Algorithms {
				began := time.Now()
				if round > 0 && began.Add(longest).After(b.began.Add(b.Budget)) {
					b.progress("no time for the rest of round %d and later ones", round+1)
					return nil
				}
				if err := b.round(ctx, r, round, p, algorithm); err != nil {
					return fmt.Errorf("%s: %w", p, err)
				}
				longest = max(longest, time.Since(began))
			}
		}
	}
	return nil
}

// round measures one round: the costs with each variant in an Envoy of its own, beside no
// filter, and the latencies of all in one.
func (b *bench) round(ctx context.Context, r *Result, round int, p protocol, algorithm jose.SignatureAlgorithm) error {
	list := selected(algorithm, b.only)
	latency := algorithm == jose.RS256 && b.only.MatchString("latency")
	if len(list) == 0 && !latency {
		return nil
	}
	b.progress("round %d of %d: %s, %s tokens", round+1, b.rounds(p), p, algorithm)
	for _, variants := range b.gateway.groups(b.Alone, round) {
		if len(list) == 0 {
			break
		}
		err := b.onStage(ctx, p, algorithm, variants, func(s *stage) error {
			for _, w := range list {
				if err := s.costs(ctx, r, round, w); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if !latency {
		return nil
	}
	b.progress("round %d of %d: %s, latency", round+1, b.rounds(p), p)
	return b.onStage(ctx, p, algorithm, b.gateway.variants, func(s *stage) error { return s.latencies(ctx, r, round) })
}

// onStage measures in a new Envoy with these variants.
func (b *bench) onStage(ctx context.Context, p protocol, algorithm jose.SignatureAlgorithm, variants []*variant, measure func(*stage) error) error {
	s, err := b.newStage(ctx, p, algorithm, variants)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := measure(s); err != nil {
		return err
	}
	return s.checkConnections(ctx)
}
