package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"mcpauth/config"
)

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// get returns the value of a key of a mapping, nil if there is none.
func get(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		n = resolve(n)
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var value *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				value = n.Content[i+1]
				break
			}
		}
		n = resolve(value)
	}
	return n
}

// text returns the scalar at a path of keys, "" if there is none.
func text(n *yaml.Node, keys ...string) string {
	if n = get(n, keys...); n != nil && n.Kind == yaml.ScalarNode {
		return n.Value
	}
	return ""
}

// first returns the first of several keys that is there: Envoy reads names in snake case
// and in camel case.
func first(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		if v := get(n, key); v != nil {
			return v
		}
	}
	return nil
}

func isTrue(n *yaml.Node) bool { return n != nil && strings.EqualFold(n.Value, "true") }

var errTooLarge = errors.New("the configuration is larger than 1 MiB")

// toJSON returns a node as JSON, with all members in their order, also duplicate ones: the
// plugin's parser is to see them.
func toJSON(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	if err := appendJSON(&b, n, 0); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func appendJSON(b *bytes.Buffer, n *yaml.Node, depth int) error {
	if b.Len() > config.MaxDocumentSize {
		return errTooLarge // aliases can make a small file a large one
	}
	if depth > 100 {
		return fmt.Errorf("line %d: nested too deeply", n.Line)
	}
	switch n = resolve(n); n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			name, err := json.Marshal(n.Content[i].Value)
			if err != nil {
				return err
			}
			b.Write(name)
			b.WriteByte(':')
			if err := appendJSON(b, n.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, e := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := appendJSON(b, e, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	default:
		var v any
		if err := n.Decode(&v); err != nil {
			return fmt.Errorf("line %d: a value cannot be read", n.Line)
		}
		doc, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("line %d: a value is none of JSON", n.Line)
		}
		b.Write(doc)
	}
	return nil
}

// LineOf returns the line of a member by its JSON path, such as
// resources[0].required_scopes. If the member is not there, it is the line of the nearest
// one around it. It is 0 if lines are unknown.
func (f *Found) LineOf(path string) int {
	if f.root == nil {
		return f.Line
	}
	n, line := f.root, f.root.Line
	for path != "" && path != "$" {
		var next *yaml.Node
		var keyLine int
		switch {
		case strings.HasPrefix(path, `["`):
			var name string
			end := strings.Index(path, `"]`)
			if end < 0 || json.Unmarshal([]byte(path[1:end+1]), &name) != nil {
				return line + f.base
			}
			next, keyLine = member(n, name)
			path = path[end+2:]
		case strings.HasPrefix(path, "["):
			end := strings.IndexByte(path, ']')
			var i int
			if end < 0 {
				return line + f.base
			}
			if _, err := fmt.Sscanf(path[1:end], "%d", &i); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) && i >= 0 {
				next = resolve(n.Content[i])
				keyLine = n.Content[i].Line
			}
			path = path[end+1:]
		default:
			path = strings.TrimPrefix(path, ".")
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			next, keyLine = member(n, path[:end])
			path = path[end:]
		}
		if next == nil {
			break
		}
		n, line = next, keyLine
	}
	return line + f.base
}

// member returns a member and the line of its name. Of duplicates it is the last.
func member(n *yaml.Node, name string) (value *yaml.Node, line int) {
	if n.Kind != yaml.MappingNode {
		return nil, 0
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			value, line = resolve(n.Content[i+1]), n.Content[i].Line
		}
	}
	return value, line
}
