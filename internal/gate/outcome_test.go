package gate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"mcpauth/internal/metrics"
	"mcpauth/jwtlite"
)

// Each error of jwtlite about a token has an outcome of its own, and each outcome
// about a token has an error. These errors are the first group of errors.go.
func TestEveryCheckHasAnOutcome(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../jwtlite/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	errors := 0
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			errors = len(g.Specs)
			break
		}
	}
	if errors < 19 || len(tokenOutcomes) != errors {
		t.Errorf("%d outcomes for %d errors", len(tokenOutcomes), errors)
	}
	outcomes := map[metrics.Outcome]bool{}
	for _, o := range &tokenOutcomes {
		outcomes[o.outcome] = true
	}
	if n := int(metrics.MissingClaim-metrics.Malformed) + 1; len(outcomes) != len(tokenOutcomes) || len(outcomes) != n {
		t.Errorf("%d outcomes for %d errors, want %d", len(outcomes), len(tokenOutcomes), n)
	}
	for err, want := range map[error]metrics.Outcome{
		jwtlite.ErrMalformed:                            metrics.Malformed,
		fmt.Errorf("more: %w", jwtlite.ErrMalformed):    metrics.Malformed,
		jwtlite.ErrTooLarge:                             metrics.TooLarge,
		jwtlite.ErrDuplicateMember:                      metrics.DuplicateMember,
		jwtlite.ErrCritical:                             metrics.Critical,
		jwtlite.ErrAlgorithm:                            metrics.Algorithm,
		jwtlite.ErrType:                                 metrics.Type,
		jwtlite.ErrUnknownKey:                           metrics.UnknownKey,
		jwtlite.ErrAmbiguousKey:                         metrics.AmbiguousKey,
		jwtlite.ErrSignature:                            metrics.Signature,
		jwtlite.ErrIssuer:                               metrics.Issuer,
		jwtlite.ErrNoExpiry:                             metrics.NoExpiry,
		jwtlite.ErrExpired:                              metrics.Expired,
		jwtlite.ErrNotYetValid:                          metrics.NotYetValid,
		jwtlite.ErrIssuedInFuture:                       metrics.IssuedInFuture,
		jwtlite.ErrLifetime:                             metrics.Lifetime,
		jwtlite.ErrAudience:                             metrics.Audience,
		jwtlite.ErrIDToken:                              metrics.IDToken,
		jwtlite.ErrBoundToken:                           metrics.Bound,
		jwtlite.ErrMissingClaim:                         metrics.MissingClaim,
		fmt.Errorf("of 2: %w", jwtlite.ErrMissingClaim): metrics.MissingClaim,
	} {
		if got := outcomeOf(err); got != want {
			t.Errorf("%v: outcome %d, want %d", err, got, want)
		}
	}
}
