package jsontext

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A String is a string that a [Reader] has read, a name or a value.
type String struct {
	start, end int // of its content, without the quotes

	// Escaped is set if the string has an escape.
	Escaped bool
	// Lone is set if the string has an escape that is one half of a surrogate
	// pair: see [Options.AllowLoneSurrogates].
	Lone bool
}

// String reads the string that comes next: RFC 8259, section 7.
func (r *Reader) String() (s String, ok bool) {
	if r.peek() != '"' {
		return s, r.fail(Unexpected)
	}
	text, i := r.text, r.pos+1
	s.start = i
	for i < len(text) {
		for i+8 <= len(text) {
			n := plainPrefix(load(text[i : i+8]))
			if i += n; n < 8 {
				break
			}
		}
		if i == len(text) {
			break
		}
		switch c := text[i]; {
		case c == '"':
			s.end, r.pos = i, i+1
			return s, true
		case c == '\\':
			n, lone := escapeLength(text[i:])
			if n == 0 {
				return s, r.failAt(i, InvalidEscape)
			}
			if lone && !r.options.AllowLoneSurrogates {
				return s, r.failAt(i, LoneSurrogate)
			}
			s.Escaped, s.Lone = true, s.Lone || lone
			i += n
		case c < ' ':
			return s, r.failAt(i, ControlCharacter)
		case c < utf8.RuneSelf:
			i++
		default:
			for i < len(text) && text[i] >= utf8.RuneSelf {
				c, size := utf8.DecodeRuneInString(text[i:])
				if c == utf8.RuneError && size == 1 {
					return s, r.failAt(i, InvalidUTF8)
				}
				i += size
			}
		}
	}
	return s, r.failAt(len(text), Unexpected)
}

func (r *Reader) failAt(pos int, f Fault) bool {
	r.pos = pos
	return r.fail(f)
}

// load returns the first eight bytes of s, the first in the lowest bits.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// plainPrefix returns how many of the eight bytes in x, from the lowest on, are
// ASCII that stands for itself in a string.
func plainPrefix(x uint64) int {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	// A byte below n makes x-n*ones borrow into its high bit; so does a zero
	// byte below 1. A borrow spoils only bytes after the first that is found.
	quote, backslash := x^'"'*ones, x^'\\'*ones
	found := (x | (x-' '*ones)&^x | (quote-ones)&^quote | (backslash-ones)&^backslash) & high
	return bits.TrailingZeros64(found) / 8
}

// The second characters of the escapes that have two, and the characters that they
// stand for: RFC 8259, section 7.
const (
	shortEscapes = `"\/bfnrt`
	shortMeaning = "\"\\/\b\f\n\r\t"
)

// escapeLength returns the length of the escape at the start of s, 0 if there is
// none. A surrogate pair is one escape. lone is set for one half of a pair.
func escapeLength(s string) (n int, lone bool) {
	unit, ok := codeUnit(s)
	if !ok {
		if len(s) < 2 || strings.IndexByte(shortEscapes, s[1]) < 0 {
			return 0, false
		}
		return 2, false
	}
	if !utf16.IsSurrogate(unit) {
		return 6, false
	}
	if low, ok := codeUnit(s[6:]); ok && utf16.DecodeRune(unit, low) != utf8.RuneError {
		return 12, false
	}
	return 6, true
}

// codeUnit reads the UTF-16 code unit of a \uXXXX at the start of s.
func codeUnit(s string) (unit rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		c := s[i]
		switch {
		case isDigit(c):
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

// Decode returns the text of s, which the reader has read from its present text.
// The result shares memory with that text or, if s has escapes, with buffer, to
// which the decoded text is appended. Half of a surrogate pair becomes U+FFFD.
func (r *Reader) Decode(s String, buffer *[]byte) string {
	if s.Escaped {
		return unescape(r.text[s.start:s.end], buffer)
	}
	return r.text[s.start:s.end]
}

// unescape decodes the content of a string into buffer.
func unescape(content string, buffer *[]byte) string {
	b := *buffer
	first := len(b)
	for {
		i := strings.IndexByte(content, '\\')
		if i < 0 {
			b = append(b, content...)
			*buffer = b
			return stringOf(b[first:])
		}
		b = append(b, content[:i]...)
		n, _ := escapeLength(content[i:])
		b = appendEscape(b, content[i:i+n])
		content = content[i+n:]
	}
}

// appendEscape appends the character that an escape stands for.
func appendEscape(dst []byte, escape string) []byte {
	unit, ok := codeUnit(escape)
	if !ok {
		return append(dst, shortMeaning[strings.IndexByte(shortEscapes, escape[1])])
	}
	if len(escape) == 12 {
		low, _ := codeUnit(escape[6:])
		unit = utf16.DecodeRune(unit, low)
	}
	return utf8.AppendRune(dst, unit)
}
