package jwtlite

import (
	"unicode/utf16"
	"unicode/utf8"
)

// str reads the string at hand and returns its text when keep is set: the
// bytes where they stand if nothing is escaped, else decoded into the scratch.
// The text around it is valid UTF-8 already.
func (s *scanner) str(keep bool) (string, error) {
	s.pos++
	rest := s.text[s.pos:]
	// Two bytes a turn, and the position in a variable: this is where the time
	// goes.
	n := 0
	for n+1 < len(rest) && plain[rest[n]] && plain[rest[n+1]] {
		n += 2
	}
	for n < len(rest) && plain[rest[n]] {
		n++
	}
	start := s.pos
	s.pos += n
	switch s.peek() {
	case '"':
		s.pos++
		return stringOf(rest[:n]), nil
	case '\\':
		return s.escaped(start, keep)
	}
	return "", errSyntax
}

// plain are the bytes that stand for themselves in a string.
var plain = func() (table [256]bool) {
	for i := ' '; i < 256; i++ {
		table[i] = i != '"' && i != '\\'
	}
	return table
}()

// escaped goes on with the string that began at start, from its first
// backslash on. Decoded text is never longer than its JSON.
func (s *scanner) escaped(start int, keep bool) (string, error) {
	first := len(s.scratch)
	if keep {
		s.scratch = append(s.scratch, s.text[start:s.pos]...)
	}
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		s.pos++
		switch {
		case c == '"':
			return stringOf(s.scratch[first:]), nil
		case c < 0x20:
			return "", errSyntax
		case c == '\\':
			r, ok := s.escape()
			if !ok {
				return "", errSyntax
			}
			if keep {
				s.scratch = utf8.AppendRune(s.scratch, r)
			}
		case keep:
			s.scratch = append(s.scratch, c)
		}
	}
	return "", errSyntax
}

// escape reads what follows a backslash.
func (s *scanner) escape() (rune, bool) {
	c := s.peek()
	s.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		r, ok := s.hex4()
		if !ok || !utf16.IsSurrogate(r) {
			return r, ok
		}
		// Half a pair stands for no character: RFC 8259, section 8.2.
		if s.peek() != '\\' {
			return 0, false
		}
		s.pos++
		if s.peek() != 'u' {
			return 0, false
		}
		s.pos++
		low, ok := s.hex4()
		r = utf16.DecodeRune(r, low)
		return r, ok && r != utf8.RuneError
	}
	return 0, false
}

// hex4 reads four hexadecimal digits.
func (s *scanner) hex4() (rune, bool) {
	if len(s.text)-s.pos < 4 {
		return 0, false
	}
	var r rune
	for _, c := range s.text[s.pos : s.pos+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	s.pos += 4
	return r, true
}
