package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// value is a JSON value in a document that has passed checkSyntax, with its path. Its
// methods read it as a type. If it has another type, they add an error and return the
// zero value. A nil *value is an absent member, which reads as the zero value without an
// error.
type value struct {
	json    gjson.Result
	path    string
	name    string   // the decoded name of a member; else empty
	members []*value // set by object; each name once
	errs    *Errors
}

// fail adds an error.
func (v *value) fail(message string) {
	*v.errs = append(*v.errs, &Error{Path: v.path, Message: message})
}

// string reads a string. It returns a copy, so that the configuration does not keep the
// document in memory.
func (v *value) string() (string, bool) {
	if v == nil {
		return "", false
	}
	if v.json.Type != gjson.String {
		v.fail("must be a string")
		return "", false
	}
	return strings.Clone(v.json.Str), true
}

// nonEmptyString reads a string that is not empty and has no control characters. It
// returns "" if it refuses the string.
func (v *value) nonEmptyString() string {
	s, ok := v.string()
	if !ok {
		return ""
	}
	if s == "" {
		v.fail("must not be empty")
		return ""
	}
	if hasControl(s) {
		v.fail("must not have control characters")
		return ""
	}
	return s
}

// hasControl reports whether s has an ASCII control character.
func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7F {
			return true
		}
	}
	return false
}

func (v *value) bool() bool {
	if v == nil {
		return false
	}
	if !v.json.IsBool() {
		v.fail("must be true or false")
	}
	return v.json.Type == gjson.True
}

// integer reads a number without fraction and exponent. It returns absent if the member
// is absent.
func (v *value) integer(low, high, absent int) int {
	if v == nil {
		return absent
	}
	n, err := strconv.Atoi(v.json.Raw)
	if v.json.Type != gjson.Number || err != nil || n < low || n > high {
		v.fail("must be an integer from " + strconv.Itoa(low) + " to " + strconv.Itoa(high))
		return low
	}
	return n
}

// oneOf reads one of the names and returns its index. Callers convert the index to a type
// whose constants have the same order.
func (v *value) oneOf(names ...string) int {
	if v == nil {
		return 0
	}
	message := "must be "
	for i, name := range names {
		if v.json.Type == gjson.String && v.json.Str == name {
			return i
		}
		if i > 0 {
			message += " or "
		}
		message += strconv.Quote(name)
	}
	v.fail(message)
	return 0
}

// children returns the elements of an array or the members of an object.
func (v *value) children() []*value {
	var list []*value
	v.json.ForEach(func(key, json gjson.Result) bool {
		child := &value{json: json, errs: v.errs}
		if v.json.IsArray() {
			child.path = v.path + "[" + strconv.Itoa(len(list)) + "]"
		} else {
			child.name = strings.Clone(key.Str)
			child.path = memberPath(v.path, child.name)
		}
		list = append(list, child)
		return true
	})
	return list
}

// array reads an array.
func (v *value) array() []*value {
	if v == nil {
		return nil
	}
	if !v.json.IsArray() {
		v.fail("must be an array")
		return nil
	}
	return v.children()
}

// nonEmptyArray reads an array that must not be empty.
func (v *value) nonEmptyArray() []*value {
	list := v.array()
	if len(list) == 0 && v != nil && v.json.IsArray() {
		v.fail("must not be empty")
	}
	return list
}

// uniqueStrings reads each element with read. It leaves out the elements that read
// refuses, and refuses those that repeat an earlier one.
func uniqueStrings(list []*value, read func(*value) string) []string {
	var all []string
	first := make(map[string]string)
	for _, v := range list {
		s := read(v)
		if s == "" {
			continue
		}
		if path, twice := first[s]; twice {
			v.fail("is the same as " + path)
			continue
		}
		first[s] = v.path
		all = append(all, s)
	}
	return all
}

// url reads an absolute URL: https, or http if the host is loopback or allowHTTP is set.
func (v *value) url(allowHTTP bool) *URL {
	s, ok := v.string()
	if !ok {
		return nil
	}
	return v.parseURL(s, allowHTTP)
}

// parseURL parses s, the URL at v.
func (v *value) parseURL(s string, allowHTTP bool) *URL {
	u, err := ParseURL(s)
	if err != nil {
		v.fail(err.Error())
		return nil
	}
	if u.Scheme != "https" && !u.IsLoopback() && !allowHTTP {
		v.fail("must be an https URL (http needs a loopback host or allow_insecure_http)")
		return nil
	}
	return u
}

// object reads an object. It refuses duplicate members, and sets members to the first of
// each name.
func (v *value) object() bool {
	if v == nil {
		return false
	}
	if !v.json.IsObject() {
		v.fail("must be an object")
		return false
	}
	seen := make(map[string]string)
	for _, m := range v.children() {
		if _, twice := seen[m.name]; twice {
			m.fail("duplicate member")
			continue
		}
		seen[m.name] = ""
		v.members = append(v.members, m)
	}
	return true
}

// closedObject reads an object with known members only. To ignore an unknown member could
// mean to let in requests that it was meant to forbid.
func (v *value) closedObject(known []string) bool {
	if !v.object() {
		return false
	}
	for _, m := range v.members {
		if !slices.Contains(known, m.name) {
			m.fail("unknown member" + hint(m.name, known))
		}
	}
	return true
}

// get returns a member of an object that object has read, nil if the object lacks it.
func (v *value) get(name string) *value {
	if v == nil {
		return nil
	}
	for _, m := range v.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

// require is like get, but adds an error if the object lacks the member.
func (v *value) require(name string) *value {
	m := v.get(name)
	if m == nil {
		v.failMember(name, "is required")
	}
	return m
}

// failMember adds an error at the path of a member, which may be absent.
func (v *value) failMember(name, message string) {
	absent := value{path: memberPath(v.path, name), errs: v.errs}
	absent.fail(message)
}

// memberPath appends a member's name to a path. It cuts a long name, and quotes a name
// that is not a word.
func memberPath(path, name string) string {
	const longest = 64
	word := name != "" && len(name) <= longest
	for i := 0; word && i < len(name); i++ {
		word = isAlpha(name[i]) || isDigit(name[i]) || name[i] == '_'
	}
	switch {
	case !word:
		if len(name) > longest {
			name = name[:longest] + "..."
		}
		return path + "[" + strconv.QuoteToASCII(name) + "]"
	case path == "$":
		return name
	}
	return path + "." + name
}
