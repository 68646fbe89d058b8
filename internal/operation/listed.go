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
// require nothing but what is granted, or if it is public. With publicOnly, it must be
// public. A URI template (RFC 6570) is allowed if one of its URIs may be: a URI that begins
// with the text of the template before the first expression.
func (r *Rules) Allows(l *Listed, name string, granted Set, publicOnly bool) bool {
	allows := func(n need) bool { return n.public || !publicOnly && n.Without(granted) == Set{} }
	if l.template {
		if literal, _, ok := strings.Cut(name, "{"); ok {
			return r.allowsPrefix(l.method, literal, allows)
		}
	}
	n, _, fault := r.need(&Operation{Method: l.method, Name: name, HasMethod: true, HasName: true})
	return fault == "" && allows(n)
}

// allowsPrefix reports whether allows returns true for what some name needs that begins
// with a text.
func (r *Rules) allowsPrefix(method, text string, allows func(need) bool) bool {
	ofMethod := r.methods.need(method)
	i := methodIndex(method)
	if r.names[i] == nil {
		return allows(ofMethod)
	}
	return config.IsPlainURI(text, true) && r.names[i].anyPrefix(text, func(n need) bool {
		if !n.public {
			n.Set = n.union(ofMethod.Set)
		}
		return allows(n)
	})
}

// anyPrefix reports whether, for some name that begins with text, allows returns true for
// what the pattern that applies needs. It is that of the longest prefix that text begins
// with, or else a longer one.
func (p patterns) anyPrefix(text string, allows func(need) bool) bool {
	i := p.search(text)
	if allows(p.prefixOf(text, i-1)) {
		return true
	}
	if i > 0 && p[i-1].text == text {
		i-- // for text itself
	}
	// In ascending order, the other patterns that begin with text follow it.
	for ; i < len(p) && strings.HasPrefix(p[i].text, text); i++ {
		if allows(p[i].need) {
			return true
		}
	}
	return false
}

// prefixOf returns what the longest prefix that text begins with needs. i is the index of
// the last pattern that is at most text.
func (p patterns) prefixOf(text string, i int) need {
	for ; i >= 0; i = p[i].parent {
		if p[i].prefix && strings.HasPrefix(text, p[i].text) {
			return p[i].need
		}
	}
	return need{}
}
