// Package jsontext reads JSON texts as RFC 8259 defines them, and refuses the
// texts that parsers are known to read differently from each other.
//
// A [Reader] walks over one text, without a tree and without an allocation for
// each token. The caller asks for the kind of the next value and then enters it,
// reads it or skips it:
//
//	r.Reset(text, jsontext.Options{MaxDepth: 32})
//	if r.BeginObject() {
//		for {
//			name, ok := r.NextMember()
//			if !ok {
//				break
//			}
//			... r.Kind(), and r.String() or r.Skip()
//		}
//	}
//	if !r.End() {
//		... r.Fault(), at r.Offset()
//	}
//
// Always refused are bytes that are not UTF-8 (RFC 8259, section 8.1), a byte
// order mark (see [TrimBOM]), an escape that no character stands for, and
// anything after the value. [Options] has the rules in which the callers differ.
//
// Reading takes time linear in the length of the text, whatever the text holds;
// with [Options.UniqueDepth] set, linear in the length and in
// [Options.MaxMembers].
package jsontext

import (
	"strings"
	"unsafe"
)

// Options are the limits of a [Reader] and the rules that not all callers need.
type Options struct {
	// MaxDepth is the number of arrays and objects that may lie in each other.
	MaxDepth int

	// MaxMembers is the number of members that an object may have. Zero stands
	// for no limit.
	MaxMembers int

	// UniqueDepth is the depth down to which the names in an object must be
	// unique, compared after their escapes have been decoded. The outermost
	// array or object has depth 1; zero turns the check off. Set MaxMembers with
	// it: to compare the names of an object takes time quadratic in their number.
	UniqueDepth int

	// AllowLoneSurrogates accepts an escape that is one half of a surrogate pair
	// (RFC 8259, section 8.2). [String.Lone] reports it.
	AllowLoneSurrogates bool
}

// Kind is the type of a JSON value.
type Kind uint8

// The types of RFC 8259, section 3. The zero Kind is no type.
const (
	Null Kind = iota + 1
	Bool
	Number
	Text
	Array
	Object
)

// A Reader reads one JSON text. The zero Reader is ready for [Reader.Reset], which
// may be called again and again and keeps the buffers.
//
// A method that returns false for something else than the end of an array or an
// object has found a fault. The caller must stop then; [Reader.End] returns false.
type Reader struct {
	text    string
	pos     int
	fault   Fault
	options Options
	levels  []level // the arrays and objects that the reader is in, innermost last

	names   []string // of the objects that the reader is in, innermost last
	hashes  []uint64 // of names
	decoded []byte   // the names that have escapes
}

// A level is an array or an object that has begun and not ended.
type level struct {
	closing byte
	count   int // of the members or elements that have begun
	names   int // its names are Reader.names from here on
}

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\xef\xbb\xbf"

// TrimBOM returns text without the byte order mark that some servers and editors
// put in front. RFC 8259, section 8.1 lets a parser ignore it.
func TrimBOM(text []byte) []byte {
	if len(text) >= len(byteOrderMark) && string(text[:len(byteOrderMark)]) == byteOrderMark {
		return text[len(byteOrderMark):]
	}
	return text
}

// Reset goes to the value of a text. The text must not change while the reader, or
// a string that came from it, is in use.
func (r *Reader) Reset(text []byte, options Options) { r.ResetString(stringOf(text), options) }

// ResetString is [Reader.Reset] for a text that is a string.
func (r *Reader) ResetString(text string, options Options) {
	r.text, r.pos, r.fault, r.options = text, 0, None, options
	r.levels, r.names, r.hashes, r.decoded = r.levels[:0], r.names[:0], r.hashes[:0], r.decoded[:0]
	r.space()
}

// Release drops the references to the text, and buffers that a large one left.
func (r *Reader) Release() {
	const kept = 4096
	clear(r.names[:cap(r.names)])
	r.text = ""
	if cap(r.decoded) > kept {
		r.decoded = nil
	}
}

// Offset returns the position of the reader in the text, in bytes. After a fault it
// is the position of the fault.
func (r *Reader) Offset() int { return r.pos }

// Raw returns the text from offset start up to the reader.
func (r *Reader) Raw(start int) string { return r.text[start:r.pos] }

// Kind returns the kind of the value that comes next, 0 if there is none. It looks
// at the first byte only: the value may prove to be malformed.
func (r *Reader) Kind() Kind {
	switch c := r.peek(); c {
	case '"':
		return Text
	case '{':
		return Object
	case '[':
		return Array
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	default:
		if c == '-' || isDigit(c) {
			return Number
		}
		return 0
	}
}

// BeginObject enters the object that comes next.
func (r *Reader) BeginObject() bool { return r.begin('{', '}') }

// BeginArray enters the array that comes next.
func (r *Reader) BeginArray() bool { return r.begin('[', ']') }

func (r *Reader) begin(opening, closing byte) bool {
	if r.peek() != opening {
		return r.fail(Unexpected)
	}
	if len(r.levels) >= r.options.MaxDepth {
		return r.fail(TooDeep)
	}
	r.pos++
	r.levels = append(r.levels, level{closing: closing, names: len(r.names)})
	return true
}

// NextMember reads the name of the next member of the object that the reader is
// in, and goes to the value of the member. At the end of the object it leaves the
// object and returns false.
func (r *Reader) NextMember() (name String, ok bool) {
	if !r.next('}') {
		return name, false
	}
	l := &r.levels[len(r.levels)-1]
	if r.options.MaxMembers > 0 && l.count > r.options.MaxMembers {
		return name, r.fail(TooManyMembers)
	}
	if name, ok = r.String(); !ok {
		return name, false
	}
	if len(r.levels) <= r.options.UniqueDepth && !r.addName(r.Decode(name, &r.decoded), l.names) {
		return name, r.fail(DuplicateName)
	}
	r.space()
	if !r.accept(':') {
		return name, r.fail(Unexpected)
	}
	r.space()
	return name, true
}

// NextElement goes to the next element of the array that the reader is in. At the
// end of the array it leaves the array and returns false.
func (r *Reader) NextElement() bool { return r.next(']') }

// next goes past the comma before the next member or element. It returns false if
// there is none.
func (r *Reader) next(closing byte) bool {
	r.space()
	l := &r.levels[len(r.levels)-1]
	if r.accept(closing) {
		r.names, r.hashes = r.names[:l.names], r.hashes[:l.names]
		r.levels = r.levels[:len(r.levels)-1]
		return false
	}
	if l.count > 0 {
		if !r.accept(',') {
			return r.fail(Unexpected)
		}
		r.space()
	}
	l.count++
	return true
}

// Skip reads the value that comes next, with everything in it. It does not
// recurse: a level takes no room on the stack, which is small in WebAssembly.
func (r *Reader) Skip() bool {
	for depth := len(r.levels); ; {
		ok := false
		switch c := r.peek(); c {
		case '"':
			_, ok = r.String()
		case '{':
			ok = r.BeginObject()
		case '[':
			ok = r.BeginArray()
		default:
			ok = r.scalar(c)
		}
		if !ok {
			return false
		}
		// Leave the arrays and objects that end here, and go to the next value.
		for more := false; !more; {
			if len(r.levels) == depth {
				return true
			}
			if r.levels[len(r.levels)-1].closing == '}' {
				_, more = r.NextMember()
			} else {
				more = r.NextElement()
			}
			if r.fault != None {
				return false
			}
		}
	}
}

// End returns whether the text has been read to its end without a fault.
func (r *Reader) End() bool {
	if r.fault != None {
		return false
	}
	r.space()
	if len(r.levels) > 0 {
		return r.fail(Unexpected)
	}
	if r.pos < len(r.text) {
		return r.fail(TrailingText)
	}
	return true
}

func (r *Reader) fail(f Fault) bool {
	r.fault = f
	return false
}

// peek returns the next byte, 0 at the end: no token begins with NUL.
func (r *Reader) peek() byte {
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

// accept steps over c if it comes next.
func (r *Reader) accept(c byte) bool {
	if r.pos < len(r.text) && r.text[r.pos] == c {
		r.pos++
		return true
	}
	return false
}

// space steps over whitespace. Most texts have none, so that the loop stands in a
// function of its own and this one is inlined.
func (r *Reader) space() {
	if r.pos < len(r.text) && r.text[r.pos] <= ' ' {
		r.spaces()
	}
}

func (r *Reader) spaces() {
	for r.pos < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.pos]) >= 0 {
		r.pos++
	}
}

// stringOf returns the bytes as a string that shares their memory.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
