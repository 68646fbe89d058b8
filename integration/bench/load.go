package main

import (
	"context"
	"fmt"
	"io"
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
	// forms returns the form of request number i, likewise; nil if all have form.
	forms func(i int) *form
	// token returns the token of request number i, "" for none. Each number
	// occurs once; it is called by several goroutines.
	token func(i int) string
	// proof returns the DPoP proof of request number i, likewise; nil for none at all.
	proof func(i int) string
	// status is that of every answer: a benchmark of refusals would be a fast
	// one.
	status int
}

// inTurn gives out tokens again and again, in their order.
func inTurn(tokens []string) func(int) string {
	return func(i int) string { return tokens[i%len(tokens)] }
}

// run sends a number of requests, rounded down to a multiple of connections
// but at least two on each: at a fixed rate, in requests per second, or, if that
// is 0, each as soon as its connection is free.
func (l *load) run(ctx context.Context, all clients, requests int, rate float64) (*outcome, error) {
	each := max(2, requests/len(all)) // for fewer, fortio would leave connections out
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
	proof := ""
	if s.load.proof != nil {
		proof = s.load.proof(s.next)
	}
	form := s.load.form
	if s.load.forms != nil {
		form = s.load.forms(s.next)
	}
	status, err := s.client.send(form, s.load.token(s.next), proof)
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
