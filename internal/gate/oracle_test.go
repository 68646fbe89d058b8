package gate_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/discovery"
	"mcpauth/internal/gate"
	"mcpauth/internal/introspect"
	"mcpauth/internal/keys"
	"mcpauth/internal/oracle"
	"mcpauth/internal/reply"
	"mcpauth/jwtlite"
)

// A gateway is a Gate with the least of what the plugin does around it: it reads the
// headers, sets them, and has the authorization server answer.
type gateway struct {
	gate    *gate.Gate
	clients []*introspect.Client
	answer  oracle.Answer
	pending []func(*callout.Response)
}

func (*gateway) Now() callout.UnixMilli            { return callout.At(oracle.Now) }
func (*gateway) Load(string) ([]byte, uint32)      { return nil, 0 }
func (*gateway) Store(string, []byte, uint32) bool { return true }
func (*gateway) Info(string)                       {}
func (*gateway) Warn(string)                       {}

func (g *gateway) Send(_ string, _ callout.Request, done func(*callout.Response)) error {
	g.pending = append(g.pending, done)
	return nil
}

func newGateway(t testing.TB, document string) *gateway {
	t.Helper()
	c, err := config.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{}
	var servers []gate.AuthServer
	for _, s := range c.AuthorizationServers {
		server := gate.AuthServer{Config: s}
		d := discovery.New(s, false, g)
		if s.Source.Kind != config.NoKeys {
			server.Keys = keys.New(s, d, false, g)
			server.Keys.Apply()
		}
		if s.Introspection != nil {
			server.Introspection = introspect.New(s, d, g)
			g.clients = append(g.clients, server.Introspection)
		}
		servers = append(servers, server)
	}
	g.gate = gate.New(c, servers, jwtlite.Software{})
	g.gate.Log = gate.NewRefusalLog(g)
	return g
}

// newGateways returns the gateways of all configurations.
func newGateways(t testing.TB) (list []*gateway) {
	for _, document := range oracle.Configurations {
		list = append(list, newGateway(t, document))
	}
	return list
}

// handle returns what becomes of a request.
func (g *gateway) handle(c *oracle.Case) (*oracle.Outcome, error) {
	headers := slices.Clone(c.Headers)
	r := g.read(&headers)
	r.HasBody = c.HasBody
	r.Arrived = callout.At(oracle.Now)
	g.answer = c.Answer
	v := g.gate.Decide(r, oracle.Now)
	for range 3 {
		if v.Kind() != gate.KindWait {
			break
		}
		r = r.Clone()
		if _, err := g.gate.Audit(&v, noState); err != nil {
			return nil, err
		}
		g.tick()
		v = g.gate.Decide(r, oracle.Now)
	}
	return g.apply(c, headers, &v)
}

// tick answers the questions about tokens.
func (g *gateway) tick() {
	for _, client := range g.clients {
		client.Tick()
	}
	for len(g.pending) > 0 {
		done := g.pending[0]
		g.pending = g.pending[1:]
		r := callout.Response{Status: g.answer.Status, Headers: [][2]string{{"content-type", g.answer.ContentType}}, Body: []byte(g.answer.Body), Size: len(g.answer.Body)}
		done(&r)
	}
}

func noState(string, string) error { return nil }

// read is what the plugin does with the headers of a request before the decision.
func (g *gateway) read(headers *[][2]string) *gate.Request {
	r := &gate.Request{}
	kept := (*headers)[:0]
	for _, h := range *headers {
		name, value := h[0], h[1]
		switch name {
		case ":method":
			r.Method = value
		case ":authority":
			r.Authority = value
		case ":path":
			r.Path = value
		case "authorization":
			if r.Authorizations == 0 {
				r.Authorization = value
			}
			r.Authorizations++
		case "accept":
			r.TakeAccept(value)
		case "access-control-request-method":
			r.RequestMethod = value
		case "access-control-request-headers":
			r.RequestHeaders = value
		case "origin":
			if r.HasOrigin {
				value = ""
			}
			r.HasOrigin, r.Origin = true, value
		case "if-none-match":
			r.IfNoneMatch = value
		case "upgrade":
			r.Upgrade = true
		default:
			if name[0] == 'm' || name[0] == 'c' || name[0] == 't' {
				r.TakeContent(name, value)
			}
			if g.gate.Reserved(name) {
				continue
			}
		}
		kept = append(kept, h)
	}
	*headers = kept
	return r
}

var errKind = errors.New("the verdict is of another kind")

// apply carries out a verdict.
func (g *gateway) apply(c *oracle.Case, headers [][2]string, v *gate.Verdict) (*oracle.Outcome, error) {
	observer, err := g.gate.Audit(v, noState)
	if err != nil {
		return nil, err
	}
	switch v.Kind() {
	case gate.KindRespond:
		return answered(v.Response()), nil
	case gate.KindForward, gate.KindForwardIfBody:
		headers = setHeaders(headers, v.Pass())
	default:
		return nil, errKind
	}
	if observer != nil {
		for _, piece := range c.Pieces {
			observer.Write([]byte(piece))
		}
		if err := observer.End(true, noState); err != nil {
			return nil, err
		}
	}
	if body := v.Body(); body != nil {
		decided := body.TooLarge
		if len(c.Body()) <= body.MaxBytes {
			decided = func() gate.Verdict { return body.Decide([]byte(c.Body())) }
		}
		switch v := decided(); v.Kind() {
		case gate.KindRespond:
			return answered(v.Response()), nil
		case gate.KindForward:
		default:
			return nil, errKind
		}
	}
	return &oracle.Outcome{Forwarded: true, Headers: headers, Body: c.Body()}, nil
}

func answered(r *reply.Response) *oracle.Outcome {
	return &oracle.Outcome{Status: int(r.Status), Headers: r.Headers, Body: string(r.Body)}
}

// setHeaders is what the plugin does with the headers of a request that goes on.
func setHeaders(headers [][2]string, p *gate.Pass) [][2]string {
	remove := func(name string) {
		headers = slices.DeleteFunc(headers, func(h [2]string) bool { return h[0] == name })
	}
	replace := func(name, value string) {
		remove(name)
		headers = append(headers, [2]string{name, value})
	}
	if !p.KeepAuthorization {
		remove("authorization")
	} else if p.Authorization != "" {
		replace("authorization", p.Authorization)
	}
	if p.Lists != nil {
		remove("accept-encoding")
	}
	if p.Upgrade {
		replace("connection", "Upgrade")
	}
	for identity := p.Identity; ; {
		h, ok := identity.Next()
		if !ok {
			break
		}
		if h.Name != "" {
			replace(h.Name, h.Value)
		}
	}
	if p.Verdict != "" {
		replace(config.VerdictHeaderName, p.Verdict)
	}
	return headers
}

// check compares what a gateway does with a request with what the documentation says. The
// second time, the gateway may know the token.
func check(t testing.TB, gateways []*gateway, data []byte, text string) *oracle.Outcome {
	t.Helper()
	c := oracle.NewCase(data, text)
	expected := c.Expect()
	var o *oracle.Outcome
	for range 2 {
		var err error
		if o, err = gateways[c.Configuration].handle(c); err == nil {
			err = expected.Check(o)
		}
		if err != nil {
			t.Fatalf("%v\n%v\nbytes %x, text %q", err, c, data, text)
		}
	}
	return o
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
			if o := check(t, gateways, oracle.RandomData(random), ""); o.Forwarded {
				forwarded++
			} else {
				answered[o.Status]++
			}
		}
		t.Logf("forwarded %d, answered %v", forwarded, answered)
		if i == 0 && (forwarded < 500 || answered[401] < 300 || answered[403] < 300 || answered[400] < 300) {
			t.Error("the cases have become one-sided")
		}
	}
}
