package operation

import (
	"slices"

	"mcpauth/config"
)

// Rules are the rules of one resource, arranged for fast searches. They do not change.
//
// A set of scopes is a bit set: bit i stands for Scopes[i].
type Rules struct {
	// Scopes are all the scopes that the rules require.
	Scopes []string

	methods patterns
	names   [len(namedMethods)]patterns
}

// Compile returns the Rules of a list, nil if the list is empty.
func Compile(list []config.Rule) *Rules {
	if len(list) == 0 {
		return nil
	}
	r := &Rules{}
	for _, rule := range list {
		var scopes uint64
		for _, s := range rule.Scopes {
			scopes |= 1 << r.scopeBit(s)
		}
		if rule.Name == "" {
			r.methods.insert(rule.Method, scopes)
		} else if i := methodIndex(rule.Method); i >= 0 {
			r.names[i].insert(rule.Name, scopes)
		}
	}
	r.methods.link()
	for i := range r.names {
		r.names[i].link()
	}
	return r
}

// scopeBit returns the bit of a scope, which it adds to Scopes if need be.
func (r *Rules) scopeBit(scope string) int {
	if i := slices.Index(r.Scopes, scope); i >= 0 {
		return i
	}
	r.Scopes = append(r.Scopes, scope)
	return len(r.Scopes) - 1
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

// RequiredScopes returns the bit set of the scopes that an operation requires. It
// returns false for complete if that depends on a method or a name that o does not have,
// and a fault if servers may read the method or the name differently.
func (r *Rules) RequiredScopes(o *Operation) (scopes uint64, complete bool, fault Fault) {
	if !o.HasMethod {
		return 0, false, ""
	}
	switch {
	case hasControl(o.Method):
		return 0, false, FaultMethod
	case !config.IsPlainName(o.Method, false):
		return 0, false, FaultSpace
	}
	scopes = r.methods.scopes(o.Method)
	i := methodIndex(o.Method)
	if i < 0 || r.names[i] == nil {
		return scopes, true, ""
	}
	if !o.HasName {
		return scopes, false, ""
	}
	if !isPlain(o.Name, namedMethods[i].uri) {
		return scopes, false, FaultName
	}
	return scopes | r.names[i].scopes(o.Name), true, ""
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
