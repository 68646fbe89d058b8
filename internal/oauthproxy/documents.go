package oauthproxy

import (
	"strings"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
)

const (
	// maxDocuments bounds the documents that one worker knows of one source: those that it
	// has, those that it fetches, and those that it could not get lately.
	maxDocuments = 64

	// documentAge is how long a document is used if its response does not say: see
	// [callout.Response.Fresh] for one that says.
	documentAge = 5 * time.Minute

	// documentBurst and documentInterval bound the fetches of unknown documents of one
	// source by one worker: a few at once, and then one in each interval. Whoever makes up
	// URLs below a configured "/*" causes no more requests to its host than that.
	documentBurst    = 8
	documentInterval = time.Second
)

// documentBackoff is how long a document is not fetched again that could not be had or is
// not valid.
var documentBackoff = callout.Backoff{First: 5 * time.Second, Max: time.Minute}

// A documentSource has the documents of one config.ClientDocument.
type documentSource struct {
	*config.ClientDocument
	paid  callout.UnixMilli // when all fetches so far are paid for, each by a documentInterval
	known []*Fetch
}

// A Fetch gets the document of one client, again and again. Requests wait until its present
// request has ended. It holds what the last one brought.
type Fetch struct {
	client   client // its id alone if there is a problem
	problem  string // why there is no document
	queued   bool   // the present request is not sent yet
	waiting  bool   // there is a present request
	ended    uint64 // requests that have ended
	failures uint64 // in a row

	began    callout.UnixMilli // the present request
	received callout.UnixMilli // the last response
	until    callout.UnixMilli // until when it is used
	used     callout.UnixMilli
}

// Waiting reports whether a request is under way.
func (f *Fetch) Waiting() bool { return f.waiting }

// Ended returns a number that changes with the end of each request.
func (f *Fetch) Ended() uint64 { return f.ended }

// RetryAfter returns the number of seconds after which a user may try again if the request
// does not end.
func (f *Fetch) RetryAfter() int { return RetryAfter }

// sourceOf returns the source of the document at a URL, nil if the configuration names none.
func (p *Proxy) sourceOf(url string) *documentSource {
	for _, s := range p.sources {
		if s.Matches(url) {
			return s
		}
	}
	return nil
}

// document returns the Fetch of a document of s. If it is Waiting, so must the caller.
// Otherwise it has the document, or a problem. document returns nil if too many documents
// are being fetched.
func (p *Proxy) document(s *documentSource, url string) *Fetch {
	now := p.host.Now()
	f := s.find(url)
	if f != nil {
		f.used = now
		if f.waiting && !f.began.Within(callout.LostAfter, now) {
			p.endFetch(f, client{}, "no answer", 0)
		}
		if f.waiting || f.received <= now && now < f.until {
			return f
		}
	}
	if (f == nil || f.problem != "") && !s.pay(now) {
		return nil
	}
	if f == nil {
		if f = s.add(strings.Clone(url)); f == nil {
			return nil
		}
		f.used = now
	}
	f.queued, f.waiting, f.began = true, true, now
	p.fetches = true
	return f
}

func (s *documentSource) find(url string) *Fetch {
	for _, f := range s.known {
		if f.client.id == url {
			return f
		}
	}
	return nil
}

// pay reports whether one more unknown document may be fetched, and counts it.
func (s *documentSource) pay(now callout.UnixMilli) bool {
	due := max(s.paid.Sub(now), 0)
	if due > documentBurst*documentInterval { // the clock went back
		due = 0
	}
	if due > (documentBurst-1)*documentInterval {
		return false
	}
	s.paid = now.Add(due + documentInterval)
	return true
}

// add adds a document. If there are too many, it takes the place of the one that was used
// least recently, and first of those that could not be had. add returns nil if all are being
// fetched.
func (s *documentSource) add(url string) *Fetch {
	f := &Fetch{client: client{id: url}}
	if len(s.known) < maxDocuments {
		s.known = append(s.known, f)
		return f
	}
	var oldest **Fetch
	for i, other := range s.known {
		if !other.waiting && (oldest == nil || other.age() < (*oldest).age()) {
			oldest = &s.known[i]
		}
	}
	if oldest == nil {
		return nil
	}
	*oldest = f
	return f
}

// age returns a number that is least for what is given up first.
func (f *Fetch) age() callout.UnixMilli {
	if f.problem != "" {
		return f.used - 1<<50 // before all others
	}
	return f.used
}

// sendFetches sends the requests for documents that have come up.
func (p *Proxy) sendFetches() {
	if !p.fetches {
		return
	}
	p.fetches = false
	for _, s := range p.sources {
		for _, f := range s.known {
			if f.queued {
				f.queued = false
				p.sendFetch(s, f)
			}
		}
	}
}

func (p *Proxy) sendFetch(s *documentSource, f *Fetch) {
	round := f.ended
	u, err := config.ParseURL(f.client.id)
	if err == nil {
		err = callout.Get(p.host, s.Cluster, u, func(r *callout.Response) {
			if f.ended != round { // it was given up
				return
			}
			c, problem := p.readDocument(f.client.id, r)
			wait := r.Fresh
			if problem != "" {
				wait = time.Duration(r.RetryAfter()) * time.Second
			}
			p.endFetch(f, c, problem, wait)
		})
	}
	if err != nil {
		p.endFetch(f, client{}, callout.CannotCall(s.Cluster, err), 0)
	}
}

// endFetch ends the present request with a client, or a problem. wait is the time to the
// next one that the response names; 0 if it names none.
func (p *Proxy) endFetch(f *Fetch, c client, problem string, wait time.Duration) {
	url := f.client.id
	f.queued, f.waiting, f.problem = false, false, problem
	f.ended++
	if problem == "" {
		f.failures = 0
		if wait == 0 {
			wait = documentAge
		}
	} else {
		f.failures++
		wait = max(wait, documentBackoff.After(f.failures))
		c = client{}
		p.documentLog.Log("the client ID metadata document " + callout.Quote(url) + " cannot be used: " + problem)
	}
	c.id = url
	f.client = c
	f.received = p.host.Now()
	f.until = f.received.Add(wait)
}
