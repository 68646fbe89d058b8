package gate

import (
	"strings"

	"mcpauth/config"
	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
	"mcpauth/internal/reply"
)

// A lack says what a request lacks of what its resource requires of all requests but the
// public ones. The zero lack is nothing.
type lack struct {
	token  bool
	claim  *config.RequiredClaim
	scopes []string // of the required scopes
}

func (l *lack) any() bool { return l.token || l.claim != nil || l.scopes != nil }

// lackOf returns what a token with these scopes, whose payload p.claims has read, lacks.
func (p *resource) lackOf(scopes []string) (l lack) {
	for i := range p.RequiredClaims {
		if claim := &p.RequiredClaims[i]; !hasClaim(p.claims.claim(p.firstRequiredClaim+i), claim) {
			return lack{claim: claim}
		}
	}
	for _, scope := range p.RequiredScopes {
		if !p.ScopeHierarchy.Grants(scopes, scope) {
			l.scopes = append(l.scopes, scope)
		}
	}
	return l
}

// refuse returns the verdict on a request that lacks something and is not public. need
// and r are as for lacks.
func (g *Gate) refuse(p *resource, r *Request, l lack, need, granted operation.Set, a asker) Verdict {
	switch {
	case l.token:
		return respond(p.unauthorized(a.allowOrigin), metrics.Unauthorized)
	case l.claim != nil:
		return g.accessDenied(p, r, l.claim, a.allowOrigin)
	}
	g.auditScopes(l.scopes)
	return g.lacks(p, r, need, granted, a)
}

// withoutToken returns the verdict on a request for p, which has something public, with
// no Authorization header.
//
// Clients open the stream of their session (GET) right after initialize, and some end the
// session (DELETE) when they close. A 401 would make them sign in then, and to let it
// through would hand the session to all who know its ID. They get 405, by which a server
// says that it has no such stream, or that clients cannot end sessions: MCP 2025-11-25,
// transports, "Listening for Messages from the Server" and "Session Management".
func (g *Gate) withoutToken(p *resource, r *Request) Verdict {
	ofSession := r.Method == "GET" && acceptsEventStream(r.Accept) || r.Method == "DELETE"
	if p.looksFirst && ofSession && !r.publicPath && !r.isUpgrade() {
		return respond(reply.MethodNotAllowed("POST", "POST", r.allowOrigin()), metrics.Method)
	}
	g.pass = Pass{DropProof: r.Proofs > 0}
	return g.orPublic(p, r, lack{token: true}, operation.Set{}, g.forward(verdictPublic, metrics.Public))
}

// acceptsEventStream reports whether an Accept header names the type of event streams.
func acceptsEventStream(accept string) bool {
	return strings.Contains(strings.ToLower(accept), "text/event-stream")
}

// orPublic returns v, which lets a request on that lacks something, if the request is
// public. If the headers do not settle this, the verdict depends on the body.
func (g *Gate) orPublic(p *resource, r *Request, l lack, granted operation.Set, v Verdict) Verdict {
	o, openness := p.openness(r)
	if v.pass != nil && p.FilterLists != config.FilterOff {
		v.pass.Lists = g.newLists(p, r, l, granted, &o)
	}
	switch openness {
	case public:
		if o.HasMethod {
			g.auditOperation(&o)
		}
		return v
	case publicIfBody:
		return forwardIfBody(v, g.operationBody(p, r, l, granted, o, v))
	}
	return g.refuse(p, r, l, p.neededByHeaders(r), granted, r.asker())
}

// An openness says whether a request is public, as far as its headers tell.
type openness uint8

const (
	notPublic openness = iota
	public
	publicIfBody // the body decides
)

// openness returns the openness of a request for p, and the operation in its headers.
//
// A request is public only if every server reads its method and its path alike. An
// operation is public only in a POST whose body every server reads alike. The headers
// decide alone as they do for the rules: see applyRules.
func (p *resource) openness(r *Request) (o operation.Operation, _ openness) {
	if r.isUpgrade() || r.overridden || r.respelled || queryHas(r.Path, "access_token") {
		return o, notPublic
	}
	// Some servers take all paths under that of their MCP endpoint for it, and GET with a
	// session for its stream.
	if r.publicPath && !r.HasBody && !r.inSession && (r.Method == "GET" || r.Method == "HEAD") {
		return o, public
	}
	if p.Public.Operations == nil || r.Method != "POST" || !r.HasBody || !r.isJSON() || !r.readable() || queryHas(r.Path, "method") {
		return o, notPublic
	}
	o, fault := r.MCP.Operation()
	if fault != "" {
		return o, notPublic
	}
	_, complete, fault := p.rules.Required(&o)
	switch isPublic := p.rules.IsPublic(&o); {
	case fault != "" || complete && !isPublic:
		return o, notPublic // a body that says otherwise is refused
	case isPublic && p.TrustMCPHeaders && !r.inSession && r.MCP.Validated() && o.Mirrored() && r.MCP.Unambiguous(&o):
		// Versions with these headers have no sessions. In a session, the Go SDK 1.8 would
		// take a response, which it does not compare with the headers.
		return o, public
	}
	return o, publicIfBody
}

// queryHas reports whether the query of a path has a text, which is in lower case. It
// finds "access_token", with which clients send a token (RFC 6750, section 2.3): the
// gateway reads no such token, and does not let it pass for none. It finds "method" too:
// frameworks of PHP take the method from "_method", also in the spelling ".method".
//
//go:noinline
func queryHas(path, text string) bool {
	_, query, ok := strings.Cut(path, "?")
	return ok && strings.Contains(strings.ToLower(config.PercentDecode(query)), text)
}
