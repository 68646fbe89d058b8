package gate

import (
	"errors"
	"strings"
	"time"

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
	if p.DPoP == config.BindingOff {
		return
	}
	p.proofs = dpop.NewChecker(p.Resource.Resource, p.DPoPAlgorithms)
	if nonce != nil {
		p.proofs.Nonces = dpop.NewNonces(nonce.Secret, nonce.LifetimeSeconds, p.Resource.Resource.Raw)
	}
	p.challenge.Algorithms = strings.Join(p.DPoPAlgorithmNames(), " ")
	p.challenge.DPoP = p.DPoP == config.BindingRequired
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
func (g *Gate) checkProof(p *resource, r *Request, token string, now time.Time) error {
	return p.proofs.Check(&g.proof, &dpop.Request{Header: r.Proof, Headers: r.Proofs, Method: r.Method, Path: r.Path, Token: token, Arrived: r.Arrived, Now: UnixMilli(now.UnixMilli())})
}

// confirmKey returns nil if r proves possession of the key with this thumbprint: RFC 9449,
// section 7.1. It uses the proof up.
func (g *Gate) confirmKey(r *Request, thumbprint *[32]byte) (metrics.Outcome, error) {
	switch {
	case r.scheme != schemeDPoP:
		return metrics.Bound, jwtlite.ErrBoundToken // section 7.2
	case g.proof.Thumbprint() != *thumbprint:
		return metrics.KeyBinding, errOtherKey
	}
	if err := g.proof.Verify(g.verifier); err != nil {
		return metrics.InvalidProof, err
	}
	err := g.Replays.Spend(&g.proof, r.Arrived)
	if err == dpop.ErrFull {
		return metrics.NoProofRoom, err
	}
	return metrics.ProofReplayed, err
}

// refuseUnproved returns the verdict on a request that does not prove what its token
// demands, because of err. o is its outcome.
func (g *Gate) refuseUnproved(p *resource, r *Request, err error, o metrics.Outcome) Verdict {
	switch o {
	case metrics.NoProofRoom:
		return respond(reply.ProofNotChecked(r.allowOrigin()), o)
	case metrics.InvalidProof, metrics.ProofReplayed:
		return g.refuseProof(p, r, err, o)
	}
	return g.refuseToken(p, r, err, o, nil)
}

// refuseProof returns the verdict on a request whose proof does not pass: RFC 9449, sections
// 7.1 and 9.
func (g *Gate) refuseProof(p *resource, r *Request, err error, o metrics.Outcome) Verdict {
	c := p.challengeBy(r.scheme)
	if p.proofs.Nonces != nil {
		c.Nonce = p.proofs.Nonces.Current(r.Arrived)
	}
	if err == dpop.ErrNonce {
		return respond(c.UseDPoPNonce(err.Error(), r.allowOrigin()), metrics.ProofNonce)
	}
	g.logRefusal(p, r, o, err, nil)
	return respond(c.InvalidDPoPProof(err.Error(), r.allowOrigin()), o)
}
