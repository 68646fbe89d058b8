package introspect

import (
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/discovery"
)

const (
	searchAgain = time.Minute // least time between searches with an old endpoint in hand
	searchAnew  = time.Second // the same with none, while a question waits
)

// A lookup is what one worker knows about an endpoint that only the server's metadata
// names. A worker looks when it has a question. The workers share what they find, and
// take turns to search.
type lookup struct {
	url     *config.URL       // nil while it is not known
	due     callout.UnixMilli // when to look again
	search  *discovery.Search // under way, since began
	began   callout.UnixMilli // 0 if no search is under way
	failed  callout.UnixMilli // while Tick ends the questions of a failed search: when that began; else 0
	waiting bool              // for another worker's search, or for the next turn
}

func (l *lookup) underWay(now callout.UnixMilli) bool {
	return l.began != 0 && l.began.Within(discovery.SearchLost, now)
}

// endpoint returns where to ask. It returns nil if nobody knows; with wait, a search
// may change that.
func (c *Client) endpoint() (endpoint *config.URL, wait bool) {
	if c.cfg.Endpoint != nil {
		return c.cfg.Endpoint, false
	}
	l := &c.lookup
	if now := c.host.Now(); l.failed == 0 && !l.underWay(now) {
		c.lookUp(now)
	}
	return l.url, l.url == nil && l.failed == 0
}

// lookUp takes over the endpoint that another worker has found, or begins a search
// if it is this worker's turn.
func (c *Client) lookUp(now callout.UnixMilli) {
	l := &c.lookup
	due := now >= l.due || l.due.Sub(now) > discovery.MaxAge // the latter if the clock went back
	if !due && l.url != nil {
		return
	}
	interval := searchAnew
	if l.url != nil {
		interval = searchAgain
	}
	turn := false
	if due {
		turn = c.discovery.TakeTurn(discovery.Introspection, interval)
	} else {
		c.discovery.Load()
	}
	if u, fresh := c.discovery.Endpoint(discovery.Introspection); u != nil {
		l.url, l.due = u, now.Add(max(fresh, searchAgain))
	} else if l.url != nil {
		l.due = now.Add(searchAgain)
	}
	l.waiting = l.url == nil && !turn
	if turn {
		c.search(now)
	}
}

// search searches for the endpoint in the server's metadata.
func (c *Client) search(now callout.UnixMilli) {
	l := &c.lookup
	l.search.Stop() // if the host lost the callout of the last one
	l.began = now
	l.search = c.discovery.Search(discovery.Introspection, func(r discovery.Result) { c.searched(now, r) })
}

// searched ends the search that began at a time, and then the questions that waited
// for it.
func (c *Client) searched(began callout.UnixMilli, r discovery.Result) {
	l, now := &c.lookup, c.host.Now()
	l.began = 0
	switch {
	case r.Err == nil:
		l.url, l.due = r.Endpoint, now.Add(discovery.MaxAge)
	case l.url != nil:
		l.due = now.Add(searchAgain)
	default:
		l.due = began.Add(searchAnew)
		l.failed = began
	}
	if r.Err != nil {
		c.stateLog.Set("the endpoint is not found; " + r.Err.Error())
	}
	c.Tick()
	l.failed = 0
}
