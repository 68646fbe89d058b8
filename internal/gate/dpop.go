package gate

import (
	"errors"
	"strings"

	"mcpauth/config"
	"mcpauth/internal/dpop"
	"mcpauth/internal/metrics"
	"mcpauth/internal/reply"
	"mcpauth/jwtlite"
)

// These errors refuse the token, not the proof: RFC 9449, section 7.1, gives them the code
// invalid_token.
var (
	errNotBound = errors.New("the token is not bound to a key, as a token under the DPoP scheme must be")
	errOtherKey = errors.New("the token is bound to another key than that of the DPoP proof")
	errNeedKey  = errors.New("the resource takes only tokens that are bound to a key, with a DPoP proof")
)

// takeProofs makes p take DPoP proofs, if its configuration says so.
func (p *resource) takeProofs(nonce *config.DPoPNonce) {
	if p.DPoP == config.DPoPOff {
		return
	}
	p.confirms |= jwtlite.ConfirmsKey
	p.proofs = dpop.NewChecker(p.Resource.Resource, p.DPoPAlgorithms)
	if nonce != nil {
		p.proofs.Nonces = dpop.NewNonces(nonce.Secret, nonce.LifetimeSeconds, p.Resource.Resource.Raw)
	}
	var names []string
	for _, a := range p.DPoPAlgorithms {
		names = append(names, a.String())
	}
	p.challenge.Algorithms = strings.Join(names, " ")
	p.challenge.DPoP = p.DPoP == config.DPoPRequired
}

// challengeBy returns the challenge to a request with a token that came by the scheme s.
func (p *resource) challengeBy(s scheme) reply.Challenge {
	c := p.challenge
	c.DPoP = c.DPoP || s == schemeDPoP
	return c
}

// checkProof checks the proof of a request, under the DPoP scheme, as far as that does not
// depend on the token's key and costs no signature. The gate checks it again when a request
// that has waited is decided on: its time is that of the arrival.
func (g *Gate) checkProof(p *resource, r *Request, token string) error {
	if len(token) > g.maxTokenBytes {
		return jwtlite.ErrTooLarge
	}
	return p.proofs.Check(&g.proof, &dpop.Request{Header: r.Proof, Headers: r.Proofs, Method: r.Method, Path: r.Path, Token: token, Arrived: r.Arrived})
}

// confirmKey returns nil if r proves possession of the key that its token is bound to, by
// the confirmation c. It uses the proof up.
func (g *Gate) confirmKey(p *resource, r *Request, c *confirmation) error {
	bound := c != nil && c.kinds&jwtlite.ConfirmsKey != 0
	if r.scheme != schemeDPoP {
		switch {
		case bound:
			return jwtlite.ErrBoundToken // RFC 9449, section 7.2
		case p.DPoP == config.DPoPRequired:
			return errNeedKey
		}
		return nil
	}
	switch {
	case !bound:
		return errNotBound
	case g.proof.Thumbprint() != c.key:
		return errOtherKey
	}
	if err := g.proof.Verify(g.verifier); err != nil {
		return err
	}
	return g.Replays.Spend(&g.proof, r.Arrived)
}

// refuseConfirmation returns the verdict on a request that does not prove what its token
// demands.
func (g *Gate) refuseConfirmation(p *resource, r *Request, err error) Verdict {
	switch {
	case err == errNotBound, err == errOtherKey, err == errNeedKey:
		return g.refuseToken(p, r, err, metrics.KeyBinding, nil)
	case err == dpop.ErrFull, errors.Is(err, jwtlite.ErrProof):
		return g.refuseProof(p, r, err)
	}
	return g.invalidToken(p, r, err)
}

// refuseProof returns the verdict on a request whose proof does not pass: RFC 9449, sections
// 7.1 and 9.
func (g *Gate) refuseProof(p *resource, r *Request, err error) Verdict {
	c, o := p.challengeBy(r.scheme), metrics.InvalidProof
	if p.proofs.Nonces != nil {
		c.Nonce = p.proofs.Nonces.Current(r.Arrived)
	}
	switch err {
	case dpop.ErrFull:
		return respond(reply.ProofNotChecked(r.allowOrigin()), metrics.NoProofRoom)
	case dpop.ErrNonce:
		return respond(c.UseDPoPNonce(err.Error(), r.allowOrigin()), metrics.ProofNonce)
	case dpop.ErrReplayed:
		o = metrics.ProofReplayed
	case jwtlite.ErrTooLarge:
		return g.invalidToken(p, r, err)
	}
	g.logRefusal(p, r, o, err, nil)
	return respond(c.InvalidDPoPProof(err.Error(), r.allowOrigin()), o)
}
