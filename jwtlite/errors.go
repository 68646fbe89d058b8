package jwtlite

import "errors"

// There is one error for each check, for [errors.Is]. The texts of all errors of this
// package have only characters that RFC 6750, section 3 allows in error_description,
// and repeat nothing of the input but the names of registered algorithms.
var (
	ErrMalformed       = errors.New("the token is malformed")
	ErrTooLarge        = errors.New("the token is too large")
	ErrDuplicateMember = errors.New("the token has a duplicate JSON member")
	ErrCritical        = errors.New("the token has a critical header parameter that is not understood")

	ErrAlgorithm = errors.New("the token algorithm is not accepted")
	ErrType      = errors.New("the token type is not accepted")

	ErrUnknownKey   = errors.New("the signing key of the token is unknown")
	ErrAmbiguousKey = errors.New("the signing key of the token is ambiguous") // more than MaxCandidates keys fit
	ErrSignature    = errors.New("the signature does not verify")

	ErrIssuer         = errors.New("the token is from another issuer")
	ErrNoExpiry       = errors.New("the token has no expiry time")
	ErrExpired        = errors.New("the token has expired")
	ErrNotYetValid    = errors.New("the token is not yet valid")
	ErrIssuedInFuture = errors.New("the token was issued in the future")
	ErrLifetime       = errors.New("the token lifetime is too long")
	ErrAudience       = errors.New("the token is for another audience")
	ErrIDToken        = errors.New("the token is an ID token")
	ErrBoundToken     = errors.New("the token is bound to a proof that a bearer request does not carry")
	ErrMissingClaim   = errors.New("the token lacks a required claim")
)

// Each of these is one of the errors above, by [errors.Is], and says more.
var (
	// ErrEncrypted is [ErrMalformed] for a JWE (RFC 7516), which may be a valid
	// token elsewhere.
	ErrEncrypted = malformed("it is encrypted")

	// ErrTenant is [ErrIssuer] for a token whose claim lacks the tenant of its issuer:
	// see [Tenants].
	ErrTenant error = &variant{ErrIssuer, "the token does not name the tenant of its issuer"}

	// ErrKeyIssuer is [ErrUnknownKey] for a token whose key is for another issuer's
	// tokens: see [Tenants.ParseKeySet].
	ErrKeyIssuer error = &variant{ErrUnknownKey, "the signing key of the token belongs to another issuer"}

	// ErrNoAudience is [ErrAudience] for a token without "aud".
	ErrNoAudience error = &variant{ErrAudience, "the token names no audience"}

	// ErrAnonymous is [ErrMissingClaim] for a token that names neither the subject
	// nor the client that it was issued to.
	ErrAnonymous error = &variant{ErrMissingClaim, "the token names neither a subject nor a client"}
)

// These errors are about keys and key sets, never about a token.
var (
	// ErrKeySet reports a document that is not a JWK set, that is too large, or that
	// has too many keys.
	ErrKeySet = errors.New("the document is not an acceptable JWK set")

	// ErrNoUsableKey reports a JWK set without a key that could verify a token.
	ErrNoUsableKey = errors.New("the JWK set holds no usable key")

	// ErrKey reports a key that cannot be used, in a JWK set or in PEM.
	ErrKey = errors.New("the key is not usable")
)

// detail is one of the exported errors, followed by an explanation.
type detail struct {
	kind error
	text string
}

func (e *detail) Error() string { return e.kind.Error() + ": " + e.text }
func (e *detail) Unwrap() error { return e.kind }

// variant is one of the exported errors with a text of its own.
type variant struct {
	kind error
	text string
}

func (e *variant) Error() string { return e.text }
func (e *variant) Unwrap() error { return e.kind }

func malformed(text string) error { return &detail{ErrMalformed, text} }
func unusable(text string) error  { return &detail{ErrKey, text} }
func badKeySet(text string) error { return &detail{ErrKeySet, text} }
