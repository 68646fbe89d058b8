// Package introspect finds out about tokens by asking their authorization
// server: at its introspection endpoint (RFC 7662), or with a GET that carries
// the token, where a server has nothing else.
//
// A [Checker] is asked about a token by [Checker.Ask] and sends what it has to
// send in [Checker.Tick]; it reaches the outside through a [Host] only. It
// decides whether the server vouches for a token; what the server says about it
// is for the caller to judge, as the claims of a JWT are.
package introspect

import (
	"strings"
	"time"

	"mcpauth/config"
	"mcpauth/internal/keys"
	"mcpauth/internal/tokencache"
	"mcpauth/jwtlite"
)

const (
	maxCalls   = 64               // under way in one worker for one server
	maxGood    = 4096             // answers about good tokens that are remembered
	maxBad     = 1024             // and others
	badTime    = 5 * time.Second  // for which a bad token is remembered
	failedTime = time.Second      // for which no answer is
	callTime   = 20 * time.Second // longer than any call takes: the host lost it

	// RetryAfter is how many seconds to wait when there was no answer.
	RetryAfter = 5
)

// A Host is what a Checker needs of the proxy.
type Host interface {
	keys.Host
	// Send sends a request to a cluster and calls done once, after it has
	// returned, with the answer or with a Response that has an Err. An error
	// means that nothing was sent and done will not be called. It waits for an
	// answer for keys.CalloutTimeout.
	Send(cluster string, headers [][2]string, body []byte, done func(Response)) error
}

// A Response is the answer to a Send.
type Response struct {
	keys.Response
	Headers [][2]string // names in lower case
}

// Checker asks one authorization server about tokens, for one worker.
type Checker struct {
	server  *config.AuthorizationServer
	how     *config.Introspection
	host    Host
	client  Credentials
	search  search
	report  Report        // on whether tokens can be checked
	clients Report        // on those that are not registered
	notice  Notice        // about what is wrong with single tokens
	token   jwtlite.Token // reused, to read answers

	// Two caches, so that a flood of bad tokens pushes out no good one.
	good, bad *tokencache.Cache[Answer]

	// Answered and Failed count the questions that got an answer and those that
	// got none.
	Answered, Failed int32

	calls []*Call // under way, one for a token
	queue []*Call // of them, those not sent yet
}

// New returns the Checker of a server that has an Introspection. insecure
// allows an endpoint found in metadata to be http.
func New(server *config.AuthorizationServer, insecure bool, host Host) *Checker {
	c := &Checker{
		server:  server,
		how:     server.Introspection,
		host:    host,
		client:  authentication(server.Introspection),
		report:  NewReport(host, server.Issuer, "tokens", "checked"),
		clients: NewReport(host, server.Issuer, "unknown clients", "registered"),
		notice:  NewNotice(host, server.Issuer, "token"),
		good:    tokencache.New[Answer](maxGood),
		bad:     tokencache.New[Answer](maxBad),
	}
	c.search.insecure = insecure
	c.search.found = c.how.Endpoint
	return c
}

// An Answer is what is known about a token.
type Answer struct {
	// Claims are what the server says about a token for which it vouches, a
	// JSON object; nil if there is a Fault or nobody knows.
	Claims []byte

	// Fault is why the server does not vouch for the token; nil if it does or
	// nobody knows.
	Fault error

	// RetryAfter are the seconds after which it is worth asking again, where
	// nobody knows; 0 stands for [RetryAfter].
	RetryAfter int

	at, until int64 // Unix milliseconds
}

// Until returns the time, in Unix seconds, before which the Answer holds for
// requests that did not wait for it.
func (a *Answer) Until() int64 { return a.until / 1000 }

// holds reports whether an answer is for a request that arrived at a time, in
// Unix milliseconds: it is young enough, or came when the request was there.
func (a *Answer) holds(arrived, now int64) bool {
	return a.at <= now && (now < a.until || arrived <= a.at)
}

// A Call is a question under way. It ends once.
type Call struct {
	token string
	began int64
	ended bool
}

// Waiting reports whether the answer is still to come.
func (c *Call) Waiting() bool { return !c.ended }

// Ended is 1 once it has come, or will not come any more.
func (c *Call) Ended() uint64 {
	if c.ended {
		return 1
	}
	return 0
}

// RetryAfter returns the seconds after which it is worth asking again when there
// was no answer.
func (c *Call) RetryAfter() int { return RetryAfter }

// Ask returns what is known about a token for a request that arrived at a time
// (Unix milliseconds). If that is nothing, it returns the Call that will change
// it, one for all who ask about the token, or, if there are too many, neither.
func (c *Checker) Ask(token string, arrived int64) (*Answer, *Call) {
	now := c.host.Now()
	for _, cache := range [...]*tokencache.Cache[Answer]{c.good, c.bad} {
		if a, claims := cache.Get(0, token); a != nil && a.holds(arrived, now) {
			known := *a
			if claims != "" {
				known.Claims = []byte(claims)
			}
			return &known, nil
		}
	}
	for i := len(c.calls) - 1; i >= 0; i-- {
		switch call := c.calls[i]; {
		case call.lost(now):
			c.end(call)
		case call.token == token:
			return nil, call
		}
	}
	if len(c.calls) >= maxCalls {
		return nil, nil
	}
	call := &Call{token: strings.Clone(token), began: now}
	c.calls = append(c.calls, call)
	c.queue = append(c.queue, call)
	return nil, call
}

func (c *Call) lost(now int64) bool {
	elapsed := now - c.began
	return elapsed < 0 || elapsed >= callTime.Milliseconds()
}

// Pending reports whether Tick has something to send.
func (c *Checker) Pending() bool {
	return len(c.queue) > 0 && !c.search.waits && !c.search.underWay(c.host.Now())
}

// Searching reports whether questions wait until it is known where to send them.
func (c *Checker) Searching() bool { return len(c.queue) > 0 }

// Tick sends the questions that have come up, once it is known where to.
func (c *Checker) Tick() {
	c.report.Tick()
	c.clients.Tick()
	if len(c.queue) == 0 {
		return
	}
	endpoint, wait := c.endpoint()
	if wait {
		return
	}
	queue := c.queue
	c.queue = nil
	for _, call := range queue {
		switch {
		case call.ended: // it was given up
		case endpoint == nil && call.began > c.search.failed:
			c.queue = append(c.queue, call) // it came after that search began
		case endpoint == nil:
			c.remember(call, &Answer{}, 0)
		default:
			c.send(endpoint, call)
		}
	}
}

// send asks about one token.
func (c *Checker) send(endpoint *config.URL, call *Call) {
	headers, body := c.request(endpoint, call.token)
	err := c.host.Send(c.how.Cluster, headers, body, func(r Response) {
		if !call.ended {
			c.answered(endpoint, call, r)
		}
	})
	if err != nil {
		c.Failed++
		c.report.Say(NoCluster(c.how.Cluster, err))
		c.remember(call, &Answer{}, failedTime)
	}
}

// answered takes in the answer to a Call.
func (c *Checker) answered(endpoint *config.URL, call *Call, r Response) {
	a, wrong := c.read(r)
	d := c.how.MaxCache
	if wrong == "" {
		c.Answered++
	}
	switch {
	case wrong != "":
		c.Failed++
		a, d = &Answer{RetryAfter: r.RetryAfter()}, failedTime
		if r.Status == 429 || r.Status == 403 {
			d = max(d, time.Duration(a.RetryAfter)*time.Second)
		}
		wrong = endpoint.WithoutQuery() + ": " + wrong
	case a.Fault != nil:
		d = min(d, badTime)
	}
	c.remember(call, a, d)
	c.report.Say(wrong)
}

// remember ends a Call with an answer that holds for a time.
func (c *Checker) remember(call *Call, a *Answer, d time.Duration) {
	c.end(call)
	a.at = c.host.Now()
	a.until = a.at + d.Milliseconds()
	c.good.Delete(0, call.token)
	c.bad.Delete(0, call.token)
	claims := a.Claims
	a.Claims = nil // they are in the cache beside it
	if a.Fault == nil && claims != nil {
		c.good.Put(0, call.token, *a, claims)
		return
	}
	c.bad.Put(0, call.token, *a, nil)
}

func (c *Checker) end(call *Call) {
	call.ended = true
	for i, other := range c.calls {
		if other == call {
			c.calls = append(c.calls[:i], c.calls[i+1:]...)
			return
		}
	}
}
