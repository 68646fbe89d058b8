package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"fortio.org/fortio/periodic"
)

// latencyVariants are those whose latency is compared, and whose rate at full
// load decides what half load is.
var latencyVariants = []string{"native", "cached", "mcpauth"}

// latencies measures the time of requests with warm tokens at a fixed rate, the
// same for all variants: half of what the slowest of them gets through at full
// load, as the first round shows.
func (s *stage) latencies(ctx context.Context, r *Result, round int) error {
	rate := r.Rates[s.protocol]
	if rate == 0 {
		var err error
		if rate, err = s.halfLoad(ctx, r); err != nil {
			return err
		}
		if r.Rates == nil {
			r.Rates = map[protocol]float64{}
		}
		r.Rates[s.protocol] = rate
	}
	variants := s.variants
	for i := range variants {
		v := variants[(i+round)%len(variants)]
		if v.Name != "none" && !slices.Contains(latencyVariants, v.Name) {
			continue
		}
		l, err := s.warm(ctx, v)
		if err != nil {
			return fmt.Errorf("latency, %s: %w", v.Name, err)
		}
		o, err := quietly(func() (*outcome, error) {
			return l.run(ctx, s.clients[v.Name], int(rate*s.Paced.Seconds()), rate)
		})
		if err != nil {
			return fmt.Errorf("latency, %s: %w", v.Name, err)
		}
		r.recordLatency(s.protocol, v.Name, o)
	}
	return nil
}

// halfLoad returns half of the lowest rate at full load with warm tokens, a
// multiple of 100 requests per second.
func (s *stage) halfLoad(ctx context.Context, r *Result) (float64, error) {
	w := warmOf(s.algorithm)
	lowest := 0.0
	for _, name := range append([]string{"none"}, latencyVariants...) {
		v := s.gateway.find(name)
		if v == nil {
			continue
		}
		rate := 0.0
		if c := r.cost(s.protocol, w.Name, name); c != nil {
			rate = c.Rate.median()
		} else {
			c, err := s.measure(ctx, w, v)
			if err != nil {
				return 0, err
			}
			rate = c.rate
		}
		if lowest == 0 || rate < lowest {
			lowest = rate
		}
	}
	return max(100, float64(int(lowest/2/100)*100)), nil
}

// Latency is how long requests with warm tokens take at half load, in
// microseconds.
type Latency struct {
	Protocol protocol `json:"protocol"`
	Variant  string   `json:"variant"`
	P50      sample   `json:"p50_us"`
	P99      sample   `json:"p99_us"`
	P999     sample   `json:"p99_9_us"`
	Rate     sample   `json:"requests_per_second"` // as it came out
}

func (r *Result) latency(p protocol, variant string) *Latency {
	for _, l := range r.Latencies {
		if l.Protocol == p && l.Variant == variant {
			return l
		}
	}
	return nil
}

func (r *Result) recordLatency(p protocol, variant string, o *outcome) {
	l := r.latency(p, variant)
	if l == nil {
		l = &Latency{Protocol: p, Variant: variant}
		r.Latencies = append(r.Latencies, l)
	}
	sorted := o.pace.sorted()
	for _, x := range []struct {
		percent float64
		to      *sample
	}{{50, &l.P50}, {99, &l.P99}, {99.9, &l.P999}} {
		*x.to = append(*x.to, float64(percentile(sorted, x.percent))/float64(time.Microsecond))
	}
	l.Rate = append(l.Rate, float64(o.requests)/o.wall.Seconds())
}

// pace measures latency at a fixed rate. It implements [periodic.AccessLogger].
//
// The time of a request runs from when it was sent or, if its connection was
// still busy with the one before when it was due, from when it was due: else
// requests that a stall holds back would be left out of the percentiles
// ("coordinated omission"). That the generator's timer is late is not Envoy's
// time and not counted.
type pace struct {
	period  time.Duration // between two requests of a connection
	threads []paceThread
}

type paceThread struct {
	first, lastEnd time.Time
	latencies      []time.Duration
}

func newPace(threads, each int, rate float64) *pace {
	p := &pace{time.Duration(float64(threads) / rate * float64(time.Second)), make([]paceThread, threads)}
	for i := range p.threads {
		p.threads[i].latencies = make([]time.Duration, 0, each)
	}
	return p
}

// Start does nothing.
func (p *pace) Start(ctx context.Context, _ periodic.ThreadID, _ int64, _ time.Time) context.Context {
	return ctx
}

// Report is called after each request, by one goroutine for each thread.
func (p *pace) Report(_ context.Context, id periodic.ThreadID, n int64, start time.Time, seconds float64, _ bool, _ string) {
	t := &p.threads[id]
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	if n == 0 {
		t.first = start
	}
	if due := t.first.Add(time.Duration(n) * p.period); t.lastEnd.After(due) {
		start = due
	}
	t.latencies = append(t.latencies, end.Sub(start))
	t.lastEnd = end
}

// Info names the logger.
func (p *pace) Info() string { return "pace" }

// sorted returns all latencies in ascending order.
func (p *pace) sorted() []time.Duration {
	var all []time.Duration
	for i := range p.threads {
		all = append(all, p.threads[i].latencies...)
	}
	slices.Sort(all)
	return all
}

// percentile returns the value that so many percent of the sorted values do not
// exceed (the nearest rank), 0 of none.
func percentile(sorted []time.Duration, percent float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1]
}
