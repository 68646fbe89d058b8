package gate

import (
	"time"

	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
	"mcpauth/jwtlite"
)

// A cachedToken is a token that a resource has accepted.
type cachedToken struct {
	keys    *keys.Source   // verified it; nil if its authorization server vouched for it
	version uint64         // of these keys
	window  jwtlite.Window // when it passes the checks that depend on the time
	granted operation.Set  // what it has of what the rules require: see resource.granted

	confirmation *confirmation // what each request with it must prove; nil if it is not bound
}

// cached returns the verdict on a request whose token is in the cache. ok is false
// if the token is not in the cache, if its time is over, or if the keys have changed.
func (g *Gate) cached(p *resource, r *Request, token string, now time.Time) (v Verdict, ok bool) {
	c, identity := g.cache.Get(p.index, token)
	if c == nil {
		return Verdict{}, false
	}
	if !c.window.Contains(now) || !c.keysUnchanged() {
		g.cache.Delete(p.index, token)
		return Verdict{}, false
	}
	if g.audit != nil {
		g.audit.identity = Identity{p.identity, identity}
	}
	return g.admit(p, r, token, identity, c, nil, metrics.CacheHit), true
}

// keysUnchanged reports whether the keys are those that verified the token.
func (c *cachedToken) keysUnchanged() bool {
	if c.keys == nil {
		return true
	}
	_, version := c.keys.Keys()
	return version == c.version
}

// setPass sets pass to how a request with an accepted token goes on.
func (p *resource) setPass(pass *Pass, r *Request, token, identity string) {
	*pass = Pass{Identity: Identity{p.identity, identity}, KeepAuthorization: p.Forward, DropProof: !p.Forward && r.Proofs > 0, Upgrade: r.Upgrade}
	switch {
	case !p.Forward:
	case r.scheme == schemeDPoP:
		pass.Authorization = dpopPrefix + token
	case !isStandard(r, token):
		pass.Authorization = bearerPrefix + token
	}
}
