package gate

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"mcpauth/internal/introspect"
	"mcpauth/internal/metrics"
	"mcpauth/internal/reply"
	"mcpauth/jwtlite"
)

var errCharacters = errors.New("the token has characters that no bearer token has")

// introspects reports whether the gate asks s about a token. parseErr is the error of
// parsing the token as a JWT. The gate asks about a token that is no JWT, and about an
// encrypted JWT, which it cannot read. It verifies a token shaped like a JWT as one,
// even if malformed, unless introspection.jwt is set.
func (s *trustedServer) introspects(t *jwtlite.Token, token string, parseErr error) bool {
	if parseErr == jwtlite.ErrEncrypted || parseErr != nil && !looksLikeJWT(token) {
		return true
	}
	return s.introspectJWTs && (parseErr != nil || s.policy.CheckIssuer(t.Claims()) == nil)
}

// looksLikeJWT reports whether a token has the parts of a JWS or a JWE in the
// compact serialization (RFC 7516, section 9), the first of which is a JSON object
// in base64url: "{" followed by a quote, white space or "}".
func looksLikeJWT(token string) bool {
	return strings.Count(token, ".") >= 2 && token[0] == 'e' && strings.IndexByte("yw3", token[1]) >= 0
}

// introspect asks s about the token of a request, and returns the verdict. own is the
// confirmation that the token itself has, if it is a JWT: the response may lack it.
func (g *Gate) introspect(p *resource, r *Request, s *trustedServer, token string, own *confirmation, now time.Time) Verdict {
	if !isB64Token(token) {
		return g.refuseToken(p, r, errCharacters, metrics.Malformed, s)
	}
	result, call := s.Introspection.Ask(token, r.Arrived)
	switch {
	case call != nil:
		return waitFor(call, s.queues.tokens, reply.TokenNotChecked(r.allowOrigin(), call.RetryAfter()))
	case result == nil: // too many tokens wait for their turn
		return respond(reply.TokenNotChecked(r.allowOrigin(), 1), metrics.NoRoom)
	case result.Err == introspect.ErrScope:
		return g.insufficientScope(p, r, p.neededByHeaders(r).Scopes, r.asker())
	case result.Err != nil:
		return g.refuseToken(p, r, result.Err, metrics.Inactive, s)
	case result.Claims == nil:
		return respond(reply.TokenNotChecked(r.allowOrigin(), cmp.Or(result.RetryAfter, introspect.RetryAfter)), metrics.NoAnswer)
	}
	t := &g.token
	if err := t.ParseClaims(result.Claims); err != nil {
		return g.refuseToken(p, r, err, outcomeOf(err), s)
	}
	err := s.policy.CheckIntrospection(t, now)
	if !errors.Is(err, jwtlite.ErrIssuer) {
		g.auditToken(p, s.issuerOf(t))
	}
	if err == nil {
		own, err = own.and(newConfirmation(&t.Claims().Confirmation))
	}
	if err != nil {
		return g.refuseToken(p, r, err, outcomeOf(err), s)
	}
	return g.accept(p, r, s, token, cachedToken{window: s.policy.Window(t.Claims()).Clip(now, result.ValidUntil()), confirmation: own})
}

// isB64Token reports whether a token is a b64token (RFC 6750, section 2.1), except
// that "=" may be anywhere. The gateway puts the token into a header or a form of its
// own.
func isB64Token(token string) bool {
	for i := 0; i < len(token); i++ {
		switch c := token[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9':
		case strings.IndexByte("-._~+/=", c) < 0:
			return false
		}
	}
	return true
}
