package config

import (
	"strconv"
	"strings"
)

// whereHeadersStop says where allow_on_headers_stop_iteration is set.
const whereHeadersStop = "set it here and in Envoy: beside vm_config, on Istio by an EnvoyFilter, on Envoy Gateway by an EnvoyPatchPolicy"

// warnHeaders adds a warning about resources with rules or public operations if the document, v, does not say
// whether the plugin may stop headers. An operator who sets the member to false knows
// what that means.
func (l *serverParser) warnHeaders(v *value, resources []*Resource) {
	if v.get("allow_on_headers_stop_iteration") != nil {
		return
	}
	for _, r := range resources {
		if len(r.Rules)+len(r.Public.Operations) > 0 {
			l.warnings = append(l.warnings, "allow_on_headers_stop_iteration: is not set, and a resource has rules or public operations: where the body of a request decides, "+
				"the MCP server gets its headers before the decision; "+whereHeadersStop+", as docs/rules.md says, or set it to false here")
			return
		}
	}
}

// warn adds warnings about valid but dangerous members of a resource. An audience that is
// not a URI is almost always a client ID. All tokens that the server issues for that
// client have this audience, ID tokens too. Only their other claims then distinguish them
// from access tokens, unless a scope is required or the strict profile is used.
func (l *serverParser) warn(v *value, r *Resource) {
	if len(r.RequiredScopes) > 0 {
		return
	}
	if len(r.Clients) > 0 {
		l.warnings = append(l.warnings, v.path+".clients: tokens of these clients that name no audience pass, whichever resource they are for; set required_scopes")
	}
	if !l.acceptsAnyType(r) {
		return
	}
	for i, audience := range r.Audiences {
		if !strings.Contains(audience, ":") {
			l.warnings = append(l.warnings, v.path+".audiences["+strconv.Itoa(i)+"]: "+strconv.QuoteToASCII(audience)+
				" looks like the ID of a client: other tokens of that client may pass for access tokens; set required_scopes, or typ of the authorization server")
		}
	}
}

// acceptsAnyType reports whether tokens of any typ are accepted from a server of r.
func (l *serverParser) acceptsAnyType(r *Resource) bool {
	for _, s := range r.AuthorizationServers {
		if s.Type == "" {
			return true
		}
	}
	return false
}
