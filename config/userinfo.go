package config

import (
	"slices"
	"strconv"
	"strings"
)

// The members of userinfo and of userinfo.claims.
var (
	userinfoMembers = []string{
		"endpoint", "cluster", "claims", "scopes_header", "headers", "max_cache_seconds", "jwt", "audience_unchecked",
	}
	mappedClaims = []string{"subject", "client_id", "scopes", "audience", "expires"}
)

// Userinfo says how to read the response of a userinfo endpoint.
type Userinfo struct {
	// Where the response has these claims; nil for a claim that it lacks.
	Subject, ClientID, Scopes, Audience, Expires MemberPath

	// ScopesHeader is the lower-case name of the response header that lists the
	// token's scopes; empty for none.
	ScopesHeader string

	// Headers are further headers of the request, with lower-case names.
	Headers [][2]string
}

// parseUserinfo reads userinfo.
func (l *serverParser) parseUserinfo(v *value) *Introspection {
	if !v.closedObject(userinfoMembers) {
		return nil
	}
	u := &Userinfo{Subject: MemberPath{"sub"}}
	i := &Introspection{Userinfo: u}
	v.require("endpoint")
	l.parseCommon(v, i)
	if m := v.get("claims"); m.closedObject(mappedClaims) {
		for _, claim := range [...]struct {
			name string
			path *MemberPath
		}{
			{"subject", &u.Subject},
			{"client_id", &u.ClientID},
			{"scopes", &u.Scopes},
			{"audience", &u.Audience},
			{"expires", &u.Expires},
		} {
			if member := m.get(claim.name); member != nil {
				*claim.path = member.memberPath()
			}
		}
	}
	if v.get("claims").get("audience") == nil && v.get("audience_unchecked") == nil {
		v.failMember("audience_unchecked", "must be true, unless claims has an audience: "+
			"every token of this provider then passes, whichever application it was made for")
	} else if v.get("claims").get("audience") == nil && !i.AudienceUnchecked {
		v.get("audience_unchecked").fail("must be true, since claims has no audience")
	}
	if m := v.get("scopes_header"); m != nil {
		u.ScopesHeader = m.headerName()
		if u.ScopesHeader != "" && isReserved(HeaderKey(u.ScopesHeader)) {
			m.fail(faultReserved)
		}
		if u.Scopes != nil {
			m.fail("must not stand beside claims.scopes")
		}
	}
	if m := v.get("headers"); m.object() {
		for _, h := range m.members {
			u.Headers = append(u.Headers, [2]string{h.providerHeader(u.Headers), h.nonEmptyString()})
		}
	}
	return i
}

// A MemberPath locates a value in a JSON object. It has the name of a member, the name
// of a member of that member's value, and so on.
type MemberPath []string

// memberPath reads a path: an array of names, or one string of names separated by
// dots.
func (v *value) memberPath() MemberPath {
	if v.json.IsArray() {
		return v.memberNames()
	}
	s, ok := v.string()
	if !ok {
		return nil
	}
	path := MemberPath(strings.Split(s, "."))
	for _, name := range path {
		for i := 0; i < len(name); i++ {
			if c := name[i]; !isAlpha(c) && !isDigit(c) && c != '_' && c != '-' {
				name = ""
			}
		}
		if name == "" {
			v.fail("must be names of members, of letters, digits, _ and -, with dots between; other names stand in an array")
			return nil
		}
	}
	return v.limitDepth(path)
}

// memberNames reads a path that is an array of names.
func (v *value) memberNames() MemberPath {
	var path MemberPath
	for _, m := range v.nonEmptyArray() {
		name := m.nonEmptyString()
		if name == "" {
			return nil
		}
		path = append(path, name)
	}
	return v.limitDepth(path)
}

// limitDepth refuses a path that is deeper than any document may be.
func (v *value) limitDepth(path MemberPath) MemberPath {
	if len(path) > maxDepth {
		v.fail("must be a path of at most " + strconv.Itoa(maxDepth) + " names")
		return nil
	}
	return path
}

// providerHeader checks a member's name as the name of a header in requests to a
// provider, and returns it in lower case. earlier are the headers before it.
func (v *value) providerHeader(earlier [][2]string) string {
	name := strings.ToLower(v.name)
	key := HeaderKey(name)
	switch {
	case !isToken(name):
		v.fail(faultHeaderName)
	case isReserved(key) && !slices.Contains(sendableHeaders, key):
		v.fail("must not be this header, on which the gateway, the connection or the provider acts")
	}
	for _, h := range earlier {
		if HeaderKey(h[0]) == key {
			v.fail("is there twice")
		}
	}
	return name
}
