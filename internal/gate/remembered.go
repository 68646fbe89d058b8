package gate

import (
	"strings"
	"time"

	"mcpauth/internal/metrics"
)

// remembered returns the verdict on a request whose token passed before, if all
// that may have changed since allows it still: the key set and the time.
func (g *Gate) remembered(p *resource, r *Request, token string, now time.Time) (v Verdict, ok bool) {
	c, identity := g.cache.Get(p.index, token)
	if c == nil {
		return Verdict{}, false
	}
	if now.Unix() < c.begin || now.Unix() >= c.end || !c.current() {
		g.cache.Delete(p.index, token)
		return Verdict{}, false
	}
	return g.permit(p, r, c.granted, g.letPass(p.pass(r, token, identity), metrics.CacheHit)), true
}

// current reports whether the keys are those that verified the token.
func (c *passed) current() bool {
	if c.source == nil {
		return true
	}
	_, version := c.source.Keys()
	return version == c.version
}

// pass returns how a request goes on that presents a token which is good.
func (p *resource) pass(r *Request, token, identity string) Pass {
	pass := Pass{Identity: Identity{p.identity, identity}, KeepAuthorization: p.Forward}
	if p.Forward && !isStandard(r, token) {
		pass.Authorization = bearerPrefix + token
	}
	return pass
}

// isStandard reports whether a request's Authorization is its token in the
// standard form.
func isStandard(r *Request, token string) bool {
	return len(r.Authorization) == len(bearerPrefix)+len(token) && strings.HasPrefix(r.Authorization, bearerPrefix)
}
