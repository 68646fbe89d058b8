// Package introspect asks an authorization server about tokens: at its introspection
// endpoint (RFC 7662), or with a GET request that carries the token, where a server
// has nothing else.
//
// [Client.Ask] takes a question, and [Client.Tick] sends what is to be sent. A Client
// reaches the outside through a [callout.Host] only. It decides whether the server
// vouches for a token; the caller checks the claims, as it checks those of a JWT.
package introspect

import (
	"hash/maphash"
	"strings"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/discovery"
	"mcpauth/internal/tokencache"
	"mcpauth/jwtlite"
)

const (
	maxSent    = 64               // Calls under way in one worker for one server
	maxCalls   = 512              // Calls that are under way or wait until others have ended
	maxWait    = 10 * time.Second // of a Call until it is sent: no request waits longer for it
	maxGood    = 4096             // results for good tokens that are cached
	maxBad     = 1024             // results for other tokens that are cached
	badTime    = 5 * time.Second  // for which the result for a bad token is cached
	failedTime = time.Second      // for which the result is cached that there was no answer

	// RetryAfter is the number of seconds after which a client may try again when
	// the server did not answer.
	RetryAfter = 5
)

// Client asks one authorization server about tokens, for one worker.
type Client struct {
	cfg         *config.Introspection
	clockSkew   time.Duration // of the server
	host        callout.Host
	credentials callout.Credentials
	discovery   *discovery.Client
	lookup      lookup
	stateLog    callout.StateLog // tells whether tokens can be checked
	tokenLog    callout.EventLog // tells what is wrong with single tokens
	token       jwtlite.Token    // reused, to read responses

	// Two caches, so that a flood of bad tokens pushes no good token out.
	good, bad *tokencache.Cache[Result]

	// Answered and Failed count the questions that the server answered, and those
	// that it did not.
	Answered, Failed int32

	calls []*Call // that have not ended, one for each token
	queue []*Call // those of calls that are not sent yet, oldest first
	size  int     // of calls, in units of sizeUnit
	seed  maphash.Seed
}

// sizeUnit is the length from which a token counts more than once, so that large tokens
// take no more memory than maxCalls of this length. The places of requests that wait are
// of the same size.
const sizeUnit = 8192

// New returns the Client of a server that has an Introspection. d finds the endpoint
// if the configuration does not name it.
func New(server *config.AuthorizationServer, d *discovery.Client, host callout.Host) *Client {
	c := &Client{
		cfg:       server.Introspection,
		clockSkew: server.ClockSkew,
		host:      host,
		seed:      maphash.MakeSeed(),
		discovery: d,
		stateLog:  callout.NewStateLog(host, server.Issuer, "tokens", "checked"),
		tokenLog:  callout.NewEventLog(host, server.Issuer, "token"),
		good:      tokencache.New[Result](maxGood),
		bad:       tokencache.New[Result](maxBad),
	}
	if cfg := c.cfg; cfg.Userinfo == nil { // a userinfo endpoint takes the token as credentials
		c.credentials = callout.NewCredentials(cfg.Auth, cfg.ClientID, cfg.Secret)
	}
	return c
}

// A Result is what the server says about a token. If both Claims and Err are nil,
// the server did not answer.
type Result struct {
	// Claims is what the server says about a token for which it vouches, a JSON
	// object.
	Claims []byte

	// Err is why the server does not vouch for the token.
	Err error

	// RetryAfter is the number of seconds that the server asks to be left alone,
	// where it did not answer; 0 stands for [RetryAfter].
	RetryAfter int

	received, until callout.UnixMilli
}

// ValidUntil returns the time, in whole seconds, before which the Result holds for
// requests that did not wait for it.
func (r *Result) ValidUntil() time.Time { return time.Unix(int64(r.until)/1000, 0) }

// holds reports whether a result is for a request that arrived at a time: the result
// is young enough, or came while the request waited.
func (r *Result) holds(arrived, now callout.UnixMilli) bool {
	return r.received <= now && (now < r.until || arrived <= r.received)
}

// A Call is a question to the server. It ends once.
type Call struct {
	token string
	hash  uint64 // of token, so that a request compares its token with hardly any other
	began callout.UnixMilli
	ended bool
}

// Waiting reports whether the Call has not ended.
func (c *Call) Waiting() bool { return !c.ended }

// Ended returns 1 once the server has answered or is not expected to, else 0.
func (c *Call) Ended() uint64 {
	if c.ended {
		return 1
	}
	return 0
}

// RetryAfter returns the number of seconds after which a client may try again if the
// server does not answer.
func (c *Call) RetryAfter() int { return RetryAfter }

// size returns how much the Call counts in Client.size.
func (c *Call) size() int { return 1 + len(c.token)/sizeUnit }

// Ask returns what is known about a token, for a request that arrived at a time. If
// nothing is known, it returns the Call that will change that; requests with the same
// token share it. If there are too many Calls, it returns neither.
func (c *Client) Ask(token string, arrived callout.UnixMilli) (*Result, *Call) {
	now := c.host.Now()
	for _, cache := range [...]*tokencache.Cache[Result]{c.good, c.bad} {
		if r, claims := cache.Get(0, token); r != nil && r.holds(arrived, now) {
			known := *r
			if claims != "" {
				known.Claims = []byte(claims)
			}
			return &known, nil
		}
	}
	hash := maphash.String(c.seed, token)
	for i := len(c.calls) - 1; i >= 0; i-- {
		switch call := c.calls[i]; {
		case !call.began.Within(callout.LostAfter, now):
			c.end(call)
		case call.hash == hash && call.token == token:
			return nil, call
		}
	}
	call := &Call{token: token, hash: hash, began: now}
	if c.size+call.size() > maxCalls {
		return nil, nil
	}
	call.token = strings.Clone(token)
	c.size += call.size()
	c.calls = append(c.calls, call)
	c.queue = append(c.queue, call)
	return nil, call
}

// Pending reports whether Tick has something to send.
func (c *Client) Pending() bool {
	return len(c.queue) > 0 && c.sent() < maxSent && !c.lookup.waiting && !c.lookup.underWay(c.host.Now())
}

// sent returns how many Calls are under way.
func (c *Client) sent() int { return len(c.calls) - len(c.queue) }

// Searching reports whether questions wait until the endpoint is found.
func (c *Client) Searching() bool { return len(c.queue) > 0 && c.sent() < maxSent }

// Tick sends the questions that have come up, once the endpoint is known, as far as few
// enough are under way. The plugin also calls it after each response.
func (c *Client) Tick() {
	c.stateLog.Tick()
	if len(c.queue) == 0 {
		return
	}
	c.dropLate()
	endpoint, wait := c.endpoint()
	if wait {
		return
	}
	if endpoint == nil {
		for i := len(c.queue) - 1; i >= 0; i-- {
			if call := c.queue[i]; call.began <= c.lookup.failed { // else it came after the failed search began
				c.keep(call, &Result{}, 0)
			}
		}
		return
	}
	for len(c.queue) > 0 && c.sent() < maxSent {
		call := c.queue[0]
		c.queue = c.queue[1:]
		c.send(endpoint, call)
	}
}

// dropLate ends the Calls whose responses the host has lost, and those that have waited
// too long to be sent: the requests that wait for them get no answer.
func (c *Client) dropLate() {
	now := c.host.Now()
	for i := len(c.calls) - 1; i >= 0; i-- {
		if call := c.calls[i]; !call.began.Within(callout.LostAfter, now) {
			c.end(call)
		}
	}
	for len(c.queue) > 0 && !c.queue[0].began.Within(maxWait, now) {
		c.keep(c.queue[0], &Result{}, failedTime)
	}
}

// send asks about one token.
func (c *Client) send(endpoint *config.URL, call *Call) {
	err := c.host.Send(c.cfg.Cluster, c.request(endpoint, call.token), func(r *callout.Response) {
		if !call.ended {
			c.receive(endpoint, call, r)
		}
	})
	if err != nil {
		c.Failed++
		c.stateLog.Set(callout.CannotCall(c.cfg.Cluster, err))
		c.keep(call, &Result{}, failedTime)
	}
}

// request returns the question about a token: a POST (RFC 7662, section 2.1), or a
// GET with the token as credentials.
func (c *Client) request(endpoint *config.URL, token string) callout.Request {
	if u := c.cfg.Userinfo; u != nil {
		return callout.GetWithToken(endpoint, token, u.Headers)
	}
	var form callout.Form
	form.Add("token", token)
	form.Add("token_type_hint", "access_token")
	return c.credentials.Post(endpoint, form)
}

// receive takes in the response to a Call.
func (c *Client) receive(endpoint *config.URL, call *Call, r *callout.Response) {
	result, problem := c.read(r)
	duration := c.cfg.MaxCache
	switch {
	case problem != "":
		c.Failed++
		result, duration = &Result{RetryAfter: r.RetryAfter()}, failedTime
		if r.Status == 429 || r.Status == 403 {
			duration = max(duration, time.Duration(result.RetryAfter)*time.Second)
		}
		problem = endpoint.WithoutQuery() + ": " + problem
	case result.Err != nil:
		c.Answered++
		duration = min(duration, badTime)
	default:
		c.Answered++
		duration = c.cacheTime(duration)
	}
	c.keep(call, result, duration)
	c.stateLog.Set(problem)
}

// cacheTime returns for how long the response that read has read is cached, at most
// duration. It is not cached beyond its exp (RFC 7662, section 4): within the clock skew
// after exp, each request asks anew. Later the caller refuses the token, which is cached
// like any other refusal.
func (c *Client) cacheTime(duration time.Duration) time.Duration {
	exp := &c.token.Claims().Expires
	if !exp.Set {
		return duration
	}
	left := exp.Unix()*1000 - int64(c.host.Now()) // in milliseconds: far dates do not fit a Duration
	if left <= -c.clockSkew.Milliseconds() {
		return min(duration, badTime)
	}
	return time.Duration(min(max(left, 0), duration.Milliseconds())) * time.Millisecond
}

// keep ends a Call with a result, which it caches for a duration.
func (c *Client) keep(call *Call, r *Result, duration time.Duration) {
	c.end(call)
	r.received = c.host.Now()
	r.until = r.received.Add(duration)
	c.good.Delete(0, call.token)
	c.bad.Delete(0, call.token)
	claims := r.Claims
	r.Claims = nil // the cache holds them beside the Result
	if r.Err == nil && claims != nil {
		c.good.Put(0, call.token, *r, claims)
		return
	}
	c.bad.Put(0, call.token, *r, nil)
}

// end ends a Call, sent or not.
func (c *Client) end(call *Call) {
	if call.ended {
		return
	}
	call.ended = true
	c.size -= call.size()
	c.calls, c.queue = without(c.calls, call), without(c.queue, call)
}

// without removes a Call from a list, if it is there.
func without(list []*Call, call *Call) []*Call {
	for i, other := range list {
		if other == call {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}
