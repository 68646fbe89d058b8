package main

import (
	"errors"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/internal/gate"
)

// The verdict on some requests depends on their body. If Envoy lets a filter stop
// the headers alone (allow_on_headers_stop_iteration), the plugin stops headers and
// body until the verdict. Otherwise it stops the body alone: Envoy would not show
// the plugin the body of a request whose headers are stopped.

// awaitBody returns the action on the headers of a request whose verdict depends on
// the body.
func (s *stream) awaitBody() types.Action {
	switch {
	case s.complete:
		return s.decideBody()
	case s.plugin.stopsHeaders:
		s.plugin.bodies.await(gate.UnixMilli(clock().UnixMilli()))
		return types.ActionPause
	}
	return types.ActionContinue
}

// OnHttpRequestBody stops the body until it is complete and decided on. size is the
// size of all of the body that Envoy has kept so far.
func (s *stream) OnHttpRequestBody(size int, endOfStream bool) types.Action {
	switch {
	case s.stage == answered:
		return types.ActionPause
	case s.body == nil && s.stage != waiting:
		s.observe(size, endOfStream)
		return types.ActionContinue
	case s.body != nil && size > s.body.MaxBytes:
		s.leavePending()
		v := s.body.TooLarge()
		return s.respond(v.Outcome(), v.Response())
	}
	s.plugin.bodies.seen = true
	if !endOfStream {
		return types.ActionPause
	}
	return s.endBody()
}

// endBody decides on a complete body, if the verdict depends on it.
func (s *stream) endBody() types.Action {
	s.complete = true
	switch {
	case s.stage == answered || s.stage == waiting:
		return types.ActionPause
	case s.body == nil:
		return types.ActionContinue
	}
	return s.decideBody()
}

// endTrailers decides on a body that ends with trailers. Body and trailers of a
// resumed request may both come in the callbacks of its resumption. If the plugin
// let the trailers go on there, Envoy would lose the body, so the request waits for
// a tick.
func (s *stream) endTrailers() types.Action {
	if !s.resumed || s.body == nil || s.stage == answered {
		return s.endBody()
	}
	s.complete = true
	if !s.plugin.pending.hasRoom(s.plugin.tickQueue, 1) {
		return s.applyBodyVerdict(s.body.NoRoom())
	}
	s.wait(nil, gate.UnixMilli(clock().UnixMilli()), nextTick{}, s.plugin.tickQueue)
	return types.ActionPause
}

// maxTickQueue bounds the requests that wait for nothing but the next tick.
const maxTickQueue = 1024

// nextTick is the [gate.Wait] of a request that waits for nothing but the next
// tick.
type nextTick struct{}

func (nextTick) Waiting() bool   { return false }
func (nextTick) Ended() uint64   { return 0 }
func (nextTick) RetryAfter() int { return 1 }

// decideBody decides on a complete body and carries out the verdict.
func (s *stream) decideBody() types.Action {
	if s.body.Queue != nil && !s.plugin.pending.hasRoom(s.body.Queue, 1) {
		return s.applyBodyVerdict(s.body.NoRoom())
	}
	v, err := s.bodyVerdict()
	if err != nil {
		return s.fault("the request's body cannot be decided on", err)
	}
	if v.Kind() == gate.KindWait && s.plugin.pending.hasRoom(v.Queue(), 1) {
		s.wait(nil, gate.UnixMilli(clock().UnixMilli()), v.Wait(), v.Queue())
		return types.ActionPause
	}
	return s.applyBodyVerdict(v)
}

// bodyVerdict returns the verdict on the body. It reads one byte more than the
// limit, so that the start of a larger body is never taken for a whole body.
func (s *stream) bodyVerdict() (gate.Verdict, error) {
	body, err := requestBody(0, s.body.MaxBytes+1)
	switch {
	case err != nil:
		return gate.Verdict{}, err
	case len(body) > s.body.MaxBytes:
		return s.body.TooLarge(), nil
	}
	v := s.body.Decide(body)
	return v, s.audit(&v)
}

// applyBodyVerdict carries out a verdict on the body. If the verdict is to wait,
// there is no room, and the request gets the verdict's reply.
func (s *stream) applyBodyVerdict(v gate.Verdict) types.Action {
	s.body = nil
	switch v.Kind() {
	case gate.KindForward:
		return s.forward(v.Outcome())
	case gate.KindRespond, gate.KindWait:
		return s.respond(v.Outcome(), v.Response())
	}
	return s.fault("the request's body cannot be decided on", errNoVerdict)
}

// errNoVerdict reports a verdict of a kind that the plugin does not expect.
var errNoVerdict = errors.New("there is no verdict")

// leavePending withdraws the request if it waits.
func (s *stream) leavePending() {
	if s.stage == waiting {
		s.plugin.pending.withdraw(s)
		s.stage = open
	}
}

// bodyWatch detects that allow_on_headers_stop_iteration is set for the plugin but
// not for Envoy, which then hides every body from the plugin.
type bodyWatch struct {
	seen   bool           // a body has come
	logged bool           // the log has the error
	since  gate.UnixMilli // when the plugin first waited for a body; 0 if it has not
}

// maxBodySilence is the time without any body after which the error is logged.
// Clients send the body along with the headers.
const maxBodySilence = 10 * time.Second

func (b *bodyWatch) await(now gate.UnixMilli) {
	if b.since == 0 {
		b.since = now
	}
}

func (b *bodyWatch) check(now gate.UnixMilli) {
	if b.since == 0 || b.seen || b.logged || now.Sub(b.since) < maxBodySilence {
		return
	}
	b.logged = true
	logError("no request body has come in 10 s, and such requests hang: set allow_on_headers_stop_iteration in Envoy's configuration too, beside vm_config")
}
