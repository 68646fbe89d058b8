package operation

import (
	"slices"

	"mcpauth/config"
)

// Rules are the rules of one resource, arranged for fast searches. They do not change.
type Rules struct {
	// Scopes and Claims are all the scopes and claims that the rules require.
	Scopes []string
	Claims []*config.RequiredClaim

	hasPublic bool // there are public operations

	methods patterns
	names   [len(namedMethods)]patterns
}

// A Set is a set of scopes and required claims of [Rules]: bit i of Scopes stands for
// Rules.Scopes[i], and bit i of Claims for Rules.Claims[i].
type Set struct{ Scopes, Claims uint64 }

// union returns the elements of s and of t.
func (s Set) union(t Set) Set { return Set{s.Scopes | t.Scopes, s.Claims | t.Claims} }

// Without returns the elements of s that are not in t.
func (s Set) Without(t Set) Set { return Set{s.Scopes &^ t.Scopes, s.Claims &^ t.Claims} }

// Compile returns the Rules of a list and of public operations, nil if both are empty.
func Compile(list []config.Rule, public ...config.Rule) *Rules {
	if len(list)+len(public) == 0 {
		return nil
	}
	r := &Rules{hasPublic: len(public) > 0}
	for i := range list {
		r.insert(&list[i], false)
	}
	for i := range public {
		r.insert(&public[i], true)
	}
	r.methods.link()
	for i := range r.names {
		r.names[i].link()
	}
	return r
}

// insert adds a rule, or a public operation.
func (r *Rules) insert(rule *config.Rule, public bool) {
	n := need{public: public}
	for _, s := range rule.Scopes {
		n.Scopes |= 1 << r.scopeBit(s)
	}
	for i := range rule.Claims {
		n.Claims |= 1 << r.claimBit(&rule.Claims[i])
	}
	if rule.Name == "" {
		r.methods.insert(rule.Method, n)
	} else if i := methodIndex(rule.Method); i >= 0 {
		r.names[i].insert(rule.Name, n)
	}
}

// scopeBit returns the bit of a scope, which it adds to Scopes if need be.
func (r *Rules) scopeBit(scope string) int {
	if i := slices.Index(r.Scopes, scope); i >= 0 {
		return i
	}
	r.Scopes = append(r.Scopes, scope)
	return len(r.Scopes) - 1
}

// claimBit returns the bit of a required claim, which it adds to Claims if need be.
func (r *Rules) claimBit(c *config.RequiredClaim) int {
	i := c.Index(r.Claims)
	if i == len(r.Claims) {
		r.Claims = append(r.Claims, c)
	}
	return i
}

// ScopeNames returns the names of the scopes in a bit set.
func (r *Rules) ScopeNames(scopes uint64) []string {
	var list []string
	for i, s := range r.Scopes {
		if scopes>>i&1 != 0 {
			list = append(list, s)
		}
	}
	return list
}

// Required returns what an operation requires, which is nothing if it is public. It
// returns false for complete if that depends on a method or a name that o does not have,
// and a fault if servers may read the method or the name differently.
func (r *Rules) Required(o *Operation) (required Set, complete bool, fault Fault) {
	n, complete, fault := r.need(o)
	return n.Set, complete, fault
}

// IsPublic reports whether an operation needs no token.
func (r *Rules) IsPublic(o *Operation) bool {
	n, complete, fault := r.need(o)
	return n.public && complete && fault == ""
}

// need is Required that also tells whether the operation is public.
func (r *Rules) need(o *Operation) (n need, complete bool, fault Fault) {
	if !o.HasMethod {
		return need{}, false, ""
	}
	switch {
	case hasControl(o.Method):
		return need{}, false, FaultMethod
	case !config.IsPlainName(o.Method, false):
		return need{}, false, FaultSpace
	}
	n = r.methods.need(o.Method)
	i := methodIndex(o.Method)
	if i < 0 || r.names[i] == nil {
		return n, true, ""
	}
	if !o.HasName {
		return n, false, ""
	}
	if !isPlain(o.Name, namedMethods[i].uri) {
		return n, false, FaultName
	}
	named := r.names[i].need(o.Name)
	if named.public {
		return named, true, ""
	}
	return need{Set: n.union(named.Set)}, true, ""
}

// isPlain reports whether all servers read a name alike: none trims it, ends it at a
// control character or, if it is a URI, normalizes it to another.
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
