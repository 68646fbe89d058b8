package gate

import (
	"slices"
	"strings"

	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
)

// granted returns which of the scopes that the rules want a token with these
// scopes has, as a need that it meets.
func (p *resource) granted(scopes []string) (have uint64) {
	if p.rules == nil {
		return 0
	}
	for i, s := range p.rules.Scopes {
		if p.ScopeHierarchy.Grants(scopes, s) {
			have |= 1 << i
		}
	}
	return have
}

// permit returns v, which lets a request on, unless the rules of its resource
// want more for its operation than the token grants. A request without a body
// asks for no operation.
func (g *Gate) permit(p *resource, r *Request, granted uint64, v Verdict) Verdict {
	switch {
	case p.rules == nil:
		return v
	case r.respelled:
		return reply(badMessage(operation.FaultRespelled, r.readers()), metrics.BadHeader)
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
			return g.insufficient(p, r, need, r.readers())
		case suffices && p.TrustMCPHeaders && o.Mirrored() && r.MCP.Unambiguous(&o):
			return v
		}
	}
	if fault != "" {
		return reply(badMessage(fault, r.readers()), metrics.BadHeader)
	}
	if !r.readable() {
		return reply(problem(415, codeMediaType, "the body must be JSON in UTF-8, with no content encoding", r.readers(),
			[2]string{"accept-encoding", "identity"}), metrics.Encoding)
	}
	v.Body = g.ruledBody(p, r, granted, o, v.Outcome)
	return v
}

// kept returns what holds for the body of a request that waits, nil unless it
// will be looked at. It decides nothing: the token comes before.
func (g *Gate) kept(p *resource, r *Request) *Body {
	b := g.permit(p, r, ^uint64(0), Verdict{}).Body
	if b != nil {
		b.Decide = nil
	}
	return b
}

// headerNeed returns what the operation of a request needs as far as its headers
// tell.
func (p *resource) headerNeed(r *Request) (need uint64) {
	if p.rules != nil && r.HasBody && r.MCP.Validated() {
		if o, fault := r.MCP.Operation(); fault == "" {
			need, _, _ = p.rules.RequiredScopes(&o)
		}
	}
	return need
}

// insufficient answers a request whose token lacks a scope. The challenge names all
// that the operation needs (MCP, authorization, "Runtime Insufficient Scope Errors").
// r is nil where the body has decided, long after the token was looked at.
func (g *Gate) insufficient(p *resource, r *Request, need uint64, origin string) Verdict {
	scope := p.scope
	if need != 0 {
		all := slices.Clone(p.RequiredScopes)
		for _, s := range p.rules.ScopeNames(need) {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		scope = strings.Join(p.ScopeHierarchy.Minimal(all), " ")
	}
	const why = "the token lacks a required scope"
	g.refused(p, r, metrics.InsufficientScope, why+" of "+quoted(scope), nil)
	return reply(p.challenged(origin, 403, "insufficient_scope", why, scope), metrics.InsufficientScope)
}

// badMessage answers a request whose operation cannot be told.
func badMessage(fault operation.Fault, origin string) *Reply {
	return problem(400, codeRequest, string(fault), origin)
}

// ruledBody decides on the body of a request. It shares no memory with the
// request's headers.
type ruledBody struct {
	gate     *Gate
	resource *resource
	granted  uint64
	headers  operation.Operation
	origin   string // who may read an answer
	outcome  metrics.Outcome
}

func (g *Gate) ruledBody(p *resource, r *Request, granted uint64, o operation.Operation, outcome metrics.Outcome) *Body {
	o.Method, o.Name = strings.Clone(o.Method), strings.Clone(o.Name)
	b := &ruledBody{g, p, granted, o, strings.Clone(r.readers()), outcome}
	return &Body{Limit: p.MaxBodyBytes, Decide: b.decide, origin: b.origin}
}

func (b *ruledBody) decide(text []byte, _ int64) Verdict {
	pass := Verdict{Pass: &Pass{}, Outcome: b.outcome}
	if len(text) == 0 {
		return pass
	}
	need, fault := b.gate.scanner.RequiredScopes(text, b.resource.rules, &b.headers)
	switch {
	case fault == operation.FaultMismatch:
		return reply(badMessage(fault, b.origin), metrics.Mismatch)
	case fault != "":
		return reply(badMessage(fault, b.origin), metrics.BadBody)
	case need&^b.granted != 0:
		return b.gate.insufficient(b.resource, nil, need, b.origin)
	}
	return pass
}
