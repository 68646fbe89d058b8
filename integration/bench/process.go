package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/envoy-example/envoy"
)

// Process is what an Envoy takes with one listener, on all processors.
type Process struct {
	Variant string `json:"variant"`
	Workers int    `json:"workers"`
	Ready   sample `json:"ready_s"`     // from its start until it is ready
	Memory  sample `json:"resident_mb"` // after a few thousand requests
}

func (r *Result) process(variant string, workers int) *Process {
	for _, p := range r.Processes {
		if p.Variant == variant && p.Workers == workers {
			return p
		}
	}
	return nil
}

// memoryRequests make every worker serve some.
const memoryRequests = 2000

// processes starts Envoys with one listener, with the settings that a
// deployment has by default.
func (b *bench) processes(ctx context.Context, r *Result) error {
	g := *b.gateway
	g.CacheEntries = 0 // the default
	startUp, memory := b.only.MatchString("start-up"), b.only.MatchString("memory")
	if !startUp && !memory {
		return nil
	}
	for round := range b.ProcessRounds {
		b.progress("round %d of %d: start-up and memory", round+1, b.ProcessRounds)
		for _, x := range []struct {
			variant string
			workers int
			wanted  bool
		}{
			{"none", 1, startUp || memory}, {"empty", 1, startUp}, {"mcpauth", 1, startUp || memory},
			{"none", 2, memory}, {"mcpauth", 2, memory},
			{"none", 4, memory}, {"mcpauth", 4, memory},
		} {
			v := g.find(x.variant)
			if v == nil || !x.wanted {
				continue
			}
			ready, memory, err := b.start(ctx, &g, v, x.workers)
			if err != nil {
				return fmt.Errorf("start-up, %s: %w", x.variant, err)
			}
			p := r.process(x.variant, x.workers)
			if p == nil {
				p = &Process{Variant: x.variant, Workers: x.workers}
				r.Processes = append(r.Processes, p)
			}
			p.Ready = append(p.Ready, ready.Seconds())
			p.Memory = append(p.Memory, float64(memory)/1e6)
		}
	}
	return nil
}

// start returns how long an Envoy took to be ready, and its memory in bytes.
func (b *bench) start(ctx context.Context, g *gateway, v *variant, workers int) (time.Duration, int64, error) {
	bootstrap, err := g.bootstrap(v)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	p, err := envoy.Start(ctx, b.binary, envoy.Options{Bootstrap: bootstrap, Workers: workers})
	if err != nil {
		return 0, 0, err
	}
	defer p.Stop()
	ready := time.Since(began)
	all, err := dialAll(http1, v.Port.Addr())
	if err != nil {
		return 0, 0, err
	}
	defer all.close()
	l := &load{form: &call, token: inTurn(b.tokens[jose.RS256]), status: http.StatusOK}
	if _, err := l.run(ctx, all, memoryRequests, 0); err != nil {
		return 0, 0, err
	}
	memory, err := p.RSS()
	return ready, memory, err
}
