package gate

import (
	"mcpauth/internal/metrics"
	"mcpauth/internal/reply"
)

// A Body decides on a request by its body.
type Body struct {
	// MaxBytes is the size above which the body is refused unread.
	MaxBytes int

	// Queue is set if Decide may begin a call, which cannot be undone, and return a
	// verdict of KindWait. The caller must make sure that Queue has room before it
	// calls Decide.
	Queue *Queue

	decide      func(body []byte) Verdict // nil in a pending body
	tooLarge    func() Verdict            // the verdict on a larger body; nil for 413
	allowOrigin string                    // of responses
}

// KeptBody returns the Body of a request on which v has decided already, whatever its body
// is. The caller has kept a part of the body during a wait, for pending, and keeps the rest.
func (g *Gate) KeptBody(pending *Body, v *Verdict) *Body {
	decided := *v
	decided.pass = nil // its headers are set, and the gate reuses it
	return &Body{MaxBytes: pending.MaxBytes, allowOrigin: pending.allowOrigin, decide: func(body []byte) Verdict {
		if g.audit != nil {
			g.audit.reset()
			g.auditRead(body, "", true)
		}
		return decided
	}}
}

// Decide returns the verdict on the whole body, which it does not keep. The
// verdict is of KindRespond, KindForward or KindWait; after a wait the caller calls
// Decide again.
func (b *Body) Decide(body []byte) Verdict { return b.decide(body) }

// TooLarge returns the verdict on a request whose body is larger than MaxBytes.
func (b *Body) TooLarge() Verdict {
	if b.tooLarge != nil {
		return b.tooLarge()
	}
	return respond(reply.ContentTooLarge(b.allowOrigin), metrics.BodyTooLarge)
}

// NoRoom returns the verdict on a request that would have to wait in a full queue.
func (b *Body) NoRoom() Verdict {
	return respond(reply.TokenNotChecked(b.allowOrigin, 1), metrics.NoRoom)
}

// TimedOut returns the verdict on a request whose body has arrived, and which has
// waited too long for w.
func (b *Body) TimedOut(w Wait) Verdict {
	return timedOut(w, b.allowOrigin)
}
