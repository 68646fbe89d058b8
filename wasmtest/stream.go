package wasmtest

import (
	"maps"
	"slices"
	"strconv"
)

// State is the state of a request.
type State int

const (
	// Held is a request that the guest has paused and not yet decided.
	Held State = iota + 1
	// Forwarded is a request that goes on to the upstream.
	Forwarded
	// Answered is a request that the guest has answered itself.
	Answered
	// Failed is a request that met a dead VM: the client gets 503.
	Failed
	// Gone is a request whose client left while it was held.
	Gone
)

func (s State) String() string {
	return [...]string{"invalid", "held", "forwarded", "answered", "failed", "gone"}[s]
}

// LocalResponse is a response by the guest itself.
type LocalResponse struct {
	Status  int
	Headers Headers
	Body    []byte
}

// Stream is one HTTP request on its way through the guest.
type Stream struct {
	vm       *VM
	id       uint32
	state    State
	request  Headers
	open     bool // the guest can still read and change the request
	stopped  bool // with headersStopIteration: its body is still shown to the guest
	sent     bool // the upstream has the headers
	body     requestBody
	response upstreamResponse
	logging  bool // the guest can read the request once more
	closed   bool // the guest's context is deleted
	resumed  bool
	local    *LocalResponse
	reply    *Headers // while the guest's response callback runs
	trailers *Headers // while the guest's trailers callback runs
	calls    map[string]int

	filterState map[string]string
	properties  map[string][]byte // those of the host when the stream began: see [Host.SetProperty]
}

// Request opens a stream with these headers and no body. A stream that the
// guest answers itself is complete on return; one that goes on or is held
// needs [Stream.Close] in the end.
func (vm *VM) Request(headers Headers) *Stream { return vm.Open(headers, true) }

// Open opens a stream with these headers; without endOfStream a body would
// follow them.
func (vm *VM) Open(headers Headers, endOfStream bool) *Stream {
	vm.lastContext++
	s := &Stream{vm: vm, id: vm.lastContext, state: Failed, request: lowerNames(headers), open: true, properties: maps.Clone(vm.host.properties)}
	if vm.host.options.KeepStreams {
		vm.host.streams = append(vm.host.streams, s)
	}
	if vm.dead != nil {
		return s
	}
	vm.streams[s.id] = s
	before := vm.Calls()
	var end uint64
	if endOfStream {
		end = 1
	}
	if _, ok := vm.enter(s.id, "proxy_on_context_create", uint64(s.id), uint64(vm.root)); !ok {
		return s
	}
	// The action of the callback applies before the deferred calls: a local response and
	// a resumption take effect after the callback has returned.
	vm.stop = false
	s.state = Held
	action, ok := vm.enter(s.id, "proxy_on_request_headers", uint64(s.id), uint64(len(s.request)), end)
	s.calls = map[string]int{}
	for name, n := range vm.calls {
		if n -= before[name]; n > 0 {
			s.calls[name] = n
		}
	}
	switch {
	case !ok:
		s.state = Failed
	case s.local != nil || vm.stop:
		// The callback has sent a local response: the request stops, whatever the
		// callback returns.
	case action == 0:
		if s.resumed {
			vm.host.violate("stream resumed and continued")
		}
		s.state, s.open, s.sent = Forwarded, false, true
	case action == stopIteration:
		s.stopped = vm.host.options.HeadersStopIteration
	case action == stopAllAndBuffer:
		s.body.bounded = true
	case action != stopAllAndWatermark:
		vm.host.violate("action %d on request headers", action)
	}
	s.body.ended = endOfStream
	vm.stop = false
	return s
}

// The actions that callbacks return, besides 0 to continue (proxy_wasm_enums.h).
const (
	stopIteration       = 1 // in body callbacks: and keep the body
	stopAllAndBuffer    = 3 // of headers: and no further callbacks, with 413 for a body too large to keep
	stopAllAndWatermark = 4 // of headers: the same, but the host stops reading such a body
)

// State returns the state of the request.
func (s *Stream) State() State { return s.state }

// Local returns the guest's own answer, or the host's 413, nil unless the state is
// Answered.
func (s *Stream) Local() *LocalResponse { return s.local }

// Upstream returns the request headers as the upstream receives them, nil
// unless the state is Forwarded.
func (s *Stream) Upstream() Headers {
	if s.state != Forwarded {
		return nil
	}
	return s.request
}

// FilterState returns the properties that the guest has set on the stream, by the
// names that Envoy gives them: with "wasm." in front.
func (s *Stream) FilterState() map[string]string { return s.filterState }

// HeadersSent reports whether the upstream has received the headers, even if the
// guest has answered since.
func (s *Stream) HeadersSent() bool { return s.sent }

// HostCalls returns how often each function of the host was called while the
// guest handled the request headers.
func (s *Stream) HostCalls() map[string]int { return s.calls }

// Trailers sends request trailers after a body, to a stream that goes on, and
// returns those that the upstream receives.
func (s *Stream) Trailers(trailers Headers) Headers {
	if s.state != Forwarded && !s.stopped || s.closed {
		panic("wasmtest: trailers on a stream that does not go on")
	}
	t := lowerNames(trailers)
	s.body.ended, s.resumed = true, false
	s.trailers = &t
	action, ok := s.vm.enter(s.id, "proxy_on_request_trailers", uint64(s.id), uint64(len(t)))
	s.trailers = nil
	switch {
	case !ok:
		s.state = Failed
	case s.local == nil && s.state != Answered && action == 0:
		s.goOn()
		return t
	}
	return nil
}

// Close ends the stream: the response is complete, or the client has left.
// Closing a stream twice does nothing.
func (s *Stream) Close() {
	if s.closed {
		return
	}
	s.closed = true
	if s.state == Held {
		s.state, s.open = Gone, false
	}
	vm := s.vm
	if vm.dead == nil && vm.streams[s.id] != nil {
		s.logging = true
		vm.enter(s.id, "proxy_on_log", uint64(s.id))
		s.logging = false
		vm.enter(s.id, "proxy_on_done", uint64(s.id))
		vm.enter(s.id, "proxy_on_delete", uint64(s.id))
	}
	delete(vm.streams, s.id)
}

func (vm *VM) proxyContinueStream(a args) Status {
	const request, response = 0, 1
	switch a.u32(0) {
	case request:
	case response:
		return OK
	default:
		return BadArgument
	}
	s := vm.stream()
	if s == nil {
		vm.host.violate("request resumed outside of a stream")
		return OK
	}
	if s.state != Held && !s.body.kept || s.resumed || s.local != nil {
		vm.host.violate("request resumed that is not held")
		return OK
	}
	s.resumed, s.open = true, false
	vm.deferred = append(vm.deferred, s.resume)
	return OK
}

func (vm *VM) proxyCloseStream(a args) Status {
	if a.u32(0) > 3 {
		return BadArgument
	}
	if s := vm.stream(); s != nil {
		vm.deferred = append(vm.deferred, func() { s.state = Failed; s.Close() })
	}
	return OK
}

func (vm *VM) proxySendLocalResponse(a args) Status {
	_, ok := vm.read(a.u32(1), a.u32(2))
	body, ok2 := vm.read(a.u32(3), a.u32(4))
	headers, ok3 := vm.read(a.u32(5), a.u32(6))
	if !ok || !ok2 || !ok3 {
		return InvalidMemoryAccess
	}
	pairs, ok := unmarshalPairs(headers)
	if !ok {
		vm.host.violate("local response with malformed headers")
	}
	for _, kv := range pairs {
		vm.checkHeader(kv[0], kv[1])
	}
	vm.stop = true
	s := vm.stream()
	switch {
	case s == nil:
		vm.host.violate("local response outside of a stream")
	case s.state == Forwarded && (s.reply != nil || s.response.shown):
		local := &LocalResponse{Status: int(a.u32(0)), Headers: lowerNames(pairs), Body: slices.Clone(body)}
		vm.deferred = append(vm.deferred, func() { s.endResponse(local) })
	case s.local != nil || s.resumed || s.state != Held && !s.body.shown && !s.body.kept && s.trailers == nil:
		vm.host.violate("local response on a stream that is decided")
	default:
		s.local = &LocalResponse{Status: int(a.u32(0)), Headers: lowerNames(pairs), Body: slices.Clone(body)}
		vm.deferred = append(vm.deferred, s.sendLocal)
	}
	return OK
}

// sendLocal passes the guest's local response through the guest's response callback, as
// every response, and completes the stream.
func (s *Stream) sendLocal() {
	s.state, s.open = Answered, false
	reply := append(Headers{{":status", strconv.Itoa(s.local.Status)}}, s.local.Headers...)
	s.reply = &reply
	end := uint64(1)
	if len(s.local.Body) > 0 {
		end = 0
	}
	s.vm.enter(s.id, "proxy_on_response_headers", uint64(s.id), uint64(len(reply)), end)
	s.reply = nil
	s.local.Status, _ = strconv.Atoi(reply.Get(":status"))
	reply.remove(":status")
	s.local.Headers = reply
	s.Close()
}
