package wasmtest

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcpauth/internal/oracle"
	"mcpauth/internal/oracle/native"
)

// oracleGateways are the workers of the built file, and the same packages outside of it, for
// one configuration.
type oracleGateways struct {
	host   *Host
	vm     *VM
	native *native.Gateway
}

func startOracleGateways(t testing.TB) (list []oracleGateways) {
	for _, document := range oracle.Configurations {
		h := newHost(t, Options{Now: oracle.Now, HeadersStopIteration: strings.Contains(document, "allow_on_headers_stop_iteration")})
		n, err := native.New(document)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, oracleGateways{h, start(t, h, document), n})
	}
	return list
}

// handle puts a case to the built file, its body piece by piece.
func (g *oracleGateways) handle(t testing.TB, c *oracle.Case) *oracle.Outcome {
	t.Helper()
	s := g.vm.Open(slices.Clone(c.Headers), !c.HasBody)
	defer s.Close()
	for i, piece := range c.Pieces {
		if s.State() != Answered && s.State() != Failed {
			s.Body(piece, i == len(c.Pieces)-1)
		}
	}
	for range 3 {
		if s.State() == Held {
			g.vm.Tick()
		}
		for _, call := range g.host.Callouts() {
			call.Answer(strconv.Itoa(c.Answer.Status), Headers{{"content-type", c.Answer.ContentType}}, []byte(c.Answer.Body))
		}
	}
	switch s.State() {
	case Forwarded:
		o := &oracle.Outcome{Forwarded: true, Headers: slices.Clone(s.Upstream()), Body: s.UpstreamBody()}
		s.Respond(Headers{{":status", "200"}, {"content-type", "text/event-stream"}}, false)
		half := len(oracle.Lists) / 2
		s.ResponseBody(oracle.Lists[:half], false)
		s.ResponseBody(oracle.Lists[half:], true)
		o.Lists, _ = s.ResponseText()
		return o
	case Answered:
		if s.UpstreamBody() != "" {
			t.Fatalf("a refused request reached the server: %q\n%v", s.UpstreamBody(), c)
		}
		return &oracle.Outcome{Status: s.Local().Status, Headers: s.Local().Headers, Body: string(s.Local().Body)}
	}
	t.Fatalf("the request is %v; dead: %v\n%v", s.State(), g.vm.Dead(), c)
	return nil
}

func checkOracleCase(t testing.TB, all []oracleGateways, data []byte, text string) {
	t.Helper()
	c := oracle.NewCase(data, text)
	g := &all[c.Configuration]
	o := g.handle(t, c)
	if err := c.Expect().Check(o); err != nil {
		t.Fatalf("%v\n%v\nbytes %x, text %q", err, c, data, text)
	}
	n, err := g.native.Handle(c)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(o.Headers, byName)
	slices.SortStableFunc(n.Headers, byName)
	if !reflect.DeepEqual(o, n) {
		t.Fatalf("the built file: %+v\nits packages: %+v\n%v\nbytes %x, text %q", o, n, c, data, text)
	}
}

func byName(a, b [2]string) int { return strings.Compare(a[0], b[0]) }

// The built file decides on each request as the documentation says, and as its packages do
// outside of it.
func TestRequestsAgainstTheOracle(t *testing.T) {
	all := startOracleGateways(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("the seed of the second half is %d", seed)
	for _, seed := range oracle.Seeds() {
		checkOracleCase(t, all, seed.Data, seed.Text)
	}
	for _, random := range []*rand.Rand{rand.New(rand.NewPCG(5, 6)), rand.New(rand.NewPCG(seed, 0))} {
		for range 600 {
			checkOracleCase(t, all, oracle.RandomData(random), oracle.RandomText(random))
		}
	}
}

// FuzzRequestOfBuiltFile does the same with cases of the fuzzer's. The fuzzer does not see
// into the built file: FuzzRequest of internal/gate finds the cases.
func FuzzRequestOfBuiltFile(f *testing.F) {
	for _, seed := range oracle.Seeds() {
		f.Add(seed.Data, seed.Text)
	}
	all := startOracleGateways(f)
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		if len(data) <= 1000 && len(text) <= 10000 {
			checkOracleCase(t, all, data, text)
		}
	})
}
