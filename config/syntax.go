package config

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the recursion over nested values. The contract needs six
// levels; further metadata members may add their own.
const maxDepth = 32

// checkSyntax returns what keeps doc from being a JSON text (RFC 8259), with
// line and column, or "". It also refuses text that parsers read differently
// from each other: bytes that are no UTF-8 and escapes that are half of a
// surrogate pair. The lax gjson may read what has passed.
func checkSyntax(doc string) string {
	s := scanner{doc: doc}
	s.space()
	if s.value(1) {
		s.space()
		if s.pos == len(doc) {
			return ""
		}
		s.fault = "unexpected text after the end"
	}
	before := doc[:s.pos]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return "must be a JSON text: " + s.fault + " at line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}

// scanner walks over a JSON text. Its methods return false once they have set
// fault, with pos at the place.
type scanner struct {
	doc   string
	pos   int
	fault string
}

func (s *scanner) fail(fault string) bool {
	s.fault = fault
	return false
}

func (s *scanner) unexpected() bool {
	if s.pos >= len(s.doc) {
		return s.fail("unexpected end")
	}
	return s.fail("unexpected character")
}

func (s *scanner) space() {
	for s.pos < len(s.doc) && strings.IndexByte(" \t\r\n", s.doc[s.pos]) >= 0 {
		s.pos++
	}
}

// accept steps over c if it comes next.
func (s *scanner) accept(c byte) bool {
	if s.pos < len(s.doc) && s.doc[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) value(depth int) bool {
	if depth > maxDepth {
		return s.fail("nested deeper than " + strconv.Itoa(maxDepth) + " levels")
	}
	if s.pos >= len(s.doc) {
		return s.unexpected()
	}
	switch c := s.doc[s.pos]; {
	case c == '{':
		return s.list('}', func() bool {
			if !s.string() {
				return false
			}
			s.space()
			if !s.accept(':') {
				return s.unexpected()
			}
			s.space()
			return s.value(depth + 1)
		})
	case c == '[':
		return s.list(']', func() bool { return s.value(depth + 1) })
	case c == '"':
		return s.string()
	case c == '-' || isDigit(c):
		return s.number()
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s.doc[s.pos:], word) {
			s.pos += len(word)
			return true
		}
	}
	return s.unexpected()
}

// list reads an object or an array, up to the closing bracket.
func (s *scanner) list(closing byte, element func() bool) bool {
	s.pos++
	s.space()
	if s.accept(closing) {
		return true
	}
	for {
		if !element() {
			return false
		}
		s.space()
		if s.accept(closing) {
			return true
		}
		if !s.accept(',') {
			return s.unexpected()
		}
		s.space()
	}
}

func (s *scanner) number() bool {
	s.accept('-')
	if !s.accept('0') && !s.digits() {
		return s.unexpected()
	}
	if s.accept('.') && !s.digits() {
		return s.unexpected()
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('-') {
			s.accept('+')
		}
		if !s.digits() {
			return s.unexpected()
		}
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.doc) && isDigit(s.doc[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) string() bool {
	if !s.accept('"') {
		return s.unexpected()
	}
	for s.pos < len(s.doc) {
		switch c := s.doc[s.pos]; {
		case c == '"':
			s.pos++
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < ' ':
			return s.fail("unescaped control character in a string")
		default:
			r, size := utf8.DecodeRuneInString(s.doc[s.pos:])
			if r == utf8.RuneError && size == 1 {
				return s.fail("invalid UTF-8")
			}
			s.pos += size
		}
	}
	return s.unexpected()
}

func (s *scanner) escape() bool {
	rest := s.doc[s.pos:]
	if len(rest) >= 2 && strings.IndexByte(`"\/bfnrt`, rest[1]) >= 0 {
		s.pos += 2
		return true
	}
	unit, ok := utf16Escape(rest)
	if !ok {
		return s.fail("invalid escape in a string")
	}
	switch unit >> 10 {
	case 0xD800 >> 10:
		if low, ok := utf16Escape(rest[6:]); !ok || low>>10 != 0xDC00>>10 {
			return s.fail("half a surrogate pair in a string")
		}
		s.pos += 6
	case 0xDC00 >> 10:
		return s.fail("half a surrogate pair in a string")
	}
	s.pos += 6
	return true
}

// utf16Escape reads the code unit of a \uXXXX at the start of s.
func utf16Escape(s string) (unit uint16, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return uint16(n), err == nil
}
