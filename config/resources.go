package config

import (
	"strconv"
	"strings"
)

// Members of a resource and of the objects in it.
var (
	resourceMembers = []string{
		"resource", "authorization_servers", "match", "audiences",
		"scopes_supported", "required_scopes", "metadata",
		"forward", "forward_payload_header", "claim_to_headers",
	}
	resourceUnsupported  = []string{"scope_hierarchy", "tools", "allowed_origins"}
	matchMembers         = []string{"hosts", "path_prefixes"}
	claimToHeaderMembers = []string{"claim_name", "header_name"}
)

func parseResources(v value, servers *serverList) []*Resource {
	elements, _ := v.nonEmptyArray()
	var list []*Resource
	places := newOccupied()
	for _, element := range elements {
		if r := parseResource(element, servers, places); r != nil {
			list = append(list, r)
		}
	}
	return list
}

func parseResource(v value, servers *serverList, places *occupied) *Resource {
	o, ok := v.closedObject(resourceMembers, resourceUnsupported...)
	if !ok {
		return nil
	}
	r := &Resource{}
	before := len(*v.errs)
	if m, ok := o.require("resource"); ok {
		r.Resource = m.resource(servers.allowHTTP)
	}
	if m, ok := o.get("match"); ok {
		r.Match = m.match()
	}
	if len(*v.errs) == before {
		if r.Match.PathPrefixes == nil {
			r.Match.PathPrefixes = []string{rootOr(r.Resource.Path)}
		}
		places.add(v, r)
	}

	if m, ok := o.get("authorization_servers"); ok {
		r.AuthorizationServers = servers.named(m)
	} else {
		r.AuthorizationServers = servers.list
	}
	if m, ok := o.get("audiences"); ok {
		r.Audiences = m.list(value.text)
	}
	if m, ok := o.get("scopes_supported"); ok {
		r.ScopesSupported = m.list(value.scope)
	}
	if m, ok := o.get("required_scopes"); ok {
		r.RequiredScopes = m.list(value.scope)
	}
	if m, ok := o.get("metadata"); ok {
		r.Metadata = m.resourceMetadata(servers.allowHTTP)
	}
	if m, ok := o.get("forward"); ok {
		r.Forward = m.bool()
	}
	r.headers(o)
	return r
}

// resource reads a resource identifier (RFC 9728, section 1.2), in the form
// that MCP calls canonical: no fragment and no trailing slash. A query is
// allowed there with a SHOULD NOT, and refused here, since requests could not
// be matched by it.
func (v value) resource(allowHTTP bool) *URL {
	u, ok := v.url(allowHTTP)
	if !ok {
		return nil
	}
	fault := pathFault(rootOr(u.Path))
	if u.Query != "" {
		fault = "must be a URL without a query (?)"
	}
	if fault != "" {
		v.fail(fault)
		return nil
	}
	return u
}

// rootOr is the path that stands for a URL's: "/" if it has none.
func rootOr(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// named reads a list of issuers and returns their servers.
func (l *serverList) named(v value) []*AuthorizationServer {
	elements, ok := v.nonEmptyArray()
	if !ok {
		return nil
	}
	var list []*AuthorizationServer
	issuers := texts(elements, func(v value) (string, bool) {
		issuer, ok := v.string()
		if _, known := l.paths[issuer]; ok && !known && l.paths != nil {
			v.fail("must be the issuer of one of the authorization_servers" + l.hint(issuer))
			return "", false
		}
		return issuer, ok
	})
	for _, issuer := range issuers {
		list = append(list, l.byIssuer[issuer])
	}
	return list
}

// hint names a known issuer that differs only in case or in a trailing slash.
// More differences make another party, which nobody should be led to trust.
func (l *serverList) hint(issuer string) string {
	for _, known := range l.issuers {
		if strings.EqualFold(strings.TrimSuffix(known, "/"), strings.TrimSuffix(issuer, "/")) {
			return " (did you mean " + strconv.Quote(known) + "?)"
		}
	}
	return ""
}

// list reads an array of strings without duplicates, which may be empty.
func (v value) list(read func(value) (string, bool)) []string {
	elements, _ := v.array()
	return texts(elements, read)
}

// headers reads the members that name request headers. The names must differ,
// since each header has one value.
func (r *Resource) headers(o object) {
	first := make(map[string]string)
	unique := func(v value) string {
		name, ok := v.header()
		if !ok {
			return ""
		}
		if path, twice := first[headerKey(name)]; twice {
			v.fail("is the same header as " + path)
			return ""
		}
		first[headerKey(name)] = v.path
		return name
	}
	if m, ok := o.get("forward_payload_header"); ok {
		r.ForwardPayloadHeader = unique(m)
	}
	m, ok := o.get("claim_to_headers")
	if !ok {
		return
	}
	elements, _ := m.array()
	for _, element := range elements {
		o, ok := element.closedObject(claimToHeaderMembers)
		if !ok {
			continue
		}
		var c ClaimToHeader
		if m, ok := o.require("claim_name"); ok {
			c.ClaimName, _ = m.text()
		}
		if m, ok := o.require("header_name"); ok {
			c.HeaderName = unique(m)
		}
		r.ClaimToHeaders = append(r.ClaimToHeaders, c)
	}
}
