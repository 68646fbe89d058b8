package gate_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"mcpauth/internal/oracle"
	"mcpauth/internal/oracle/native"
)

// newGateways returns the gateways of all configurations.
func newGateways(t testing.TB) (list []*native.Gateway) {
	t.Helper()
	for _, document := range oracle.Configurations {
		g, err := native.New(document)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, g)
	}
	return list
}

// check compares what a gateway does with a request with what the documentation says. The
// second time, the gateway may know the token. The third time it goes to another resource.
func check(t testing.TB, gateways []*native.Gateway, data []byte, text string) (first *oracle.Outcome) {
	t.Helper()
	c := oracle.NewCase(data, text)
	for i, c := range []*oracle.Case{c, c, c.Elsewhere()} {
		o, err := gateways[c.Configuration].Handle(c)
		if err == nil {
			err = c.Expect().Check(o)
		}
		if err != nil {
			t.Fatalf("%v\n%v\nbytes %x, text %q", err, c, data, text)
		}
		if i == 0 {
			first = o
		}
	}
	return first
}

// FuzzRequest compares the gateway with the oracle.
func FuzzRequest(f *testing.F) {
	for _, seed := range oracle.Seeds() {
		f.Add(seed.Data, seed.Text)
	}
	gateways := newGateways(f)
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		if len(data) > 1000 || len(text) > 10000 {
			return
		}
		check(t, gateways, data, text)
	})
}

// Requests reach the server only if the documentation says so, and then with the caller's
// identity and nothing else; refusals have the documented status. The first thousands of
// requests are the same in each run, and the others are new.
func TestRequestsAgainstTheOracle(t *testing.T) {
	gateways := newGateways(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("the seed of the second half is %d", seed)
	for i, random := range []*rand.Rand{rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(seed, 0))} {
		forwarded, answered := 0, map[int]int{}
		for range 3000 {
			if o := check(t, gateways, oracle.RandomData(random), oracle.RandomText(random)); o.Forwarded {
				forwarded++
			} else {
				answered[o.Status]++
			}
		}
		t.Logf("forwarded %d, answered %v", forwarded, answered)
		if i == 0 && (forwarded < 400 || answered[401] < 300 || answered[403] < 150 || answered[400] < 300) {
			t.Error("the cases have become one-sided")
		}
	}
}
