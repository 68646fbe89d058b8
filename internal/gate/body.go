package gate

import "mcpauth/internal/metrics"

// A Body decides on a request by its body.
type Body struct {
	// Limit is the size in bytes above which it is not looked at.
	Limit int

	// Decide returns the verdict on the whole body, which it must not keep.
	// Headers of a Pass are of no effect. After a Wait it is asked again. now is
	// in Unix milliseconds: a time.Time, in a function type that can be reached
	// from an interface, links 60 kB. It is nil in a Verdict's Keep.
	Decide func(body []byte, now int64) Verdict

	// Queue is set where Decide may begin what cannot be undone, and return a
	// Wait for it: there has to be room in it before.
	Queue *Queue

	origin string // see [Request.readers]
}

// TooLarge returns the verdict on a request with a body above the limit.
func (b *Body) TooLarge() Verdict {
	return reply(problem(413, codeTooLarge, "the request's body is too large", b.origin), metrics.BodyTooLarge)
}

// NoRoom returns the verdict on a request that would have to wait, where too
// many do.
func (b *Body) NoRoom() Verdict {
	return reply(unavailable(b.origin, 1), metrics.NoRoom)
}

// GiveUp returns the verdict on a request whose body was decided on, but that
// has waited long enough.
func (b *Body) GiveUp(w Wait) Verdict {
	return reply(unavailable(b.origin, w.RetryAfter()), metrics.Waited)
}
