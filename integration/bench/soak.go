package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v3"
)

// soakSteps is how often the memory is looked at.
const soakSteps = 20

// soak sends requests with distinct ES256 tokens, signed as they are needed, to
// each variant in an Envoy of its own, and prints how its memory moves.
func (b *bench) soak(ctx context.Context, w io.Writer, requests int) error {
	m, err := b.keys.mint(jose.ES256)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "Resident memory of Envoy with one worker, and its processor time per request, under requests whose tokens are all distinct (ES256, default settings).")
	for _, v := range b.gateway.variants {
		if err := b.soakVariant(ctx, w, v, m, requests); err != nil {
			return fmt.Errorf("soak, %s: %w", v.Name, err)
		}
	}
	return nil
}

func (b *bench) soakVariant(ctx context.Context, w io.Writer, v *variant, m *mint, requests int) error {
	g := *b.gateway
	g.variants = []*variant{v}
	alone := *b
	alone.gateway = &g
	s, err := alone.newStage(ctx, http1, jose.ES256, alone.gateway.variants)
	if err != nil {
		return err
	}
	defer s.stop()
	fmt.Fprintf(w, "\n| %s: requests | resident, MB | µs per request |\n|---:|---:|---:|\n", v.Title)
	memory, err := s.envoy.RSS()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "| 0 | %.1f | |\n", float64(memory)/1e6)
	each := max(requests/soakSteps, connections)
	for sent := 0; sent < requests; {
		// Numbers that no other token has.
		l := &load{form: &call, status: http.StatusOK, token: func(i int) string {
			token, err := m.token(s.Tokens + 1 + sent + i)
			if err != nil {
				panic(err) // it has signed others
			}
			return token
		}}
		var o *outcome
		used, err := cpuTimeOf(s.envoy.PID(), func() (err error) {
			o, err = l.run(ctx, s.clients[v.Name], each, 0)
			return err
		})
		if err != nil {
			return err
		}
		if memory, err = s.envoy.RSS(); err != nil {
			return err
		}
		sent += o.requests
		fmt.Fprintf(w, "| %d | %.1f | %.1f |\n", sent, float64(memory)/1e6, float64(used)/float64(time.Microsecond)/float64(o.requests))
	}
	return nil
}
