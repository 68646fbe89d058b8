package gate

import (
	"mcpauth/internal/metrics"
	"mcpauth/internal/reply"
)

// A Kind says what becomes of a request. The zero Kind is none: a zero [Verdict]
// lets nothing on.
type Kind uint8

const (
	// KindRespond: the gateway answers with [Verdict.Response].
	KindRespond Kind = iota + 1

	// KindForward: the request goes on to the server as [Verdict.Pass] says. A
	// verdict on a body has no Pass: the headers have been set before.
	KindForward

	// KindForwardIfBody: the headers are set as [Verdict.Pass] says, and then
	// [Verdict.Body] decides whether the request goes on.
	KindForwardIfBody

	// KindAwaitBody: [Verdict.Body] decides. The request never goes on to a
	// server.
	KindAwaitBody

	// KindWait: the caller asks for a new verdict when [Verdict.Wait] has ended. If
	// [Verdict.Queue] has no room, the gateway answers with [Verdict.Response].
	KindWait
)

// A Verdict says what becomes of a request. Its kind says which of its methods
// return a value; the others return nil. Only this package makes verdicts: there is
// a function for each kind, such as respond for KindRespond.
type Verdict struct {
	kind     Kind
	outcome  metrics.Outcome
	response *reply.Response
	pass     *Pass
	body     *Body
	hold     *hold // of KindWait
}

// A hold is what a verdict of KindWait has beside its response.
type hold struct {
	wait        Wait
	queue       *Queue
	pendingBody *Body
}

// respond returns a verdict of KindRespond.
func respond(r *reply.Response, o metrics.Outcome) Verdict {
	return Verdict{kind: KindRespond, response: r, outcome: o}
}

// The values of config.VerdictHeaderName: the request has a token that was verified,
// or it needs none.
const (
	verdictToken  = "token"
	verdictPublic = "public"
)

// forward returns a verdict of KindForward on the headers of a request, which change as
// g.pass says. verdict is verdictToken or verdictPublic.
func (g *Gate) forward(verdict string, o metrics.Outcome) Verdict {
	if g.verdictHeader {
		g.pass.Verdict = verdict
	}
	return Verdict{kind: KindForward, pass: &g.pass, outcome: o}
}

// forwardBody returns a verdict of KindForward on the body of a request.
func forwardBody(o metrics.Outcome) Verdict { return Verdict{kind: KindForward, outcome: o} }

// forwardIfBody returns v, of KindForward, as a verdict of KindForwardIfBody.
func forwardIfBody(v Verdict, b *Body) Verdict {
	return Verdict{kind: KindForwardIfBody, pass: v.pass, body: b, outcome: v.outcome}
}

// awaitBody returns a verdict of KindAwaitBody.
func awaitBody(b *Body) Verdict { return Verdict{kind: KindAwaitBody, body: b} }

// waitFor returns a verdict of KindWait. noRoom is the response if q has no room.
func waitFor(w Wait, q *Queue, noRoom *reply.Response) Verdict {
	return Verdict{kind: KindWait, hold: &hold{wait: w, queue: q}, response: noRoom, outcome: metrics.NoRoom}
}

// Kind returns what becomes of the request.
func (v *Verdict) Kind() Kind { return v.kind }

// Response returns the response, for KindRespond and KindWait. That of KindWait may
// share memory with the request's headers: the caller sends it at once or not at all.
func (v *Verdict) Response() *reply.Response { return v.response }

// Pass returns how the headers of the request change, for KindForward and
// KindForwardIfBody. It is valid until the next decision.
func (v *Verdict) Pass() *Pass { return v.pass }

// Body returns the [Body] that decides on the request, for KindForwardIfBody and
// KindAwaitBody.
func (v *Verdict) Body() *Body { return v.body }

// Wait returns what the request waits for, for KindWait.
func (v *Verdict) Wait() Wait {
	if v.hold == nil {
		return nil
	}
	return v.hold.wait
}

// Queue returns the queue in which the request waits, for KindWait.
func (v *Verdict) Queue() *Queue {
	if v.hold == nil {
		return nil
	}
	return v.hold.queue
}

// PendingBody returns, for KindWait, the limits of the body if the verdict after the
// wait may depend on it, and nil otherwise. If the host allows it, the caller keeps
// the body during the wait. The Body returned decides nothing.
func (v *Verdict) PendingBody() *Body {
	if v.hold == nil {
		return nil
	}
	return v.hold.pendingBody
}

// Outcome returns the outcome that the metrics count when the request is answered or
// goes on. For KindForwardIfBody and KindAwaitBody, the verdict on the body has it.
func (v *Verdict) Outcome() metrics.Outcome { return v.outcome }

// A Wait is an event for which a request can wait: the end of a fetch of keys, or
// the response of an authorization server.
type Wait interface {
	// Waiting reports whether the event is still to come.
	Waiting() bool
	// Ended returns a number that changes with each event.
	Ended() uint64
	// RetryAfter returns after how many seconds a client should try again if the
	// event does not come in time.
	RetryAfter() int
}

// A Pass says how the headers of a request change before it goes on.
type Pass struct {
	// Identity has the headers that are set on the request.
	Identity Identity

	// KeepAuthorization is set if the gate did not check the request, and if the
	// configuration of the resource forwards the token.
	KeepAuthorization bool

	// DropProof is set if the request has a DPoP header which does not go on.
	DropProof bool

	// Upgrade is set if the request asks for another protocol. It is then the only option
	// of Connection that goes on: a client could name identity headers there too, and a
	// proxy behind the gateway would remove them (RFC 9110, section 7.6.1).
	Upgrade bool

	// Authorization replaces the Authorization header that is kept, if the client
	// did not write the token in the standard form; it is empty otherwise.
	Authorization string

	// Lists filters the response; nil if nothing is to be filtered. The request then goes
	// on without Accept-Encoding: a compressed response could not be read.
	Lists *Lists

	// Verdict is the value of config.VerdictHeaderName; empty if the configuration
	// does not ask for that header.
	Verdict string
}
