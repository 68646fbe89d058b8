package listfilter

import (
	"bytes"
)

// maxEvent is the length up to which a stream may hold an event back.
const maxEvent = 1 << 20

// A Stream filters an event stream (HTML Living Standard, section 9.2) as it arrives. It
// holds back no more than the event that has begun and not ended.
type Stream struct {
	filter  *Filter
	pending []byte // the event that has begun
	line    int    // where its last line begins
	next    int    // pending has been searched up to here
	ended   bool   // the byte before next is a CR that has ended a line
	begun   bool   // the first event has been read
	data    []byte
	failed  bool
}

// NewStream returns a Stream that takes out what the filter hides.
func NewStream(f *Filter) *Stream { return &Stream{filter: f} }

// Write takes the next bytes of the stream, whole or in part, and appends the events that
// end in them to dst. After last nothing follows. It returns false if the stream must end:
// an event cannot be read or is too long.
func (s *Stream) Write(dst, chunk []byte, last bool) ([]byte, bool) {
	if s.failed {
		return dst, false
	}
	s.pending = append(s.pending, chunk...)
	start := 0 // of the event that is read
	for s.next < len(s.pending) {
		c := s.pending[s.next]
		s.next++
		switch {
		case c == '\n' && s.ended:
			// The second half of CR LF. The first may have ended an event.
			s.ended, s.line = false, s.next
			if start == s.next-1 {
				dst = append(dst, '\n')
				start = s.next
			}
		case c == '\n' || c == '\r':
			s.ended = c == '\r'
			blank := s.line == s.next-1
			s.line = s.next
			if blank {
				var ok bool
				if dst, ok = s.event(dst, s.pending[start:s.next]); !ok {
					return dst, s.fail()
				}
				start = s.next
			}
		default:
			s.ended = false
		}
	}
	if len(s.pending)-start > maxEvent {
		return dst, s.fail()
	}
	if last && start < len(s.pending) {
		// Some parsers take what stands at the end for an event.
		var ok bool
		if dst, ok = s.event(dst, s.pending[start:]); !ok {
			return dst, s.fail()
		}
		start = len(s.pending)
	}
	rest := copy(s.pending, s.pending[start:])
	s.pending = s.pending[:rest]
	s.next, s.line = s.next-start, s.line-start
	return dst, true
}

func (s *Stream) fail() bool {
	s.failed, s.pending, s.data = true, nil, nil
	return false
}

// event appends an event to dst, without what is hidden in its data. text has all its
// lines with their ends.
func (s *Stream) event(dst, text []byte) ([]byte, bool) {
	s.data = s.data[:0]
	count := 0
	for rest := text; len(rest) > 0; {
		var line, end []byte
		line, end, rest = cutLine(rest)
		if value, ok := s.dataOf(line, len(line)+len(end)+len(rest) == len(text)); ok {
			if count++; count > 1 {
				s.data = append(s.data, '\n')
			}
			s.data = append(s.data, value...)
		}
	}
	first := !s.begun
	s.begun = true
	if !mayBeMessage(s.data) {
		return append(dst, text...), true
	}
	changed, ok := s.filter.scan(s.data)
	if !ok {
		return dst, false
	}
	if !changed {
		return append(dst, text...), true
	}
	// The new data takes the place of the first line with data.
	s.begun = !first
	done := false
	for rest := text; len(rest) > 0; {
		var line, end []byte
		line, end, rest = cutLine(rest)
		if _, ok := s.dataOf(line, len(line)+len(end)+len(rest) == len(text)); !ok {
			dst = append(append(dst, line...), end...)
			continue
		}
		if !done {
			done = true
			dst = s.appendData(dst, end)
		}
	}
	s.begun = true
	return dst, true
}

// appendData appends the filtered data to dst, in as many lines as it has.
func (s *Stream) appendData(dst, end []byte) []byte {
	for rest := s.filter.apply(nil, s.data); ; {
		line, after, more := bytes.Cut(rest, []byte{'\n'})
		dst = append(append(append(dst, "data: "...), line...), end...)
		if !more {
			return dst
		}
		rest = after
	}
}

// cutLine returns the first line of text, its end (CR LF, LF, CR, or nothing) and the rest.
func cutLine(text []byte) (line, end, rest []byte) {
	i := bytes.IndexAny(text, "\r\n")
	if i < 0 {
		return text, nil, nil
	}
	n := 1
	if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
		n = 2
	}
	return text[:i], text[i : i+n], text[i+n:]
}

// dataOf returns the value of a line that holds data. first is set for the first line of
// the event.
func (s *Stream) dataOf(line []byte, first bool) (value []byte, ok bool) {
	if first && !s.begun {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	value, ok = bytes.CutPrefix(line, []byte("data"))
	switch {
	case !ok:
		return nil, false
	case len(value) == 0:
		return value, true
	case value[0] != ':':
		return nil, false
	}
	value = value[1:]
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return value, true
}

// mayBeMessage reports whether data begins as JSON-RPC messages and batches do. Other
// data, such as the address in the event endpoint of MCP 2024-11-05, is no message.
func mayBeMessage(data []byte) bool {
	data = bytes.TrimLeft(data, " \t\r\n")
	return len(data) > 0 && (data[0] == '{' || data[0] == '[')
}
