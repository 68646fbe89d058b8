package jwtlite

import "time"

// Policy is what a resource server asks of the access tokens of one
// authorization server. The zero Policy accepts nothing: Issuer, Audiences and
// Algorithms must be set.
type Policy struct {
	// Issuer is the exact "iss".
	Issuer string

	// Audiences are the resource's own identifiers. One of them must be in
	// "aud", byte for byte; but where the scheme and the host of an http or
	// https URL are in lower case here, they may be in any there (RFC 3986,
	// section 6.2.2.1).
	Audiences []string

	// Algorithms are those allowed: RFC 8725, section 3.1.
	Algorithms []Algorithm

	// ClockSkew is how far the clocks of the two servers may differ.
	ClockSkew time.Duration

	// MaxLifetime is the longest time between "iat", required if this is not
	// zero, and "exp".
	MaxLifetime time.Duration

	// Type is "at+jwt" to accept the tokens of RFC 9068 alone, with all claims
	// that section 2.2 requires. "" also accepts the typ "JWT" and none.
	Type string

	// AudienceUnchecked lets [Policy.CheckAnswer] accept an answer without
	// "aud". One that has it is checked in any case.
	AudienceUnchecked bool
}

// typeAccessToken is the media type of RFC 9068, section 2.1.
const typeAccessToken = "at+jwt"

// CheckHeader judges the header of t. The error is [ErrAlgorithm] or
// [ErrType].
func (p *Policy) CheckHeader(t *Token) error {
	if t.algorithm == 0 || !p.allows(t.algorithm) {
		return notAccepted(t.algorithmName)
	}
	if !p.allowsType(t) {
		return ErrType
	}
	return nil
}

func (p *Policy) allows(a Algorithm) bool {
	for _, allowed := range p.Algorithms {
		if allowed == a {
			return true
		}
	}
	return false
}

// allowsType compares media types as RFC 7515, section 4.1.9 says: without
// regard to case, "application/" being implied.
func (p *Policy) allowsType(t *Token) bool {
	typ := t.typ
	const prefix = "application/"
	if len(typ) > len(prefix) && is(typ[:len(prefix)], prefix) {
		typ = typ[len(prefix):]
	}
	switch p.Type {
	case "":
		return !t.hasType || is(typ, "jwt") || is(typ, typeAccessToken)
	case typeAccessToken:
		return is(typ, typeAccessToken)
	}
	return false
}

// is tells whether s is lower, which is ASCII in lower case, without regard to
// case. strings.EqualFold would bring Unicode's tables into the file.
//
//go:noinline
func is(s, lower string) bool {
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

// CheckClaims judges the claims of t at the time now. The error is that of the
// first check that fails, in this order: [ErrIssuer], [ErrNoExpiry],
// [ErrExpired], [ErrNotYetValid], [ErrIssuedInFuture], [ErrMissingClaim] (iat,
// for MaxLifetime), [ErrLifetime], [ErrAudience], among them [ErrNoAudience],
// [ErrType] (its claims are those of another type of token), [ErrIDToken],
// [ErrBoundToken], [ErrMissingClaim]: [ErrAnonymous], then RFC 9068.
func (p *Policy) CheckClaims(t *Token, now time.Time) error {
	return p.check(&t.claims, &now, false)
}

// CheckAnswer is CheckClaims for what an authorization server has said about a
// token, read with [Token.ParseClaims]: RFC 7662, section 2.2. "iss" may be
// absent there, since it was the server that spoke, and so may all that tells whom
// the token was issued to, and "exp", where MaxLifetime is not set; the caller then bounds how long it believes the
// answer.
func (p *Policy) CheckAnswer(t *Token, now time.Time) error {
	return p.check(&t.claims, &now, true)
}

func (p *Policy) check(c *Claims, now *time.Time, answer bool) error {
	skew := p.skew()

	// RFC 7519, section 4.1.1; RFC 9068, section 4.
	if (c.Issuer == "" || c.Issuer != p.Issuer) && !(answer && !c.hasIssuer) {
		return ErrIssuer
	}
	// RFC 7519, section 4.1.4: not accepted on or after.
	if !c.Expires.Set && !(answer && p.MaxLifetime == 0) {
		return ErrNoExpiry
	}
	if c.Expires.Set && c.Expires.reached(now, -skew) {
		return ErrExpired
	}
	// RFC 7519, section 4.1.5: not accepted before.
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
	if !p.forUs(c) && !(answer && p.AudienceUnchecked && len(c.audiences) == 0) {
		if len(c.audiences) == 0 {
			return ErrNoAudience
		}
		return ErrAudience
	}
	if err := c.kind(); err != nil {
		return err
	}
	// Authorization responses (JARM), signed metadata and other statements of
	// a server are about nobody. An answer was asked for about one token.
	if !answer && c.Subject == "" && c.ClientID == "" {
		return ErrAnonymous
	}
	// RFC 9068, section 2.2; iss, exp and aud have been seen above.
	if p.Type == typeAccessToken && !(c.Subject != "" && c.hasClientID && c.ClientID != "" && c.ID != "" && c.IssuedAt.Set) {
		return ErrMissingClaim
	}
	return nil
}

// kind judges whether the claims are those of another kind of token than a
// bearer access token.
func (c *Claims) kind() error {
	if c.otherType {
		return ErrType
	}
	// OpenID Connect Core 1.0, sections 2 and 3.3.2.11.
	if c.idToken {
		return ErrIDToken
	}
	// RFC 7800, section 3.1, as used by RFC 9449 and RFC 8705.
	if c.bound {
		return ErrBoundToken
	}
	return nil
}

// CheckKind judges what t says against itself, whether or not its signature
// will be looked at: that it is a token of another kind. The error is
// [ErrType], [ErrIDToken] or [ErrBoundToken].
func (p *Policy) CheckKind(t *Token) error {
	if !p.allowsType(t) {
		return ErrType
	}
	return t.claims.kind()
}

// forUs tells whether one of the audiences of the token is one of ours.
func (p *Policy) forUs(c *Claims) bool {
	for _, own := range p.Audiences {
		for _, a := range c.audiences {
			if own != "" && isAudience(a, own) {
				return true
			}
		}
	}
	return false
}

// isAudience tells whether a is own, with regard to what Policy.Audiences says
// about case. User information, which is no host, makes own another text.
//
//go:noinline
func isAudience(a, own string) bool {
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
