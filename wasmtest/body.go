package wasmtest

// requestBody is the state of a request's body.
type requestBody struct {
	buffer   []byte // kept, as the guest asked
	chunk    []byte // while the guest's body callback runs
	queue    []byte // not yet shown to the guest: the headers stop everything
	upstream []byte // what the upstream has received
	kept     bool   // buffer is the guest's until it goes on
	shown    bool   // a body callback runs
	waiting  bool   // queue holds something, or the end
	ended    bool
	bounded  bool   // queue may not exceed the host's limit
	unread   []byte // not yet read from the connection: more is kept than the host's limit
	stuck    bool   // unread holds something, or the end
}

// bytes is what the guest can read (Context::getBuffer).
func (b *requestBody) bytes() []byte {
	return append(b.buffer[:len(b.buffer):len(b.buffer)], b.chunk...)
}

func (s *Stream) hasBody() bool { return s != nil && (s.body.shown || s.body.kept) }

// Body sends a part of the body, which may be the last one. Parts after the guest's answer
// are dropped.
func (s *Stream) Body(chunk string, endOfStream bool) {
	if s.body.ended || s.closed && s.state != Answered {
		panic("wasmtest: body on a stream that has ended")
	}
	b := &s.body
	b.ended = endOfStream
	limit := s.vm.host.options.BufferLimit
	switch {
	case b.stuck || !b.bounded && len(b.queue) > limit || len(b.buffer) > limit:
		b.unread, b.stuck = append(b.unread, chunk...), true
	case s.state == Held && !s.stopped:
		b.queue, b.waiting = append(b.queue, chunk...), true
		if b.bounded && len(b.queue) > limit {
			s.tooLarge()
		}
	default:
		s.show([]byte(chunk))
		if b.kept && len(b.buffer) > limit {
			s.tooLarge()
		}
	}
}

// tooLarge answers a request whose kept body exceeds the host's limit
// (requestDataTooLarge).
func (s *Stream) tooLarge() {
	if s.state == Answered || s.state == Failed || s.local != nil {
		return
	}
	s.local = &LocalResponse{Status: 413, Headers: Headers{{"content-type", "text/plain"}}, Body: []byte("Payload Too Large")}
	s.sendLocal()
}

// UpstreamBody returns what the upstream has received of the body.
func (s *Stream) UpstreamBody() string { return string(s.body.upstream) }

// show takes a chunk through the guest's callback (Context::decodeData).
func (s *Stream) show(chunk []byte) {
	if s.state != Forwarded && s.state != Held || s.local != nil {
		return
	}
	b := &s.body
	if b.kept {
		b.buffer, chunk = append(b.buffer, chunk...), nil
	}
	var end uint64
	if b.ended && !b.stuck {
		end = 1
	}
	b.chunk, b.shown, s.resumed = chunk, true, false
	s.vm.stop = false
	action, ok := s.vm.enter(s.id, "proxy_on_request_body", uint64(s.id), uint64(len(b.buffer)+len(chunk)), end)
	stopped := s.vm.stop
	s.vm.stop = false
	b.chunk, b.shown = nil, false
	b.buffer = append(b.buffer, chunk...)
	switch {
	case !ok:
		s.state = Failed
	case s.local != nil || stopped || s.state == Answered:
	case action == 0:
		s.goOn()
	case action == stopIteration:
		b.kept, s.resumed = true, false
	default:
		s.vm.host.violate("action %d on a request body", action)
	}
}

// goOn sends the headers, if they were stopped, and the body so far to the upstream.
func (s *Stream) goOn() {
	b := &s.body
	b.upstream, b.buffer, b.kept = append(b.upstream, b.buffer...), nil, false
	s.state, s.open, s.stopped, s.sent = Forwarded, false, false, true
}

// resume goes on with a stream that was held (continueDecoding). The guest then
// sees the rest of the body.
func (s *Stream) resume() {
	if s.state != Held && s.state != Forwarded {
		return
	}
	s.goOn()
	b := &s.body
	if b.waiting {
		chunk := b.queue
		b.queue, b.waiting = nil, false
		s.show(chunk)
	}
	// The kept body still stops the host from reading on: no further body callback
	// comes that could change that.
	if b.stuck && !b.kept {
		chunk := b.unread
		b.unread, b.stuck = nil, false
		s.show(chunk)
	}
}
