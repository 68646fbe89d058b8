package gate

import (
	"mcpauth/config"
	"mcpauth/internal/metrics"
	"mcpauth/jwtlite"
)

// A confirmation is what requests must prove to use a token that is bound: its "cnf" (RFC
// 7800, section 3.1). A token that is not bound has none.
type confirmation struct {
	kinds       jwtlite.Confirmations // all of them must be proved
	key         [32]byte              // see jwtlite.Confirmation.Thumbprint
	certificate [32]byte              // see jwtlite.Confirmation.Certificate
}

// newConfirmation returns the confirmation of a token, nil if it is not bound.
func newConfirmation(c *jwtlite.Confirmation) *confirmation {
	if !c.Present {
		return nil
	}
	n := &confirmation{kinds: c.Kinds()}
	n.key, _ = jwtlite.ParseDigest(c.Thumbprint)
	n.certificate, _ = jwtlite.ParseDigest(c.Certificate)
	return n
}

// and returns what a token needs that has both c and d. The error is
// [jwtlite.ErrBoundToken] if no request can prove both.
func (c *confirmation) and(d *confirmation) (*confirmation, error) {
	switch {
	case c == nil:
		return d, nil
	case d == nil:
		return c, nil
	}
	both := *c
	if d.kinds&jwtlite.ConfirmsKey != 0 {
		both.key = d.key
	}
	if d.kinds&jwtlite.ConfirmsCertificate != 0 {
		both.certificate = d.certificate
	}
	if c.kinds&jwtlite.ConfirmsKey != 0 && both.key != c.key || c.kinds&jwtlite.ConfirmsCertificate != 0 && both.certificate != c.certificate {
		return nil, jwtlite.ErrBoundToken
	}
	both.kinds |= d.kinds
	return &both, nil
}

// confirm returns nil if r proves what c demands, for a token that has passed every other
// check at p, and otherwise why not, with the outcome. c is nil for a token that is not
// bound.
//
// The token may have been cached, but a proof never is: each request is checked, and admit
// is the only way on for a request with a token. The use of a DPoP proof is last: nothing
// that is refused takes room among the proofs.
func (g *Gate) confirm(p *resource, r *Request, c *confirmation) (metrics.Outcome, error) {
	var kinds jwtlite.Confirmations
	if c != nil {
		kinds = c.kinds
		if kinds == 0 || kinds&^confirmations(p.Resource) != 0 {
			return metrics.Bound, jwtlite.ErrBoundToken // not reached: the policies refuse it
		}
	}
	switch {
	case kinds&jwtlite.ConfirmsCertificate != 0:
		if o, err := g.confirmCertificate(p, r, &c.certificate); err != nil {
			return o, err
		}
	case p.MutualTLS == config.BindingRequired:
		return metrics.Unbound, errUnbound
	}
	if kinds&jwtlite.ConfirmsKey != 0 {
		return g.confirmKey(r, &c.key)
	}
	switch {
	case r.scheme == schemeDPoP:
		return metrics.Unbound, errNotBound // RFC 9449, section 7.1
	case p.DPoP == config.BindingRequired:
		return metrics.Unbound, errNeedKey
	}
	return 0, nil
}
