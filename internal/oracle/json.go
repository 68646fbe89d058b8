package oracle

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A member is a member of an object, in the order of the text.
type member struct {
	name  string
	raw   json.RawMessage
	clean bool // the name has no half of a surrogate pair
}

var errJSON = errors.New("not JSON as RFC 8259 has it, in UTF-8")

// checkJSON reports whether a text is one JSON value in UTF-8.
func checkJSON(text []byte) error {
	if !utf8.Valid(text) || !json.Valid(text) {
		return errJSON
	}
	return nil
}

// members returns the members of an object; ok is false if the text is no object.
func members(text []byte) (list []member, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		start := d.InputOffset()
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		m := member{name: name.(string), clean: !hasLoneSurrogate(text[start:d.InputOffset()])}
		if d.Decode(&m.raw) != nil {
			return nil, false
		}
		list = append(list, m)
	}
	return list, true
}

var escapes = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|.)`)

// hasLoneSurrogate reports whether the escapes of a text have half a surrogate pair.
func hasLoneSurrogate(text []byte) bool {
	high := -1 // where the low half has to be
	for _, at := range escapes.FindAllIndex(text, -1) {
		escape := strings.ToLower(string(text[at[0]+1 : at[1]]))
		isHigh, isLow := escape >= "ud800" && escape < "udc00" && len(escape) == 5, escape >= "udc00" && escape < "ue000" && len(escape) == 5
		if follows := isLow && high == at[0]; follows != (high >= 0) || isLow && !follows {
			return true
		}
		high = -1
		if isHigh {
			high = at[1]
		}
	}
	return high >= 0
}

// strictObject returns the members of a JSON object in which no name is there twice, at any
// depth, and no string has half a surrogate pair.
func strictObject(text []byte) (map[string]json.RawMessage, error) {
	if err := checkJSON(text); err != nil {
		return nil, err
	}
	if hasLoneSurrogate(text) {
		return nil, errors.New("half a surrogate pair")
	}
	if !uniqueNames(text) {
		return nil, errors.New("a duplicate member")
	}
	list, ok := members(text)
	if !ok {
		return nil, errors.New("no object")
	}
	object := map[string]json.RawMessage{}
	for _, m := range list {
		object[m.name] = m.raw
	}
	return object, nil
}

// uniqueNames reports whether no object in a text has a name twice.
func uniqueNames(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	switch text[0] {
	case '{':
		seen := map[string]bool{}
		list, _ := members(text)
		for _, m := range list {
			if seen[m.name] || !uniqueNames(m.raw) {
				return false
			}
			seen[m.name] = true
		}
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(text, &list) != nil {
			return false
		}
		for _, element := range list {
			if !uniqueNames(element) {
				return false
			}
		}
	}
	return true
}

// depth returns how many arrays and objects lie in each other.
func depth(text []byte) (deepest int) {
	inString, now := false, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// text returns the string in raw.
func text(raw json.RawMessage) (s string, ok bool) {
	raw = bytes.TrimSpace(raw)
	ok = len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil
	return s, ok
}

// texts returns the string, or the array of strings, in raw.
func texts(raw json.RawMessage) (list []string, ok bool) {
	if s, ok := text(raw); ok {
		return []string{s}, true
	}
	var elements []json.RawMessage
	if raw = bytes.TrimSpace(raw); raw[0] != '[' || json.Unmarshal(raw, &elements) != nil {
		return nil, false
	}
	for _, e := range elements {
		s, ok := text(e)
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }
