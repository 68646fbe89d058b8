package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/config"
	"mcpauth/internal/gate"
	"mcpauth/internal/metrics"
	"mcpauth/internal/reply"
)

// stream is one request.
type stream struct {
	types.DefaultHttpContext
	id       uint32
	stage    stage
	counted  bool // in the metrics
	complete bool // Envoy has all of the body
	resumed  bool // the request has waited, and has been resumed
	plugin   *plugin
	body     *gate.Body // decides on the body; nil unless the verdict depends on it
}

// stage is how far the plugin is with a request.
type stage uint8

const (
	open     stage = iota // not decided yet, or let through
	waiting               // in plugin.pending
	answered              // refused or answered by the plugin; nothing of it goes on
)

// The SDK has no names for these two actions. After each of them Envoy makes no
// callback and keeps the body until the request is resumed. Envoy reads ActionPause
// as stopAllAndWatermark, unless allow_on_headers_stop_iteration is set: then it
// goes on to call OnHttpRequestBody.
//
// The two differ once Envoy's buffer for the body is full
// (per_connection_buffer_limit_bytes, or the stream's window of HTTP/2). After
// stopAllAndWatermark Envoy reads no more until the body has gone on, which never
// happens if the plugin stops the body after the resumption. After stopAllAndBuffer
// Envoy answers 413.
const (
	stopAllAndBuffer    types.Action = 3 // StopAllIterationAndBuffer
	stopAllAndWatermark types.Action = 4 // StopAllIterationAndWatermark
)

// OnHttpRequestHeaders decides on a request. If a call of the host fails, the
// request does not go on.
//
// The headers share memory that the next openBuffer reuses, and the identity of a
// Pass shares memory that the next decision reuses. The plugin therefore answers or
// lets through this request before it decides on another one, and copies a request
// that has to wait.
func (s *stream) OnHttpRequestHeaders(_ int, endOfStream bool) types.Action {
	trap()
	r := &gate.Request{} // on the stack: writes to it need no write barrier
	if err := s.read(r); err != nil {
		return s.fault("the request's headers cannot be read", err)
	}
	r.HasBody = !endOfStream
	now := clock()
	r.Arrived = gate.UnixMilli(now.UnixMilli())
	v := s.plugin.gate.Decide(r, now)
	if s.plugin.audits() {
		if err := s.audit(&v); err != nil {
			return s.fault(noFilterState, err)
		}
	}
	if v.Kind() == gate.KindWait && s.plugin.pending.hasRoom(v.Queue(), r.Places()) {
		s.wait(r.Clone(), r.Arrived, v.Wait(), v.Queue())
		s.body = v.PendingBody()
		switch {
		case s.body == nil:
			return stopAllAndWatermark
		case s.plugin.stopsHeaders:
			return types.ActionPause
		}
		return stopAllAndBuffer
	}
	return s.applyVerdict(v)
}

// wait makes the request wait for w in a queue. r is nil if the body is to be
// decided on.
func (s *stream) wait(r *gate.Request, arrived gate.UnixMilli, w gate.Wait, queue *gate.Queue) {
	s.plugin.pending.add(s, r, arrived, w, queue)
	s.stage = waiting
	s.plugin.setTick(s.plugin.waitingPeriod())
}

// read reads the headers that a decision needs into r, which is empty, and removes the headers that
// only the gate may set. Header names are in lower case: HTTP/2 requires it, and
// Envoy converts those of HTTP/1.
func (s *stream) read(r *gate.Request) error {
	headers, err := requestHeaders()
	if err != nil {
		return err
	}
	for {
		name, value, ok := headers.Next()
		if !ok {
			return headers.Err()
		}
		if s.plugin.gate.TakeHeader(r, name, value) {
			if err := removeHeader(name); err != nil {
				return err
			}
		}
	}
}

// applyVerdict carries out a verdict on the headers. If the verdict is to wait, there
// is no room, and the request gets the verdict's reply.
func (s *stream) applyVerdict(v gate.Verdict) types.Action {
	kept := s.body // the body came to the plugin while the request waited
	s.body = v.Body()
	switch v.Kind() {
	case gate.KindRespond, gate.KindWait:
		return s.respond(v.Outcome(), v.Response())
	case gate.KindAwaitBody:
		return s.awaitBody()
	case gate.KindForwardIfBody:
		if v.Pass().Lists != nil {
			s.setLists(v.Pass().Lists)
		}
		if what, err := setHeaders(v.Pass()); err != nil {
			return s.fault(what, err)
		}
		return s.awaitBody()
	case gate.KindForward:
		if v.Pass().Lists != nil {
			s.setLists(v.Pass().Lists)
		}
		if what, err := setHeaders(v.Pass()); err != nil {
			return s.fault(what, err)
		}
		if kept != nil && s.plugin.stopsHeaders {
			// If the headers went on before all of the body is there, Envoy 1.36 would
			// lose the rest of it.
			delete(s.plugin.observers, s.id)
			s.body = s.plugin.gate.KeptBody(kept, &v)
			return s.awaitBody()
		}
		return s.forward(v.Outcome())
	}
	return s.fault("the request cannot be decided on", errNoVerdict)
}

// setHeaders changes the headers of the current request, and its filter state. If it
// fails, it returns what failed, for the log.
func setHeaders(p *gate.Pass) (what string, err error) {
	switch {
	case !p.KeepAuthorization:
		if err := removeHeader("authorization"); err != nil {
			return "Authorization cannot be removed", err
		}
	case p.Authorization != "":
		if err := setHeader("authorization", p.Authorization); err != nil {
			return "Authorization cannot be replaced", err
		}
	}
	if p.DropProof {
		if err := removeHeader("dpop"); err != nil {
			return "DPoP cannot be removed", err
		}
	}
	if p.Lists != nil {
		if err := removeHeader("accept-encoding"); err != nil {
			return "Accept-Encoding cannot be removed", err
		}
	}
	if p.Upgrade {
		if err := setHeader("connection", "Upgrade"); err != nil {
			return "Connection cannot be replaced", err
		}
	}
	for identity := p.Identity; ; {
		h, ok := identity.Next()
		if !ok {
			break
		}
		if h.Name != "" {
			if err := setHeader(h.Name, h.Value); err != nil {
				return "an identity header cannot be set", err
			}
		}
		if h.FilterState != "" {
			if err := setProperty(h.FilterState, h.Value); err != nil {
				return noFilterState, err
			}
		}
	}
	// The verdict comes last: a request that has it has all that the plugin sets.
	if p.Verdict != "" {
		if err := setHeader(config.VerdictHeaderName, p.Verdict); err != nil {
			return "the verdict header cannot be set", err
		}
	}
	return "", nil
}

// noFilterState says that a call of the host has failed.
const noFilterState = "the filter state cannot be set"

// count counts the request in the metrics, once, after it has set the outcome for the
// audit trail. If it fails to set that, it counts a fault of the host.
//
//go:noinline
func (s *stream) count(o metrics.Outcome) (err error) {
	if !s.counted {
		if err = s.plugin.auditOutcome(o); err != nil {
			o = metrics.HostFault
		}
		s.counted = true
		s.plugin.metrics.Request(o)
	}
	return err
}

// respond counts and logs the outcome of a request, and answers it.
func (s *stream) respond(o metrics.Outcome, r *reply.Response) types.Action {
	if r.Status == 503 && !s.counted {
		s.plugin.gate.Log.LogUnavailable(o)
	}
	s.count(o)
	return s.answer(r)
}

// forward lets the request go on.
func (s *stream) forward(o metrics.Outcome) types.Action {
	if !s.counted && !s.plugin.audits() { // what count does then
		s.counted = true
		s.plugin.metrics.Request(o)
	} else if err := s.count(o); err != nil {
		return s.fault(noFilterState, err)
	}
	return types.ActionContinue
}

func (s *stream) answer(r *reply.Response) types.Action {
	s.stage, s.body = answered, nil
	s.forget()
	if err := sendLocalReply(r); err != nil {
		logError("an answer cannot be sent: " + err.Error())
	}
	return types.ActionPause
}

// forget drops what is to read the bodies of the request and of its response.
func (s *stream) forget() {
	if len(s.plugin.lists) > 0 {
		delete(s.plugin.lists, s.id)
	}
	if len(s.plugin.observers) > 0 {
		delete(s.plugin.observers, s.id)
	}
}

// fault refuses a request because the host failed.
func (s *stream) fault(what string, err error) types.Action {
	logError(what + ": " + err.Error())
	return s.respond(metrics.HostFault, reply.HostFault())
}

// OnHttpRequestTrailers ends the body, without the trailers that removeTrailers removes.
func (s *stream) OnHttpRequestTrailers(n int) types.Action {
	s.endObservation(true)
	if err := removeTrailers(n, s.plugin.gate.Reserved); err != nil {
		return s.fault(unreadTrailers, err)
	}
	return s.endTrailers()
}

// unreadTrailers says that a call of the host has failed.
const unreadTrailers = "the request's trailers cannot be read or removed"

// removeTrailers removes those of the n trailers of the current request whose names are
// those of headers that only the gate sets, or that the gate decides by: a server might
// merge trailers into the headers.
func removeTrailers(n int, reserved func(name string) bool) error {
	if n == 0 { // the host has no map of no trailers
		return nil
	}
	trailers, err := proxywasm.GetHttpRequestTrailers()
	if err != nil {
		return err
	}
	for _, t := range trailers {
		if gate.Decides(t[0]) || reserved(t[0]) {
			if err := proxywasm.RemoveHttpRequestTrailer(t[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// OnHttpStreamDone withdraws a request whose client left before the verdict.
func (s *stream) OnHttpStreamDone() {
	if s.stage == waiting {
		s.plugin.pending.withdraw(s)
	}
	if s.stage == waiting || s.body != nil {
		s.count(metrics.ClientGone)
	}
	s.setLists(nil)
	s.endObservation(false)
}
