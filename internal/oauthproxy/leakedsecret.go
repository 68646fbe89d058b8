package oauthproxy

import (
	"strings"
	"unicode/utf8"
)

// A clientSecret finds the client's secret in what a provider sends, however it is
// encoded there: as it is; percent-encoded; escaped as in JSON, JavaScript or HTML; any
// of these several times over, or mixed; and all of them in hexadecimal, base64 or base64url,
// alone or within other text, as HTTP Basic has credentials.
type clientSecret struct {
	raw   string
	plain string // decoded as far as possible
}

const maxRounds = 8 // of decoding

func newClientSecret(secret string) (s clientSecret) {
	s.raw = secret
	s.plain, _ = decoded(secret, nil)
	return s
}

// in reports whether the secret is in a text. It also reports true if the text is
// encoded more often than any server would encode it. The work is linear in the text.
func (s *clientSecret) in(text string) bool {
	return s.raw != "" && s.search(text, func(text string) bool {
		for skip := range 4 {
			if s.search(unbase64(text, skip), nil) || skip < 2 && s.search(unhex(text, skip), nil) {
				return true
			}
		}
		return false
	})
}

// search reports whether the secret is in a text, or also, if set, reports true for
// any of the forms that the text takes while it is decoded.
func (s *clientSecret) search(text string, also func(string) bool) bool {
	plain, ok := decoded(text, func(text string) bool {
		return strings.Contains(text, s.raw) || also != nil && also(text)
	})
	return !ok || strings.Contains(plain, s.plain)
}

// unbase64 decodes every run of characters of base64 or base64url in a text, which line
// breaks may interrupt. It skips the first characters of each run, 0 to 3, since the
// run may begin with other text.
func unbase64(text string, skip int) string {
	b := make([]byte, 0, len(text)/4*3+4)
	var group uint32
	n := 0 // characters in group; negative while characters are skipped
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
			b = append(b, 0xFF) // separates two runs
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

// unhex decodes every run of hexadecimal digits in a text. It skips the first digits of
// each run, 0 or 1.
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

// decoded decodes a text until nothing is left to decode, and then replaces "+" by a
// space, so that texts of which one encodes the other become equal. ok is false if too
// many rounds are needed, or if stop reports true for a form on the way.
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

// decodeOnce undoes one layer of percent-encoding and escapes.
func decodeOnce(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '&') < 0 && strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		n, r := 0, rune(0)
		switch s[i] {
		case '%':
			if i+1 < len(s) && s[i+1] == 'u' { // JavaScript's escape()
				r, n = escape(`\` + s[i+1:min(i+6, len(s))])
				break
			}
			if c, ok := hex(s[i+1:], 2); ok {
				b = append(b, byte(c)) // a percent-encoding stands for a byte, not a character
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

// entities are the named character references of HTML that encoders produce.
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

// entity reads a character reference of HTML and returns its length, 0 for none.
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

// escape reads an escape of JSON or JavaScript and returns its length, 0 for none.
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
