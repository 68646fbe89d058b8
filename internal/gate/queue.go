package gate

// A Queue counts the requests of one worker that wait for one kind of event of
// one authorization server. Each kind has places of its own, so that a flood of
// requests that wait for one event takes no place from those that wait for
// another.
type Queue struct{ limit, taken int }

// NewQueue returns a Queue with limit places.
func NewQueue(limit int) *Queue { return &Queue{limit: limit} }

// Share is the number of places that a Queue keeps when all queues together are
// full.
const Share = 64

// Room reports whether the queue has room for places more. crowded says that all
// queues together are full.
func (q *Queue) Room(places int, crowded bool) bool {
	limit := q.limit
	if crowded {
		limit = min(limit, Share)
	}
	return q.taken+places <= limit
}

// Take takes places; it gives them back if places is negative.
func (q *Queue) Take(places int) { q.taken += places }

// queues are the queues of one authorization server.
type queues struct {
	firstKeys   *Queue // for the first keys, or for new ones after they grew too old
	missingKeys *Queue // for keys that the set lacks
	tokens      *Queue // for its responses about tokens
	metadata    *Queue // for its metadata
	forms       *Queue // for its responses to forms, through oauth_proxy
	documents   *Queue // for documents of clients, through oauth_proxy
}

// maxFirstKeys is the number of places in the queue for the first keys. The other
// queues have half as many places, since an unauthenticated client can cause their
// waits.
const maxFirstKeys = 1024

func newQueues() *queues {
	half := func() *Queue { return NewQueue(maxFirstKeys / 2) }
	return &queues{firstKeys: NewQueue(maxFirstKeys), missingKeys: half(), tokens: half(), metadata: half(), forms: half(), documents: half()}
}
