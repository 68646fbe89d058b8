package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

const (
	maxScopeClaims = 16
	maxScopePrefix = 256 // bytes
)

// standardScopes are the scopes of OpenID Connect Core, sections 3.1.2.1 and 5.4. They
// belong to no resource, and never have a prefix.
var standardScopes = []string{"openid", "profile", "email", "address", "phone"}

// scopeNames reads the members of an authorization server that say where its tokens have
// their scopes, and how clients request them.
func (v *value) scopeNames(s *AuthorizationServer) {
	m := v.get("scope_claims")
	for _, name := range uniqueStrings(m.nonEmptyArray(), (*value).shortName) {
		s.ScopeClaims = append(s.ScopeClaims, claimName(name))
	}
	if len(s.ScopeClaims) > maxScopeClaims {
		m.fail("must have at most " + strconv.Itoa(maxScopeClaims) + " claims")
	}
	if userinfo := v.get("userinfo"); userinfo != nil && s.Source.Kind == NoKeys {
		m.failBeside(userinfo, "claims.scopes or scopes_header says where its answers have scopes")
	}
	if m := v.get("scope_prefix"); m != nil {
		prefix, ok := m.string()
		if ok && (!isScope(prefix) || len(prefix) > maxScopePrefix) {
			m.fail(`must be the beginning of a scope: at most ` + strconv.Itoa(maxScopePrefix) + ` bytes of printable ASCII without spaces, " and \`)
			return
		}
		s.ScopePrefix = prefix
	}
}

// shortName reads the name of a claim.
func (v *value) shortName() string {
	name := v.nonEmptyString()
	if len(name) > maxClaimText {
		v.fail("must be at most " + strconv.Itoa(maxClaimText) + " bytes")
		return ""
	}
	if name != "" && !IsPlainName(name, false) {
		v.fail("must not have white space at its ends")
		return ""
	}
	return name
}

// scopePrefix stores the ScopePrefix of the servers of r, which must have the same. It
// refuses scopes in the document that begin with it: no token has such a scope.
func (v *value) scopePrefix(r *Resource) {
	for i, s := range r.AuthorizationServers {
		if i > 0 && s.ScopePrefix != r.ScopePrefix {
			v.failMember("authorization_servers", "must not have different values of scope_prefix: a challenge names each scope once, for clients of all of them")
			return
		}
		r.ScopePrefix = s.ScopePrefix
	}
	if r.ScopePrefix == "" {
		return
	}
	for _, name := range [...]string{"scopes_supported", "required_scopes", "challenge_scopes"} {
		v.get(name).refuseScopes(r.ScopePrefix)
	}
	for _, name := range [...]string{"scope_hierarchy", "tools", "prompts", "resources", "methods"} {
		m := v.get(name)
		if m == nil {
			continue
		}
		for _, rule := range m.members {
			if name == "scope_hierarchy" {
				rule.refuseScope(rule.name, r.ScopePrefix)
			}
			rule.refuseScopes(r.ScopePrefix)
			rule.get("scopes").refuseScopes(r.ScopePrefix)
		}
	}
}

// refuseScopes refuses the scopes in a list that begin with prefix.
func (v *value) refuseScopes(prefix string) {
	if v == nil || !v.json.IsArray() {
		return
	}
	for _, m := range v.children() {
		if m.json.Type == gjson.String {
			m.refuseScope(m.json.Str, prefix)
		}
	}
}

func (v *value) refuseScope(scope, prefix string) {
	if strings.HasPrefix(scope, prefix) {
		v.fail("must be without the scope_prefix of the authorization server, as its tokens have it")
	}
}

// RequestedScopes returns the names by which clients request scopes: with ScopePrefix,
// unless they are standard scopes of OpenID Connect.
func (r *Resource) RequestedScopes(scopes []string) []string {
	if r.ScopePrefix == "" {
		return scopes
	}
	list := make([]string, len(scopes))
	for i, s := range scopes {
		if list[i] = s; !slices.Contains(standardScopes, s) {
			list[i] = r.ScopePrefix + s
		}
	}
	return list
}
