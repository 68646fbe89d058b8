package config

import (
	"slices"
	"strings"

	"mcpauth/jwtlite"
)

const (
	faultPlaceholder = "must have one placeholder such as {tid}, as a whole segment of its path, or none"
	faultTenant      = "must be a segment of a URL's path, without percent-encoding and dot segments"
)

// entraHosts are the hosts of Microsoft Entra ID, in all its clouds.
var entraHosts = []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}

// entraOrganizations stands in the place of a tenant in the issuer that stands for all
// tenants of Entra ID.
const entraOrganizations = "organizations"

// hasPlaceholder reports whether an issuer has a placeholder, valid or not.
func hasPlaceholder(issuer string) bool { return strings.ContainsAny(issuer, "{}") }

// parsePlaceholder returns the Tenants of an issuer with a placeholder, without their
// names, nil if the placeholder is not a segment of the issuer's path.
func parsePlaceholder(issuer string) *jwtlite.Tenants {
	t := &jwtlite.Tenants{}
	prefix, rest, _ := strings.Cut(issuer, "/{")
	t.Claim, t.Suffix, _ = strings.Cut(rest, "}")
	t.Prefix = prefix + "/"
	// A prefix such as "https:/" has no host. The caller refuses further braces.
	if !t.IsTemplate(issuer) || strings.Count(prefix, "/") < 2 || t.Suffix != "" && t.Suffix[0] != '/' {
		return nil
	}
	return t
}

// issuerOf returns the issuer of a tenant.
func issuerOf(t *jwtlite.Tenants, tenant string) string { return t.Prefix + tenant + t.Suffix }

// PublicIssuer returns the issuer that clients are to sign in at, and whose metadata is
// looked for: MetadataIssuer, if it is set.
func (s *AuthorizationServer) PublicIssuer() string {
	if s.Tenants != nil {
		return s.MetadataIssuer
	}
	return s.Issuer
}

// AcceptsIssuer reports whether metadata (RFC 8414, section 3.3) or an authorization
// response (RFC 9207) with this issuer is that of the server. With Tenants it may be of the
// PublicIssuer, of a tenant, or of all: the issuer is then a template.
func (s *AuthorizationServer) AcceptsIssuer(issuer string) bool {
	t := s.Tenants
	if t == nil {
		return issuer == s.Issuer
	}
	return issuer == s.MetadataIssuer || t.IsTemplate(issuer) || t.Accepts(issuer)
}

// parseTenants reads tenants and metadata_issuer of the server at v, whose issuer has been
// read.
func (l *serverParser) parseTenants(v *value, s *AuthorizationServer) {
	tenants, metadata := v.get("tenants"), v.get("metadata_issuer")
	t := s.Tenants
	switch {
	case t != nil:
	case hasPlaceholder(s.Issuer): // an invalid one
		return
	default:
		if v.get("userinfo") == nil {
			v.get("issuer").checkNoneOfEntra(s.Issuer)
		}
		tenants.mustBeAbsent("issuer has no placeholder, such as {tid}")
		metadata.mustBeAbsent("issuer has no placeholder, such as {tid}")
		return
	}
	v.get("userinfo").mustBeAbsent("issuer has a placeholder, and answers of a userinfo endpoint name no issuer")
	entra := entraPath(issuerOf(t, "x")) != ""
	if entra && t.Claim != "tid" {
		v.get("issuer").fail("must have the placeholder {tid}: that is the claim in which tokens of Entra ID have the tenant")
	}
	switch {
	case tenants == nil:
		v.failMember("tenants", "is required: it lists the values of {"+t.Claim+`} that are accepted, or is "any"`)
	case tenants.json.Str == "any": // the string: the text of an array is elsewhere
		t.Any = true
		l.warnings = append(l.warnings, tenants.path+": any accepts the tokens of every tenant, and at most providers anybody can create one, whose administrator grants its users every scope")
	case !tenants.json.IsArray():
		tenants.fail(`must be an array of tenants, or "any"`)
	default:
		t.Names = uniqueStrings(tenants.nonEmptyArray(), func(v *value) string { return v.tenant(entra) })
	}
	switch {
	case metadata != nil:
		var ok bool
		if s.MetadataIssuer, ok = metadata.string(); ok {
			l.checkIssuer(metadata, s.MetadataIssuer)
		}
	case !t.Any && len(t.Names) == 1:
		s.MetadataIssuer = issuerOf(t, t.Names[0])
	case entra:
		s.MetadataIssuer = issuerOf(t, entraOrganizations)
	default:
		v.failMember("metadata_issuer", "is required: it is the issuer that stands for all tenants, at which clients sign in and whose metadata the plugin fetches")
	}
}

// entraPath returns the path of an issuer of Entra ID, "" if it is another's.
func entraPath(issuer string) string {
	if u, _ := ParseURL(issuer); u != nil && slices.Contains(entraHosts, u.Host) {
		return u.Path
	}
	return ""
}

// checkNoneOfEntra refuses an issuer of Entra ID that stands for several tenants: no JWT has
// it.
func (v *value) checkNoneOfEntra(issuer string) {
	switch first, _, _ := strings.Cut(strings.TrimPrefix(entraPath(issuer), "/"), "/"); first {
	case "common", entraOrganizations, "consumers":
		v.fail("is the issuer of no token: put {tid} in the place of " + first + ", and list the tenants in tenants")
	}
}

// tenant reads a tenant. Those of Entra ID are GUIDs in lower case, also where a domain
// or a word such as common can stand in a URL.
func (v *value) tenant(entra bool) string {
	s, ok := v.string()
	switch {
	case !ok:
		return ""
	case s == "any":
		v.fail(`must not be any: "any" stands alone, in place of the array`)
	case !jwtlite.IsTenant(s):
		v.fail(faultTenant)
	case entra && !isGUID(s):
		v.fail("must be the tenant's ID, a GUID in lower case: tokens have neither its domain nor common, organizations or consumers")
	default:
		return s
	}
	return ""
}

// isGUID reports whether s is a GUID in lower case.
func isGUID(s string) bool {
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if c := s[i]; !isDigit(c) && !('a' <= c && c <= 'f') {
			return false
		}
	}
	return len(s) == 36
}

// checkOverlap refuses the server at v if a token could be both its own and that of an
// earlier server. A placeholder stands for any segment here, whatever the tenants.
func (l *serverParser) checkOverlap(v *value, issuer string) {
	for _, other := range l.list {
		if issuer != other.Issuer && overlap(issuer, other.Issuer) {
			v.get("issuer").fail("must not be of the form of " + l.paths[other.Issuer] + ": a token could be of either")
			return
		}
	}
}

// overlap reports whether two issuers have the same segments, but for placeholders.
func overlap(a, b string) bool {
	for more := true; more; {
		var x, y string
		var moreB bool
		x, a, more = strings.Cut(a, "/")
		y, b, moreB = strings.Cut(b, "/")
		if more != moreB || x != y && !hasPlaceholder(x+y) {
			return false
		}
	}
	return true
}
