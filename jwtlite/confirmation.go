package jwtlite

import "mcpauth/internal/jsontext"

// A Confirmation says to what a token is bound: its "cnf" (RFC 7800, section 3.1). Whoever
// sends such a token must prove that it has the key or the certificate.
type Confirmation struct {
	// Present is set if the token has "cnf", whatever that holds.
	Present bool

	// Thumbprint is "jkt", the SHA-256 thumbprint of a DPoP key (RFC 9449, section 6.1).
	// Certificate is "x5t#S256", the SHA-256 digest of a client's certificate (RFC 8705,
	// section 3.1). Each is empty or a text that [ParseDigest] accepts.
	Thumbprint, Certificate string

	// Other is set if "cnf" also holds something else: another member, or one of the two
	// that is no digest. It is set if "cnf" is no object.
	Other bool
}

// Confirmations is a set of the kinds of confirmation.
type Confirmations uint8

const (
	ConfirmsKey         Confirmations = 1 << iota // "jkt"
	ConfirmsCertificate                           // "x5t#S256"
)

// Kinds returns the kinds of confirmation in c, but for Other.
func (c *Confirmation) Kinds() (kinds Confirmations) {
	if c.Thumbprint != "" {
		kinds |= ConfirmsKey
	}
	if c.Certificate != "" {
		kinds |= ConfirmsCertificate
	}
	return kinds
}

// isAmong reports whether a token is not bound, or bound in none but accepted ways.
func (c *Confirmation) isAmong(accepted Confirmations) bool {
	if !c.Present {
		return true
	}
	kinds := c.Kinds()
	return !c.Other && kinds != 0 && kinds&^accepted == 0
}

// ParseDigest decodes a SHA-256 digest in base64url without padding: RFC 7638, section 3;
// RFC 8705, section 3.1. Each digest has one spelling. ok is false if s is none.
func ParseDigest(s string) (digest [32]byte, ok bool) {
	if len(s) != 43 {
		return digest, false
	}
	_, ok = appendBase64URL(digest[:0], s)
	return digest, ok
}

// readConfirmation reads "cnf". It uses the memory behind the members of the claims.
func (c *Claims) readConfirmation(r *objectReader, cnf *Value) {
	n := len(c.members)
	members, fault := r.readString(cnf.Raw, c.members)
	c.members = members[:n]
	c.Confirmation = Confirmation{Present: true, Other: fault != jsontext.None}
	for _, m := range members[n:] {
		_, ok := ParseDigest(m.Text)
		switch {
		case ok && m.name == "jkt":
			c.Confirmation.Thumbprint = m.Text
		case ok && m.name == "x5t#S256":
			c.Confirmation.Certificate = m.Text
		default:
			c.Confirmation.Other = true
		}
	}
}
