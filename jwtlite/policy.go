package jwtlite

import (
	"slices"
	"time"
)

// Policy is what a resource server requires of the access tokens of one authorization
// server. Issuer or Tenants, Audiences and Algorithms must be set: the zero Policy accepts
// no token.
type Policy struct {
	// Issuer is the value that "iss" must have, byte for byte.
	Issuer string

	// Tenants, if set, takes the place of Issuer: "iss" must be the issuer of an
	// accepted tenant.
	Tenants *Tenants

	// Audiences are the identifiers of the resource. "aud" must have one of them,
	// byte for byte. If an http or https URL here has its scheme and host in lower
	// case, "aud" may have them in any case (RFC 3986, section 6.2.2.1).
	Audiences []string

	// Clients are the IDs of clients whose tokens may lack "aud", unless Type is set.
	// They matter for a token without "aud" only: one that is null or empty is there.
	Clients []string

	// Algorithms are the algorithms that are accepted: RFC 8725, section 3.1.
	Algorithms []Algorithm

	// ClockSkew is how far the clocks of the two servers may differ.
	ClockSkew time.Duration

	// MaxLifetime is the longest time from "iat" to "exp". Zero stands for no
	// limit; otherwise "iat" is required.
	MaxLifetime time.Duration

	// Type is "at+jwt" or "". "at+jwt" accepts only the tokens of RFC 9068, with
	// all claims that section 2.2 requires. "" also accepts the typ "JWT" and
	// tokens without typ.
	Type string

	// AudienceUnchecked lets [Policy.CheckIntrospection] accept a response without
	// "aud". If a response has "aud", it is checked all the same.
	AudienceUnchecked bool

	// Confirms are the kinds of confirmation that the caller itself checks, for each
	// request, once the token has passed: [Claims.Confirmation]. A token with another
	// kind is refused.
	Confirms Confirmations
}

// typeAccessToken is the media type of RFC 9068, section 2.1.
const typeAccessToken = "at+jwt"

// CheckHeader checks the header of t. The error is [ErrAlgorithm] or [ErrType].
func (p *Policy) CheckHeader(t *Token) error {
	if t.algorithm == 0 || !slices.Contains(p.Algorithms, t.algorithm) {
		return notAccepted(t.algorithmName)
	}
	if !p.allowsType(t) {
		return ErrType
	}
	return nil
}

// allowsType reports whether the policy accepts the typ of t. Case does not matter in
// media types, and "application/" may be left out: RFC 7515, section 4.1.9.
func (p *Policy) allowsType(t *Token) bool {
	typ := subtype(t.typ)
	switch p.Type {
	case "":
		return !t.hasType || equalFold(typ, "jwt") || equalFold(typ, typeAccessToken)
	case typeAccessToken:
		return equalFold(typ, typeAccessToken)
	}
	return false
}

// subtype returns a media type without "application/".
func subtype(mediaType string) string {
	const prefix = "application/"
	if len(mediaType) > len(prefix) && equalFold(mediaType[:len(prefix)], prefix) {
		return mediaType[len(prefix):]
	}
	return mediaType
}

// equalFold reports whether s is lower, which is ASCII in lower case, or differs from
// it only in the case of ASCII letters. strings.EqualFold also takes other characters
// for ASCII letters, such as the Kelvin sign for a k.
func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// CheckClaims checks the claims of t at the time now. The error is that of the first
// check that fails. The checks have this order:
//
//   - those of [Policy.CheckIssuer];
//   - [ErrNoExpiry], [ErrExpired], [ErrNotYetValid], [ErrIssuedInFuture];
//   - with MaxLifetime, [ErrMissingClaim] for "iat", then [ErrLifetime];
//   - [ErrAudience] or its variant [ErrNoAudience];
//   - [ErrType] for the claims of another type of token, [ErrIDToken], [ErrBoundToken];
//   - [ErrAnonymous];
//   - with Type, [ErrMissingClaim] for the claims that RFC 9068 requires.
func (p *Policy) CheckClaims(t *Token, now time.Time) error {
	return p.check(&t.claims, &now, false)
}

// CheckIssuer checks whether claims are those of a token of p's authorization server. The
// error is [ErrIssuer] or its variant [ErrTenant].
func (p *Policy) CheckIssuer(c *Claims) error {
	if p.Tenants != nil {
		return p.Tenants.check(c)
	}
	if c.Issuer == "" || c.Issuer != p.Issuer {
		return ErrIssuer
	}
	return nil
}

// CheckIntrospection is CheckClaims for an introspection response (RFC 7662, section
// 2.2), which [Token.ParseClaims] has read. The response may lack the subject, the
// client and, unless Tenants is set, "iss": the authorization server itself has sent it.
// Without MaxLifetime it may also lack "exp": the caller then limits the time for which it
// trusts the response.
func (p *Policy) CheckIntrospection(t *Token, now time.Time) error {
	return p.check(&t.claims, &now, true)
}

func (p *Policy) check(c *Claims, now *time.Time, introspected bool) error {
	skew := p.skew()

	// RFC 7519, section 4.1.1; RFC 9068, section 4.
	if err := p.CheckIssuer(c); err != nil && !(introspected && !c.hasIssuer && p.Tenants == nil) {
		return err
	}
	// RFC 7519, section 4.1.4: a token is not accepted at exp or after it.
	if !c.Expires.Set && !(introspected && p.MaxLifetime == 0) {
		return ErrNoExpiry
	}
	if c.Expires.Set && c.Expires.reached(now, -skew) {
		return ErrExpired
	}
	// RFC 7519, section 4.1.5: a token is not accepted before nbf.
	if c.NotBefore.Set && !c.NotBefore.reached(now, skew) {
		return ErrNotYetValid
	}
	// RFC 7519, section 4.1.6.
	if c.IssuedAt.Set && !c.IssuedAt.reached(now, skew) {
		return ErrIssuedInFuture
	}
	if p.MaxLifetime > 0 {
		if !c.IssuedAt.Set {
			return ErrMissingClaim
		}
		if issued := c.IssuedAt.Time(); !c.Expires.reached(&issued, p.MaxLifetime) {
			return ErrLifetime
		}
	}
	// RFC 7519, section 4.1.3; RFC 8707, section 2.
	if !p.hasAudience(c) && !(introspected && p.AudienceUnchecked && len(c.audiences) == 0) && !p.waivesAudience(c) {
		if len(c.audiences) == 0 {
			return ErrNoAudience
		}
		return ErrAudience
	}
	if err := p.checkType(c); err != nil {
		return err
	}
	// Other JWTs that a server signs, such as authorization responses (JARM), name
	// nobody. An introspection response need not either: it is about one token.
	if !introspected && c.Subject == "" && c.ClientID == "" {
		return ErrAnonymous
	}
	// RFC 9068, section 2.2. The checks above require iss, exp and, with Type, aud.
	if p.Type == typeAccessToken && !(c.Subject != "" && c.hasClientID && c.ClientID != "" && c.ID != "" && c.IssuedAt.Set) {
		return ErrMissingClaim
	}
	return nil
}

// checkType refuses the claims of a token that is not an access token, or that is bound
// in a way that the caller does not check.
func (p *Policy) checkType(c *Claims) error {
	if c.otherType {
		return ErrType
	}
	// OpenID Connect Core 1.0, sections 2 and 3.3.2.11.
	if c.idToken {
		return ErrIDToken
	}
	// RFC 7800, section 3.1, as used by RFC 9449 and RFC 8705.
	if !c.Confirmation.isAmong(p.Confirms) || c.dpopType && c.Confirmation.Thumbprint == "" {
		return ErrBoundToken
	}
	return nil
}

// CheckType refuses a token that by its own header or claims is not an access token, or
// is bound in a way that Confirms lacks. It is for a caller that does not verify the signature of t, such as one that
// introspects t instead. The error is [ErrType], [ErrIDToken] or [ErrBoundToken].
func (p *Policy) CheckType(t *Token) error {
	if !p.allowsType(t) {
		return ErrType
	}
	return p.checkType(&t.claims)
}

// waivesAudience reports whether the token needs no audience, because of its client.
func (p *Policy) waivesAudience(c *Claims) bool {
	return !c.hasAudience && p.Type == "" && c.ClientID != "" && slices.Contains(p.Clients, c.ClientID)
}

// hasAudience reports whether one of the audiences of the token is one of p.Audiences.
func (p *Policy) hasAudience(c *Claims) bool {
	for _, own := range p.Audiences {
		for _, a := range c.audiences {
			if own != "" && matchesAudience(a, own) {
				return true
			}
		}
	}
	return false
}

// matchesAudience reports whether a is own, compared as Policy.Audiences describes. It
// compares byte for byte if own has "@": user information is case-sensitive.
func matchesAudience(a, own string) bool {
	const scheme = len("http://")
	if len(a) != len(own) {
		return false
	}
	folding := len(own) > scheme && (own[:scheme] == "http://" || own[:scheme+1] == "https://")
	for i := range len(own) {
		if own[i] == '@' {
			folding = false
		}
	}
	for i := range len(a) {
		c := a[i]
		if i > scheme && (c == '/' || c == '?' || c == '#') {
			folding = false
		}
		if folding && 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != own[i] && a[i] != own[i] {
			return false
		}
	}
	return true
}
