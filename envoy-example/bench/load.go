package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"fortio.org/fortio/periodic"
	"fortio.org/log"
)

// connections is the number of clients, each of which sends its next request
// when it has the answer to the last.
const connections = 20

func init() { log.SetLogLevelQuiet(log.Critical) } // fortio's, which tells of each run

// clients are the connections to one variant.
type clients []client

func dialAll(p protocol, address string) (clients, error) {
	var all clients
	for range connections {
		c, err := dial(p, address)
		if err != nil {
			all.close()
			return nil, fmt.Errorf("connect: %w", err)
		}
		all = append(all, c)
	}
	return all, nil
}

func (all clients) close() {
	for _, c := range all {
		c.close()
	}
}

// A load is what the clients send.
type load struct {
	form *form
	// token returns the token of request number i, "" for none. Each number
	// occurs once; it is called by several goroutines.
	token func(i int) string
	// status is that of every answer: a benchmark of refusals would be a fast
	// one.
	status int
}

// inTurn gives out tokens again and again, in their order.
func inTurn(tokens []string) func(int) string {
	return func(i int) string { return tokens[i%len(tokens)] }
}

// run sends a number of requests, rounded down to a multiple of connections:
// at a fixed rate, in requests per second, or, if that is 0, each as soon as
// its connection is free.
func (l *load) run(ctx context.Context, all clients, requests int, rate float64) (*outcome, error) {
	each := requests / len(all)
	o := &outcome{requests: each * len(all)}
	stop := periodic.NewAborter()
	defer context.AfterFunc(ctx, func() { stop.Abort(false) })()
	options := &periodic.RunnerOptions{
		QPS: rate, NumThreads: len(all), Exactly: int64(o.requests), Duration: -1, // until all are sent
		Uniform: true, Out: io.Discard, Stop: stop,
	}
	if rate == 0 {
		options.QPS = -1
	} else {
		o.pace = newPace(len(all), each, rate)
		options.AccessLogger = o.pace
	}
	runner := periodic.NewPeriodicRunner(options)
	failure := &failure{stop: stop}
	for i, c := range all {
		runner.Options().Runners[i] = &sender{load: l, client: c, next: i, step: len(all), failure: failure}
	}
	began := time.Now()
	runner.Run()
	o.wall = time.Since(began)
	if failure.err != nil {
		return nil, failure.err
	}
	return o, ctx.Err()
}

// outcome is what a run took.
type outcome struct {
	requests int
	wall     time.Duration
	pace     *pace // of a run at a fixed rate
}

// sender sends the requests of one connection.
type sender struct {
	load       *load
	client     client
	next, step int // numbers of requests
	failure    *failure
}

// Run implements [periodic.Runnable].
func (s *sender) Run(context.Context, periodic.ThreadID) (bool, string) {
	status, err := s.client.send(s.load.form, s.load.token(s.next))
	s.next += s.step
	if err == nil && status != s.load.status {
		err = fmt.Errorf("status %d, want %d", status, s.load.status)
	}
	if err != nil {
		s.failure.report(err)
	}
	return err == nil, ""
}

// failure is the first error of a run, which ends it.
type failure struct {
	mu   sync.Mutex
	err  error
	stop *periodic.Aborter
}

func (f *failure) report(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
		f.stop.Abort(false)
	}
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
func (p *pace) Report(_ context.Context, id periodic.ThreadID, n int64, start time.Time, latency float64, _ bool, _ string) {
	t := &p.threads[id]
	end := start.Add(time.Duration(latency * float64(time.Second)))
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

var errNoRequests = errors.New("no requests")

// percentile returns the value that so many percent of the sorted values do not
// exceed (the nearest rank).
func percentile(sorted []time.Duration, percent float64) (time.Duration, error) {
	if len(sorted) == 0 {
		return 0, errNoRequests
	}
	rank := int(percent / 100 * float64(len(sorted)))
	if float64(rank) < percent/100*float64(len(sorted)) {
		rank++
	}
	return sorted[max(rank, 1)-1], nil
}
