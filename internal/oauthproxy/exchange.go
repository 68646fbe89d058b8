package oauthproxy

import (
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"mcpauth/config"
	"mcpauth/internal/introspect"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/wellknown"
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
	tokenNames  = []string{"client_id", "grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "resource"}
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
	ofAudience
)

// Exchange begins to pass a token request on, or returns the Answer to one that
// is refused. It was made to the gateway as issuer. The endpoints are known: see
// [Proxy.Ready].
func (p *Proxy) Exchange(contentType, body, issuer string) (*Answer, *Call) {
	v, a := p.form(contentType, body, tokenNames)
	if a != nil {
		return a, nil
	}
	if p.how.OmitResource {
		v[ofAudience] = ""
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
		case !p.allowed(v[ofRedirect]):
			return refuse("invalid_grant", wrongRedirect), nil
		case !isCode(v[ofVerifier], 43, 128):
			return refuse("invalid_request", "code_verifier is missing or none"), nil
		}
		if p.how.Callback {
			v[ofRedirect] = p.callback(issuer)
		}
		send(ofGrant, ofCode, ofRedirect, ofVerifier, ofAudience)
	case "refresh_token":
		if v[ofRefresh] == "" {
			return refuse("invalid_request", "refresh_token is missing"), nil
		}
		send(ofGrant, ofRefresh, ofWanted, ofAudience)
	default:
		return refuse("unsupported_grant_type", "grant_type must be authorization_code or refresh_token"), nil
	}
	return p.begin(&Call{endpoint: p.token, form: form})
}

// Revoke does the same for a revocation request.
func (p *Proxy) Revoke(contentType, body, _ string) (*Answer, *Call) {
	v, a := p.form(contentType, body, revokeNames)
	if a != nil {
		return a, nil
	}
	if v[1] == "" {
		return refuse("invalid_request", "token is missing"), nil
	}
	form := appendTo(appendTo("", revokeNames[1], v[1]), revokeNames[2], v[2])
	return p.begin(&Call{endpoint: p.revoke, form: form, revokes: true})
}

// form reads a form with a client_id, which is the first of names.
func (p *Proxy) form(contentType, body string, names []string) ([]string, *Answer) {
	if !isMedia(contentType, "application/x-www-form-urlencoded") {
		return nil, refuse("invalid_request", "the body must be application/x-www-form-urlencoded")
	}
	v, ok := parse(body, names)
	switch {
	case !ok:
		return nil, refuse("invalid_request", malformed)
	case v[0] != p.how.ClientID:
		return nil, refuse("invalid_client", wrongClient)
	}
	return v, nil
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
	p.report.Tick()
	p.answers.Tick()
	queue := p.queue
	p.queue = nil
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
				a, wrong = unavailable(metrics.NoAnswer), c.endpoint.Place()+": "+wrong
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

// answered reads what the provider says. If that is nothing for the client, it
// returns for the log what is wrong: the client would take a fault of the
// gateway's own credentials for one of its own.
func (p *Proxy) answered(c *Call, r introspect.Response) (a *Answer, wrong string) {
	switch {
	case r.Err != nil:
		return nil, r.Err.Error()
	case r.Size > keys.MaxDocument:
		return nil, "the answer is too large"
	case r.Encoding != "" && !(r.Status == 200 && c.revokes):
		return nil, r.Compressed().Error()
	case r.Status == 200 && c.revokes: // RFC 7009, section 2.2: whatever the body
		return &Answer{Status: 200, Outcome: metrics.ProxyExchanged}, ""
	case r.Status != 200 && r.Status/100 != 4, !introspect.IsJSON(r.Header("content-type"), true), !wellknown.Valid(r.Body),
		!gjson.ParseBytes(r.Body).IsObject():
		if r.Status == 401 {
			return nil, ownCredentials
		}
		return nil, "status " + strconv.Itoa(r.Status) + ", with no answer of a token endpoint"
	case strings.Contains(string(r.Body), p.how.Secret):
		return nil, "the answer has the client's secret"
	}
	a = &Answer{Status: uint32(r.Status), Body: r.Body, Outcome: metrics.ProxyExchanged}
	code := wellknown.Text(wellknown.Member(string(r.Body), "error"))
	if a.Status == 401 && code != "invalid_grant" { // that one is the client's fault with any status
		return nil, ownCredentials
	}
	if code == "" {
		if r.Status != 200 {
			return nil, "status " + strconv.Itoa(r.Status)
		}
		return a, ""
	}
	a.Outcome = metrics.ProxyDenied
	if a.Status == 200 || a.Status == 401 { // the former as GitHub has it
		a.Status = 400
	}
	switch code {
	case "invalid_client", "unauthorized_client", "incorrect_client_credentials":
		return nil, ownCredentials
	case "bad_verification_code", "bad_refresh_token":
		// GitHub's names, which no client knows.
		a.Body, a.Code, a.Description = nil, "invalid_grant", "the code or the refresh token is not valid"
	}
	return a, ""
}

const ownCredentials = "it refuses the client of the gateway: client_id, the secret or auth is not what it expects"
