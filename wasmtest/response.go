package wasmtest

import "slices"

// upstreamResponse is the state of the upstream's response to a stream.
type upstreamResponse struct {
	headers Headers
	open    bool   // the guest can still read and change the headers
	held    bool   // the guest has stopped the headers
	sent    bool   // the client has the headers
	buffer  []byte // kept, as the guest asked
	kept    bool   // buffer is the guest's until it goes on
	chunk   []byte // while the guest's body callback runs
	shown   bool   // a body or trailers callback runs
	client  []byte // what the client has received of the body
	ended   bool   // the client has received all
	reset   bool   // the client has received a part, and then the end of the stream
	stuck   bool   // the headers stop everything, and no callback follows
}

// Respond sends the headers of the upstream's response to a stream that goes on; without
// endOfStream a body would follow them.
func (s *Stream) Respond(headers Headers, endOfStream bool) {
	if s.state != Forwarded || s.closed {
		panic("wasmtest: response to a stream that does not go on")
	}
	r := &s.response
	r.headers, r.open = lowerNames(headers), true
	s.reply = &r.headers
	s.vm.stop = false
	action, ok := s.vm.enter(s.id, "proxy_on_response_headers", uint64(s.id), uint64(len(headers)), flag(endOfStream))
	stopped := s.vm.stop
	s.vm.stop, s.reply = false, nil
	switch {
	case !ok:
		s.state = Failed
	case s.local != nil || stopped:
	case action == 0 || !s.vm.has("proxy_on_response_headers"):
		r.open, r.sent, r.ended = false, true, endOfStream
	case action == stopIteration && s.vm.host.options.HeadersStopIteration:
		r.held = true
	case action == stopIteration:
		r.held, r.stuck = true, true
		s.vm.host.violate("response headers stopped where no body callback follows")
	default:
		s.vm.host.violate("action %d on response headers", action)
	}
}

// ResponseBody sends a part of the response's body, which may be the last one. Parts after
// a local response are dropped.
func (s *Stream) ResponseBody(chunk string, endOfStream bool) {
	r := &s.response
	if s.local != nil || r.reset {
		return
	}
	r.chunk = []byte(chunk)
	if r.kept {
		r.buffer, r.chunk = append(r.buffer, chunk...), nil
		if len(r.buffer) > s.vm.host.options.BufferLimit {
			s.endResponse(&LocalResponse{Status: 500})
			return
		}
	}
	r.shown = true
	s.vm.stop = false
	action, ok := s.vm.enter(s.id, "proxy_on_response_body", uint64(s.id), uint64(len(r.buffer)+len(r.chunk)), flag(endOfStream))
	stopped := s.vm.stop
	s.vm.stop, r.shown = false, false
	if !s.vm.has("proxy_on_response_body") {
		action = 0
	}
	switch {
	case !ok:
		s.state = Failed
	case s.local != nil || stopped:
	case action == 0:
		s.passResponse(endOfStream)
	case action == stopIteration:
		r.buffer, r.kept = append(r.buffer, r.chunk...), true
	default:
		s.vm.host.violate("action %d on a response body", action)
	}
	r.chunk = nil
}

// ResponseTrailers ends the response with trailers.
func (s *Stream) ResponseTrailers(trailers Headers) {
	r := &s.response
	if s.local != nil || r.reset {
		return
	}
	r.shown, s.vm.stop = true, false
	action, ok := s.vm.enter(s.id, "proxy_on_response_trailers", uint64(s.id), uint64(len(trailers)))
	stopped := s.vm.stop
	s.vm.stop, r.shown = false, false
	switch {
	case !ok:
		s.state = Failed
	case s.local != nil || stopped:
	case action == 0:
		s.passResponse(true)
	default:
		s.vm.host.violate("action %d on response trailers", action)
	}
}

// passResponse lets the response go on to the client.
func (s *Stream) passResponse(end bool) {
	r := &s.response
	r.client = append(append(r.client, r.buffer...), r.chunk...)
	r.buffer, r.kept, r.held, r.open, r.sent, r.ended = nil, false, false, false, true, end
}

// endResponse carries out a local response that comes after the upstream's has begun
// (FilterManager::sendLocalReply): it takes the place of headers that the client does not
// have, and otherwise ends the stream.
func (s *Stream) endResponse(local *LocalResponse) {
	r := &s.response
	s.local, r.buffer, r.kept = local, nil, false
	if r.sent {
		s.local, r.reset = nil, true
		return
	}
	s.state = Answered
}

// ResponseHeaders returns the headers of the response as the client has received them, nil
// if it has none.
func (s *Stream) ResponseHeaders() Headers {
	if !s.response.sent {
		return nil
	}
	return slices.Clone(s.response.headers)
}

// ResponseText returns what the client has received of the response's body. ended is false
// if the response has not ended, or has been broken off.
func (s *Stream) ResponseText() (text string, ended bool) {
	return string(s.response.client), s.response.ended
}

// Reset reports whether the response was broken off.
func (s *Stream) Reset() bool { return s.response.reset }

func flag(set bool) uint64 {
	if set {
		return 1
	}
	return 0
}

// responseBytes is what the guest can read of the response's body; ok is false if it can
// read nothing.
func (s *Stream) responseBytes() (body []byte, ok bool) {
	if s == nil || !s.response.shown {
		return nil, false
	}
	r := &s.response
	return append(r.buffer[:len(r.buffer):len(r.buffer)], r.chunk...), true
}

// proxySetBufferBytes replaces a response's body, as far as the guest is shown it
// (Buffer::copyFrom); other buffers of this host are read-only.
func (vm *VM) proxySetBufferBytes(a args) Status {
	data, ok := vm.read(a.u32(3), a.u32(4))
	if !ok {
		return InvalidMemoryAccess
	}
	s := vm.stream()
	body, ok := s.responseBytes()
	if a.u32(0) != bufferResponseBody || !ok {
		return NotFound
	}
	r := &s.response
	switch start, length := int(a.u32(1)), int(a.u32(2)); {
	case start == 0 && length == 0:
		body = append(slices.Clone(data), body...)
	case start == 0 && length >= len(body):
		body = slices.Clone(data)
	case start >= len(body) && start > 0:
		body = append(body, data...)
	default:
		return BadArgument
	}
	if r.kept {
		r.buffer = body
	} else {
		r.chunk = body
	}
	return OK
}
