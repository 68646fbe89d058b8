package gate

import (
	"errors"
	"math/bits"
	"slices"
	"strings"

	"mcpauth/config"
	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
	"mcpauth/internal/reply"
)

// granted returns what a token with these scopes, whose payload p.claims has read, has of
// what the rules of p require.
func (p *resource) granted(scopes []string) (granted operation.Set) {
	if p.rules == nil {
		return granted
	}
	for i, s := range p.rules.Scopes {
		if p.ScopeHierarchy.Grants(scopes, s) {
			granted.Scopes |= 1 << i
		}
	}
	for i := range p.ruleClaims {
		c := &p.ruleClaims[i]
		granted.Claims |= c.granted(p.claims.claim(c.number))
	}
	return granted
}

// applyRules returns v, which lets a request on, unless its operation needs a scope or a
// claim that is not granted. If the headers do not settle this, the verdict depends on the
// body. A request without a body has no operation.
func (g *Gate) applyRules(p *resource, r *Request, granted operation.Set, v Verdict) Verdict {
	switch {
	case len(p.Rules) == 0:
		if g.audit != nil {
			g.auditBody(r)
		}
		if v.pass != nil && p.FilterLists != config.FilterOff {
			// A list has all its entries, but is not for those without a token. Only
			// clients that name the operation in the headers know cacheScope.
			o, _ := r.MCP.Operation()
			v.pass.Lists = g.newLists(p, r, lack{}, granted, &o)
		}
		return v
	case r.respelled:
		return badOperation(operation.FaultRespelled, metrics.BadHeader, r.allowOrigin())
	}
	o, fault := r.MCP.Operation()
	if v.pass != nil && p.FilterLists != config.FilterOff {
		v.pass.Lists = g.newLists(p, r, lack{}, granted, &o)
	}
	if !r.HasBody {
		return v
	}
	if fault == "" && r.MCP.Validated() {
		var need operation.Set
		var suffices bool
		need, suffices, fault = p.rules.Required(&o)
		switch {
		case fault != "":
		case suffices && need.Without(granted) != operation.Set{}:
			g.auditOperation(&o)
			return g.lacks(p, r, need, granted, r.asker())
		case suffices && p.TrustMCPHeaders && o.Mirrored() && r.MCP.Unambiguous(&o):
			g.auditOperation(&o)
			return v
		}
	}
	if fault != "" {
		return respond(reply.HeaderMismatch(string(fault), r.allowOrigin()), metrics.BadHeader)
	}
	if !r.readable() {
		return respond(reply.UnsupportedMediaType(r.allowOrigin()), metrics.Encoding)
	}
	return forwardIfBody(v, g.operationBody(p, r, lack{}, granted, o, v))
}

// pendingBody returns the limits of the body of a request that waits, nil if the
// verdict after the wait will not depend on the body. It decides nothing, and assumes
// that everything is granted: the gate has yet to check the token.
func (g *Gate) pendingBody(p *resource, r *Request) *Body {
	all := operation.Set{Scopes: ^uint64(0), Claims: ^uint64(0)}
	v := g.applyRules(p, r, all, Verdict{})
	if v.body == nil && v.response == nil && p.public {
		v = g.orPublic(p, r, lack{token: true}, all, Verdict{})
	}
	if v.body != nil {
		v.body.decide, v.body.tooLarge = nil, nil
	}
	return v.body
}

// neededByHeaders returns what the rules require for the operation of a request, as far
// as its headers name it.
func (p *resource) neededByHeaders(r *Request) (need operation.Set) {
	if len(p.Rules) > 0 && r.HasBody && r.MCP.Validated() {
		if o, fault := r.MCP.Operation(); fault == "" {
			need, _, _ = p.rules.Required(&o)
		}
	}
	return need
}

var errInsufficientScope = errors.New("the token lacks a required scope")

// lacks returns the verdict on a request whose token lacks a scope or a claim: a
// required scope, or something of need that is not in granted. A claim comes first: to
// ask for more scopes would be in vain. r is nil in a verdict on the body, when the token
// is no longer at hand.
func (g *Gate) lacks(p *resource, r *Request, need, granted operation.Set, a asker) Verdict {
	if claims := need.Without(granted).Claims; claims != 0 {
		return g.accessDenied(p, r, p.rules.Claims[bits.TrailingZeros64(claims)], a.allowOrigin)
	}
	if missing := need.Without(granted).Scopes; g.audit != nil && missing != 0 {
		g.auditScopes(p.rules.ScopeNames(missing))
	}
	return g.insufficientScope(p, r, need.Scopes, a)
}

// accessDenied returns the verdict on a request whose token lacks a claim. It names the
// claim, and no value.
func (g *Gate) accessDenied(p *resource, r *Request, c *config.RequiredClaim, allowOrigin string) Verdict {
	description := "the token lacks a required value of the claim " + c.Claim.Name
	g.logAccessDenied(p, r, c)
	g.auditClaim(c)
	return respond(reply.AccessDenied(description, allowOrigin), metrics.AccessDenied)
}

// insufficientScope returns the verdict on a request whose token lacks a scope.
// The challenge names all scopes that the operation needs (MCP, authorization,
// "Runtime Insufficient Scope Errors"). r is as for lacks.
func (g *Gate) insufficientScope(p *resource, r *Request, need uint64, a asker) Verdict {
	scope := p.requiredScope
	if need != 0 {
		all := slices.Clone(p.RequiredScopes)
		for _, s := range p.rules.ScopeNames(need) {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		scope = strings.Join(p.RequestedScopes(p.ScopeHierarchy.Minimal(all)), " ")
	}
	g.logInsufficientScope(p, r, scope)
	challenge := p.challengeBy(a.scheme)
	challenge.Scope = scope
	return respond(challenge.InsufficientScope(errInsufficientScope.Error(), a.allowOrigin), metrics.InsufficientScope)
}

// badOperation returns the verdict on a request in which the gate finds no single,
// clear operation.
func badOperation(fault operation.Fault, o metrics.Outcome, allowOrigin string) Verdict {
	return respond(reply.InvalidRequest(string(fault), allowOrigin), o)
}

// An operationCheck applies the rules of a resource to the body of a request. It
// shares no memory with the request's headers.
type operationCheck struct {
	gate     *Gate
	resource *resource
	lack     lack // the request goes on only if all of its operations are public
	granted  operation.Set
	headers  operation.Operation
	asker    asker
	outcome  metrics.Outcome // of the request, if it goes on
	lists    *Lists          // see Pass.Lists
}

// operationBody returns the Body that applies the rules of p to the body of a request that
// lacks l, which v lets on.
func (g *Gate) operationBody(p *resource, r *Request, l lack, granted operation.Set, o operation.Operation, v Verdict) *Body {
	o.Method, o.Name = strings.Clone(o.Method), strings.Clone(o.Name)
	a := asker{strings.Clone(r.allowOrigin()), r.scheme}
	c := &operationCheck{g, p, l, granted, o, a, v.outcome, nil}
	if v.pass != nil {
		c.lists = v.pass.Lists
	}
	b := &Body{MaxBytes: p.MaxBodyBytes, decide: c.decide, allowOrigin: a.allowOrigin}
	if l.any() {
		b.tooLarge = c.refuse
	}
	return b
}

func (c *operationCheck) decide(body []byte) Verdict {
	if c.gate.audit != nil {
		c.gate.audit.reset()
	}
	if len(body) == 0 && !c.lack.any() {
		return forwardBody(c.outcome)
	}
	need, public, fault := c.gate.scanner.Required(body, c.resource.rules, &c.headers)
	if c.lists != nil {
		c.lists.called = c.gate.scanner.Lists()
	}
	switch {
	case public && fault == "":
		return forwardBody(c.outcome)
	case c.lack.any():
		return c.gate.refuse(c.resource, nil, c.lack, need, c.granted, c.asker)
	case fault == operation.FaultMismatch:
		return respond(reply.HeaderMismatch(string(fault), c.asker.allowOrigin), metrics.Mismatch)
	case fault != "":
		return badOperation(fault, metrics.BadBody, c.asker.allowOrigin)
	case need.Without(c.granted) != operation.Set{}:
		return c.gate.lacks(c.resource, nil, need, c.granted, c.asker)
	}
	return forwardBody(c.outcome)
}

// refuse returns the verdict on a request that lacks something, and whose body is too
// large to tell whether it is public.
func (c *operationCheck) refuse() Verdict {
	return c.gate.refuse(c.resource, nil, c.lack, operation.Set{}, c.granted, c.asker)
}
