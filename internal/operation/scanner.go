package operation

import (
	"math/bits"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// maxDepth bounds how deep a body may be nested. Each level takes a bit and
// nothing of the stack, which is small in WebAssembly.
const maxDepth = 512

// A Scanner reads JSON-RPC bodies as RFC 8259 defines JSON, in one pass. Where
// parsers are known to disagree on what it reads, it refuses. The zero value is
// ready; it is reused from one body to the next.
type Scanner struct {
	text    []byte
	pos     int
	fault   Fault
	objects [maxDepth/64 + 1]uint64 // bit n: what is open on level n is an object
	message [2]field                // method and params
	params  [2]field                // name and uri
	scratch []byte                  // strings that had to be decoded
}

// A field is what was read of a member.
type field struct {
	span
	seen bool
	text bool // it is a string
}

// A span is where the content of a string is.
type span struct {
	start, end int
	escaped    bool
	half       bool // it has half a surrogate pair
}

var (
	messageNames = [2]string{"method", "params"}
	paramsNames  = [2]string{"name", "uri"}
)

// Need returns what the operations of a body need, all of them together, after
// it has compared them with what the headers say.
func (s *Scanner) Need(body []byte, rules *Rules, headers *Operation) (need uint64, fault Fault) {
	need, fault = s.scan(body, rules, headers)
	// Neither a large body nor what was made of one is kept.
	if s.text = nil; cap(s.scratch) > 4096 {
		s.scratch = nil
	}
	return need, fault
}

func (s *Scanner) scan(body []byte, rules *Rules, headers *Operation) (need uint64, fault Fault) {
	s.text, s.pos, s.fault = body, 0, ""
	s.space()
	depth := 1
	batch := s.accept('[')
	if batch {
		depth = 2
		s.space()
		if headers.HasMethod || headers.HasName {
			return 0, FaultMismatch
		}
	}
	for {
		if s.peek() != '{' {
			return 0, FaultMessage
		}
		s.message, s.params, s.scratch = [2]field{}, [2]field{}, s.scratch[:0]
		if !s.object(&messageNames, &s.message, depth) {
			return 0, s.fault
		}
		n, fault := s.operation(rules, headers)
		if fault != "" {
			return 0, fault
		}
		need |= n
		s.space()
		if !batch || s.accept(']') {
			break
		}
		if !s.accept(',') {
			return 0, FaultSyntax
		}
		s.space()
	}
	s.space()
	if s.pos != len(s.text) {
		return 0, FaultSyntax
	}
	return need, ""
}

// operation returns what the message that was read needs. One with no method
// is a client's answer, and none.
func (s *Scanner) operation(rules *Rules, headers *Operation) (uint64, Fault) {
	o := Operation{HasMethod: s.message[0].seen}
	if o.HasMethod {
		if !s.message[0].text {
			return 0, FaultMethod
		}
		o.Method = s.decoded(s.message[0].span)
	}
	if headers.HasMethod && (!o.HasMethod || o.Method != headers.Method) {
		return 0, FaultMismatch
	}
	if !o.HasMethod {
		return 0, ""
	}
	if k := kind(o.Method); k >= 0 {
		f := &s.params[0]
		if k >= firstURI {
			f = &s.params[1]
		}
		if o.HasName = f.text; o.HasName {
			o.Name = s.decoded(f.span)
		}
		if headers.HasName && (!o.HasName || o.Name != headers.Name) {
			return 0, FaultMismatch
		}
	}
	need, suffices, fault := rules.Need(&o)
	if fault == "" && !suffices {
		fault = FaultName
	}
	return need, fault
}

func (s *Scanner) fail(f Fault) bool {
	if s.fault == "" {
		s.fault = f
	}
	return false
}

// object reads the object at hand, which lies on level depth, and of its members
// those with one of the names.
func (s *Scanner) object(names *[2]string, fields *[2]field, depth int) bool {
	s.pos++
	s.space()
	if s.accept('}') {
		return true
	}
	for {
		key, ok := s.key()
		if !ok {
			return false
		}
		which, ok := s.which(key, names)
		if !ok {
			return s.fail(FaultAmbiguous)
		}
		if which < 0 {
			ok = s.value(depth)
		} else {
			f := &fields[which]
			if f.seen {
				return s.fail(FaultAmbiguous)
			}
			f.seen = true
			switch c := s.peek(); {
			case c == '"':
				f.span, ok = s.str()
				if f.text = true; ok && f.half {
					return s.fail(FaultAmbiguous)
				}
			case c == '{' && fields == &s.message:
				ok = s.object(&paramsNames, &s.params, depth+1)
			default:
				ok = s.value(depth)
			}
		}
		if !ok {
			return false
		}
		s.space()
		if s.accept('}') {
			return true
		}
		if !s.accept(',') {
			return s.fail(FaultSyntax)
		}
		s.space()
	}
}

// key reads the name of a member, up to its value.
func (s *Scanner) key() (key span, ok bool) {
	if s.peek() == '"' {
		if key, ok = s.str(); ok {
			s.space()
			if s.accept(':') {
				s.space()
				return key, true
			}
		}
	}
	return key, s.fail(FaultSyntax)
}

// which returns the index of a member's name among names, -1 if it is not there.
// It refuses what some parser takes for one of them though it is not: those of
// Go and .NET do not tell upper from lower case, and others end a text at a NUL
// or leave out what is no character. JavaScript that copies an object by
// assignment takes the members of "__proto__" for the object's own.
func (s *Scanner) which(key span, names *[2]string) (which int, ok bool) {
	s.scratch = s.scratch[:0]
	name := s.decoded(key)
	if key.half || key.escaped && hasControl(name) || name == "__proto__" {
		return -1, false
	}
	for i, want := range names {
		if folds(name, want) {
			return i, name == want
		}
	}
	return -1, true
}

// folds reports whether a name is want, which is in lower case, but for the
// case of its letters. Unicode has a few more that fold to ASCII.
func folds(name, want string) bool {
	for i := 0; i < len(want); i++ {
		if name == "" {
			return false
		}
		c, size := name[0], 1
		if c >= utf8.RuneSelf {
			var r rune
			switch r, size = utf8.DecodeRuneInString(name); r {
			case 'ſ':
				c = 's'
			case '\u212A': // the Kelvin sign
				c = 'k'
			case 'ı', 'İ':
				c = 'i'
			}
		}
		if c|0x20 != want[i] {
			return false
		}
		name = name[size:]
	}
	return name == ""
}

// value reads the value at hand, which lies on level depth, with all in it.
func (s *Scanner) value(depth int) bool {
	for level := depth; ; {
		switch c := s.peek(); c {
		case '{', '[':
			if level++; level > maxDepth {
				return s.fail(FaultDepth)
			}
			s.pos++
			s.space()
			closing, bit := byte(']'), uint64(1)<<(level%64)
			s.objects[level/64] &^= bit
			if c == '{' {
				closing = '}'
				s.objects[level/64] |= bit
			}
			if s.accept(closing) {
				level--
				break
			}
			if c == '{' {
				if _, ok := s.key(); !ok {
					return false
				}
			}
			continue
		case '"':
			if _, ok := s.str(); !ok {
				return false
			}
		default:
			if !s.scalar(c) {
				return s.fail(FaultSyntax)
			}
		}
		// A value has ended, and perhaps what it lies in.
		for ; level > depth; level-- {
			s.space()
			object := s.objects[level/64]>>(level%64)&1 != 0
			if s.accept(',') {
				s.space()
				if object {
					if _, ok := s.key(); !ok {
						return false
					}
				}
				break
			}
			closing := byte(']')
			if object {
				closing = '}'
			}
			if !s.accept(closing) {
				return s.fail(FaultSyntax)
			}
		}
		if level == depth {
			return true
		}
	}
}

// scalar reads a literal or a number, which begins with c.
func (s *Scanner) scalar(c byte) bool {
	switch c {
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	s.accept('-')
	if !s.accept('0') && !s.digits() {
		return false
	}
	if s.accept('.') && !s.digits() {
		return false
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('-') {
			s.accept('+')
		}
		return s.digits()
	}
	return true
}

//go:noinline
func (s *Scanner) literal(want string) bool {
	end := s.pos + len(want)
	if end > len(s.text) || string(s.text[s.pos:end]) != want {
		return false
	}
	s.pos = end
	return true
}

// digits reads one digit or more.
//
//go:noinline
func (s *Scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// peek returns the byte at hand, 0 at the end: no token begins with NUL.
func (s *Scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// accept steps over c if it comes next.
func (s *Scanner) accept(c byte) bool {
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// space goes past what space there is, most often none.
func (s *Scanner) space() {
	if s.pos < len(s.text) && s.text[s.pos] <= ' ' {
		s.spaces()
	}
}

func (s *Scanner) spaces() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// str reads the string at hand.
func (s *Scanner) str() (t span, ok bool) {
	text, i := s.text, s.pos+1
	t.start = i
	for i < len(text) {
		if i+8 <= len(text) {
			n := plain8(text[i : i+8])
			if i += n; n == 8 {
				continue
			}
		}
		switch c := text[i]; {
		case c == '"':
			t.end, s.pos = i, i+1
			return t, true
		case c == '\\':
			n, half := escape(text[i:])
			if n == 0 {
				return t, s.fail(FaultSyntax)
			}
			t.escaped, t.half = true, t.half || half
			i += n
		case c < ' ':
			return t, s.fail(FaultSyntax)
		case c < utf8.RuneSelf:
			i++
		default:
			for i < len(text) && text[i] >= utf8.RuneSelf {
				r, size := utf8.DecodeRune(text[i:])
				if r == utf8.RuneError && size == 1 {
					return t, s.fail(FaultSyntax)
				}
				i += size
			}
		}
	}
	return t, s.fail(FaultSyntax)
}

// plain8 returns how many of eight bytes, from the first on, are ASCII that
// stands for itself in a string.
func plain8(b []byte) int {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	_ = b[7]
	x := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
	// A byte below n makes x-n*ones borrow into its high bit; so does a zero
	// byte below 1. A borrow spoils only bytes after the first that is found.
	quote, backslash := x^'"'*ones, x^'\\'*ones
	found := (x | (x-' '*ones)&^x | (quote-ones)&^quote | (backslash-ones)&^backslash) & high
	return bits.TrailingZeros64(found) / 8
}

// escape returns the length of the escape at the start of b, 0 if it is none;
// half is set if it is half of a surrogate pair with the other half missing.
func escape(b []byte) (n int, half bool) {
	unit, ok := utf16(b)
	if !ok {
		if len(b) < 2 || strings.IndexByte(`"\/bfnrt`, b[1]) < 0 {
			return 0, false
		}
		return 2, false
	}
	switch unit >> 10 {
	case 0xD800 >> 10:
		if low, ok := utf16(b[6:]); ok && low>>10 == 0xDC00>>10 {
			return 12, false
		}
		return 6, true
	case 0xDC00 >> 10:
		return 6, true
	}
	return 6, false
}

// utf16 reads the code unit of a \uXXXX at the start of b.
func utf16(b []byte) (unit rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}

// decoded returns the text of a string that has been read; it aliases the body
// or the scratch.
func (s *Scanner) decoded(t span) string {
	content := s.text[t.start:t.end]
	if t.escaped {
		first := len(s.scratch)
		for len(content) > 0 {
			if content[0] != '\\' {
				s.scratch = append(s.scratch, content[0])
				content = content[1:]
				continue
			}
			n, _ := escape(content)
			s.scratch = append(s.scratch, unescaped(content[:n])...)
			content = content[n:]
		}
		content = s.scratch[first:]
	}
	return unsafe.String(unsafe.SliceData(content), len(content))
}

// unescaped returns the text of one escape. Halves of surrogate pairs become
// U+FFFD.
func unescaped(b []byte) string {
	unit, ok := utf16(b)
	if !ok {
		const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
		i := strings.IndexByte(from, b[1])
		return to[i : i+1]
	}
	if len(b) == 12 {
		low, _ := utf16(b[6:])
		unit = 0x10000 + (unit-0xD800)<<10 + (low - 0xDC00)
	}
	return string(unit)
}
