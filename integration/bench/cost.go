package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Cost is what one kind of request costs with one variant, at full load.
type Cost struct {
	Protocol protocol `json:"protocol"`
	Work     string   `json:"work"`
	Variant  string   `json:"variant"`
	// CPU is the processor time of Envoy per request, in microseconds, and
	// Added what is more than with no filter in the same round.
	CPU   sample `json:"cpu_us"`
	Added sample `json:"added_us"`
	// Rate is in requests per second. EnvoyBusy and LoadBusy are the shares of
	// the time in which the two used a processor: the load was the limit where
	// Envoy was idle.
	Rate      sample `json:"requests_per_second"`
	EnvoyBusy sample `json:"envoy_busy"`
	LoadBusy  sample `json:"load_busy"`
}

// cost returns the costs of a variant at a work, nil if they were not measured.
func (r *Result) cost(p protocol, work, variant string) *Cost {
	for _, c := range r.Costs {
		if c.Protocol == p && c.Work == work && c.Variant == variant {
			return c
		}
	}
	return nil
}

// measured is a Cost in one round. base is the processor time with no filter in the same
// Envoy and round; 0 if there is none, and for no filter itself.
type measured struct{ cpu, base, rate, envoyBusy, loadBusy float64 }

func (r *Result) recordCost(p protocol, work, variant string, m measured) {
	c := r.cost(p, work, variant)
	if c == nil {
		c = &Cost{Protocol: p, Work: work, Variant: variant}
		r.Costs = append(r.Costs, c)
	}
	c.CPU = append(c.CPU, m.cpu)
	c.Rate = append(c.Rate, m.rate)
	c.EnvoyBusy = append(c.EnvoyBusy, m.envoyBusy)
	c.LoadBusy = append(c.LoadBusy, m.loadBusy)
	if m.base > 0 {
		c.Added = append(c.Added, m.cpu-m.base)
	}
}

// costs measures a work with all variants, each round in another order.
func (s *stage) costs(ctx context.Context, r *Result, round int, w work) error {
	variants := s.variants
	all := map[string]measured{}
	for i := range variants {
		v := variants[(i+round)%len(variants)]
		if !w.applies(v) {
			continue
		}
		m, err := s.measure(ctx, w, v)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", w.Name, v.Name, err)
		}
		all[v.Name] = m
	}
	for _, v := range variants { // in the usual order: no filter comes first
		if m, ok := all[v.Name]; ok {
			if v.Name != "none" {
				m.base = all["none"].cpu
			}
			r.recordCost(s.protocol, w.Name, v.Name, m)
		}
	}
	return nil
}

// measure sends the requests of a work as fast as they are answered.
func (s *stage) measure(ctx context.Context, w work, v *variant) (m measured, err error) {
	l, requests := s.load(w, v), s.Requests
	switch w.kind {
	case cold:
		requests = s.Tokens
		s.seen[v.Name] = true
	case proved:
		if l, err = s.proved(requests); err != nil {
			return m, err
		}
	case warm:
		if l, err = s.warm(ctx, v); err != nil {
			return m, err
		}
	}
	var envoyTime, loadTime time.Duration
	o, err := quietly(func() (o *outcome, err error) {
		envoyTime, err = cpuTimeOf(s.envoy.PID(), func() error {
			loadTime, err = cpuTimeOf(os.Getpid(), func() error {
				o, err = l.run(ctx, s.clients[v.Name], requests, 0)
				return err
			})
			return err
		})
		return o, err
	})
	if err != nil {
		return m, err
	}
	return measured{
		cpu:       float64(envoyTime) / float64(time.Microsecond) / float64(o.requests),
		rate:      float64(o.requests) / o.wall.Seconds(),
		envoyBusy: float64(envoyTime) / float64(o.wall),
		loadBusy:  float64(loadTime) / float64(o.wall),
	}, nil
}

// cpuTimeOf returns the processor time that a process uses while f runs.
func cpuTimeOf(pid int, f func() error) (time.Duration, error) {
	before, err := cpuTime(pid)
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := cpuTime(pid)
	return after - before, err
}
