package jwtlite

import "mcpauth/internal/jsontext"

// Limits of a JSON document. They keep the work small that a hostile document
// causes: the names of an object are compared with each other, in time quadratic
// in maxMembers.
const (
	maxDepth   = 32
	maxMembers = 256
)

// Kind is the type of a JSON value.
type Kind uint8

// The types of RFC 8259, section 3. The zero Kind is no type.
const (
	KindNull   = Kind(jsontext.Null)
	KindBool   = Kind(jsontext.Bool)
	KindNumber = Kind(jsontext.Number)
	KindString = Kind(jsontext.Text)
	KindArray  = Kind(jsontext.Array)
	KindObject = Kind(jsontext.Object)
)

// Value is one JSON value.
type Value struct {
	// Kind is the type of the value.
	Kind Kind
	// Raw is the JSON text of the value as the sender wrote it.
	Raw string
	// Text is the decoded text of a string, and empty for all other types.
	Text string
}

// member is a name and its value in an object.
type member struct {
	name string
	Value
}

// dropNull drops the members that are null, which count as absent.
func dropNull(members []member) []member {
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

// text returns the text of a string, "" if there is no such member.
func (m *member) text() string {
	if m == nil {
		return ""
	}
	return m.Text
}

// objectReader reads JSON documents that are objects. Its zero value is ready, and
// it is used for one document after the other.
type objectReader struct {
	json    jsontext.Reader
	decoded []byte // the strings that have escapes
}

// read reads text, one JSON object and nothing else, and appends its members to
// dst. Names must be unique down to uniqueDepth. The strings in the members share
// memory with text and with r.decoded.
func (r *objectReader) read(text []byte, dst []member, uniqueDepth int) ([]member, jsontext.Fault) {
	r.json.Reset(text, jsontext.Options{MaxDepth: maxDepth, MaxMembers: maxMembers, UniqueDepth: uniqueDepth})
	return r.members(dst)
}

// readString is read for text that is a string, with unique names at any depth.
func (r *objectReader) readString(text string, dst []member) ([]member, jsontext.Fault) {
	r.json.ResetString(text, jsontext.Options{MaxDepth: maxDepth, MaxMembers: maxMembers, UniqueDepth: maxDepth})
	return r.members(dst)
}

func (r *objectReader) members(dst []member) ([]member, jsontext.Fault) {
	for more := r.json.BeginObject(); more; {
		var name jsontext.String
		if name, more = r.json.NextMember(); !more {
			break
		}
		m := member{name: r.json.Decode(name, &r.decoded)}
		if m.Value, more = r.value(); more {
			dst = append(dst, m)
		}
	}
	r.json.End()
	return dst, r.json.Fault()
}

// value reads the value that comes next.
func (r *objectReader) value() (v Value, ok bool) {
	start := r.json.Offset()
	v.Kind = Kind(r.json.Kind())
	if v.Kind == KindString {
		var s jsontext.String
		if s, ok = r.json.String(); ok {
			v.Text = r.json.Decode(s, &r.decoded)
		}
	} else {
		ok = r.json.Skip()
	}
	v.Raw = r.json.Raw(start)
	return v, ok
}

// beginArray enters an array that has been read before. The caller reads its
// elements by value as long as json.NextElement returns true.
func (r *objectReader) beginArray(array *Value) bool {
	r.json.ResetString(array.Raw, jsontext.Options{MaxDepth: maxDepth})
	return r.json.BeginArray()
}
