package config

import (
	"slices"
	"strconv"
	"strings"
)

// Members of userinfo, and of claims in it.
var (
	userinfoMembers = []string{
		"endpoint", "cluster", "claims", "scopes_header", "headers", "max_cache_seconds", "jwt", "audience_unchecked",
	}
	mappedClaims = []string{"subject", "client_id", "scopes", "audience", "expires"}
)

// Userinfo says what the answer to a GET with the token means.
type Userinfo struct {
	// The places of these in the answer; nil for what it does not have.
	Subject, ClientID, Scopes, Audience, Expires MemberPath

	// ScopesHeader is the lower-case name of the response header that lists the
	// scopes; empty for none.
	ScopesHeader string

	// Headers are sent with the request; the names are in lower case.
	Headers [][2]string
}

// parseUserinfo reads userinfo.
func (l *serverList) parseUserinfo(v *value) *Introspection {
	if !v.closedObject(userinfoMembers) {
		return nil
	}
	u := &Userinfo{Subject: MemberPath{"sub"}}
	i := &Introspection{Userinfo: u}
	v.require("endpoint")
	l.parseCommon(v, i)
	if m := v.get("claims"); m.closedObject(mappedClaims) {
		for j, path := range [...]*MemberPath{&u.Subject, &u.ClientID, &u.Scopes, &u.Audience, &u.Expires} {
			if claim := m.get(mappedClaims[j]); claim != nil {
				*path = claim.memberPath()
			}
		}
	}
	if v.get("claims").get("audience") == nil && v.get("audience_unchecked") == nil {
		v.failAbsent("audience_unchecked", "must be true, unless claims has an audience: "+
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
			u.Headers = append(u.Headers, [2]string{h.sentHeader(u.Headers), h.text()})
		}
	}
	return i
}

// A MemberPath leads to a value in a JSON object: the name of a member, then that
// of a member of its value, and so on.
type MemberPath []string

// memberPath reads a path: an array of names, or the names in one string with
// dots between.
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
	return v.bounded(path)
}

// memberNames reads a path that is an array.
func (v *value) memberNames() MemberPath {
	var path MemberPath
	for _, m := range v.nonEmptyArray() {
		name := m.text()
		if name == "" {
			return nil
		}
		path = appendText(path, name)
	}
	return v.bounded(path)
}

// bounded refuses a path deeper than any document that is read.
func (v *value) bounded(path MemberPath) MemberPath {
	if len(path) > maxDepth {
		v.fail("must be a path of at most " + strconv.Itoa(maxDepth) + " names")
		return nil
	}
	return path
}

// sentHeader checks the name of a member that is a header for a request to a
// provider, and returns it in lower case. earlier are those before it.
func (v *value) sentHeader(earlier [][2]string) string {
	name := strings.ToLower(v.name)
	key := HeaderKey(name)
	switch {
	case !isToken(name):
		v.fail(faultHeaderName)
	case isReserved(key) && !slices.Contains(callHeaders, key):
		v.fail("must not be this header, on which the gateway, the connection or the provider acts")
	}
	for _, h := range earlier {
		if HeaderKey(h[0]) == key {
			v.fail("is there twice")
		}
	}
	return name
}
