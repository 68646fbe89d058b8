package config

import (
	"strconv"
	"strings"
)

// The members of a resource and of the objects in it.
var (
	resourceMembers = []string{
		"resource", "authorization_servers", "match", "audiences", "clients",
		"scopes_supported", "required_scopes", "challenge_scopes", "scope_hierarchy", "required_claims",
		"mutual_tls", "trust_forwarded_client_cert",
		"metadata", "root_metadata", "serve_authorization_server_metadata", "allowed_origins",
		"dpop", "dpop_signing_algorithms", "forward", "forward_payload_header", "claim_to_headers", "identity_headers", "filter_state",
		"tools", "prompts", "resources", "methods", "public", "trust_mcp_headers", "max_body_bytes", "filter_lists",
	}
	matchMembers         = []string{"hosts", "path_prefixes"}
	claimToHeaderMembers = []string{"claim_name", "header_name"}
)

// parseResources reads the member resources.
func parseResources(v *value, servers *serverParser, unmatched Unmatched) []*Resource {
	var list []*Resource
	places := make(reservedPaths)
	elements := v.nonEmptyArray()
	sole := len(elements) == 1 && unmatched == UnmatchedDeny
	for _, element := range elements {
		if r := parseResource(element, servers, places, sole); r != nil {
			list = append(list, r)
		}
	}
	for _, check := range servers.deferred {
		check()
	}
	if v != nil && len(*v.errs) == 0 {
		for i, r := range list {
			elements[i].publicPathsElsewhere(r, list)
		}
	}
	return list
}

// parseResource reads one resource. sole means that its metadata may be at the root of
// the host.
func parseResource(v *value, servers *serverParser, places reservedPaths, sole bool) *Resource {
	if !v.closedObject(resourceMembers) {
		return nil
	}
	r := &Resource{}
	before := len(*v.errs)
	r.Resource = v.require("resource").resource(servers.allowHTTP)
	r.Match = v.get("match").match()
	r.RootMetadata = sole
	if m := v.get("root_metadata"); m != nil {
		r.RootMetadata = m.bool()
	}
	if len(*v.errs) == before {
		if r.Match.PathPrefixes == nil {
			r.Match.PathPrefixes = []string{rootOr(strings.TrimSuffix(r.Resource.Path, "/"))}
		}
		places.add(v, r)
	}

	r.AuthorizationServers = servers.list
	if m := v.get("authorization_servers"); m != nil {
		r.AuthorizationServers = servers.listed(m)
	}
	v.checkSingleIntrospection(r.AuthorizationServers)
	servers.reserveEndpoints(v, r, places)
	r.Audiences = uniqueStrings(v.get("audiences").array(), (*value).nonEmptyString)
	r.Clients = v.get("clients").clients(r.AuthorizationServers)
	v.scopes(r)
	r.RequiredClaims = v.get("required_claims").requiredClaims()
	r.Metadata = v.get("metadata").resourceMetadata(servers.allowHTTP)
	v.mutualTLS(r)
	v.dpop(r)
	r.AllowedOrigins = v.get("allowed_origins").origins()
	v.bodyRules(r)
	v.scopePrefix(r)
	r.Forward = v.get("forward").bool()
	headers := make(headerNames)
	r.ForwardPayloadHeader = headers.read(v.get("forward_payload_header"))
	for _, element := range v.get("claim_to_headers").array() {
		if element.closedObject(claimToHeaderMembers) {
			claim := element.require("claim_name").claim()
			header := headers.read(element.require("header_name"))
			r.ClaimToHeaders = append(r.ClaimToHeaders, ClaimToHeader{claim, header})
		}
	}
	r.IdentityHeaders = uniqueStrings(v.get("identity_headers").array(), (*value).identityHeader)
	if v.get("identity_headers") == nil {
		for _, name := range IdentityNames {
			r.IdentityHeaders = append(r.IdentityHeaders, IdentityHeaderPrefix+name)
		}
	}
	r.FilterState = uniqueStrings(v.get("filter_state").array(), (*value).identityHeader)
	servers.warn(v, r)
	return r
}

// clients reads the client IDs whose tokens may lack an audience. It refuses them where
// they have no effect: servers is the list of those that issue the tokens.
func (v *value) clients(servers []*AuthorizationServer) []string {
	list := uniqueStrings(v.array(), (*value).literal)
	for _, s := range servers {
		i := s.Introspection
		if s.Source.Kind != NoKeys && s.Type == "" || i != nil && i.Userinfo == nil && !i.AudienceUnchecked {
			return list
		}
	}
	if len(list) > 0 && len(servers) > 0 {
		v.fail("has no effect: it is for JWTs, except with typ, and for introspection, except with audience_unchecked")
	}
	return list
}

// identityHeader reads one of IdentityNames and returns the name of its header.
func (v *value) identityHeader() string {
	before := len(*v.errs)
	i := v.oneOf(IdentityNames...)
	if len(*v.errs) > before {
		return ""
	}
	return IdentityHeaderPrefix + IdentityNames[i]
}

// resource reads a resource identifier (RFC 9728, section 1.2). It accepts a trailing
// slash, against MCP's recommendation: some clients compare the identifier byte for byte
// with the URL that their user typed. It refuses a query, which RFC 9728 says SHOULD NOT
// be there, since the gateway does not match requests by their query.
func (v *value) resource(allowHTTP bool) *URL {
	u := v.url(allowHTTP)
	if u == nil {
		return nil
	}
	fault := pathFault(rootOr(u.Path))
	if u.Query != "" {
		fault = faultQuery
	}
	if fault != "" {
		v.fail(fault)
		return nil
	}
	return u
}

// rootOr returns the path of a URL, "/" if it is empty.
func rootOr(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// listed reads a list of issuers and returns their authorization servers.
func (l *serverParser) listed(v *value) []*AuthorizationServer {
	var list []*AuthorizationServer
	for _, issuer := range uniqueStrings(v.nonEmptyArray(), l.issuerInList) {
		for _, s := range l.list {
			if s.Issuer == issuer {
				list = append(list, s)
				break
			}
		}
	}
	return list
}

// issuerInList reads an issuer that authorization_servers has.
func (l *serverParser) issuerInList(v *value) string {
	issuer, ok := v.string()
	if _, known := l.paths[issuer]; ok && !known && l.paths != nil {
		v.fail("must be the issuer of one of the authorization_servers" + l.hint(issuer))
		return ""
	}
	return issuer
}

// hint suggests an issuer of the document that differs only in case or in a trailing
// slash. An issuer with more differences is another party, which a hint must not lead an
// operator to trust.
func (l *serverParser) hint(issuer string) string {
	folded := strings.ToLower(strings.TrimSuffix(issuer, "/"))
	for _, known := range l.issuers {
		if strings.ToLower(strings.TrimSuffix(known, "/")) == folded {
			return " (did you mean " + strconv.Quote(known) + "?)"
		}
	}
	return ""
}
