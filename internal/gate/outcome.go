package gate

import (
	"errors"

	"mcpauth/internal/metrics"
	"mcpauth/jwtlite"
)

// tokenOutcomes has the outcome of a request for each error of jwtlite about its
// token.
var tokenOutcomes = [...]struct {
	err     error
	outcome metrics.Outcome
}{
	{jwtlite.ErrMalformed, metrics.Malformed},
	{jwtlite.ErrTooLarge, metrics.TooLarge},
	{jwtlite.ErrDuplicateMember, metrics.DuplicateMember},
	{jwtlite.ErrCritical, metrics.Critical},
	{jwtlite.ErrAlgorithm, metrics.Algorithm},
	{jwtlite.ErrType, metrics.Type},
	{jwtlite.ErrUnknownKey, metrics.UnknownKey},
	{jwtlite.ErrAmbiguousKey, metrics.AmbiguousKey},
	{jwtlite.ErrSignature, metrics.Signature},
	{jwtlite.ErrIssuer, metrics.Issuer},
	{jwtlite.ErrNoExpiry, metrics.NoExpiry},
	{jwtlite.ErrExpired, metrics.Expired},
	{jwtlite.ErrNotYetValid, metrics.NotYetValid},
	{jwtlite.ErrIssuedInFuture, metrics.IssuedInFuture},
	{jwtlite.ErrLifetime, metrics.Lifetime},
	{jwtlite.ErrAudience, metrics.Audience},
	{jwtlite.ErrIDToken, metrics.IDToken},
	{jwtlite.ErrBoundToken, metrics.Bound},
	{jwtlite.ErrMissingClaim, metrics.MissingClaim},
}

// outcomeOf returns the outcome of a request whose token fails a check of
// jwtlite.
func outcomeOf(err error) metrics.Outcome {
	for _, t := range &tokenOutcomes {
		if errors.Is(err, t.err) {
			return t.outcome
		}
	}
	return metrics.Malformed // not reached: see TestEveryCheckHasAnOutcome
}
