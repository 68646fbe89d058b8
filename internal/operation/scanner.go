package operation

import "mcpauth/internal/jsontext"

// maxDepth is the number of arrays and objects that may lie in each other in a
// body.
const maxDepth = 512

// A Scanner reads JSON-RPC bodies in one pass. It refuses a body whose method,
// params, name or uri servers may read differently. The zero Scanner is ready, and
// it is used for one body after the other.
type Scanner struct {
	// Trail, if it is not nil, gets the operations of each body that is not refused.
	Trail *Trail

	json    jsontext.Reader
	fault   Fault
	public  bool     // the messages read so far are public
	private bool     // the message has a member that no public operation has
	lists   bool     // a message asks for a list
	message [2]field // method and params
	params  [2]field // name and uri
	decoded []byte   // the strings that have escapes
}

// A field is what the scanner keeps of a member.
type field struct {
	text  jsontext.String
	seen  bool // the member is there
	valid bool // it is a string, namely text
}

// The members of a message and of its params that tell the operation.
var (
	messageNames = [2]string{"method", "params"}
	paramsNames  = [2]string{"name", "uri"}
)

// Required returns what the operations in a body require together, and whether they are
// all public. It refuses a body that does not match the operation in the headers.
func (s *Scanner) Required(body []byte, rules *Rules, headers *Operation) (required Set, public bool, fault Fault) {
	if s.Trail != nil {
		s.Trail.Reset()
	}
	s.public = rules.hasPublic
	required, fault = s.scan(body, rules, headers)
	if s.Trail != nil && fault != "" {
		s.Trail.Reset()
	}
	// Neither a large body nor the strings of one stay in memory.
	s.json.Release()
	if cap(s.decoded) > 4096 {
		s.decoded = nil
	}
	return required, s.public && fault == "", fault
}

// Lists reports whether a message in the last body asks for a list: see
// [Operation.IsList].
func (s *Scanner) Lists() bool { return s.lists }

// Read reads the operations of a body into Trail, by no rules.
func (s *Scanner) Read(body []byte) Fault {
	_, _, fault := s.Required(body, &Rules{}, &Operation{})
	return fault
}

func (s *Scanner) scan(body []byte, rules *Rules, headers *Operation) (required Set, fault Fault) {
	s.fault, s.lists = "", false
	// A lone surrogate matters only in the strings that are read: see member.
	s.json.Reset(body, jsontext.Options{MaxDepth: maxDepth, AllowLoneSurrogates: true})
	if s.json.Kind() == jsontext.Array {
		required, fault = s.batch(rules, headers)
	} else {
		required, fault = s.single(rules, headers)
	}
	if fault == "" && !s.json.End() {
		return Set{}, FaultSyntax
	}
	return required, fault
}

// batch reads an array of messages, which MCP 2025-03-26 allows. Headers describe one
// message only.
func (s *Scanner) batch(rules *Rules, headers *Operation) (required Set, fault Fault) {
	if headers.HasMethod || headers.HasName {
		return Set{}, FaultMismatch
	}
	s.json.BeginArray()
	empty := true
	for s.json.NextElement() {
		one, fault := s.single(rules, headers)
		if fault != "" {
			return Set{}, fault
		}
		required = required.union(one)
		empty = false
	}
	if s.json.Fault() != jsontext.None {
		return Set{}, FaultSyntax
	}
	if empty {
		return Set{}, FaultMessage
	}
	return required, ""
}

// single reads one message and returns what it requires.
func (s *Scanner) single(rules *Rules, headers *Operation) (required Set, fault Fault) {
	if s.json.Kind() != jsontext.Object {
		return Set{}, FaultMessage
	}
	s.message, s.params, s.decoded, s.private = [2]field{}, [2]field{}, s.decoded[:0], false
	if !s.object(&messageNames, &s.message) {
		return Set{}, s.faultOf()
	}
	return s.operation(rules, headers)
}

// faultOf returns why object has returned false.
func (s *Scanner) faultOf() Fault {
	switch {
	case s.fault != "":
		return s.fault
	case s.json.Fault() == jsontext.TooDeep:
		return FaultDepth
	}
	return FaultSyntax
}

// operation returns what the message in s.message and s.params requires. A message
// without a method is the response of a client, which requires nothing. It is not public,
// nor is a message with a member for which some server may take it for a response, or its
// HTTP request for one with another method.
func (s *Scanner) operation(rules *Rules, headers *Operation) (Set, Fault) {
	o := Operation{HasMethod: s.message[0].seen}
	if o.HasMethod {
		if !s.message[0].valid {
			return Set{}, FaultMethod
		}
		o.Method = s.json.Decode(s.message[0].text, &s.decoded)
	}
	if headers.HasMethod && (!o.HasMethod || o.Method != headers.Method) {
		return Set{}, FaultMismatch
	}
	if !o.HasMethod {
		s.record(&o)
		s.public = false
		return Set{}, ""
	}
	s.lists = s.lists || o.IsList()
	if i := methodIndex(o.Method); i >= 0 {
		f := &s.params[0]
		if namedMethods[i].uri {
			f = &s.params[1]
		}
		if o.HasName = f.valid; o.HasName {
			o.Name = s.json.Decode(f.text, &s.decoded)
		}
		if headers.HasName && (!o.HasName || o.Name != headers.Name) {
			return Set{}, FaultMismatch
		}
	}
	s.record(&o)
	n, complete, fault := rules.need(&o)
	if fault == "" && !complete {
		fault = FaultName
	}
	s.public = s.public && n.public && !s.private
	return n.Set, fault
}

func (s *Scanner) record(o *Operation) {
	if s.Trail != nil {
		s.Trail.Add(o)
	}
}

// object reads the object that comes next, and fills in the fields of those of its
// members that have one of the names.
func (s *Scanner) object(names *[2]string, fields *[2]field) bool {
	if !s.json.BeginObject() {
		return false
	}
	for {
		name, ok := s.json.NextMember()
		if !ok {
			return s.json.Fault() == jsontext.None
		}
		which, ok := s.which(name, names)
		if !ok || which >= 0 && fields[which].seen {
			s.fault = FaultAmbiguous
			return false
		}
		if which < 0 {
			ok = s.json.Skip()
		} else {
			ok = s.member(&fields[which], fields == &s.message)
		}
		if !ok {
			return false
		}
	}
}

// member reads the value of a member that tells the operation. An object in a
// message is read as params, even in place of the method, where it is refused later.
func (s *Scanner) member(f *field, inMessage bool) (ok bool) {
	f.seen = true
	switch kind := s.json.Kind(); {
	case kind == jsontext.Text:
		if f.text, ok = s.json.String(); ok && f.text.Lone {
			s.fault = FaultAmbiguous
			return false
		}
		f.valid = ok
		return ok
	case kind == jsontext.Object && inMessage:
		return s.object(&paramsNames, &s.params)
	}
	return s.json.Skip()
}

// which returns the index of a member's name in names, -1 if it is not there. It
// returns false for a name that some parser takes for one of names though it is
// another: the parsers of Go and .NET ignore case, and others end a text at a NUL
// or drop what is not a character. JavaScript that copies an object by assignment
// takes the members of "__proto__" for members of the object.
func (s *Scanner) which(key jsontext.String, names *[2]string) (which int, ok bool) {
	s.decoded = s.decoded[:0]
	name := s.json.Decode(key, &s.decoded)
	if key.Lone || key.Escaped && hasControl(name) || name == "__proto__" {
		return -1, false
	}
	for i, want := range names {
		if jsontext.Folds(name, want) {
			return i, name == want
		}
	}
	// Laravel takes the method of a POST from the member "_method".
	if names == &messageNames && (jsontext.Folds(name, "result") || jsontext.Folds(name, "error") || name == "_method") {
		s.private = true
	}
	return -1, true
}
