// Package operation finds out which operation of MCP a request asks for, and
// which scopes the rules of a resource want for it.
//
// An operation is a JSON-RPC method and, for some methods, a name: of a tool, of
// a prompt, or the URI of a resource. MCP 2026-07-28 and later repeat both in
// headers ([Headers]); the body has them in every version ([Scanner]).
package operation

import (
	"strings"

	"mcpauth/config"
)

// A Fault is why no operation can be told, as text for an error_description;
// empty if there is none.
type Fault string

const (
	FaultSyntax    Fault = "the body is not valid JSON"
	FaultDepth     Fault = "the body is nested too deeply"
	FaultMessage   Fault = "the body is no JSON-RPC message and no batch of them"
	FaultAmbiguous Fault = "the body has members that servers read differently"
	FaultMethod    Fault = "the method is no string, or has control characters"
	FaultSpace     Fault = "the method begins or ends with white space"
	FaultName      Fault = "the name of the operation is missing, or servers read it differently"
	FaultMismatch  Fault = "the Mcp-Method and Mcp-Name headers do not match the body"
	FaultHeader    Fault = "the Mcp-Method, Mcp-Name or MCP-Protocol-Version header is malformed, or there are two"
	FaultRespelled Fault = "a header has a name that some servers take for that of another header"
)

// An Operation is what headers or a message say. Without HasMethod or HasName
// they do not say it.
type Operation struct {
	Method, Name       string
	HasMethod, HasName bool
}

// The methods whose operations have a name. Those from firstURI on have it in
// params.uri, the others in params.name.
var named = [...]string{"tools/call", "prompts/get", "resources/read", "resources/subscribe", "resources/unsubscribe"}

const (
	firstURI    = 2
	firstInBody = 3 // from here on Mcp-Name says nothing: see Mirrored
)

// kind returns the index of a method in named, -1 if it is not there.
func kind(method string) int {
	for i, m := range &named {
		if m == method {
			return i
		}
	}
	return -1
}

// Mirrored reports whether servers must compare all that o says in headers with
// the body: of the methods that have a name, MCP 2026-07-28 has no Mcp-Name for
// those of subscriptions, which it has given up.
func (o *Operation) Mirrored() bool { return kind(o.Method) < firstInBody }

// Rules are the rules of one resource in a form that is searched fast. They are
// immutable.
type Rules struct {
	// Scopes are all that the rules want: bit i of a need stands for scope i.
	Scopes []string

	methods table
	names   [len(named)]table
}

// Compile returns the Rules of a list as package config makes it, nil if it is
// empty.
func Compile(list []config.Rule) *Rules {
	if len(list) == 0 {
		return nil
	}
	r := &Rules{}
	for _, rule := range list {
		var need uint64
		for _, s := range rule.Scopes {
			need |= 1 << r.scope(s)
		}
		if rule.Name == "" {
			r.methods.insert(rule.Method, need)
		} else if k := kind(rule.Method); k >= 0 {
			r.names[k].insert(rule.Name, need)
		}
	}
	r.methods.link()
	for k := range r.names {
		r.names[k].link()
	}
	return r
}

// scope returns the bit of a scope.
func (r *Rules) scope(scope string) int {
	for i, s := range r.Scopes {
		if s == scope {
			return i
		}
	}
	r.Scopes = append(r.Scopes, scope)
	return len(r.Scopes) - 1
}

// Of returns the scopes of a need.
func (r *Rules) Of(need uint64) []string {
	var list []string
	for i, s := range r.Scopes {
		if need>>i&1 != 0 {
			list = append(list, s)
		}
	}
	return list
}

// Need returns what an operation needs. Suffices is false if the rules ask for a
// name that o does not say; the fault is about one that servers may not read
// as it stands.
func (r *Rules) Need(o *Operation) (need uint64, suffices bool, fault Fault) {
	if !o.HasMethod {
		return 0, false, ""
	}
	switch {
	case hasControl(o.Method):
		return 0, false, FaultMethod
	case !config.IsPlainName(o.Method, false):
		return 0, false, FaultSpace
	}
	need = r.methods.need(o.Method)
	k := kind(o.Method)
	if k < 0 || r.names[k] == nil {
		return need, true, ""
	}
	if !o.HasName {
		return need, false, ""
	}
	if !isPlain(o.Name, k >= firstURI) {
		return need, false, FaultName
	}
	return need | r.names[k].need(o.Name), true, ""
}

// isPlain reports whether a name is one that a server reads as it stands: it
// cannot be trimmed, cut off at a control character or, if it is a URI, turned
// into another.
func isPlain(name string, uri bool) bool {
	if uri {
		return config.IsPlainURI(name, false)
	}
	return !hasControl(name) && config.IsPlainName(name, false)
}

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7F {
			return true
		}
	}
	return false
}

// A table has patterns with what they need, in ascending order of their texts;
// one that ends with "*" stands before the exact one of the same text.
type table []entry

type entry struct {
	text   string // without "*"
	prefix bool
	parent int // the longest prefix among the patterns that this one begins with, -1 if there is none
	need   uint64
}

// search returns the number of entries whose text is at most s.
func (t table) search(s string) int {
	low, high := 0, len(t)
	for low < high {
		if m := (low + high) / 2; t[m].text <= s {
			low = m + 1
		} else {
			high = m
		}
	}
	return low
}

func (t *table) insert(pattern string, need uint64) {
	text, prefix := strings.CutSuffix(pattern, "*")
	list := *t
	i := list.search(text)
	if prefix && i > 0 && list[i-1].text == text {
		i--
	}
	list = append(list, entry{})
	copy(list[i+1:], list[i:])
	list[i] = entry{text, prefix, -1, need}
	*t = list
}

// link finds the parents. All that stands between a prefix and a text which
// begins with it begins with it too, so that the way over parents meets each
// prefix of a text, the longest first.
func (t table) link() {
	for i := 1; i < len(t); i++ {
		p := i - 1
		for p >= 0 && !(t[p].prefix && strings.HasPrefix(t[i].text, t[p].text)) {
			p = t[p].parent
		}
		t[i].parent = p
	}
}

// need returns what the most specific pattern needs that fits s.
func (t table) need(s string) uint64 {
	for i := t.search(s) - 1; i >= 0; i = t[i].parent {
		if e := &t[i]; e.text == s || e.prefix && strings.HasPrefix(s, e.text) {
			return e.need
		}
	}
	return 0
}
