package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mcpauth/envoy-example/authserver"
)

// A peerWork is a kind of request that is measured with all peers.
type peerWork struct {
	Name      string
	algorithm string
	kind      kind
}

// peerWorks are in the order in which they are measured: new tokens come before the same ones
// again.
var peerWorks = []peerWork{
	{"RS256, a new token", "RS256", cold},
	{"RS256, a token seen before", "RS256", warm},
	{"ES256, a new token", "ES256", cold},
	{"ES256, a token seen before", "ES256", warm},
	{"no token (401)", "RS256", noToken},
}

// applies tells whether a peer can do the work.
func (w peerWork) applies(p *peer) bool { return w.algorithm == "RS256" || !p.OnlyRS256 }

// PeerCost is what one kind of request costs with a peer, in all processes that take part.
type PeerCost struct {
	Work string `json:"work"`
	Peer string `json:"peer"`
	// CPU is the processor time of all processes per request, in microseconds, and Added is what
	// that is more than with the base in the same round. AddedParts says which process takes it:
	// envoy, service (the authorization service) or server.
	CPU        sample            `json:"cpu_us"`
	Added      sample            `json:"added_us"`
	AddedParts map[string]sample `json:"added_parts_us"`
	Rate       sample            `json:"requests_per_second"`
}

// PeerLatency is how long requests with RS256 tokens that were seen before take, in microseconds.
type PeerLatency struct {
	Peer string `json:"peer"`
	// Half is at half of what this peer gets through; Common is at one low rate for all.
	Half   *pacedSample `json:"half_load"`
	Common *pacedSample `json:"common_rate"`
}

// pacedSample holds percentiles at a fixed rate.
type pacedSample struct {
	Rate float64 `json:"requests_per_second"`
	P50  sample  `json:"p50_us"`
	P99  sample  `json:"p99_us"`
}

func (s *pacedSample) record(o *outcome) {
	sorted := o.pace.sorted()
	s.P50 = append(s.P50, float64(percentile(sorted, 50))/float64(time.Microsecond))
	s.P99 = append(s.P99, float64(percentile(sorted, 99))/float64(time.Microsecond))
}

func (r *PeerResult) cost(work, peer string) *PeerCost {
	for _, c := range r.Costs {
		if c.Work == work && c.Peer == peer {
			return c
		}
	}
	return nil
}

func (r *PeerResult) latency(peer string) *PeerLatency {
	for _, l := range r.Latencies {
		if l.Peer == peer {
			return l
		}
	}
	return nil
}

// peerMeasured is a PeerCost in one round.
type peerMeasured struct {
	parts map[string]float64
	rate  float64
}

func (m peerMeasured) cpu() float64 {
	total := 0.0
	for _, us := range m.parts {
		total += us
	}
	return total
}

// recordCosts adds a round of one work, in which each base was measured too.
func (r *PeerResult) recordCosts(work string, peers []*peer, all map[string]peerMeasured) {
	for _, p := range peers {
		m, ok := all[p.Name]
		if !ok {
			continue
		}
		c := r.cost(work, p.Name)
		if c == nil {
			c = &PeerCost{Work: work, Peer: p.Name, AddedParts: map[string]sample{}}
			r.Costs = append(r.Costs, c)
		}
		c.CPU = append(c.CPU, m.cpu())
		c.Rate = append(c.Rate, m.rate)
		base, ok := all[p.Base]
		if !ok {
			continue
		}
		c.Added = append(c.Added, m.cpu()-base.cpu())
		for part, us := range m.parts {
			c.AddedParts[part] = append(c.AddedParts[part], us-base.parts[part])
		}
	}
}

// peerTokens signs tokens like those of [mint.token], on all processors. No two are the same.
func peerTokens(auth *authority, algorithm string, count int, first *int) []string {
	list := make([]string, count)
	from := *first
	*first += count
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				list[i] = auth.Mint(authserver.Token{
					Algorithm: algorithm, Resource: resource, Scope: "openid profile email read:notes write:notes",
					Claims: map[string]any{
						"sub": fmt.Sprintf("auth0|user-%08d", from+i), "client_id": "8f2a6c1e-0d7b-4b7e-9a52-3f0c9d2e7b11",
						"exp": time.Now().Add(2 * time.Hour).Unix(), "name": "A Person", "email": "person@example.com",
						"tenant": "3c9e5a77-58d1-4c1f-bb8c-0c6a4a0f1d2e", "roles": []string{"reader", "writer", "reviewer"}, "locale": "en-GB",
					},
				})
			}
		})
	}
	wg.Wait()
	return list
}

// peerCosts measures the costs and latencies of all peers in one stage.
type peerCosts struct {
	peerSettings
	stage   *peerStage
	clients map[string]clients
	result  *PeerResult
	tokens  map[string][][]string // by algorithm and round
	say     func(format string, args ...any)
}

// prepare signs the tokens of all rounds, and warms every peer up: the programs compile what they
// run often.
func (m *peerCosts) prepare(ctx context.Context, c cpus) error {
	m.tokens = map[string][][]string{}
	made := 0
	m.say("signing %d tokens", 2*m.Rounds*m.Tokens+connections)
	for range m.Rounds {
		for _, algorithm := range []string{"RS256", "ES256"} {
			m.tokens[algorithm] = append(m.tokens[algorithm], peerTokens(m.stage.auth, algorithm, m.Tokens, &made))
		}
	}
	first := peerTokens(m.stage.auth, "RS256", connections, &made)
	if err := m.stage.pin(c); err != nil {
		return err
	}
	m.clients = map[string]clients{}
	for _, p := range m.stage.peers {
		all, err := dialAll(http1, p.Port.Addr())
		if err != nil {
			return err
		}
		m.clients[p.Name] = all
		// mcpauth and others fetch the keys with the first requests.
		l := &load{form: &call, token: inTurn(first), status: http.StatusOK}
		if err := m.awaitFirst(ctx, l, all); err != nil {
			return fmt.Errorf("%s: first requests: %w\n%s", p.Name, err, m.stage.envoy.Log())
		}
		if _, err := l.run(ctx, all, m.WarmUp, 0); err != nil {
			return fmt.Errorf("%s: warm-up: %w", p.Name, err)
		}
	}
	return nil
}

// awaitFirst sends requests until one succeeds on each connection: the authorization service looks
// for the authorization server once a second.
func (m *peerCosts) awaitFirst(ctx context.Context, l *load, all clients) (err error) {
	for range 100 {
		if _, err = l.run(ctx, all, 2*connections, 0); err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

func (m *peerCosts) close() {
	for _, all := range m.clients {
		all.close()
	}
}

// round measures everything once. The peers take turns, each round in another order.
func (m *peerCosts) round(ctx context.Context, round int) error {
	peers := m.stage.peers
	for _, w := range peerWorks {
		m.say("round %d of %d: %s", round+1, m.Rounds, w.Name)
		all := map[string]peerMeasured{}
		for i := range peers {
			p := peers[(i+round)%len(peers)]
			if !w.applies(p) {
				continue
			}
			measured, err := m.measure(ctx, w, p, m.tokens[w.algorithm][round])
			if err != nil {
				return fmt.Errorf("%s, %s: %w", w.Name, p.Title, err)
			}
			all[p.Name] = measured
		}
		m.result.recordCosts(w.Name, peers, all)
	}
	m.say("round %d of %d: latency", round+1, m.Rounds)
	return m.latencies(ctx, round)
}

// peerLoad returns the requests of a work to a peer.
func peerLoad(w peerWork, p *peer, tokens []string) *load {
	l := &load{form: &call, token: inTurn(tokens), status: http.StatusOK}
	if w.kind == noToken {
		l.token = inTurn([]string{""})
		if p.filters() {
			l.status = http.StatusUnauthorized
		}
	}
	return l
}

// measure sends the requests of a work as fast as they are answered.
func (m *peerCosts) measure(ctx context.Context, w peerWork, p *peer, tokens []string) (peerMeasured, error) {
	requests := m.Requests
	if w.kind == cold {
		requests = m.Tokens
	}
	result := peerMeasured{parts: map[string]float64{}}
	l := peerLoad(w, p, tokens)
	var before map[string]time.Duration
	o, err := quietly(func() (_ *outcome, err error) {
		if before, err = cpuTimes(m.stage.processes(p)); err != nil {
			return nil, err
		}
		return l.run(ctx, m.clients[p.Name], requests, 0)
	})
	if err != nil {
		return result, err
	}
	after, err := cpuTimes(m.stage.processes(p))
	for part := range after {
		result.parts[part] = float64(after[part]-before[part]) / float64(time.Microsecond) / float64(o.requests)
	}
	result.rate = float64(o.requests) / o.wall.Seconds()
	return result, err
}

// cpuTimes returns the processor times of processes.
func cpuTimes(pids map[string]int) (map[string]time.Duration, error) {
	all := map[string]time.Duration{}
	for part, pid := range pids {
		var err error
		if all[part], err = cpuTime(pid); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// latencies measures the time of requests at two fixed rates: half of what the peer gets through,
// and one for all, half of what the slowest gets through. Both are those of the first round.
func (m *peerCosts) latencies(ctx context.Context, round int) error {
	peers := m.stage.peers
	warmWork := peerWorks[1]
	if round == 0 {
		slowest := math.Inf(1)
		for _, p := range peers {
			rate := m.result.cost(warmWork.Name, p.Name).Rate[0]
			slowest = min(slowest, rate)
			m.result.Latencies = append(m.result.Latencies, &PeerLatency{Peer: p.Name, Half: &pacedSample{Rate: roundRate(rate / 2)}})
		}
		for _, l := range m.result.Latencies {
			l.Common = &pacedSample{Rate: roundRate(slowest / 2)}
		}
	}
	for i := range peers {
		p := peers[(i+round)%len(peers)]
		l := m.result.latency(p.Name)
		for _, at := range []*pacedSample{l.Half, l.Common} {
			requests := peerLoad(warmWork, p, m.tokens[warmWork.algorithm][round])
			o, err := quietly(func() (*outcome, error) {
				return requests.run(ctx, m.clients[p.Name], int(at.Rate*m.Paced.Seconds()), at.Rate)
			})
			if err != nil {
				return fmt.Errorf("latency, %s: %w", p.Title, err)
			}
			at.record(o)
		}
	}
	return nil
}

// roundRate makes a rate a multiple of ten, and at least 20.
func roundRate(rate float64) float64 { return max(20, math.Floor(rate/10)*10) }

// checkConnections tells whether all requests went over the connections that were opened
// first.
func (m *peerCosts) checkConnections(ctx context.Context) error {
	stats, err := m.stage.envoy.Stats(ctx, `^http\..*\.downstream_cx_total$`)
	if err != nil {
		return err
	}
	for _, p := range m.stage.peers {
		if n := stats["http."+p.Name+".downstream_cx_total"]; n != connections {
			return fmt.Errorf("%s: %d connections instead of %d", p.Title, n, connections)
		}
	}
	return nil
}

// undisturbed tells whether in most measurements the processes that were measured had their
// processor for themselves.
func (r *PeerResult) undisturbed() bool {
	var busy sample
	for _, c := range r.Costs {
		for i := range c.CPU {
			busy = append(busy, c.CPU[i]*c.Rate[i]/1e6)
		}
	}
	return len(busy) == 0 || busy.median() >= 0.9
}
