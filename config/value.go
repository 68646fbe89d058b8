package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// value is a JSON value together with its path. Its methods read it as what
// the contract asks for; where it is something else they add an error and
// return the zero value. A nil *value is a member that is absent: it reads as
// the zero value without an error. The document must have passed checkSyntax.
type value struct {
	json    gjson.Result
	path    string
	name    string   // decoded; empty for what is no member
	members []*value // of an object that has been read, each name once
	errs    *Errors
}

func (v *value) fail(message string) {
	*v.errs = append(*v.errs, &Error{Path: v.path, Message: message})
}

// string returns a copy, so that the configuration does not hold on to the
// whole document.
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

// nonEmptyString reads a string that is neither empty nor has control characters. Where it
// is refused the result is empty, as for all that texts reads.
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

// integer takes a number written without fraction and exponent. It returns
// absent if there is none.
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

// oneOf takes a string out of a list and returns its index, which callers use
// as their constant for it.
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

// nonEmptyArray is an array for which empty would be a mistake.
func (v *value) nonEmptyArray() []*value {
	list := v.array()
	if len(list) == 0 && v != nil && v.json.IsArray() {
		v.fail("must not be empty")
	}
	return list
}

// uniqueStrings reads each element with read, leaves out what read refuses, and
// refuses an element that was there before.
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

// url reads an absolute URL that is https unless http is excused.
func (v *value) url(allowHTTP bool) *URL {
	s, ok := v.string()
	if !ok {
		return nil
	}
	return v.parseURL(s, allowHTTP)
}

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

// object reads the members, each name once. They are usable even if some were
// refused.
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

// closedObject is an object with no other members than the known ones: to ignore
// others could let in what they forbid.
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

// get returns the member with the given name of an object that has been read,
// nil if there is none.
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

// require is get with an error if there is no such member.
func (v *value) require(name string) *value {
	m := v.get(name)
	if m == nil {
		v.failMember(name, "is required")
	}
	return m
}

// failMember adds an error at the place where a member is missing.
func (v *value) failMember(name, message string) {
	absent := value{path: memberPath(v.path, name), errs: v.errs}
	absent.fail(message)
}

// memberPath appends a member name to a path. Names from outside may be long
// or odd, so they are cut and quoted.
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
