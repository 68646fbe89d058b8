package config

import (
	"slices"
	"strconv"
)

// ScopeHierarchy has for a broader scope the narrower ones that it implies: a
// token with the former counts as one with the latter too. It is closed
// transitively, and no scope implies itself.
type ScopeHierarchy map[string][]string

// maxBroadScopes bounds what the closure can grow to.
const maxBroadScopes = 256

// Grants reports whether a token that has these scopes counts as one with the
// scope wanted.
func (h ScopeHierarchy) Grants(have []string, wanted string) bool {
	for _, s := range have {
		if s == wanted || slices.Contains(h[s], wanted) {
			return true
		}
	}
	return false
}

// Minimal returns those of the scopes that no other of them implies: a token
// with these has them all.
func (h ScopeHierarchy) Minimal(scopes []string) []string {
	var list []string
next:
	for _, s := range scopes {
		for _, other := range scopes {
			if slices.Contains(h[other], s) {
				continue next
			}
		}
		list = append(list, s)
	}
	return list
}

// scopeHierarchy reads an object with an array of narrower scopes for each
// broader one, and closes it.
func (v *value) scopeHierarchy() ScopeHierarchy {
	if !v.object() {
		return nil
	}
	if len(v.members) > maxBroadScopes {
		v.fail("must have at most " + strconv.Itoa(maxBroadScopes) + " members")
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
