package oauthproxy

import (
	"strconv"
	"time"

	"mcpauth/config"
	"mcpauth/internal/introspect"
	"mcpauth/internal/metrics"
)

const (
	maxCalls = 64               // under way in one worker for one server
	callTime = 20 * time.Second // longer than any call takes: the host lost it
)

// A Call is a form on its way to the provider. It ends once.
type Call struct {
	endpoint *config.URL
	form     string
	revokes  bool
	began    int64
	answer   *Answer // once it has ended
}

// Waiting reports whether the answer is still to come.
func (c *Call) Waiting() bool { return c.answer == nil }

// Ended is 1 once it has come, or will not come any more.
func (c *Call) Ended() uint64 {
	if c.Waiting() {
		return 0
	}
	return 1
}

// RetryAfter returns the seconds after which it is worth trying again when there
// was no answer.
func (c *Call) RetryAfter() int { return RetryAfter }

// Answer returns the answer; nil while it is waited for.
func (c *Call) Answer() *Answer { return c.answer }

// The parameters of token requests (RFC 6749, sections 4.1.3 and 6; RFC 7636,
// section 4.5; RFC 8707, section 2.2) and of revocation requests (RFC 7009,
// section 2.1).
var (
	tokenNames  = []string{"client_id", "grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", resourceName}
	revokeNames = []string{"client_id", "token", "token_type_hint"}
)

// Indices of the former.
const (
	ofGrant = iota + 1
	ofCode
	ofRedirect
	ofVerifier
	ofRefresh
	ofWanted
)

// A Form is a request with a form as its body, made to the gateway as issuer.
type Form struct {
	ContentType, Body, Issuer string

	// Basic is set if the client authenticates by HTTP Basic.
	Basic bool
}

// Exchange begins to pass a token request on, or returns the Answer to one that
// is refused. The endpoints are known: see [Proxy.Ready].
func (p *Proxy) Exchange(f *Form) (*Answer, *Call) {
	v, resources, a := p.form(f, tokenNames)
	if a != nil {
		return a, nil
	}
	if p.how.OmitResource {
		resources = nil
	}
	form := ""
	send := func(indices ...int) {
		for _, i := range indices {
			form = appendTo(form, tokenNames[i], v[i])
		}
	}
	switch v[ofGrant] {
	case "authorization_code":
		switch {
		case v[ofCode] == "":
			return refuse("invalid_request", "code is missing"), nil
		case v[ofRedirect] != "" && !p.allowed(v[ofRedirect]): // OAuth 2.1 has none here
			p.refused("at the token endpoint", v[ofRedirect])
			return refuse("invalid_grant", wrongRedirect), nil
		case !isCode(v[ofVerifier], 43, 128):
			return refuse("invalid_request", "code_verifier is missing or none"), nil
		}
		if p.how.Callback {
			v[ofRedirect] = p.callback(f.Issuer)
		}
		send(ofGrant, ofCode, ofRedirect, ofVerifier)
	case "refresh_token":
		if v[ofRefresh] == "" {
			return refuse("invalid_request", "refresh_token is missing"), nil
		}
		send(ofGrant, ofRefresh, ofWanted)
	default:
		return refuse("unsupported_grant_type", "grant_type must be authorization_code or refresh_token"), nil
	}
	return p.begin(&Call{endpoint: p.token, form: appendAll(form, resourceName, resources)})
}

// Revoke does the same for a revocation request.
func (p *Proxy) Revoke(f *Form) (*Answer, *Call) {
	v, _, a := p.form(f, revokeNames)
	if a != nil {
		return a, nil
	}
	if v[1] == "" {
		return refuse("invalid_request", "token is missing"), nil
	}
	form := appendTo(appendTo("", revokeNames[1], v[1]), revokeNames[2], v[2])
	return p.begin(&Call{endpoint: p.revoke, form: form, revokes: true})
}

// form reads a form with a client_id, which is the first of names. Clients are
// public ones: that they authenticate as well changes nothing.
func (p *Proxy) form(f *Form, names []string) (v, resources []string, a *Answer) {
	if !isMedia(f.ContentType, "application/x-www-form-urlencoded") {
		return nil, nil, refuse("invalid_request", "the body must be application/x-www-form-urlencoded")
	}
	v, resources, ok := parse(f.Body, names)
	switch {
	case !ok:
		return nil, nil, refuse("invalid_request", malformed)
	case v[0] == p.how.ClientID:
		return v, resources, nil
	}
	a = refuse("invalid_client", wrongClient)
	if f.Basic { // RFC 6749, section 5.2
		a.Status, a.Challenge = 401, "Basic realm=\"token endpoint\""
		a.Description = "clients have no secret here: client_id must be in the body"
	}
	return nil, nil, a
}

// begin takes a Call in, unless there are too many.
func (p *Proxy) begin(c *Call) (*Answer, *Call) {
	c.began = p.host.Now()
	for i := len(p.calls) - 1; i >= 0; i-- {
		if elapsed := c.began - p.calls[i].began; elapsed < 0 || elapsed >= callTime.Milliseconds() {
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

// unavailable is the answer when there is none of the provider.
func unavailable(o metrics.Outcome) *Answer {
	return &Answer{Status: 503, Code: "temporarily_unavailable", Description: "the authorization server does not answer", Outcome: o}
}

// Pending reports whether Tick has something to send.
func (p *Proxy) Pending() bool { return len(p.queue) > 0 }

// Tick sends what has come up.
func (p *Proxy) Tick() {
	queue := p.queue
	p.queue = nil
	p.report.Tick()
	p.answers.Tick()
	for _, c := range queue {
		if c.Waiting() {
			p.send(c)
		}
	}
}

func (p *Proxy) send(c *Call) {
	headers, body := p.client.Form(c.endpoint, c.form)
	c.form = ""
	err := p.host.Send(p.how.Cluster, headers, body, func(r introspect.Response) {
		if c.Waiting() {
			a, wrong := p.answered(c, r)
			if wrong != "" {
				wrong = c.endpoint.Place() + ": " + wrong
				if a == nil {
					a = unavailable(metrics.NoAnswer)
					if n := r.RetryAfter(); n > 0 {
						a.RetryAfter = strconv.Itoa(n)
					}
				}
			}
			p.end(c, a)
			p.report.Say(wrong)
		}
	})
	if err != nil {
		p.end(c, unavailable(metrics.NoAnswer))
		p.report.Say(introspect.NoCluster(p.how.Cluster, err))
	}
}

func (p *Proxy) end(c *Call, a *Answer) {
	c.answer = a
	for i, other := range p.calls {
		if other == c {
			p.calls = append(p.calls[:i], p.calls[i+1:]...)
			return
		}
	}
}
