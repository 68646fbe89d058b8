package config

import "slices"

// ScopeHierarchy has for a broader scope the narrower ones that it implies: a
// token with the former counts as one with the latter too. It is closed
// transitively, and no scope implies itself.
type ScopeHierarchy map[string][]string

// maxBroadScopes bounds what the closure can grow to.
const maxBroadScopes = 256

// Grants reports whether a token that has these scopes counts as one with the
// scope wanted.
func (h ScopeHierarchy) Grants(have []string, wanted string) bool {
	return slices.Contains(have, wanted) || h.imply(have, wanted)
}

// Minimal returns those of the scopes that no other of them implies: a token
// with these has them all.
func (h ScopeHierarchy) Minimal(scopes []string) []string {
	var list []string
	for _, s := range scopes {
		if !h.imply(scopes, s) {
			list = appendText(list, s)
		}
	}
	return list
}

func (h ScopeHierarchy) imply(broad []string, narrow string) bool {
	for _, s := range broad {
		if slices.Contains(h[s], narrow) {
			return true
		}
	}
	return false
}

// scopeHierarchy reads an object with an array of narrower scopes for each
// broader one, and closes it.
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
		h[m.name] = texts(m.nonEmptyArray(), (*value).scope)
	}
	for _, m := range v.members {
		list := h[m.name]
		for i := 0; i < len(list); i++ { // it grows meanwhile
			for _, s := range h[list[i]] {
				if !slices.Contains(list, s) {
					list = appendText(list, s)
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
