package hitrate

import (
	"math"
	"testing"
	"time"
)

// busy is a fleet whose caches hold all tokens.
var busy = Fleet{
	Users: 300, TokensPerUser: 2, Lifetime: 2 * time.Hour, Sessions: 4, Requests: 10, Pause: 20 * time.Second,
	Proxies: 2, Workers: 2, Balancing: ByRequest, Entries: 4096,
}

// A cache that holds every token misses the first request with a token in its worker
// and no other.
func TestALargeCacheMissesOnlyTheFirstRequest(t *testing.T) {
	for _, b := range []Balancing{ByRequest, BySession, ByUser} {
		f := busy
		f.Balancing = b
		r := f.simulate(0, 2*time.Hour)
		if r.Requests < 40_000 || r.First < 500 {
			t.Errorf("%v: %+v: the simulation proves little", b, r)
		}
		if r.Hits != r.Requests-r.First {
			t.Errorf("%v: %d hits in %d requests, of which %d were the first with their token in their worker",
				b, r.Hits, r.Requests, r.First)
		}
	}
}

// exact is a fleet in which n sessions come with each token while it lives, give or
// take the chance: the hit rate is then known in advance.
func exact(proxies, workers int, b Balancing) (f Fleet, ideal float64) {
	f = Fleet{
		Users: 400, TokensPerUser: 1, Lifetime: 100 * time.Hour, Sessions: 12, Requests: 5, Pause: time.Second,
		Proxies: proxies, Workers: workers, Balancing: b, Entries: 4096,
	}
	// The number of sessions varies by chance from client to client: Poisson with this mean.
	// The expectation of (1-1/c)^n is then e^(-mean/c).
	const mean = 12.0
	c, n := float64(f.Caches()), mean
	if b == ByRequest {
		n *= float64(f.Requests)
		// A client's requests come in sessions of 5, so n is 5 times a Poisson variable.
		return f, 1 - c*(1-math.Exp(-mean*(1-math.Pow(1-1/c, float64(f.Requests)))))/n
	}
	return f, 1 - c*(1-math.Exp(-n/c))/(n*float64(f.Requests))
}

// The simulation agrees with the closed formula, and more workers for the same tokens
// lower the hit rate as the formula says.
func TestMoreWorkersLowerTheHitRateAsComputed(t *testing.T) {
	for _, b := range []Balancing{ByRequest, BySession, ByUser} {
		last := 1.0
		for _, workers := range []int{1, 2, 4, 8} {
			f, ideal := exact(2, workers, b)
			got := f.simulate(0, time.Hour).HitRate()
			t.Logf("%v, 2 proxies of %d workers: hit rate %.4f, computed %.4f", b, workers, got, ideal)
			if math.Abs(got-ideal) > 0.005 {
				t.Errorf("%v, %d workers: hit rate %.4f, computed %.4f", b, workers, got, ideal)
			}
			if got >= last {
				t.Errorf("%v, %d workers: the hit rate did not fall: %.4f, before %.4f", b, workers, got, last)
			}
			last = got
		}
	}
}

func TestFormula(t *testing.T) {
	for _, test := range []struct {
		c, n, requests int
		want           float64
	}{
		{1, 1, 1, 0}, {1, 10, 1, 0.9}, {1, 1, 10, 0.9}, {2, 2, 1, 0.25}, {1_000_000, 10, 1, 0},
	} {
		if got := Formula(test.c, test.n, test.requests); math.Abs(got-test.want) > 1e-4 {
			t.Errorf("Formula(%d, %d, %d) = %v, want %v", test.c, test.n, test.requests, got, test.want)
		}
	}
}

// A cache of half as many entries as there are tokens in use forgets some of them; the
// requests that miss cost more.
func TestASmallCacheForgets(t *testing.T) {
	large, small := busy, busy
	small.Entries = busy.Users * busy.TokensPerUser / 4
	a, b := large.simulate(time.Hour, time.Hour), small.simulate(time.Hour, time.Hour)
	if a.Requests != b.Requests || a.First != b.First {
		t.Fatalf("other requests: %+v, %+v", a, b)
	}
	if b.Hits >= a.Hits {
		t.Errorf("%d hits with a small cache, %d with a large one", b.Hits, a.Hits)
	}
	if a.Cost(17, 65) >= b.Cost(17, 65) || a.Cost(17, 65) < 17 || b.Cost(17, 65) > 65 {
		t.Errorf("costs: %.1f with a large cache, %.1f with a small one", a.Cost(17, 65), b.Cost(17, 65))
	}
}

// A worker asks again about a token when it no longer trusts what it remembers.
func TestWhatIsRememberedForAMinuteIsAskedAgain(t *testing.T) {
	f := busy
	f.Users, f.Proxies, f.Workers = 50, 1, 1
	f.Pause, f.Requests = time.Second, 300
	f.Remembered = time.Minute
	r := f.simulate(0, time.Hour)
	// A session lasts 300 s, so the worker asks about 5 times in it: of 300 requests.
	if rate := 1 - r.HitRate(); rate < 1.0/70 || rate > 1.0/45 {
		t.Errorf("one miss in %.1f requests, want about one in 60", 1/rate)
	}
}

// The tokens of a large fleet do not all fit. The limit of 16 MiB counts even where
// max_entries allows more.
func TestTheCacheIsBoundedInBytes(t *testing.T) {
	f := Fleet{
		Users: 20_000, TokensPerUser: 1, Lifetime: 10 * time.Hour, Sessions: 2, Requests: 1, Pause: time.Second,
		Proxies: 1, Workers: 1, Entries: 100_000,
	}
	g := f
	g.Entries = 50_000
	a, b := f.simulate(time.Hour, time.Hour), g.simulate(time.Hour, time.Hour)
	if a != b {
		t.Errorf("%+v with 100,000 entries, %+v with 50,000", a, b)
	}
	if a.Hits >= a.Requests-a.First {
		t.Errorf("%+v: all tokens fit", a)
	}
}

// The table of docs/scaling.md does not change from run to run.
func TestTypicalFleets(t *testing.T) {
	names := map[string]bool{}
	for i, f := range Typical {
		if names[f.Name] {
			t.Errorf("two fleets are called %q", f.Name)
		}
		names[f.Name] = true
		r := f.Simulate()
		t.Logf("%s: hit rate %.4f, %.4f with a cache for all; %d requests", f.Name, r.HitRate(), r.Ideal(), r.Requests)
		if r.Requests < 1000 || r.Hits == 0 || r.Hits > r.Requests-r.First {
			t.Errorf("%s: %+v", f.Name, r)
		}
		if i > 0 {
			continue
		}
		if again := f.Simulate(); again != r {
			t.Errorf("%s: %+v, then %+v", f.Name, r, again)
		}
	}
}
