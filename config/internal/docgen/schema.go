package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// A node is a JSON object whose members keep their order.
type node struct {
	names  []string
	values map[string]json.RawMessage
}

func (n *node) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("not an object: %.40s", b)
	}
	n.values = map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return err
		}
		n.names = append(n.names, t.(string))
		n.values[t.(string)] = v
	}
	return nil
}

// object returns a member that is an object, or nil.
func (n *node) object(name string) *node {
	o := new(node)
	if n == nil || n.values[name] == nil || json.Unmarshal(n.values[name], o) != nil {
		return nil
	}
	return o
}

// text returns a member that is a string, or "".
func (n *node) text(name string) (s string) {
	if n.values[name] != nil {
		json.Unmarshal(n.values[name], &s)
	}
	return s
}

// list returns the elements of a member that is an array.
func (n *node) list(name string) (list []json.RawMessage) {
	if n.values[name] != nil {
		json.Unmarshal(n.values[name], &list)
	}
	return list
}

// has reports whether the array name holds the string value.
func (n *node) has(name, value string) bool {
	for _, raw := range n.list(name) {
		if string(raw) == `"`+value+`"` {
			return true
		}
	}
	return false
}

// A document is the whole schema.
type document struct{ defs *node }

// resolve returns a schema with the members of the definition that its $ref
// names; its own members come first.
func (d document) resolve(n *node) *node {
	name, ok := strings.CutPrefix(n.text("$ref"), "#/$defs/")
	if !ok {
		return n
	}
	target := d.resolve(d.defs.object(name))
	all := &node{values: map[string]json.RawMessage{}}
	for _, from := range []*node{n, target} {
		for _, name := range from.names {
			if all.values[name] == nil && name != "$ref" {
				all.names = append(all.names, name)
				all.values[name] = from.values[name]
			}
		}
	}
	return all
}

// typeNames are the definitions that have a name for readers.
var typeNames = map[string]string{
	"url": "URL", "page": "URL", "scope": "scope", "scopes": "array of scopes",
	"header": "header name", "rules": "object: rules by name", "required_claims": "object: values by claim",
	"algorithm": "`\"RS256\"`, `\"RS384\"`, `\"RS512\"`, `\"PS256\"`, `\"PS384\"`, `\"PS512\"`, `\"ES256\"`, `\"ES384\"`, `\"ES512\"`, `\"EdDSA\"`, `\"Ed25519\"`",
}

// typeOf describes the values that a schema accepts.
func (d document) typeOf(n *node) string {
	if name, ok := typeNames[strings.TrimPrefix(n.text("$ref"), "#/$defs/")]; ok {
		return name
	}
	n = d.resolve(n)
	var parts []string
	switch {
	case n.values["const"] != nil:
		return code(n.values["const"])
	case n.values["enum"] != nil:
		for _, v := range n.list("enum") {
			parts = append(parts, code(v))
		}
		return strings.Join(parts, ", ")
	case string(n.values["not"]) == "{}":
		return "not allowed"
	}
	for _, keyword := range []string{"oneOf", "anyOf"} {
		if n.values["type"] != nil {
			break
		}
		for _, raw := range n.list(keyword) {
			if each := new(node); json.Unmarshal(raw, each) == nil {
				parts = append(parts, d.typeOf(each))
			}
		}
	}
	if parts != nil {
		return strings.Join(parts, " or ")
	}
	types := []string{n.text("type")}
	if n.list("type") != nil {
		json.Unmarshal(n.values["type"], &types)
	}
	for _, name := range types {
		parts = append(parts, d.named(name, n))
	}
	return strings.Join(parts, " or ")
}

// named describes the values of one JSON type that a schema accepts.
func (d document) named(name string, n *node) string {
	switch {
	case name == "integer" && n.values["minimum"] != nil && n.values["maximum"] != nil:
		return fmt.Sprintf("integer, %s to %s", n.values["minimum"], n.values["maximum"])
	case name == "array" && n.object("items") != nil:
		of := d.typeOf(n.object("items"))
		if of == "object" || of == "string" || of == "scope" {
			of += "s"
		}
		return "array of " + of
	}
	return name
}

// properties returns the members that an object, or the elements of an array of
// objects, may have; nil if the schema names none.
func (d document) properties(n *node) (object *node, array bool) {
	n = d.resolve(n)
	if items := n.object("items"); items != nil {
		n, array = d.resolve(items), true
	}
	if n.object("properties") == nil {
		return nil, false
	}
	return n, array
}
