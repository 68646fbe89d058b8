// Package hitrate computes how many requests of a fleet of gateways find their token
// in the cache of the worker that they reach. It sends the requests of simulated
// users to real caches of package tokencache. The same fleet gives the same result
// each time.
//
// The plugin does not link this package: it serves a test and docs/scaling.md.
package hitrate

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"mcpauth/internal/tokencache"
)

// Balancing says how the requests of a user reach the workers of a fleet. A worker of
// Envoy serves the connections that it has accepted, so the requests of one connection
// meet in one cache.
type Balancing int

const (
	// ByRequest sends each request to any worker of any proxy, as a load balancer
	// does that has connections to all of them and shares these among its clients.
	ByRequest Balancing = iota
	// BySession sends all requests of a session to one worker of any proxy, as where
	// each client keeps a connection.
	BySession
	// ByUser sends all sessions of a user to one proxy, and each session to any
	// worker of it, as a load balancer does that hashes the user.
	ByUser
)

func (b Balancing) String() string {
	return [...]string{"by request", "by session", "by user"}[b]
}

// A Fleet is a number of proxies and what their users do.
type Fleet struct {
	Name string

	Users         int           // at work
	TokensPerUser int           // of each user at a time: one for each client or each resource
	Lifetime      time.Duration // of a token, after which its client gets another
	Sessions      float64       // that begin with each token in an hour
	Requests      int           // in a session
	Pause         time.Duration // between two requests of a session, on average
	Remembered    time.Duration // how long a worker trusts a token that it has verified, at most; 0 means Lifetime

	Proxies, Workers int // Workers is for each proxy
	Balancing        Balancing
	Entries          int // max_entries of token_cache, for each worker
}

// A Result is what became of the requests of an hour in the workers that were
// observed. By symmetry it holds for all workers.
type Result struct {
	Requests int // that reached these workers
	Hits     int // with a token that their cache held

	// First counts the requests that were the first with their token in their worker.
	// No cache answers these.
	First int
}

// HitRate returns the share of requests whose token was in the cache.
func (r Result) HitRate() float64 { return float64(r.Hits) / float64(r.Requests) }

// Ideal returns the hit rate of caches with room for all tokens.
func (r Result) Ideal() float64 { return 1 - float64(r.First)/float64(r.Requests) }

// Cost returns the mean cost of a request, if one with a cached token costs warm and
// any other costs cold.
func (r Result) Cost(warm, cold float64) float64 {
	return r.HitRate()*warm + (1-r.HitRate())*cold
}

// Caches returns how many caches the requests with one token may reach.
func (f *Fleet) Caches() int {
	if f.Balancing == ByUser {
		return f.Workers
	}
	return f.Proxies * f.Workers
}

// RequestsPerHour returns how many requests the whole fleet gets in an hour, on average.
func (f *Fleet) RequestsPerHour() float64 {
	return float64(f.Users*f.TokensPerUser) * f.Sessions * float64(f.Requests)
}

// Formula returns the hit rate of caches that hold every token until it expires, if n
// requests, or sessions of some requests each, come with one token and each reaches one
// of c caches at random. c·(1−(1−1/c)^n) of the caches then see the token, and each
// verifies it once.
func Formula(c, n, requests int) float64 {
	seen := float64(c) * (1 - math.Pow(1-1/float64(c), float64(n)))
	return 1 - seen/float64(n*requests)
}

const (
	warmUp   = time.Hour // before the hour that counts
	observed = 4         // workers at most, for the sake of time

	// The sizes of a usual token, and of the headers that the cache holds beside it.
	tokenBytes    = 900
	identityBytes = 200
)

// An event is a request that reaches an observed worker.
type event struct {
	at     time.Duration
	token  int
	worker int
}

// Simulate sends the requests of two hours to the caches of a fleet and counts those
// of the second.
func (f *Fleet) Simulate() Result { return f.simulate(warmUp, time.Hour) }

// simulate sends the requests of a time to the caches and counts those after the
// beginning.
func (f *Fleet) simulate(beginning, counted time.Duration) Result {
	events := f.events(beginning + counted)
	workers := min(observed, f.Proxies*f.Workers)
	remembered := cmp.Or(f.Remembered, f.Lifetime)
	caches := make([]*tokencache.Cache[time.Duration], workers)
	seen := make([]map[int]bool, workers)
	for w := range caches {
		caches[w] = tokencache.New[time.Duration](f.Entries)
		seen[w] = map[int]bool{}
	}
	var r Result
	identity := make([]byte, identityBytes)
	text := make([]byte, tokenBytes)
	for _, e := range events {
		token := tokenText(text, e.token)
		until, _ := caches[e.worker].Get(0, token)
		hit := until != nil && e.at < *until
		if !hit {
			// As the gate does with a token whose time is over, and with a new one.
			caches[e.worker].Delete(0, token)
			caches[e.worker].Put(0, token, e.at+remembered, identity)
		}
		if e.at >= beginning {
			r.Requests++
			if hit {
				r.Hits++
			}
			if !seen[e.worker][e.token] {
				r.First++
			}
		}
		seen[e.worker][e.token] = true
	}
	return r
}

// tokenText returns the text of a token. Like a JWT it ends with what no other token
// has.
func tokenText(b []byte, token int) string {
	for i := range b {
		b[i] = 'x'
	}
	number := strconv.AppendInt(nil, int64(uint64(token)*0x9e3779b97f4a7c15>>1), 36)
	copy(b[len(b)-len(number):], number)
	return string(b)
}

// events returns the requests of a time that reach observed workers, in their order.
func (f *Fleet) events(until time.Duration) []event {
	random := rand.New(rand.NewPCG(1, 2))
	exponential := func(mean time.Duration) time.Duration {
		return time.Duration(random.ExpFloat64() * float64(mean))
	}
	between := time.Duration(float64(time.Hour) / f.Sessions)
	var events []event
	tokens := 0
	for client := range f.Users * f.TokensPerUser {
		home := client / f.TokensPerUser % f.Proxies
		// The clients did not all get their tokens at the beginning.
		token, expires := tokens, time.Duration(random.Float64()*float64(f.Lifetime))
		tokens++
		var requests []event
		for begin := exponential(between); begin < until; begin += exponential(between) {
			worker := f.worker(random, home)
			at := begin
			for range f.Requests {
				if f.Balancing == ByRequest {
					worker = f.worker(random, home)
				}
				if at < until {
					requests = append(requests, event{at: at, worker: worker})
				}
				at += exponential(f.Pause)
			}
		}
		slices.SortFunc(requests, func(a, b event) int { return cmp.Compare(a.at, b.at) })
		for _, e := range requests {
			if e.at >= expires { // the client gets another token when it needs one
				token, expires = tokens, e.at+f.Lifetime
				tokens++
			}
			if e.token = token; e.worker < observed {
				events = append(events, e)
			}
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return events
}

// worker returns a worker for a request, by its number in the whole fleet. home is the
// proxy of the user.
func (f *Fleet) worker(random *rand.Rand, home int) int {
	if f.Balancing == ByUser {
		return home*f.Workers + random.IntN(f.Workers)
	}
	return random.IntN(f.Proxies * f.Workers)
}
