package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

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
	complete bool // all of the body is there
	resumed  bool // it has waited, and was let on
	plugin   *plugin
	body     *gate.Body // what holds for its body; nil unless that is looked at
}

// stage is where a request is, as far as it is with the plugin.
type stage uint8

const (
	open     stage = iota
	waiting        // in plugin.held
	answered       // nothing of it goes on
)

// What the SDK has no names for: no callback follows, and Envoy keeps the body,
// until the request is resumed. Envoy takes ActionPause for stopAllAndWatermark
// unless allow_on_headers_stop_iteration is set, and then calls on with the body.
//
// The two differ once Envoy has as much of the body as it keeps
// (per_connection_buffer_limit_bytes, or the stream's window of HTTP/2). After
// stopAllAndWatermark Envoy stops reading until the body has gone on, which it never
// does if the plugin keeps it after the resumption. After stopAllAndBuffer Envoy
// answers 413.
const (
	stopAllAndBuffer    types.Action = 3 // StopAllIterationAndBuffer
	stopAllAndWatermark types.Action = 4 // StopAllIterationAndWatermark
)

// OnHttpRequestHeaders decides. Whatever goes wrong with the host, the request
// does not go on.
//
// What is read, decided and set here shares memory that the next request
// overwrites: the headers, until the next loan, and the identity of a Pass, until
// the next decision. No other request is looked at before this one is answered
// or let on, and one that has to wait is copied.
func (s *stream) OnHttpRequestHeaders(_ int, endOfStream bool) types.Action {
	r := &s.plugin.request
	if err := s.read(r); err != nil {
		return s.fault("the request's headers cannot be read", err)
	}
	r.HasBody = !endOfStream
	now := clock()
	r.Arrived = gate.UnixMilli(now.UnixMilli())
	v := s.plugin.gate.Decide(r, now)
	if v.Kind() == gate.KindWait && s.plugin.held.room(v.Queue(), r.Places()) {
		s.wait(r.Clone(), now.UnixMilli(), v.Wait(), v.Queue())
		s.body = v.PendingBody()
		switch {
		case s.body == nil:
			return stopAllAndWatermark
		case s.plugin.stopsHeaders:
			return types.ActionPause
		}
		return stopAllAndBuffer
	}
	return s.carryOut(v)
}

// wait makes the request, which arrived at a time in Unix milliseconds, wait for w
// in a queue. r is nil if it waits with its body.
func (s *stream) wait(r *gate.Request, arrived int64, w gate.Wait, queue *gate.Queue) {
	s.plugin.held.add(s, r, arrived, w, queue)
	s.stage = waiting
	s.plugin.setTick(s.plugin.waitingPeriod())
}

// read takes from the request's headers what a decision needs, and removes
// those that only the gate may set. Header names are in lower case: HTTP/2 has
// them so, and Envoy makes them so.
func (s *stream) read(r *gate.Request) error {
	headers, err := requestHeaders()
	if err != nil {
		return err
	}
	*r = gate.Request{}
	for {
		name, value, ok := headers.Next()
		if !ok {
			return headers.Err()
		}
		if err := s.take(r, name, value); err != nil {
			return err
		}
	}
}

// take looks at one header. Its first letter tells most of them apart: there
// are some twenty, and every request pays for each.
func (s *stream) take(r *gate.Request, name, value string) error {
	if name == "" {
		return nil
	}
	switch name[0] {
	case ':':
		switch name {
		case ":method":
			r.Method = value
		case ":authority":
			r.Authority = value
		case ":path":
			r.Path = value
		}
		return nil
	case 'a':
		switch name {
		case "authorization":
			if r.Authorizations == 0 {
				r.Authorization = value
			}
			r.Authorizations++
			return nil
		case "access-control-request-method":
			r.RequestMethod = value
			return nil
		case "access-control-request-headers":
			r.RequestHeaders = value
			return nil
		}
	case 'o':
		if name == "origin" {
			if r.HasOrigin {
				value = "" // of two, none counts
			}
			r.HasOrigin, r.Origin = true, value
			return nil
		}
	case 'i':
		if name == "if-none-match" && r.IfNoneMatch == "" {
			r.IfNoneMatch = value
		}
	case 'u':
		if name == "upgrade" {
			r.Upgrade = true
		}
	case 'm', 'c', 't':
		r.TakeContent(name, value)
	}
	if s.plugin.gate.Reserved(name) {
		return proxywasm.RemoveHttpRequestHeader(name)
	}
	return nil
}

// carryOut carries out a verdict on the headers. A request that would have to wait
// has no room to.
func (s *stream) carryOut(v gate.Verdict) types.Action {
	s.body = v.Body()
	switch v.Kind() {
	case gate.KindRespond, gate.KindWait:
		s.count(v.Outcome())
		return s.answer(v.Response())
	case gate.KindAwaitBody:
		return s.awaitBody()
	case gate.KindForwardIfBody:
		if what, err := setHeaders(v.Pass()); err != nil {
			return s.fault(what, err)
		}
		return s.awaitBody()
	case gate.KindForward:
		if what, err := setHeaders(v.Pass()); err != nil {
			return s.fault(what, err)
		}
		s.count(v.Outcome())
		return types.ActionContinue
	}
	return s.fault("the request cannot be decided on", errNoVerdict)
}

// setHeaders changes the headers of the request at hand, and its filter state. If
// it cannot, it returns what failed, for the log.
func setHeaders(p *gate.Pass) (what string, err error) {
	switch {
	case !p.KeepAuthorization:
		if err := proxywasm.RemoveHttpRequestHeader("authorization"); err != nil {
			return "Authorization cannot be removed", err
		}
	case p.Authorization != "":
		if err := proxywasm.ReplaceHttpRequestHeader("authorization", p.Authorization); err != nil {
			return "Authorization cannot be replaced", err
		}
	}
	for identity := p.Identity; ; {
		h, ok := identity.Next()
		if !ok {
			return "", nil
		}
		if err := proxywasm.ReplaceHttpRequestHeader(h.Name, h.Value); err != nil {
			return "an identity header cannot be set", err
		}
		if h.FilterState != "" {
			if err := setProperty(h.FilterState, h.Value); err != nil {
				return "the filter state cannot be set", err
			}
		}
	}
}

// count counts the request, once, whatever becomes of it later.
//
//go:noinline
func (s *stream) count(o metrics.Outcome) {
	if !s.counted {
		s.counted = true
		s.plugin.metrics.Request(o)
		s.plugin.gate.Log.LogUnavailable(o)
	}
}

func (s *stream) answer(r *reply.Response) types.Action {
	s.stage, s.body = answered, nil
	if err := sendLocalReply(r); err != nil {
		logError("an answer cannot be sent: " + err.Error())
	}
	return types.ActionPause
}

// fault refuses a request because the host failed.
func (s *stream) fault(what string, err error) types.Action {
	logError(what + ": " + err.Error())
	s.count(metrics.HostFault)
	return s.answer(reply.HostFault())
}

// OnHttpRequestTrailers removes trailers that a server might merge into the
// headers, and take for the gate's or for those that decided. They end the body.
func (s *stream) OnHttpRequestTrailers(numTrailers int) types.Action {
	if numTrailers == 0 { // the host then has no map to read
		return s.endTrailers()
	}
	trailers, err := proxywasm.GetHttpRequestTrailers()
	if err != nil {
		return s.fault("the request's trailers cannot be read", err)
	}
	for _, t := range trailers {
		if gate.Decides(t[0]) || s.plugin.gate.Reserved(t[0]) {
			if err := proxywasm.RemoveHttpRequestTrailer(t[0]); err != nil {
				return s.fault("a trailer of the client cannot be removed", err)
			}
		}
	}
	return s.endTrailers()
}

// OnHttpStreamDone forgets a request whose client left before it was decided.
func (s *stream) OnHttpStreamDone() {
	if s.stage == waiting {
		s.plugin.held.remove(s)
	}
	if s.stage == waiting || s.body != nil {
		s.count(metrics.ClientGone)
	}
}
