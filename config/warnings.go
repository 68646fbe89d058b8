package config

import (
	"strconv"
	"strings"
)

// warn looks for what is allowed in a resource, but dangerous. An audience that is
// no URI is as good as always the ID of a client. All that the server issues for
// that client has it, ID tokens too, which are told from access tokens by what they
// happen to hold, unless a scope is required or the strict profile is used.
func (l *serverParser) warn(v *value, r *Resource) {
	if len(r.RequiredScopes) > 0 || !l.acceptsAnyType(r) {
		return
	}
	for i, audience := range r.Audiences {
		if !strings.Contains(audience, ":") {
			l.warnings = append(l.warnings, v.path+".audiences["+strconv.Itoa(i)+"]: "+strconv.QuoteToASCII(audience)+
				" looks like the ID of a client: other tokens of that client may pass for access tokens; set required_scopes, or typ of the authorization server")
		}
	}
}

// acceptsAnyType reports whether a server of r may issue tokens of any type.
func (l *serverParser) acceptsAnyType(r *Resource) bool {
	for _, s := range r.AuthorizationServers {
		if s.Type == "" {
			return true
		}
	}
	return false
}
