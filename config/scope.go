package config

import (
	"slices"

	"github.com/tidwall/gjson"
)

// scopes reads the scopes of a resource, except those of its rules.
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

// challengeScopes reads challenge_scopes. If sound is set, the other scopes of the
// resource have no error, and these must agree with them.
func (v *value) challengeScopes(r *Resource, sound bool) {
	before := len(*v.errs)
	switch {
	case v.json.IsArray():
		r.ChallengeScopes = uniqueStrings(v.nonEmptyArray(), func(m *value) string {
			s := m.scope()
			if s != "" && sound && len(r.ScopesSupported) > 0 && !slices.Contains(r.ScopesSupported, s) && !slices.Contains(r.RequiredScopes, s) {
				m.fail("must be one of scopes_supported or required_scopes")
			}
			return s
		})
	case v.json.Type != gjson.String || v.json.Str != "all":
		v.fail(`must be "all" or an array of scopes`)
	case sound && len(r.ScopesSupported) == 0:
		v.fail(`needs scopes_supported, which "all" stands for`)
	default:
		r.ChallengeScopes = r.ScopesSupported
	}
	if !sound || len(*v.errs) > before {
		return
	}
	for _, s := range r.RequiredScopes {
		// One that is not published may have another name where clients ask for it.
		published := len(r.ScopesSupported) == 0 || slices.Contains(r.ScopesSupported, s)
		if published && !r.ScopeHierarchy.Grants(r.ChallengeScopes, s) {
			v.fail("must have " + s + ", which is a required scope, or one that implies it")
		}
	}
}

// scope reads a scope-token (RFC 6749, section 3.3).
func (v *value) scope() string {
	s, ok := v.string()
	if !ok || !v.checkScope(s) {
		return ""
	}
	return s
}

// serverScope is scope for an authorization server, which may publish any.
func (v *value) serverScope() string {
	s, ok := v.string()
	if ok && s != "offline_access" && !v.checkScope(s) {
		return ""
	}
	return s
}

// checkScope reports whether s, which stands at v, is a scope-token.
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

func isScope(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == '"' || c == '\\' || c >= 0x7F {
			return false
		}
	}
	return s != ""
}
