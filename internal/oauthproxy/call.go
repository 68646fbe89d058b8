package oauthproxy

import (
	"strconv"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
)

const maxCalls = 64 // under way in one worker for one server

// A Call is a form on its way to the provider. It ends once.
type Call struct {
	endpoint *config.URL
	form     callout.Form
	revokes  bool
	client   string // hash of the client that sends it
	issuer   string // to which the client sends it

	agreed agreed // by the user

	began    callout.UnixMilli
	response *Response // nil until the Call has ended
}

// Waiting reports whether the Call has not ended.
func (c *Call) Waiting() bool { return c.response == nil }

// Ended returns 1 once the provider has answered or is not expected to, else 0.
func (c *Call) Ended() uint64 {
	if c.Waiting() {
		return 0
	}
	return 1
}

// RetryAfter returns the number of seconds after which a client may try again if the
// provider does not answer.
func (c *Call) RetryAfter() int { return RetryAfter }

// Response returns the response to the client; nil until the Call has ended.
func (c *Call) Response() *Response { return c.response }

// begin takes a Call in, unless too many are under way.
func (p *Proxy) begin(c *Call) (*Response, *Call) {
	c.began = p.host.Now()
	for i := len(p.calls) - 1; i >= 0; i-- {
		if !p.calls[i].began.Within(callout.LostAfter, c.began) {
			p.end(p.calls[i], unavailable(metrics.NoAnswer))
		}
	}
	if len(p.calls) >= maxCalls {
		return unavailable(metrics.NoRoom), nil
	}
	p.calls = append(p.calls, c)
	p.queue = append(p.queue, c)
	return nil, c
}

// unavailable returns the response for when the provider sends none.
func unavailable(o metrics.Outcome) *Response {
	return &Response{Status: 503, Code: "temporarily_unavailable", Description: "the authorization server does not answer", Outcome: o}
}

// Pending reports whether Tick has something to send.
func (p *Proxy) Pending() bool { return len(p.queue) > 0 || p.fetches }

// Tick sends the Calls that have come up, and the requests for documents.
func (p *Proxy) Tick() {
	queue := p.queue
	p.queue = nil
	p.exchangeLog.Tick()
	p.sendFetches()
	for _, c := range queue {
		if c.Waiting() {
			p.send(c)
		}
	}
}

func (p *Proxy) send(c *Call) {
	request := p.credentials.Post(c.endpoint, c.form)
	c.form = ""
	err := p.host.Send(p.cfg.Cluster, request, func(r *callout.Response) {
		if c.Waiting() {
			p.receive(c, r)
		}
	})
	if err != nil {
		p.end(c, unavailable(metrics.NoAnswer))
		p.exchangeLog.Set(callout.CannotCall(p.cfg.Cluster, err))
	}
}

// receive takes in the provider's response to a Call.
func (p *Proxy) receive(c *Call, r *callout.Response) {
	response, problem := p.readResponse(c, r)
	if problem != "" {
		problem = c.endpoint.WithoutQuery() + ": " + problem
	}
	if response == nil {
		response = unavailable(metrics.NoAnswer)
		if n := r.RetryAfter(); n > 0 {
			response.RetryAfter = strconv.Itoa(n)
		}
	}
	p.end(c, response)
	p.exchangeLog.Set(problem)
}

func (p *Proxy) end(c *Call, r *Response) {
	c.response = r
	for i, other := range p.calls {
		if other == c {
			p.calls = append(p.calls[:i], p.calls[i+1:]...)
			return
		}
	}
}
