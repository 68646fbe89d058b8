package operation

// A Skimmer reads a body piece by piece, and keeps what a [Scanner] needs to tell the
// operations in it: members of messages and of params, without what lies deeper, such as
// the arguments of a tool. It needs little memory, however large the body is. The zero
// Skimmer is ready.
//
// A Skimmer and then a Scanner find the operations that a Scanner finds in the whole body,
// but do not look at all of the JSON that is deeper.
type Skimmer struct {
	kept     []byte
	fault    Fault
	depth    int  // arrays and objects around the next byte
	keep     int  // the depth down to which bytes are kept; 0 before the first byte
	inString bool // in a string
	escaped  bool // after a backslash
	space    bool // after white space, which is not kept
}

// maxKept bounds what a Skimmer keeps. A message with a long text among the members of
// its params is larger; those of MCP have none.
const maxKept = 16 << 10

// FaultSize is the fault of a body in which a Skimmer cannot keep what tells the operation.
const FaultSize Fault = "the members that tell the operation are too large"

// Write reads the next piece of the body, and reports whether there is use for more.
func (s *Skimmer) Write(piece []byte) bool {
	for i := 0; i < len(piece) && s.fault == ""; i++ {
		s.next(piece[i])
	}
	if s.fault == "" && len(s.kept) > maxKept {
		s.fault = FaultSize
	}
	if s.fault != "" {
		s.kept = nil
	}
	return s.fault == ""
}

// Kept returns what is to be read in place of the body.
func (s *Skimmer) Kept() ([]byte, Fault) { return s.kept, s.fault }

// next reads one byte.
func (s *Skimmer) next(c byte) {
	if s.inString {
		s.nextInString(c)
		return
	}
	deep := s.keep > 0 && s.depth > s.keep
	switch c {
	case ' ', '\t', '\n', '\r':
		s.space = true
		return
	case '{', '[':
		if s.keep == 0 { // a message is in no array, or in that of a batch
			s.keep = 2
			if c == '[' {
				s.keep = 3
			}
		}
		s.depth++
	case '}', ']':
		s.depth--
		deep = s.depth > s.keep
	case '"':
		s.inString = true
	default:
		// No literal has other characters. Some parsers know comments, or strings in
		// other quotes: who skips what is deeper must not take their text for JSON.
		if !isAlphanumeric(c) && c != ',' && c != ':' && c != '-' && c != '+' && c != '.' {
			s.fault = FaultSyntax
			return
		}
	}
	if !deep {
		if s.space && len(s.kept) > 0 {
			s.keepByte(' ')
		}
		s.keepByte(c)
	}
	s.space = false
}

// nextInString reads one byte of a string.
func (s *Skimmer) nextInString(c byte) {
	switch {
	case c < ' ':
		s.fault = FaultSyntax
		return
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = true
	case c == '"':
		s.inString = false
	}
	if s.depth <= s.keep {
		s.keepByte(c)
	}
}

// keepByte keeps a byte, unless there are too many: see Write.
func (s *Skimmer) keepByte(c byte) {
	if len(s.kept) <= maxKept {
		s.kept = append(s.kept, c)
	}
}
