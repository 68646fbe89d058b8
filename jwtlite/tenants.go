package jwtlite

import (
	"slices"
	"strings"
)

// Tenants are the tenants of an authorization server that names itself differently in
// the tokens of each, and signs all of them with one key set, such as Microsoft Entra ID.
// Its issuers are Prefix, the tenant, and Suffix.
type Tenants struct {
	// Prefix and Suffix are the text before and after the tenant in an issuer.
	Prefix, Suffix string

	// Claim is the claim that must have the tenant too.
	Claim string

	// Names are the accepted tenants, compared byte for byte.
	Names []string

	// Any accepts every tenant for which IsTenant is true.
	Any bool
}

// IsTenant reports whether name can be a tenant: a segment of a URL's path (RFC 3986,
// section 3.3) without percent-encoding, neither empty nor a dot segment.
//
//go:noinline
func IsTenant(name string) bool {
	for i := range len(name) {
		c := name[i]
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0) {
			return false
		}
	}
	return name != "" && name != "." && name != ".."
}

// The built file is 2 kB larger if the compiler inlines IsTenant, segment and Accepts into
// their callers.

// segment returns the text of issuer between Prefix and Suffix, "" if it lacks one of them.
//
//go:noinline
func (t *Tenants) segment(issuer string) string {
	if len(issuer) < len(t.Prefix)+len(t.Suffix) || !strings.HasPrefix(issuer, t.Prefix) || !strings.HasSuffix(issuer, t.Suffix) {
		return ""
	}
	return issuer[len(t.Prefix) : len(issuer)-len(t.Suffix)]
}

// Accepts reports whether issuer is that of an accepted tenant.
//
//go:noinline
func (t *Tenants) Accepts(issuer string) bool {
	name := t.segment(issuer)
	return IsTenant(name) && (t.Any || slices.Contains(t.Names, name))
}

// IsTemplate reports whether issuer has a placeholder in place of the tenant: any name in
// braces. Servers and tokens may have different names for it: Entra ID publishes
// {tenantid}, and its claim is tid.
func (t *Tenants) IsTemplate(issuer string) bool {
	name := t.segment(issuer)
	return len(name) > 2 && name[0] == '{' && name[len(name)-1] == '}' && IsTenant(name[1:len(name)-1])
}

// check checks the issuer of a token, and the claim that must have the same tenant.
func (t *Tenants) check(c *Claims) error {
	if !t.Accepts(c.Issuer) {
		return ErrIssuer
	}
	// A claim of another type has no text.
	if claim, _ := c.Lookup(t.Claim); claim.Text != t.segment(c.Issuer) {
		return ErrTenant
	}
	return nil
}

// ParseKeySet is the function [ParseKeySet] for the keys of t, which may say in a member
// "issuer" whose tokens they sign. A key with the issuer of a tenant is for its tokens
// alone. A key with a template (see IsTemplate), or without an issuer, is for all. A key
// with another issuer is skipped. A nil t ignores the member.
func (t *Tenants) ParseKeySet(doc []byte, algorithms ...Algorithm) (*KeySet, []SkippedKey, error) {
	return parseKeySet(doc, t, algorithms)
}

// keyIssuer returns the issuer for whose tokens a key with these members is, "" for all.
func (t *Tenants) keyIssuer(members []member) (string, error) {
	for i := range members {
		m := &members[i]
		switch {
		case m.name != "issuer":
		case IsTenant(t.segment(m.Text)):
			return strings.Clone(m.Text), nil
		case !t.IsTemplate(m.Text):
			return "", errKeyIssuer
		}
	}
	return "", nil
}
