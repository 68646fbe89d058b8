package config

import (
	"slices"
	"strings"
)

// Members of userinfo, and of claims in it.
var (
	userinfoMembers = []string{
		"endpoint", "cluster", "claims", "scopes_header", "headers", "max_cache_seconds", "jwt", "audience_unchecked",
	}
	mappedClaims = []string{"subject", "client_id", "scopes", "audience", "expires"}
)

// Userinfo says what the answer to a GET with the token means. The paths are
// names of members with dots between, empty for what the answer does not have.
type Userinfo struct {
	Subject, ClientID, Scopes, Audience, Expires string

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
	u := &Userinfo{Subject: "sub"}
	i := &Introspection{Userinfo: u}
	v.require("endpoint")
	l.parseCommon(v, i)
	if m := v.get("claims"); m.closedObject(mappedClaims) {
		for j, path := range [...]*string{&u.Subject, &u.ClientID, &u.Scopes, &u.Audience, &u.Expires} {
			if claim := m.get(mappedClaims[j]); claim != nil {
				*path = claim.memberNames()
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
		if u.Scopes != "" {
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

// memberNames reads a path to a value in a JSON document.
func (v *value) memberNames() string {
	s, ok := v.string()
	if !ok {
		return ""
	}
	for _, name := range strings.Split(s, ".") {
		for i := 0; i < len(name); i++ {
			if c := name[i]; !isAlpha(c) && !isDigit(c) && c != '_' && c != '-' {
				name = ""
			}
		}
		if name == "" {
			v.fail("must be names of members, of letters, digits, _ and -, with dots between")
			return ""
		}
	}
	return s
}

// headerName reads the name of a header and returns it in lower case.
func (v *value) headerName() string {
	s, ok := v.string()
	if ok && !isToken(s) {
		v.fail(faultHeaderName)
	}
	return strings.ToLower(s)
}

const faultHeaderName = "must be a header name of letters, digits and !#$%&'*+-.^_`|~"

// sentHeader checks the name of a member that is a header for a request, and
// returns it in lower case. earlier are those before it.
func (v *value) sentHeader(earlier [][2]string) string {
	name := strings.ToLower(v.name)
	switch {
	case !isToken(name):
		v.fail(faultHeaderName)
	case slices.Contains([]string{"authorization", "host", "connection", "content-length", "transfer-encoding", "te", "upgrade"}, name):
		v.fail("must not be this header, which the gateway or the connection sets")
	}
	for _, h := range earlier {
		if h[0] == name {
			v.fail("is there twice")
		}
	}
	return name
}
