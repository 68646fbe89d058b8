package gate

import "mcpauth/config"

// A Queue counts the requests of one worker that wait for one thing of one
// authorization server. Each such thing has places of its own, so that a flood of
// requests that wait for one takes no place from those that wait for another.
type Queue struct{ limit, taken int }

// NewQueue returns a Queue of so many places.
func NewQueue(limit int) *Queue { return &Queue{limit: limit} }

// Share is how many places a Queue has whatever the others take.
const Share = 64

// Room reports whether there are so many places left in it. crowded says that all
// queues together take more than they should.
func (q *Queue) Room(places int, crowded bool) bool {
	limit := q.limit
	if crowded {
		limit = min(limit, Share)
	}
	return q.taken+places <= limit
}

// Take takes places, or gives back those that are negative.
func (q *Queue) Take(places int) { q.taken += places }

// queues are those of one authorization server. A client can cause most of these
// waits by a request of its own making, so that they have half of the places of
// the one for the first keys.
type queues struct {
	keys     *Queue // for the first keys, or after they grew too old
	missing  *Queue // for keys that the set lacks
	answers  *Queue // for what it says about tokens
	metadata *Queue // for its metadata
	forms    *Queue // for its answers to forms, through oauth_proxy
}

// maxQueue is the number of places for the first keys.
const maxQueue = 1024

// newQueues returns those of each authorization server of c.
func newQueues(c *config.Config) []*queues {
	list := make([]*queues, len(c.AuthorizationServers))
	for i := range list {
		half := func() *Queue { return NewQueue(maxQueue / 2) }
		list[i] = &queues{NewQueue(maxQueue), half(), half(), half(), half()}
	}
	return list
}

// Places returns how many places a request takes: one for each 8 KiB of what is
// kept of it.
func (r *Request) Places() int {
	size := 0
	for _, s := range r.texts() {
		size += len(*s)
	}
	return 1 + size/8192
}

// waiting returns v as the verdict on a request that may wait.
func (v Verdict) waiting(w Wait, q *Queue) Verdict {
	v.Wait, v.Queue = w, q
	return v
}
