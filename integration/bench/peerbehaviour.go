package main

import (
	"context"
	"errors"
	"fmt"

	"sync"
	"time"
)

// Behaviour is what a probe has found.
type Behaviour struct {
	Name    string            `json:"name"`
	Section string            `json:"section"`
	ByCode  bool              `json:"possible_by_code"`
	States  map[string]string `json:"states"` // by peer: yes, no or n/a
	// Seen has what the last request of the probe got, by peer.
	Seen map[string]string `json:"seen"`
	// Seconds is how long it took to become so, by peer, where it may take time.
	Seconds map[string]float64 `json:"seconds,omitempty"`
}

// behaviours probes all peers in a stage of their own: first while the authorization server cannot
// be reached, then while it can, then with new keys.
func behaviours(ctx context.Context, binary string, p *programs, patience time.Duration, say func(string, ...any)) ([]*Behaviour, error) {
	say("behaviours: the authorization server cannot be reached")
	s, err := newPeerStage(ctx, binary, p, true, false)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	var late, all []*Behaviour
	look := func(to *[]*Behaviour, probes []probe, patience time.Duration) error {
		for _, each := range probes {
			b, err := s.probe(ctx, each, patience)
			if err != nil {
				return fmt.Errorf("%s: %w", each.Name, err)
			}
			*to = append(*to, b)
		}
		return nil
	}
	if err := look(&late, probesAtStart, 0); err != nil {
		return nil, err
	}
	say("behaviours: the authorization server can be reached")
	if err := s.auth.open(); err != nil {
		return nil, err
	}
	if err := look(&late, probesOnReturn, patience); err != nil {
		return nil, err
	}
	say("behaviours: single requests")
	if err := look(&all, probesInService, 0); err != nil {
		return nil, err
	}
	say("behaviours: new keys")
	if err := s.auth.Rotate(true); err != nil {
		return nil, err
	}
	if err := look(&late, probesOfRotation, patience); err != nil {
		return nil, err
	}
	return append(all, late...), nil
}

// probe probes all peers at once. With patience, a peer that does not do it at once is asked again
// each half second.
func (s *peerStage) probe(ctx context.Context, each probe, patience time.Duration) (*Behaviour, error) {
	b := &Behaviour{Name: each.Name, Section: each.Section, ByCode: each.ByCode, States: map[string]string{}, Seen: map[string]string{}}
	if patience > 0 {
		b.Seconds = map[string]float64{}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var errs []error
	for _, p := range s.peers {
		if each.Gateway && p.Identity == "" {
			b.States[p.Name] = notApplicable
			continue
		}
		wg.Go(func() {
			began := time.Now()
			done, last, err := each.await(ctx, &target{peer: p, stage: s}, patience)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", p.Title, err))
				return
			}
			b.States[p.Name] = no
			if done {
				b.States[p.Name] = yes
			}
			b.Seen[p.Name] = last.brief()
			if patience > 0 && done {
				b.Seconds[p.Name] = time.Since(began).Seconds()
			}
		})
	}
	wg.Wait()

	return b, errors.Join(errs...)
}

// await looks until the behaviour is there or patience ends.
func (each probe) await(ctx context.Context, t *target, patience time.Duration) (bool, *seen, error) {
	deadline := time.Now().Add(patience)
	for {
		done, last, err := each.look(ctx, t)
		if done || err != nil || time.Now().After(deadline) {
			return done, last, err
		}
		select {
		case <-ctx.Done():
			return false, last, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}
