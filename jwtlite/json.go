package jwtlite

import (
	"errors"
	"hash/maphash"
	"unicode/utf8"
	"unsafe"
)

// Bounds of a document, so that the work a hostile one causes stays small:
// comparing the names of one object pairwise is quadratic in maxMembers.
const (
	maxDepth   = 32
	maxMembers = 256
)

// Kind is the type of a JSON value.
type Kind uint8

// The types of RFC 8259, section 3. The zero Kind is no type.
const (
	KindNull Kind = iota + 1
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
)

// Value is one JSON value.
type Value struct {
	// Kind is the value's type.
	Kind Kind
	// Raw is the JSON text of the value, as it was sent.
	Raw string
	// Text is the decoded text of a string and empty for all other types.
	Text string
}

// member is a name and its value in an object.
type member struct {
	name string
	Value
}

// present drops the members that are null, which are as if absent.
func present(members []member) []member {
	n := 0
	for i := range members {
		if members[i].Kind == KindNull {
			continue
		}
		if n < i {
			members[n] = members[i]
		}
		n++
	}
	return members[:n]
}

// withoutBOM returns a document without the byte order mark that some servers
// put in front (RFC 8259, section 8.1 allows to ignore it).
func withoutBOM(document []byte) []byte {
	if len(document) >= 3 && string(document[:3]) == "\xef\xbb\xbf" {
		return document[3:]
	}
	return document
}

// text returns the text of a string, "" if there is no such member.
func (m *member) text() string {
	if m == nil {
		return ""
	}
	return m.Text
}

// What is wrong with a document, before the caller says which document it was.
var (
	errSyntax    = errors.New("invalid JSON")
	errDuplicate = errors.New("duplicate JSON member")
	errBounds    = errors.New("JSON nested too deeply or with too many members")
)

// scanner reads JSON texts as RFC 8259 defines them, refusing what parsers are
// known to disagree on: duplicate names, invalid UTF-8, lone surrogates, bytes
// before or after the value. It is reused from one text to the next.
type scanner struct {
	text []byte
	pos  int

	// names holds the names of all objects that are open, innermost last, and
	// hashes their hashes, apart so that they are searched fast.
	names  []string
	hashes []uint64

	// uniqueDepth is how deep objects are searched for duplicate names.
	uniqueDepth int

	// scratch takes the strings that had to be decoded.
	scratch []byte
}

// hashSeed keeps senders from choosing names whose hashes are equal.
var hashSeed = maphash.MakeSeed()

// object reads text, one JSON object and nothing else, and appends its members
// to dst. The strings in them alias text and the scanner's scratch.
func (s *scanner) object(text []byte, dst []member, uniqueDepth int) ([]member, error) {
	if !utf8.Valid(text) {
		return dst, errSyntax
	}
	s.text, s.pos, s.uniqueDepth = text, 0, uniqueDepth
	s.names, s.hashes = s.names[:0], s.hashes[:0]
	s.space()
	if s.peek() != '{' {
		return dst, errSyntax
	}
	dst, err := s.members(dst, true, 1)
	if err != nil {
		return dst, err
	}
	s.space()
	if s.pos != len(s.text) {
		return dst, errSyntax
	}
	return dst, nil
}

// enter goes into array, which has been read before and found valid: its
// elements are read by calling value as long as next reports true.
func (s *scanner) enter(array string) {
	s.text, s.pos, s.uniqueDepth = bytesOf(array), 1, 0
}

// next goes to the next element of the array that was entered.
func (s *scanner) next() bool {
	s.space()
	if s.peek() == ',' {
		s.pos++
		s.space()
	}
	return s.peek() != ']'
}

// peek returns the byte at hand, 0 at the end: no JSON token starts with NUL.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// space goes past what space there is, most often none.
func (s *scanner) space() {
	if s.pos < len(s.text) && s.text[s.pos] <= ' ' {
		s.spaces()
	}
}

func (s *scanner) spaces() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// value reads the value at hand, which lies inside depth arrays and objects.
// Its string is decoded when keep is set.
func (s *scanner) value(keep bool, depth int) (v Value, err error) {
	start := s.pos
	switch c := s.peek(); c {
	case '"':
		v.Kind = KindString
		v.Text, err = s.str(keep)
	case '{':
		v.Kind = KindObject
		_, err = s.members(nil, false, depth+1)
	case '[':
		v.Kind = KindArray
		err = s.array(depth + 1)
	case 't':
		v.Kind = KindBool
		err = s.literal("true")
	case 'f':
		v.Kind = KindBool
		err = s.literal("false")
	case 'n':
		v.Kind = KindNull
		err = s.literal("null")
	default:
		v.Kind = KindNumber
		err = s.number()
	}
	if err != nil {
		return Value{}, err
	}
	v.Raw = stringOf(s.text[start:s.pos])
	return v, nil
}

// members reads the object at hand. Its members are appended to dst, with
// their strings decoded, when keep is set.
func (s *scanner) members(dst []member, keep bool, depth int) ([]member, error) {
	if depth > maxDepth {
		return dst, errBounds
	}
	open := len(s.names)
	for count := 1; ; count++ {
		s.pos++ // the bracket or the comma
		s.space()
		if s.peek() == '}' && count == 1 {
			s.pos++
			return dst, nil
		}
		if count > maxMembers {
			return dst, errBounds
		}
		if s.peek() != '"' {
			return dst, errSyntax
		}
		name, err := s.str(true)
		if err != nil {
			return dst, err
		}
		if depth <= s.uniqueDepth && !s.unique(name, open) {
			return dst, errDuplicate
		}
		s.space()
		if s.peek() != ':' {
			return dst, errSyntax
		}
		s.pos++
		s.space()
		v, err := s.value(keep, depth)
		if err != nil {
			return dst, err
		}
		if keep {
			dst = append(dst, member{name, v})
		}
		s.space()
		switch s.peek() {
		case ',':
		case '}':
			s.pos++
			s.names, s.hashes = s.names[:open], s.hashes[:open]
			return dst, nil
		default:
			return dst, errSyntax
		}
	}
}

// unique adds name to the names of the innermost object, which start at open,
// and reports false when it is there already.
func (s *scanner) unique(name string, open int) bool {
	var hash uint64
	switch count := len(s.names) - open; {
	case count < fewMembers:
		hash = sketch(name)
	case count == fewMembers:
		for i, earlier := range s.names[open:] {
			s.hashes[open+i] = maphash.String(hashSeed, earlier)
		}
		fallthrough
	default:
		hash = maphash.String(hashSeed, name)
	}
	for i, seen := range s.hashes[open:] {
		if seen == hash && s.names[open+i] == name {
			return false
		}
	}
	s.names, s.hashes = append(s.names, name), append(s.hashes, hash)
	return true
}

// fewMembers is up to how many members the names of an object have sketches for
// hashes. Whoever makes those alike causes few comparisons.
const fewMembers = 16

// sketch tells most names apart that are found together.
func sketch(name string) uint64 {
	n := uint64(len(name))
	if n == 0 {
		return 0
	}
	return n<<24 | uint64(name[0])<<16 | uint64(name[n/2])<<8 | uint64(name[n-1])
}

func (s *scanner) array(depth int) error {
	if depth > maxDepth {
		return errBounds
	}
	for first := true; ; first = false {
		s.pos++ // the bracket or the comma
		s.space()
		if s.peek() == ']' && first {
			s.pos++
			return nil
		}
		if _, err := s.value(false, depth); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
		case ']':
			s.pos++
			return nil
		default:
			return errSyntax
		}
	}
}

//go:noinline
func (s *scanner) literal(want string) error {
	if end := s.pos + len(want); end <= len(s.text) && string(s.text[s.pos:end]) == want {
		s.pos = end
		return nil
	}
	return errSyntax
}

// number reads the number at hand: RFC 8259, section 6.
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return errSyntax
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return errSyntax
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return errSyntax
		}
	}
	return nil
}

// digits reads one digit or more.
//
//go:noinline
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// stringOf returns the bytes as a string that shares their memory.
func stringOf(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// bytesOf returns the bytes of s, which must not be written to.
func bytesOf(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s))
}
