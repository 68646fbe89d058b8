// Package native puts cases of package oracle to the gateway's own packages, outside of
// WebAssembly.
package native

import (
	"errors"
	"slices"
	"strconv"

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

// A Gateway is a Gate with the least of what the plugin does around it: it reads the
// headers, sets them, and has the authorization server answer.
type Gateway struct {
	gate    *gate.Gate
	clients []*introspect.Client
	answer  oracle.Answer
	pending []func(*callout.Response)
}

func (*Gateway) Now() callout.UnixMilli            { return callout.At(oracle.Now) }
func (*Gateway) Load(string) ([]byte, uint32)      { return nil, 0 }
func (*Gateway) Store(string, []byte, uint32) bool { return true }
func (*Gateway) Info(string)                       {}
func (*Gateway) Warn(string)                       {}

func (g *Gateway) Send(_ string, _ callout.Request, done func(*callout.Response)) error {
	g.pending = append(g.pending, done)
	return nil
}

// New returns the Gateway of a configuration.
func New(document string) (*Gateway, error) {
	c, err := config.Parse([]byte(document))
	if err != nil {
		return nil, err
	}
	g := &Gateway{}
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
	return g, nil
}

// Handle returns what becomes of a request.
func (g *Gateway) Handle(c *oracle.Case) (*oracle.Outcome, error) {
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
func (g *Gateway) tick() {
	for _, client := range g.clients {
		client.Tick()
	}
	for len(g.pending) > 0 {
		done := g.pending[0]
		g.pending = g.pending[1:]
		r := callout.NewResponse([][2]string{{":status", strconv.Itoa(g.answer.Status)}, {"content-type", g.answer.ContentType}}, len(g.answer.Body))
		if g.answer.Body != "" {
			r.SetBody([]byte(g.answer.Body))
		}
		done(&r)
	}
}

func noState(string, string) error { return nil }

// read is what the plugin does with the headers of a request before the decision.
func (g *Gateway) read(headers *[][2]string) *gate.Request {
	r := &gate.Request{}
	kept := (*headers)[:0]
	for _, h := range *headers {
		if !g.gate.TakeHeader(r, h[0], h[1]) {
			kept = append(kept, h)
		}
	}
	*headers = kept
	return r
}

var errKind = errors.New("the verdict is of another kind")

// apply carries out a verdict.
func (g *Gateway) apply(c *oracle.Case, headers [][2]string, v *gate.Verdict) (*oracle.Outcome, error) {
	observer, err := g.gate.Audit(v, noState)
	if err != nil {
		return nil, err
	}
	var lists *gate.Lists
	switch v.Kind() {
	case gate.KindRespond:
		return answered(v.Response()), nil
	case gate.KindForward, gate.KindForwardIfBody:
		headers = setHeaders(headers, v.Pass())
		lists = v.Pass().Lists
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
	left, err := filter(lists)
	return &oracle.Outcome{Forwarded: true, Headers: headers, Body: c.Body(), Lists: left}, err
}

// filter is what the plugin does with a response that is an event stream.
func filter(lists *gate.Lists) (string, error) {
	if lists == nil {
		return oracle.Lists, nil
	}
	var head gate.ResponseHead
	head.Take(":status", "200")
	head.Take("content-type", "text/event-stream")
	if lists.Begin(&head) != gate.ListsStream {
		return "", errKind
	}
	left, ok := lists.Stream.Write(nil, []byte(oracle.Lists), true)
	if !ok {
		return "", errors.New("the lists cannot be read")
	}
	return string(left), nil
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
	if p.DropProof {
		remove("dpop")
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
