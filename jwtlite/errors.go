package jwtlite

import "errors"

// One error per check, to be told apart with [errors.Is]. The text of every
// error of this package is made of the characters that RFC 6750, section 3
// allows in error_description, and repeats nothing of the input but the names of
// registered algorithms.
var (
	ErrMalformed       = errors.New("the token is malformed")
	ErrTooLarge        = errors.New("the token is too large")
	ErrDuplicateMember = errors.New("the token has a duplicate JSON member")
	ErrCritical        = errors.New("the token has a critical header parameter that is not understood")

	ErrAlgorithm = errors.New("the token algorithm is not accepted")
	ErrType      = errors.New("the token type is not accepted")

	ErrUnknownKey   = errors.New("the signing key of the token is unknown")
	ErrAmbiguousKey = errors.New("the signing key of the token is ambiguous") // more keys fit than are tried
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

// Errors that say more than the one above that each of them is, by [errors.Is].
var (
	// ErrEncrypted is [ErrMalformed] for a JWE (RFC 7516), which may still be
	// a good token to others.
	ErrEncrypted = malformed("it is encrypted")

	// ErrNoAudience is [ErrAudience] for a token without "aud".
	ErrNoAudience error = &variant{&ErrAudience, "the token names no audience"}

	// ErrAnonymous is [ErrMissingClaim] for a token that says neither whom nor
	// which client it was issued to.
	ErrAnonymous error = &variant{&ErrMissingClaim, "the token names neither a subject nor a client"}
)

// Errors about keys and key sets. None of them is about a token.
var (
	// ErrKeySet reports a document that is not a JWK set, is too large or
	// holds too many keys.
	ErrKeySet = errors.New("the document is not an acceptable JWK set")

	// ErrNoUsableKey reports a JWK set without any key that could verify
	// a token.
	ErrNoUsableKey = errors.New("the JWK set holds no usable key")

	// ErrKey reports a key that cannot be used, wherever it came from.
	ErrKey = errors.New("the key is not usable")
)

// detail is one of the exported errors with a text of its own. It points to
// that error, since the linker can lay out an address but no copy, for which
// there would be code that runs at the start.
type detail struct {
	kind *error
	text string
}

func (e *detail) Error() string { return e.Unwrap().Error() + ": " + e.text }
func (e *detail) Unwrap() error { return *e.kind }

// variant is one of the exported errors in other words.
type variant struct {
	kind *error
	text string
}

func (e *variant) Error() string { return e.text }
func (e *variant) Unwrap() error { return *e.kind }

func malformed(text string) error { return &detail{&ErrMalformed, text} }
func unusable(text string) error  { return &detail{&ErrKey, text} }
func badKeySet(text string) error { return &detail{&ErrKeySet, text} }
