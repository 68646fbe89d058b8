package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// value is a JSON value together with its path. Its methods read it as what
// the contract asks for; where it is something else they add an error and
// return false. The document must have passed checkSyntax.
type value struct {
	json gjson.Result
	path string
	errs *Errors
}

func (v value) fail(message string) {
	*v.errs = append(*v.errs, &Error{Path: v.path, Message: message})
}

// string returns a copy, so that the configuration does not hold on to the
// whole document.
func (v value) string() (string, bool) {
	if v.json.Type != gjson.String {
		v.fail("must be a string")
		return "", false
	}
	return strings.Clone(v.json.Str), true
}

// text is a string that is neither empty nor has control characters.
func (v value) text() (string, bool) {
	s, ok := v.string()
	if !ok {
		return "", false
	}
	if s == "" {
		v.fail("must not be empty")
		return "", false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7F {
			v.fail("must not have control characters")
			return "", false
		}
	}
	return s, true
}

func (v value) bool() bool {
	if !v.json.IsBool() {
		v.fail("must be true or false")
	}
	return v.json.Type == gjson.True
}

// integer takes a number written without fraction and exponent.
func (v value) integer(low, high int) int {
	n, err := strconv.Atoi(v.json.Raw)
	if v.json.Type != gjson.Number || err != nil || n < low || n > high {
		v.fail("must be an integer from " + strconv.Itoa(low) + " to " + strconv.Itoa(high))
		return low
	}
	return n
}

// oneOf takes a string out of a list and returns its index, which callers use
// as their constant for it.
func (v value) oneOf(names ...string) int {
	for i, name := range names {
		if v.json.Type == gjson.String && v.json.Str == name {
			return i
		}
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	v.fail("must be " + strings.Join(quoted, " or "))
	return 0
}

func (v value) array() ([]value, bool) {
	if !v.json.IsArray() {
		v.fail("must be an array")
		return nil, false
	}
	var list []value
	v.json.ForEach(func(_, element gjson.Result) bool {
		list = append(list, v.element(len(list), element))
		return true
	})
	return list, true
}

func (v value) element(i int, json gjson.Result) value {
	return value{json, v.path + "[" + strconv.Itoa(i) + "]", v.errs}
}

// nonEmptyArray is an array for which empty would be a mistake.
func (v value) nonEmptyArray() ([]value, bool) {
	list, ok := v.array()
	if ok && len(list) == 0 {
		v.fail("must not be empty")
		return nil, false
	}
	return list, ok
}

// texts reads each element with read, and refuses an element that was there
// before.
func texts(list []value, read func(value) (string, bool)) []string {
	var all []string
	first := make(map[string]string)
	for _, v := range list {
		s, ok := read(v)
		if !ok {
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
func (v value) url(allowHTTP bool) (*URL, bool) {
	s, ok := v.string()
	if !ok {
		return nil, false
	}
	return v.parseURL(s, allowHTTP)
}

func (v value) parseURL(s string, allowHTTP bool) (*URL, bool) {
	u, err := ParseURL(s)
	if err != nil {
		v.fail(err.Error())
		return nil, false
	}
	if u.Scheme != "https" && !u.IsLoopback() && !allowHTTP {
		v.fail("must be an https URL (http needs a loopback host or allow_insecure_http)")
		return nil, false
	}
	return u, true
}

// object is a JSON object read member by member.
type object struct {
	value
	members []member
}

type member struct {
	name string
	value
}

// object reads the members, each name once. The result is usable even if some
// were refused.
func (v value) object() (object, bool) {
	if !v.json.IsObject() {
		v.fail("must be an object")
		return object{}, false
	}
	o := object{value: v}
	seen := make(map[string]bool)
	v.json.ForEach(func(key, json gjson.Result) bool {
		m := member{strings.Clone(key.Str), value{json, memberPath(v.path, key.Str), v.errs}}
		if seen[m.name] {
			m.fail("duplicate member")
			return true
		}
		seen[m.name] = true
		o.members = append(o.members, m)
		return true
	})
	return o, true
}

// closedObject is an object with no other members than the known ones. It
// refuses those of the contract that this version does not implement, since
// ignoring them could let in what they forbid.
func (v value) closedObject(known []string, unsupported ...string) (object, bool) {
	o, ok := v.object()
	for _, m := range o.members {
		switch {
		case slices.Contains(known, m.name):
		case slices.Contains(unsupported, m.name):
			m.fail("not supported yet")
		default:
			m.fail("unknown member" + hint(m.name, known))
		}
	}
	return o, ok
}

func (o object) get(name string) (value, bool) {
	for _, m := range o.members {
		if m.name == name {
			return m.value, true
		}
	}
	return value{}, false
}

// require is get with an error if there is no such member.
func (o object) require(name string) (value, bool) {
	v, ok := o.get(name)
	if !ok {
		o.absent(name).fail("is required")
	}
	return v, ok
}

// absent is the place where a member is missing, to be reported.
func (o object) absent(name string) value {
	return value{path: memberPath(o.path, name), errs: o.errs}
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
