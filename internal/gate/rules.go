package gate

import (
	"errors"
	"slices"
	"strings"

	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
	"mcpauth/internal/reply"
)

// grantedScopes returns the bit set of rule scopes that scopes satisfy: bit i
// stands for p.rules.Scopes[i].
func (p *resource) grantedScopes(scopes []string) (granted uint64) {
	if p.rules == nil {
		return 0
	}
	for i, s := range p.rules.Scopes {
		if p.ScopeHierarchy.Grants(scopes, s) {
			granted |= 1 << i
		}
	}
	return granted
}

// applyRules returns v, which lets a request on, unless its operation needs a scope
// that is not granted. If the headers do not settle this, the verdict depends on the
// body. A request without a body has no operation.
func (g *Gate) applyRules(p *resource, r *Request, granted uint64, v Verdict) Verdict {
	switch {
	case p.rules == nil:
		return v
	case r.respelled:
		return badOperation(operation.FaultRespelled, metrics.BadHeader, r.allowOrigin())
	case !r.HasBody:
		return v
	}
	o, fault := r.MCP.Operation()
	if fault == "" && r.MCP.Validated() {
		var need uint64
		var suffices bool
		need, suffices, fault = p.rules.RequiredScopes(&o)
		switch {
		case fault != "":
		case suffices && need&^granted != 0:
			return g.insufficientScope(p, r, need, r.allowOrigin())
		case suffices && p.TrustMCPHeaders && o.Mirrored() && r.MCP.Unambiguous(&o):
			return v
		}
	}
	if fault != "" {
		return badOperation(fault, metrics.BadHeader, r.allowOrigin())
	}
	if !r.readable() {
		return respond(reply.UnsupportedMediaType(r.allowOrigin()), metrics.Encoding)
	}
	return forwardIfBody(v, g.operationBody(p, r, granted, o, v.outcome))
}

// pendingBody returns the limits of the body of a request that waits, nil if the
// verdict after the wait will not depend on the body. It decides nothing, and assumes
// that every scope is granted: the gate has yet to check the token.
func (g *Gate) pendingBody(p *resource, r *Request) *Body {
	const all = ^uint64(0)
	v := g.applyRules(p, r, all, Verdict{})
	if v.body != nil {
		v.body.decide = nil
	}
	return v.body
}

// neededByHeaders returns the rule scopes that the operation of a request needs,
// as far as its headers name it.
func (p *resource) neededByHeaders(r *Request) (need uint64) {
	if p.rules != nil && r.HasBody && r.MCP.Validated() {
		if o, fault := r.MCP.Operation(); fault == "" {
			need, _, _ = p.rules.RequiredScopes(&o)
		}
	}
	return need
}

var errInsufficientScope = errors.New("the token lacks a required scope")

// insufficientScope returns the verdict on a request whose token lacks a scope.
// The challenge names all scopes that the operation needs (MCP, authorization,
// "Runtime Insufficient Scope Errors"). r is nil in a verdict on the body, when
// the token is no longer at hand.
func (g *Gate) insufficientScope(p *resource, r *Request, need uint64, allowOrigin string) Verdict {
	scope := p.requiredScope
	if need != 0 {
		all := slices.Clone(p.RequiredScopes)
		for _, s := range p.rules.ScopeNames(need) {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		scope = strings.Join(p.ScopeHierarchy.Minimal(all), " ")
	}
	g.logInsufficientScope(p, r, scope)
	challenge := reply.Challenge{ResourceMetadata: p.challenge.ResourceMetadata, Scope: scope}
	return respond(challenge.InsufficientScope(errInsufficientScope.Error(), allowOrigin), metrics.InsufficientScope)
}

// badOperation returns the verdict on a request in which the gate finds no single,
// clear operation.
func badOperation(fault operation.Fault, o metrics.Outcome, allowOrigin string) Verdict {
	return respond(reply.InvalidRequest(string(fault), allowOrigin), o)
}

// An operationCheck applies the rules of a resource to the body of a request. It
// shares no memory with the request's headers.
type operationCheck struct {
	gate        *Gate
	resource    *resource
	granted     uint64
	headers     operation.Operation
	allowOrigin string
	outcome     metrics.Outcome // of the request, if it goes on
}

// operationBody returns the Body that applies the rules of p to the body of a request.
func (g *Gate) operationBody(p *resource, r *Request, granted uint64, o operation.Operation, outcome metrics.Outcome) *Body {
	o.Method, o.Name = strings.Clone(o.Method), strings.Clone(o.Name)
	c := &operationCheck{g, p, granted, o, strings.Clone(r.allowOrigin()), outcome}
	return &Body{MaxBytes: p.MaxBodyBytes, decide: c.decide, allowOrigin: c.allowOrigin}
}

func (c *operationCheck) decide(body []byte) Verdict {
	if len(body) == 0 {
		return forwardBody(c.outcome)
	}
	need, fault := c.gate.scanner.RequiredScopes(body, c.resource.rules, &c.headers)
	switch {
	case fault == operation.FaultMismatch:
		return badOperation(fault, metrics.Mismatch, c.allowOrigin)
	case fault != "":
		return badOperation(fault, metrics.BadBody, c.allowOrigin)
	case need&^c.granted != 0:
		return c.gate.insufficientScope(c.resource, nil, need, c.allowOrigin)
	}
	return forwardBody(c.outcome)
}
