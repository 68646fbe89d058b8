package main

import (
	"errors"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/internal/gate"
)

// How a request is treated whose verdict depends on its body. Where Envoy lets
// a filter stop the headers alone (allow_on_headers_stop_iteration), nothing of
// the request goes on before the verdict. Elsewhere the headers go on, since
// Envoy would keep the body from the plugin too, and no byte of the body does.

// awaitBody returns what becomes of the headers now that the body decides.
func (s *stream) awaitBody() types.Action {
	switch {
	case s.complete:
		return s.decideBody()
	case s.plugin.stopsHeaders:
		s.plugin.bodies.await(clock().UnixMilli())
		return types.ActionPause
	}
	return types.ActionContinue
}

// OnHttpRequestBody keeps the body until it is complete and decided on. size is
// that of all that was kept so far.
func (s *stream) OnHttpRequestBody(size int, endOfStream bool) types.Action {
	switch {
	case s.stage == answered:
		return types.ActionPause
	case s.body == nil && s.stage != waiting:
		return types.ActionContinue
	case s.body != nil && size > s.body.MaxBytes:
		s.leaveQueue()
		v := s.body.TooLarge()
		s.count(v.Outcome())
		return s.answer(v.Response())
	}
	s.plugin.bodies.seen = true
	if !endOfStream {
		return types.ActionPause
	}
	return s.endBody()
}

// endBody decides on a body that is complete, if the verdict depends on one.
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

// endTrailers does the same at the end of trailers. Body and trailers of a request
// that waited may both come in the callbacks of its resumption: Envoy then loses
// the body if the trailers are let on at once, so that this waits for a tick.
func (s *stream) endTrailers() types.Action {
	if !s.resumed || s.body == nil || s.stage == answered {
		return s.endBody()
	}
	s.complete = true
	if !s.plugin.held.room(s.plugin.turns, 1) {
		return s.settle(s.body.NoRoom())
	}
	s.wait(nil, clock().UnixMilli(), turn{}, s.plugin.turns)
	return types.ActionPause
}

// maxTurns is how many requests may wait for the next tick alone.
const maxTurns = 1024

// A turn is waited for by a request that waits for the next tick alone.
type turn struct{}

func (turn) Waiting() bool   { return false }
func (turn) Ended() uint64   { return 0 }
func (turn) RetryAfter() int { return 1 }

// decideBody carries the verdict on the body out.
func (s *stream) decideBody() types.Action {
	if s.body.Queue != nil && !s.plugin.held.room(s.body.Queue, 1) {
		return s.settle(s.body.NoRoom())
	}
	v, err := s.askBody()
	if err != nil {
		return s.fault("the request's body cannot be read", err)
	}
	if v.Kind() == gate.KindWait && s.plugin.held.room(v.Queue(), 1) {
		s.wait(nil, clock().UnixMilli(), v.Wait(), v.Queue())
		return types.ActionPause
	}
	return s.settle(v)
}

// askBody returns the verdict on the body. It asks for one byte too many, so that
// a part of a body is never taken for all of it.
func (s *stream) askBody() (gate.Verdict, error) {
	body, err := requestBody(s.body.MaxBytes + 1)
	switch {
	case err != nil:
		return gate.Verdict{}, err
	case len(body) > s.body.MaxBytes:
		return s.body.TooLarge(), nil
	}
	return s.body.Decide(body), nil
}

// settle carries out a verdict on the body. A request that would have to wait has
// no room to.
func (s *stream) settle(v gate.Verdict) types.Action {
	s.body = nil
	switch v.Kind() {
	case gate.KindForward:
		s.count(v.Outcome())
		return types.ActionContinue
	case gate.KindRespond, gate.KindWait:
		s.count(v.Outcome())
		return s.answer(v.Response())
	}
	return s.fault("the request's body cannot be decided on", errNoVerdict)
}

// errNoVerdict reports a verdict of a kind that the plugin does not expect.
var errNoVerdict = errors.New("there is no verdict")

func (s *stream) leaveQueue() {
	if s.stage == waiting {
		s.plugin.held.remove(s)
		s.stage = open
	}
}

// bodies watches for allow_on_headers_stop_iteration being set for the plugin
// but not for Envoy, which then keeps every body from it.
type bodies struct {
	seen  bool  // one came
	told  bool  // the log has it
	since int64 // Unix milliseconds: when the first was waited for, 0 for not yet
}

// maxSilence, in milliseconds, is how long no body may come before the log says
// so: clients send it along with the headers.
const maxSilence = 10_000

func (b *bodies) await(now int64) {
	if b.since == 0 {
		b.since = now
	}
}

func (b *bodies) review(now int64) {
	if b.since == 0 || b.seen || b.told || now-b.since < maxSilence {
		return
	}
	b.told = true
	logError("no request body has come in 10 s: allow_on_headers_stop_iteration must be set in Envoy's PluginConfig too, or not at all")
}
