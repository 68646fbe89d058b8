package listfilter

import (
	"bytes"

	"mcpauth/internal/jsontext"
)

// maxDepth is the number of arrays and objects that may lie in each other in an answer.
const maxDepth = 512

// Kind is the kind of a list.
type Kind uint8

// The lists, in the order of members.
const (
	Tools Kind = iota
	Prompts
	Resources
	Templates
	kinds
)

// members are the members of a result that hold the lists, and names those of an entry
// that name it: MCP 2025-11-25, "Tools", "Prompts", "Resources".
var (
	members = [kinds]string{"tools", "prompts", "resources", "resourcetemplates"}
	exact   = [kinds]string{"tools", "prompts", "resources", "resourceTemplates"}
	names   = [kinds]string{"name", "name", "uri", "uritemplate"}
	named   = [kinds]string{"name", "name", "uri", "uriTemplate"}
)

// Hidden reports whether an entry of a list is hidden from the caller. The name is that of
// a tool or a prompt, or a URI, or a URI template. It does not outlive the call.
type Hidden func(kind Kind, name string) bool

// A Filter takes entries out of lists. It is used for one answer after the other.
type Filter struct {
	Hidden Hidden

	json    jsontext.Reader
	refused bool
	edits   []edit
	decoded []byte
}

// An edit replaces the bytes from start to end of a text.
type edit struct {
	start, end int
	text       string
}

// JSON returns an answer that is no event stream without its hidden entries: text itself
// if there is nothing to change. It returns false for an answer that it cannot read.
func (f *Filter) JSON(text []byte) ([]byte, bool) {
	if !mayBeMessage(text) {
		return text, true
	}
	body := jsontext.TrimBOM(text)
	changed, ok := f.scan(body)
	switch {
	case !ok:
		return nil, false
	case !changed:
		return text, true
	}
	return f.apply(nil, body), true
}

// mayBeMessage reports whether a text has a JSON object, which all messages are. Other
// texts are the address in the event "endpoint" of MCP 2024-11-05, and the "Accepted" with
// which servers of that version answer a request.
func mayBeMessage(text []byte) bool { return bytes.IndexByte(text, '{') >= 0 }

// scan reads one message or a batch and collects the edits. It returns false for ok if the
// text cannot be read.
func (f *Filter) scan(text []byte) (changed, ok bool) {
	f.refused, f.edits = false, f.edits[:0]
	f.json.Reset(text, jsontext.Options{MaxDepth: maxDepth, AllowLoneSurrogates: true})
	if f.json.Kind() == jsontext.Array {
		f.json.BeginArray()
		for !f.refused && f.json.NextElement() {
			f.message()
		}
	} else {
		f.message()
	}
	ok = !f.refused && f.json.End()
	f.json.Release()
	if cap(f.decoded) > 4096 {
		f.decoded = nil
	}
	return len(f.edits) > 0, ok
}

// apply appends text with the edits to dst.
func (f *Filter) apply(dst, text []byte) []byte {
	from := 0
	for _, e := range f.edits {
		dst = append(dst, text[from:e.start]...)
		dst = append(dst, e.text...)
		from = e.end
	}
	return append(dst, text[from:]...)
}

// message reads a JSON-RPC message. Only an object can be one.
func (f *Filter) message() {
	if f.json.Kind() != jsontext.Object {
		f.refused = true
		return
	}
	f.json.BeginObject()
	results := 0
	for {
		name, ok := f.json.NextMember()
		if !ok {
			return
		}
		if f.is(name, "result", "result") {
			if results++; results > 1 {
				f.refused = true
			} else if f.json.Kind() == jsontext.Object {
				f.result()
				continue
			}
		}
		if f.refused || !f.json.Skip() {
			return
		}
	}
}

// result reads the result of a response and makes the edits of the lists in it.
func (f *Filter) result() {
	f.json.BeginObject()
	start := f.json.Offset()
	var seen [kinds]bool
	list, hasTTL, scopes := false, false, 0
	scope := edit{text: `"private"`}
	first := len(f.edits)
	for {
		name, ok := f.json.NextMember()
		if !ok {
			break
		}
		kind := f.kind(name)
		switch {
		case f.refused:
			return
		case kind < kinds:
			if seen[kind] {
				f.refused = true
				return
			}
			seen[kind] = true
			if f.json.Kind() == jsontext.Null {
				break
			}
			list = true
			f.list(kind)
			if f.refused || f.json.Fault() != jsontext.None {
				return
			}
			continue
		case f.is(name, "cachescope", "cacheScope"):
			scopes++
			scope.start = f.json.Offset()
			if !f.json.Skip() {
				return
			}
			scope.end = f.json.Offset()
			continue
		case f.is(name, "ttlms", "ttlMs"):
			hasTTL = true
		}
		if f.refused || !f.json.Skip() {
			return
		}
	}
	switch {
	case !list:
	case scopes > 1:
		f.refused = true
	case scopes == 1:
		f.insert(first, scope)
	case hasTTL:
		// An absent cacheScope means "public".
		f.insert(first, edit{start, start, `"cacheScope":"private",`})
	}
}

// insert puts an edit in its place among those from first on, which are in the order of
// the text.
func (f *Filter) insert(first int, e edit) {
	f.edits = append(f.edits, e)
	for i := len(f.edits) - 1; i > first && f.edits[i-1].start > e.start; i-- {
		f.edits[i], f.edits[i-1] = f.edits[i-1], f.edits[i]
	}
}

// list reads a list and makes the edits that take its hidden entries out, each with the
// comma on one side.
func (f *Filter) list(kind Kind) {
	if f.json.Kind() != jsontext.Array {
		f.refused = true
		return
	}
	f.json.BeginArray()
	kept, hidden := false, false // an entry is kept; the last entry is hidden, and none is kept
	last := f.json.Offset()      // where the entry before ends; before any is kept, where a hidden one begins
	for f.json.NextElement() {
		start := f.json.Offset()
		if hidden {
			f.edits[len(f.edits)-1].end = start
		}
		hide := f.entry(kind)
		if f.refused || f.json.Fault() != jsontext.None {
			return
		}
		end := f.json.Offset()
		hidden = false
		switch {
		case !hide:
			kept = true
		case kept:
			f.edits = append(f.edits, edit{start: last, end: end})
		default:
			hidden = true
			f.edits = append(f.edits, edit{start: start, end: end})
		}
		last = end
	}
}

// entry reads an entry of a list and returns whether it is hidden.
func (f *Filter) entry(kind Kind) (hide bool) {
	if f.json.Kind() != jsontext.Object {
		f.refused = true
		return false
	}
	f.json.BeginObject()
	count := 0
	for {
		name, ok := f.json.NextMember()
		if !ok {
			if count != 1 {
				f.refused = true
			}
			return hide
		}
		if f.is(name, names[kind], named[kind]) {
			if count++; f.json.Kind() != jsontext.Text {
				f.refused = true
				return false
			}
			value, ok := f.json.String()
			if !ok {
				return false
			}
			if value.Lone {
				f.refused = true
				return false
			}
			f.decoded = f.decoded[:0]
			hide = f.Hidden(kind, f.json.Decode(value, &f.decoded))
			continue
		}
		if f.refused || !f.json.Skip() {
			return false
		}
	}
}

// kind returns which list a member of a result holds, kinds if none.
func (f *Filter) kind(name jsontext.String) Kind {
	for k := range kinds {
		if f.is(name, members[k], exact[k]) {
			return k
		}
		if f.refused {
			break
		}
	}
	return kinds
}

// is reports whether the name of a member is want. It refuses a name that some parsers
// take for want though it is another. folded is want in lower case.
func (f *Filter) is(name jsontext.String, folded, want string) bool {
	f.decoded = f.decoded[:0]
	text := f.json.Decode(name, &f.decoded)
	switch {
	case text == want:
		return true
	case jsontext.Folds(text, folded) || text == "__proto__" || name.Lone || name.Escaped && hasControl(text):
		f.refused = true
	}
	return false
}

// hasControl reports whether a name has a control character, at which some parsers end it.
func hasControl(name string) bool {
	for i := 0; i < len(name); i++ {
		if name[i] < ' ' || name[i] == 0x7F {
			return true
		}
	}
	return false
}
