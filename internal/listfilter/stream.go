package listfilter

import (
	"bytes"
)

// A Stream filters an event stream (HTML Living Standard, section 9.2) as it arrives. It
// holds back no more than the event that has begun and not ended, without the comments
// before it.
type Stream struct {
	filter  *Filter
	max     int    // the length of an event
	pending []byte // the event that has begun
	line    int    // where its last line begins
	next    int    // pending has been searched up to here
	ended   bool   // the byte before next is a CR that has ended a line
	begun   bool   // the first event has been read
	data    []byte
	failed  bool
}

// NewStream returns a Stream that takes out what the filter hides. It ends at an event
// that is longer than max.
func NewStream(f *Filter, max int) *Stream { return &Stream{filter: f, max: max} }

// maxKept bounds the memory that a stream keeps between its events.
const maxKept = 16 << 10

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
			blank, comment := s.line == s.next-1, s.line == start && s.pending[start] == ':'
			s.line = s.next
			switch {
			case comment:
				// It is no part of an event, and may keep the connection alive.
				dst, start, s.begun = append(dst, s.pending[start:s.next]...), s.next, true
			case blank:
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
	if len(s.pending)-start > s.max {
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
	switch {
	case start == len(s.pending) && cap(s.pending) > maxKept:
		s.pending = nil
	case start > 0:
		s.pending = s.pending[:copy(s.pending, s.pending[start:])]
	}
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
	if len(text) > s.max {
		return dst, false
	}
	if s.data = s.data[:0]; cap(s.data) > maxKept {
		s.data = nil
	}
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
			if len(line) == 0 && end[0] == '\n' && len(dst) > 0 && dst[len(dst)-1] == '\r' {
				dst = append(dst, '\n') // CR LF would be one end
			}
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
	rest := s.filter.apply(nil, s.data)
	for {
		n := bytes.IndexByte(rest, '\n')
		if n < 0 {
			n = len(rest)
		}
		dst = append(append(append(dst, "data: "...), rest[:n]...), end...)
		if n == len(rest) {
			return dst
		}
		rest = rest[n+1:]
	}
}

// cutLine returns the first line of text, its end (CR LF, LF, CR, or nothing) and the rest.
func cutLine(text []byte) (line, end, rest []byte) {
	i := 0
	for ; i < len(text) && text[i] != '\n' && text[i] != '\r'; i++ {
	}
	if i == len(text) {
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
