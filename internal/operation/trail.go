package operation

// A Trail lists the operations in a body, for an audit trail. It has one list of methods
// and one of targets: the names of tools and prompts, and URIs. In the lists of a batch
// each message has an element, with a space before all but the first. An element is "-"
// for a message that has none.
//
// The lists are safe to print, whatever a client sends: an element has letters, digits
// and a few other characters, and all others are percent-encoded. "*" at the end of an
// element says that the rest of it is left out, and an element "*" at the end of a list
// that further messages are.
type Trail struct {
	methods, targets []byte
	messages         int
	method, target   bool // a message has a method; one has a target
	full             bool // further messages are left out
}

const (
	maxElement = 256  // bytes of an element, before its "*"
	maxList    = 1024 // bytes of a list, after which no element begins
)

// Reset empties the lists.
func (t *Trail) Reset() { *t = Trail{methods: t.methods[:0], targets: t.targets[:0]} }

// Methods returns the list of methods, empty if no message has one. It is valid until the
// next Reset.
func (t *Trail) Methods() []byte { return listOf(t.methods, t.method) }

// Targets returns the list of targets likewise.
func (t *Trail) Targets() []byte { return listOf(t.targets, t.target) }

func listOf(list []byte, any bool) []byte {
	if !any {
		return nil
	}
	return list
}

// Add adds the operation of a message.
func (t *Trail) Add(o *Operation) {
	if t.full {
		return
	}
	if t.messages++; t.messages > 1 {
		t.methods, t.targets = append(t.methods, ' '), append(t.targets, ' ')
		if t.full = max(len(t.methods), len(t.targets)) > maxList; t.full {
			t.methods, t.targets = append(t.methods, '*'), append(t.targets, '*')
			return
		}
	}
	t.method, t.target = t.method || o.HasMethod, t.target || o.HasName
	t.methods = appendElement(t.methods, o.Method)
	t.targets = appendElement(t.targets, o.Name)
}

// appendElement appends an element that stands for s.
func appendElement(b []byte, s string) []byte {
	const upperHex = "0123456789ABCDEF"
	switch s {
	case "":
		return append(b, '-')
	case "-":
		return append(b, "%2D"...)
	}
	start := len(b)
	for i := 0; i < len(s); i++ {
		c := s[i]
		plain := isPrintedPlain(c)
		if size := len(b) - start; size == maxElement || !plain && size > maxElement-3 {
			return append(b, '*')
		}
		if plain {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

// isPrintedPlain reports whether c stands for itself in an element. No character that
// ends a field or a string in some format of logs does.
func isPrintedPlain(c byte) bool {
	switch c {
	case '-', '.', '_', '~', ':', '/', '?', '#', '@', '!', '$', '&', '+', '=':
		return true
	}
	return isAlphanumeric(c)
}
