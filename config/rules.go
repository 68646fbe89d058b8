package config

import (
	"slices"
	"strings"
)

// A Rule says which scopes and claims some operations of MCP need besides
// RequiredScopes and RequiredClaims. Its patterns are exact, or end with "*", which
// matches any text.
type Rule struct {
	// Method is a JSON-RPC method, or a pattern for methods if Name is empty.
	Method string
	// Name is a pattern for params.name, or for params.uri if Method begins with
	// "resources/". It is empty if the rule is about the method alone.
	Name string
	// Scopes and Claims are all required. The lists may be empty.
	Scopes []string
	Claims []RequiredClaim
}

// FilterLists says which entries of lists a caller does not see.
type FilterLists uint8

const (
	FilterOff    FilterLists = iota
	FilterClaims             // those that need a claim that the caller lacks
	FilterAll                // those that need a claim or a scope that the caller lacks
)

// ruleMembers are the members of a rule that is an object.
var ruleMembers = []string{"scopes", "claims"}

const (
	// MaxRuleScopes bounds the different scopes in the rules of one resource, which
	// internal/gate keeps as the bits of a word.
	MaxRuleScopes = 64

	maxRules = 1024 // in one member

	defaultBodyBytes = 1 << 20
	minBodyBytes     = 1 << 10
	maxBodyBytes     = 16 << 20
)

// namedRules are the members with rules by name, and the methods that these rules are
// for. A client that cannot call the first method has no use for the others.
var namedRules = [...]struct {
	member  string
	methods []string
}{
	{"tools", []string{"tools/call"}},
	{"prompts", []string{"prompts/get"}},
	{"resources", []string{"resources/read", "resources/subscribe", "resources/unsubscribe"}},
}

// rules reads all rules of a resource.
func (v *value) rules() []Rule {
	var list []Rule
	methods := v.get("methods")
	for _, m := range methods.ruleMap() {
		list = append(list, m.rule(m.name, ""))
	}
	for _, r := range namedRules {
		for _, m := range v.get(r.member).ruleMap() {
			if r.member == "resources" {
				if text, prefix := strings.CutSuffix(m.name, "*"); !IsPlainURI(text, prefix) {
					m.fail(faultURI)
				}
			}
			if other := methods.get(r.methods[0]); other != nil && m.name == "*" {
				other.fail("rules the same operations as " + m.path)
			}
			rule := m.rule("", m.name)
			for _, rule.Method = range r.methods {
				list = append(list, rule)
			}
		}
	}
	v.limitRules(list)
	return list
}

// limitRules refuses rules with more scopes or claims than fit into words.
func (v *value) limitRules(list []Rule) {
	var scopes []string
	var claims []*RequiredClaim
	for _, rule := range list {
		for _, s := range rule.Scopes {
			if !slices.Contains(scopes, s) {
				scopes = append(scopes, s)
			}
		}
		for i := range rule.Claims {
			c := &rule.Claims[i]
			if c.Index(claims) == len(claims) && len(claims) <= MaxRuleClaims {
				claims = append(claims, c)
			}
		}
	}
	if len(scopes) > MaxRuleScopes {
		v.fail("must have at most 64 different scopes in tools, prompts, resources and methods")
	}
	if len(claims) > MaxRuleClaims {
		v.fail("must have at most 64 different claims, or lists of their values, in tools, prompts, resources and methods")
	}
}

// ruleMap reads an object with a member for each rule.
func (v *value) ruleMap() []*value {
	if !v.object() {
		return nil
	}
	if len(v.members) > maxRules {
		v.fail("must have at most 1024 members")
		return nil
	}
	return v.members
}

// rule reads one rule, whose name is a pattern. Its value is a list of scopes, or an
// object with scopes and claims.
func (v *value) rule(method, name string) Rule {
	switch {
	case v.name == "":
		v.fail("must have a name")
	case hasControl(v.name):
		v.fail("must not have control characters in its name")
	default:
		v.checkPattern(v.name, "the end of its name", method != "")
	}
	rule := Rule{Method: method, Name: name}
	switch {
	case v.json.IsArray():
		rule.Scopes = uniqueStrings(v.array(), (*value).scope)
	case !v.json.IsObject():
		v.fail("must be an array of scopes, or an object with scopes and claims")
	case v.closedObject(ruleMembers):
		if len(v.members) == 0 {
			v.fail("must have scopes or claims")
		}
		rule.Scopes = uniqueStrings(v.get("scopes").array(), (*value).scope)
		rule.Claims = v.get("claims").requiredClaims()
	}
	return rule
}

// checkPattern refuses a pattern that can match nothing, in v. end is what the errors call
// its end. method means that it is for methods.
func (v *value) checkPattern(pattern, end string, method bool) {
	text, prefix := strings.CutSuffix(pattern, "*")
	other := ""
	if method {
		other = suggestMethod(text, prefix)
	}
	switch {
	case strings.IndexByte(text, '*') >= 0:
		v.fail("must have * only at " + end)
	case !IsPlainName(text, prefix):
		v.fail(faultSpace)
	case other != "":
		v.fail(faultMethod + other)
	}
}

// bodyRules reads the rules of a resource, and the members that say how they apply.
func (v *value) bodyRules(r *Resource) {
	r.Rules = v.rules()
	v.public(r)
	r.TrustMCPHeaders = v.get("trust_mcp_headers").bool()
	r.MaxBodyBytes = v.get("max_body_bytes").integer(minBodyBytes, maxBodyBytes, defaultBodyBytes)
	if m := v.get("filter_lists"); m != nil {
		r.FilterLists = m.filterLists(r)
	}
	for _, name := range [...]string{"trust_mcp_headers", "max_body_bytes"} {
		if m := v.get(name); m != nil && v.get("methods") == nil && v.get("tools") == nil && v.get("prompts") == nil && v.get("resources") == nil && r.Public.Operations == nil {
			m.fail("needs tools, prompts, resources or methods, here or in public")
		}
	}
}

// filterLists reads which entries of lists are hidden. It refuses a choice by which none
// ever is.
func (v *value) filterLists(r *Resource) FilterLists {
	choice := FilterLists(v.oneOf("off", "claims", "all"))
	if choice == FilterAll && r.Public.Operations != nil { // for callers without a token
		return choice
	}
	for _, rule := range r.Rules {
		if rule.isListed() && (len(rule.Claims) > 0 || choice == FilterAll && len(rule.Scopes) > 0) {
			return choice
		}
	}
	switch choice {
	case FilterClaims:
		v.fail("has no effect: no rule for tools, prompts or resources requires a claim")
	case FilterAll:
		v.fail("has no effect: no rule for tools, prompts or resources requires a scope or a claim, and no operation is public")
	}
	return choice
}

// isListed reports whether the rule is for an operation whose names are in lists.
func (r *Rule) isListed() bool {
	for _, named := range namedRules {
		if text, prefix := strings.CutSuffix(r.Method, "*"); text == named.methods[0] || prefix && strings.HasPrefix(named.methods[0], text) {
			return true
		}
	}
	return false
}
