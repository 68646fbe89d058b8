package config

import (
	"slices"

	"github.com/tidwall/gjson"
)

// scopes reads all scopes of a resource but those in its rules.
func (v *value) scopes(r *Resource) {
	before := len(*v.errs)
	r.ScopesSupported = uniqueStrings(v.get("scopes_supported").array(), (*value).scope)
	r.RequiredScopes = uniqueStrings(v.get("required_scopes").array(), (*value).scope)
	r.ScopeHierarchy = v.get("scope_hierarchy").scopeHierarchy()
	m := v.get("challenge_scopes")
	if m == nil {
		r.ChallengeScopes = r.ScopeHierarchy.Minimal(r.RequiredScopes)
		return
	}
	m.challengeScopes(r, len(*v.errs) == before)
}

// challengeScopes reads challenge_scopes. valid means that the other scopes of the
// resource have no errors, so that challenge_scopes can be compared with them.
func (v *value) challengeScopes(r *Resource, valid bool) {
	before := len(*v.errs)
	switch {
	case v.json.IsArray():
		r.ChallengeScopes = uniqueStrings(v.nonEmptyArray(), func(m *value) string {
			s := m.scope()
			if s != "" && valid && len(r.ScopesSupported) > 0 && !slices.Contains(r.ScopesSupported, s) && !slices.Contains(r.RequiredScopes, s) {
				m.fail("must be one of scopes_supported or required_scopes")
			}
			return s
		})
	case v.json.Type != gjson.String || v.json.Str != "all":
		v.fail(`must be "all" or an array of scopes`)
	case valid && len(r.ScopesSupported) == 0:
		v.fail(`needs scopes_supported, which "all" stands for`)
	default:
		r.ChallengeScopes = r.ScopesSupported
	}
	if !valid || len(*v.errs) > before {
		return
	}
	for _, s := range r.RequiredScopes {
		// Clients may request a scope that is not published under another name.
		published := len(r.ScopesSupported) == 0 || slices.Contains(r.ScopesSupported, s)
		if published && !r.ScopeHierarchy.Grants(r.ChallengeScopes, s) {
			v.fail("must have " + s + ", which is a required scope, or one that implies it")
		}
	}
}

// scope reads a scope-token (RFC 6749, section 3.3) that a resource may require.
func (v *value) scope() string {
	s, ok := v.string()
	if !ok || !v.checkScope(s) {
		return ""
	}
	return s
}

// serverScope reads a scope-token that an authorization server may publish.
func (v *value) serverScope() string {
	s, ok := v.string()
	if ok && s != "offline_access" && !v.checkScope(s) {
		return ""
	}
	return s
}

// checkScope reports whether s, the text at v, is a scope-token that a resource may
// require.
func (v *value) checkScope(s string) bool {
	switch {
	case s == "offline_access":
		v.fail("must not be offline_access: clients ask for refresh tokens themselves, a resource neither requires nor publishes them")
		return false
	case !isScope(s):
		v.fail(`must be one scope: printable ASCII without spaces, " and \`)
		return false
	}
	return true
}

// isScope reports whether s is a scope-token (RFC 6749, section 3.3).
func isScope(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == '"' || c == '\\' || c >= 0x7F {
			return false
		}
	}
	return s != ""
}
