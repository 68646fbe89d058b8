package jsontext

// A Fault is the reason why a [Reader] refuses a text. [Reader.Offset] tells where
// in the text the fault is.
type Fault uint8

const (
	None Fault = iota

	Unexpected       // the text ends, or has a byte that the grammar does not allow there
	TrailingText     // the value is followed by something else than whitespace
	ControlCharacter // a string has a control character that is not escaped
	InvalidEscape    // a string has a backslash that begins no escape
	LoneSurrogate    // a string has an escape that is one half of a surrogate pair
	InvalidUTF8      // a string has bytes that are not UTF-8
	TooDeep          // more than Options.MaxDepth
	TooManyMembers   // more than Options.MaxMembers
	DuplicateName    // a name that the object has already, see Options.UniqueDepth
)

// Fault returns the fault that was found, [None] if there is none so far.
func (r *Reader) Fault() Fault { return r.fault }
