package gate

import (
	"errors"

	"mcpauth/internal/metrics"
	"mcpauth/jwtlite"
)

// checks are the errors about a token, in the order of the outcomes from
// metrics.Malformed on. They are pointers because the linker can lay out an
// address but no copy, for which there would be code that runs at the start.
var checks = [...]*error{
	&jwtlite.ErrMalformed, &jwtlite.ErrTooLarge, &jwtlite.ErrDuplicateMember, &jwtlite.ErrCritical,
	&jwtlite.ErrAlgorithm, &jwtlite.ErrType,
	&jwtlite.ErrUnknownKey, &jwtlite.ErrAmbiguousKey, &jwtlite.ErrSignature,
	&jwtlite.ErrIssuer, &jwtlite.ErrNoExpiry, &jwtlite.ErrExpired, &jwtlite.ErrNotYetValid, &jwtlite.ErrIssuedInFuture,
	&jwtlite.ErrLifetime, &jwtlite.ErrAudience, &jwtlite.ErrIDToken, &jwtlite.ErrBoundToken, &jwtlite.ErrMissingClaim,
}

// failed returns the outcome of a request whose token failed a check of
// jwtlite.
func failed(err error) metrics.Outcome {
	for i, check := range checks {
		if errors.Is(err, *check) {
			return metrics.Malformed + metrics.Outcome(i)
		}
	}
	return metrics.Malformed // none is left out: TestEveryCheckHasAnOutcome
}
