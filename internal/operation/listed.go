package operation

import (
	"strings"

	"mcpauth/config"
)

// These are the operations whose names the lists of MCP have, and the operation that a
// client can do with an entry of each list.
var (
	CallTool     = Listed{method: "tools/call"}
	GetPrompt    = Listed{method: "prompts/get"}
	ReadResource = Listed{method: "resources/read"}
	ReadTemplate = Listed{method: "resources/read", template: true}
)

// A Listed is the operation on the entries of a list.
type Listed struct {
	method   string
	template bool // the entries are URI templates
}

// Allows reports whether the rules let a caller do l with the entry of this name, if they
// require nothing but what is granted. A URI template (RFC 6570) is allowed if one of its
// URIs may be: a URI that begins with the text of the template before the first
// expression.
func (r *Rules) Allows(l *Listed, name string, granted Set) bool {
	if l.template {
		if literal, _, ok := strings.Cut(name, "{"); ok {
			return r.allowsPrefix(l.method, literal, granted)
		}
	}
	required, _, fault := r.Required(&Operation{Method: l.method, Name: name, HasMethod: true, HasName: true})
	return fault == "" && required.Without(granted) == Set{}
}

// allowsPrefix is Allows for all names that begin with a text.
func (r *Rules) allowsPrefix(method, text string, granted Set) bool {
	i := methodIndex(method)
	if r.methods.required(method).Without(granted) != (Set{}) {
		return false
	}
	if r.names[i] == nil {
		return true
	}
	return config.IsPlainURI(text, true) && r.names[i].allowsPrefix(text, granted)
}

// allowsPrefix reports whether, for some name that begins with text, the pattern that
// applies requires nothing but what is granted. It is that of the longest prefix that text
// begins with, or else a longer one.
func (p patterns) allowsPrefix(text string, granted Set) bool {
	i := p.search(text)
	if p.prefixOf(text, i-1).Without(granted) == (Set{}) {
		return true
	}
	if i > 0 && p[i-1].text == text {
		i-- // for text itself
	}
	// In ascending order, the other patterns that begin with text follow it.
	for ; i < len(p) && strings.HasPrefix(p[i].text, text); i++ {
		if p[i].required.Without(granted) == (Set{}) {
			return true
		}
	}
	return false
}

// prefixOf returns what the longest prefix that text begins with requires. i is the index
// of the last pattern that is at most text.
func (p patterns) prefixOf(text string, i int) Set {
	for ; i >= 0; i = p[i].parent {
		if p[i].prefix && strings.HasPrefix(text, p[i].text) {
			return p[i].required
		}
	}
	return Set{}
}
