package introspect

import (
	"strings"
	"unicode/utf8"
)

// A Secret finds a client's secret in what a server says, however it is written
// there: as it is; percent-encoded; escaped as in JSON, JavaScript or HTML; each of
// these several times over, or mixed; and any of it in hexadecimal, base64 or base64url, alone
// or within other text, as the credentials of HTTP Basic have it.
type Secret struct {
	raw   string
	plain string // decoded as far as it goes
}

const maxRounds = 8 // of decoding

// NewSecret returns the Secret that is this text.
func NewSecret(secret string) (s Secret) {
	s.raw = secret
	s.plain, _ = decoded(secret, nil)
	return s
}

// In reports whether the secret is in a text. It says yes too if the text is
// encoded more often than anyone would do it. The work is linear in the text.
func (s *Secret) In(text string) bool {
	return s.raw != "" && s.search(text, func(text string) bool {
		for skip := range 4 {
			if s.search(unbase64(text, skip), nil) || skip < 2 && s.search(unhex(text, skip), nil) {
				return true
			}
		}
		return false
	})
}

// search reports whether the secret is in a text, or also says so of what the text
// is on the way to being decoded.
func (s *Secret) search(text string, also func(string) bool) bool {
	plain, ok := decoded(text, func(text string) bool {
		return strings.Contains(text, s.raw) || also != nil && also(text)
	})
	return !ok || strings.Contains(plain, s.plain)
}

// unbase64 decodes all that may be base64 or base64url in a text, in lines or not,
// from each first of its characters on but for those skipped.
func unbase64(text string, skip int) string {
	b := make([]byte, 0, len(text)/4*3+4)
	var group uint32
	n := 0 // characters in group, or, below 0, to be skipped
	end := func() {
		switch n {
		case 2:
			b = append(b, byte(group>>4))
		case 3:
			b = append(b, byte(group>>10), byte(group>>2))
		}
		group, n = 0, -skip
	}
	end()
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c -= 'A'
		case 'a' <= c && c <= 'z':
			c -= 'a' - 26
		case '0' <= c && c <= '9':
			c += 52 - '0'
		case c == '+' || c == '-':
			c = 62
		case c == '/' || c == '_':
			c = 63
		case c == '\r' || c == '\n':
			continue
		default:
			end()
			b = append(b, 0xFF) // what is before and what is behind are two things
			continue
		}
		if n++; n <= 0 {
			continue
		}
		if group = group<<6 | uint32(c); n == 4 {
			b = append(b, byte(group>>16), byte(group>>8), byte(group))
			group, n = 0, 0
		}
	}
	end()
	return string(b)
}

// unhex decodes all that may be hexadecimal in a text, from each first of its digits
// on but for those skipped.
func unhex(text string, skip int) string {
	b := make([]byte, 0, len(text)/2)
	for i, run := 0, 0; i < len(text); {
		if _, ok := hex(text[i:], 1); !ok {
			b, run = append(b, 0xFF), 0
		} else if c, ok := hex(text[i:], 2); ok && run >= skip {
			b = append(b, byte(c))
			i++
		} else {
			run++
		}
		i++
	}
	return string(b)
}

// decoded decodes a text until nothing is left to decode, and then takes "+" for a
// space: texts of which one is an encoding of the other become the same. ok is
// false if there is no end to it, or stop says so of a text on the way.
func decoded(text string, stop func(string) bool) (plain string, ok bool) {
	for range maxRounds {
		if stop != nil && stop(text) {
			return "", false
		}
		next := decodeOnce(text)
		if next == text {
			return strings.ReplaceAll(text, "+", " "), true
		}
		text = next
	}
	return text, stop == nil
}

// decodeOnce decodes what is percent-encoded or escaped in a text, once.
func decodeOnce(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '&') < 0 && strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		n, r := 0, rune(0)
		switch s[i] {
		case '%':
			if i+1 < len(s) && s[i+1] == 'u' { // escape of JavaScript
				r, n = escape(`\` + s[i+1:min(i+6, len(s))])
				break
			}
			if c, ok := hex(s[i+1:], 2); ok {
				b = append(b, byte(c)) // a byte, not a character
				i += 3
				continue
			}
		case '&':
			r, n = entity(s[i:])
		case '\\':
			r, n = escape(s[i:])
		}
		if n == 0 {
			b = append(b, s[i])
			i++
			continue
		}
		b = utf8.AppendRune(b, r)
		i += n
	}
	return string(b)
}

// hex reads n hexadecimal digits.
func hex(s string, n int) (v rune, ok bool) {
	if len(s) < n {
		return 0, false
	}
	for i := range n {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		v = v<<4 | rune(c)
	}
	return v, true
}

// entities are the character references of HTML that encoders make by name.
var entities = [...]struct {
	name string
	r    rune
}{
	{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''},
	{"plus;", '+'}, {"sol;", '/'}, {"equals;", '='}, {"colon;", ':'}, {"percnt;", '%'},
	{"excl;", '!'}, {"num;", '#'}, {"dollar;", '$'}, {"lpar;", '('}, {"rpar;", ')'}, {"ast;", '*'}, {"comma;", ','},
	{"period;", '.'}, {"semi;", ';'}, {"quest;", '?'}, {"commat;", '@'}, {"lsqb;", '['}, {"lbrack;", '['}, {"bsol;", '\\'},
	{"rsqb;", ']'}, {"rbrack;", ']'}, {"Hat;", '^'}, {"lowbar;", '_'}, {"grave;", '`'}, {"lcub;", '{'}, {"lbrace;", '{'},
	{"vert;", '|'}, {"verbar;", '|'}, {"rcub;", '}'}, {"rbrace;", '}'},
}

// entity reads a character reference of HTML, and returns how long it is.
func entity(s string) (r rune, n int) {
	if !strings.HasPrefix(s, "&#") {
		for _, e := range entities {
			if strings.HasPrefix(s[1:], e.name) {
				return e.r, 1 + len(e.name)
			}
		}
		return 0, 0
	}
	n, base := 2, rune(10)
	if n < len(s) && s[n]|0x20 == 'x' {
		n, base = 3, 16
	}
	begin := n
	for ; n < len(s) && n-begin < 8; n++ {
		digit, ok := hex(s[n:], 1)
		if !ok || digit >= base {
			break
		}
		r = r*base + digit
	}
	if n == begin {
		return 0, 0
	}
	if n < len(s) && s[n] == ';' {
		n++
	}
	return r, n
}

// escape reads an escape of JSON or JavaScript, and returns how long it is.
func escape(s string) (r rune, n int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch c := s[1]; c {
	case 'u':
		if strings.HasPrefix(s[2:], "{") {
			for n = 3; n < min(len(s), 10); n++ {
				digit, ok := hex(s[n:], 1)
				if !ok {
					break
				}
				r = r<<4 | digit
			}
			if n > 3 && n < len(s) && s[n] == '}' {
				return r, n + 1
			}
			return 0, 0
		}
		high, ok := hex(s[2:], 4)
		if !ok {
			return 0, 0
		}
		if high>>10 == 0xD800>>10 && strings.HasPrefix(s[6:], `\u`) {
			if low, ok := hex(s[8:], 4); ok && low>>10 == 0xDC00>>10 {
				return 0x10000 + (high&0x3FF)<<10 + low&0x3FF, 12
			}
		}
		return high, 6
	case 'x':
		if r, ok := hex(s[2:], 2); ok {
			return r, 4
		}
	case '0', '1', '2', '3':
		if len(s) > 3 && (s[2]|s[3])>>3 == '0'>>3 {
			return rune(c&7)<<6 | rune(s[2]&7)<<3 | rune(s[3]&7), 4
		}
	case '/', '"', '\\', '\'':
		return rune(c), 2
	case 'n':
		return '\n', 2
	case 't':
		return '\t', 2
	}
	return 0, 0
}
