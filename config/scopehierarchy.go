package config

import "slices"

// ScopeHierarchy maps a broader scope to the narrower scopes that it implies. A token
// with the broader scope counts as one with the narrower scopes too. The map is
// transitively closed, and no scope implies itself.
type ScopeHierarchy map[string][]string

// maxBroadScopes bounds the size of the transitive closure.
const maxBroadScopes = 256

// Grants reports whether the scopes of a token include or imply the wanted scope.
func (h ScopeHierarchy) Grants(have []string, wanted string) bool {
	return slices.Contains(have, wanted) || h.imply(have, wanted)
}

// Minimal returns the scopes that no other scope in the list implies. A token with
// these has all scopes in the list.
func (h ScopeHierarchy) Minimal(scopes []string) []string {
	var list []string
	for _, s := range scopes {
		if !h.imply(scopes, s) {
			list = append(list, s)
		}
	}
	return list
}

// imply reports whether one of the broad scopes implies the narrow one.
func (h ScopeHierarchy) imply(broad []string, narrow string) bool {
	for _, s := range broad {
		if slices.Contains(h[s], narrow) {
			return true
		}
	}
	return false
}

// scopeHierarchy reads an object with an array of narrower scopes for each broader
// scope, and returns its transitive closure.
func (v *value) scopeHierarchy() ScopeHierarchy {
	if !v.object() {
		return nil
	}
	if len(v.members) > maxBroadScopes {
		v.fail("must have at most 256 members")
		return nil
	}
	h := make(ScopeHierarchy)
	for _, m := range v.members {
		m.checkScope(m.name)
		h[m.name] = uniqueStrings(m.nonEmptyArray(), (*value).scope)
	}
	for _, m := range v.members {
		list := h[m.name]
		for i := 0; i < len(list); i++ { // list grows in the loop
			for _, s := range h[list[i]] {
				if !slices.Contains(list, s) {
					list = append(list, s)
				}
			}
		}
		h[m.name] = list
		if slices.Contains(list, m.name) {
			m.fail("must not imply itself, be it by way of others")
		}
	}
	return h
}
