package gate

import (
	"errors"
	"time"

	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/reply"
	"mcpauth/jwtlite"
)

var errNoJWT = errors.New("JWTs of this issuer are not accepted")

// checkToken returns the verdict on a request for p whose token is not in the
// cache.
func (g *Gate) checkToken(p *resource, r *Request, token string, now time.Time) Verdict {
	if len(token) > g.maxTokenBytes {
		return g.invalidToken(p, r, jwtlite.ErrTooLarge)
	}
	t := &g.token
	err := t.Parse(token)
	if p.introspector != nil && p.introspector.introspects(t, token, err) {
		// Only the token itself may tell that it is, for example, an ID token:
		// the response of the server need not.
		if err == nil {
			if err := p.introspector.policy.CheckType(t); err != nil {
				return g.invalidToken(p, r, err)
			}
		}
		return g.introspect(p, r, p.introspector, token, newConfirmation(&t.Claims().Confirmation), now)
	}
	if err != nil {
		return g.invalidToken(p, r, err)
	}
	s, err := p.issuedBy(t.Claims())
	if err != nil {
		return g.invalidToken(p, r, err)
	}
	if s.keys == nil {
		return g.refuseToken(p, r, errNoJWT, metrics.NoJWT, nil)
	}
	return g.verifyJWT(p, r, s, token, now)
}

// verifyJWT returns the verdict on a request whose token, a JWT of s, is in
// g.token.
func (g *Gate) verifyJWT(p *resource, r *Request, s *trustedServer, token string, now time.Time) Verdict {
	t := &g.token
	if err := s.policy.CheckHeader(t); err != nil {
		return g.invalidToken(p, r, err)
	}
	set, version := s.keys.Keys()
	if set == nil {
		return awaitKeys(r, s)
	}
	if r.verifyErr == nil || r.verifyVersion != version {
		r.verifyErr, r.verifyVersion = set.Verify(g.verifier, t), version
	}
	if r.verifyErr != nil {
		return g.awaitNewKeys(p, r, s, token, r.verifyErr)
	}
	g.auditToken(p, s.issuerOf(t))
	if err := s.policy.CheckClaims(t, now); err != nil {
		return g.invalidToken(p, r, err)
	}
	return g.accept(p, r, s, token, cachedToken{keys: s.keys, version: version, window: s.policy.Window(t.Claims()),
		confirmation: newConfirmation(&t.Claims().Confirmation)})
}

// awaitKeys returns the verdict on a request while s has no keys.
func awaitKeys(r *Request, s *trustedServer) Verdict {
	response := reply.TokenNotChecked(r.allowOrigin(), s.keys.RetryAfter())
	if s.keys.Await(r.Arrived) {
		return waitFor(s.keys, s.queues.firstKeys, response)
	}
	return respond(response, metrics.NoKeys)
}

// awaitNewKeys returns the verdict on a request whose token the keys of s do not
// verify; err says why. The server may have new keys, perhaps with old IDs. The gate
// therefore lets [keys.Source.Refetch] cause a fetch before it refuses the token, unless
// the keys are recent.
func (g *Gate) awaitNewKeys(p *resource, r *Request, s *trustedServer, token string, err error) Verdict {
	switch s.keys.Refetch(missingKey(&g.token, token, err), r.Arrived) {
	case keys.Fetching:
		return waitFor(s.keys, s.queues.missingKeys, reply.TokenNotChecked(r.allowOrigin(), s.keys.RefetchAfter()))
	case keys.Unavailable:
		return respond(reply.TokenNotChecked(r.allowOrigin(), s.keys.RetryAfter()), metrics.RefetchFailed)
	}
	return g.invalidToken(p, r, err)
}

// missingKey returns the number that identifies the key that a set lacks: see
// [keys.MissingKey]. err is the error of verifying the token.
func missingKey(t *jwtlite.Token, token string, err error) uint64 {
	if errors.Is(err, jwtlite.ErrSignature) || errors.Is(err, jwtlite.ErrAmbiguousKey) {
		return keys.MissingKey(token)
	}
	kid, _ := t.KeyID()
	return keys.MissingKey(kid, t.AlgorithmName())
}

// accept returns the verdict on a request whose token, in g.token, has passed
// every check but those of admit.
func (g *Gate) accept(p *resource, r *Request, s *trustedServer, token string, c cachedToken) Verdict {
	t := &g.token
	p.claims.read(payloadText(t))
	g.scopes = s.appendScopes(g.scopes[:0], t, &p.claims)
	c.granted = p.granted(g.scopes)
	lack := p.lackOf(g.scopes)
	g.identity = p.appendIdentity(g.identity[:0], t, s.issuerOf(t), g.scopes)
	p.claims.release()
	if !lack.any() && !c.window.Empty() {
		g.cache.Put(p.index, token, c, g.identity)
	}
	return g.admit(p, r, token, text(g.identity), &c, &lack, metrics.CacheMiss)
}

// admit returns the verdict on a request for p with a token that is valid. The request
// must prove that it may use the token, and the token must have the scopes and the claims
// that are required: l says what it lacks of those that are required of all requests, nil
// is nothing. o is the outcome of a request that goes on.
func (g *Gate) admit(p *resource, r *Request, token, identity string, c *cachedToken, l *lack, o metrics.Outcome) Verdict {
	if c.confirmation != nil || p.requiresBound || r.scheme != schemeBearer {
		if outcome, err := g.confirm(p, r, c.confirmation); err != nil {
			return g.refuseUnproved(p, r, err, outcome)
		}
	}
	lacks := l != nil && l.any()
	if lacks && !p.public {
		return g.refuse(p, r, *l, p.neededByHeaders(r), c.granted, r.asker())
	}
	p.setPass(&g.pass, r, token, identity)
	v := g.forward(verdictToken, o)
	if lacks {
		return g.orPublic(p, r, *l, c.granted, v)
	}
	return g.applyRules(p, r, c.granted, v)
}

// invalidToken returns the verdict on a request whose token fails a check of
// jwtlite.
func (g *Gate) invalidToken(p *resource, r *Request, err error) Verdict {
	return g.refuseToken(p, r, err, outcomeOf(err), nil)
}

// refuseToken returns the verdict on a request whose token p does not accept.
// asked is the server that the gate asked about the token, nil if it asked none.
func (g *Gate) refuseToken(p *resource, r *Request, err error, o metrics.Outcome, asked *trustedServer) Verdict {
	g.logRefusal(p, r, o, err, asked)
	return respond(p.challengeBy(r.scheme).InvalidToken(err.Error(), r.allowOrigin()), o)
}
