package gate

import (
	"slices"
	"strings"
	"unsafe"

	"mcpauth/config"
	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
	"mcpauth/internal/route"
)

// An Audit has what the audit trail says of a request beside its outcome and beside what
// a [Pass] has. Its zero value says nothing.
type Audit struct {
	resource string // the URL of the resource that covers the request
	identity Identity
	buffer   []byte   // of identity, reused
	missing  []string // the scopes, or the claim, that the token lacks
	unread   string   // why the operation is unknown of a request that may have one
	trail    operation.Trail
	observe  bool // an Observer is to read the body
}

// audited reports whether the audit trail has the identity header with this number.
func audited(number int) bool {
	return number == subjectHeader || number == clientHeader || number == issuerHeader
}

// SetState sets filter state of the current request.
type SetState = func(name, value string) error

// The names of the filter state, beside those of [IdentityHeader.FilterState].
const (
	outcomeState  = "mcpauth-outcome"
	reasonState   = "mcpauth-reason"
	resourceState = "mcpauth-resource"
	methodState   = "mcpauth-method"
	targetState   = "mcpauth-target"
	missingState  = "mcpauth-missing"
	unreadState   = "mcpauth-unread"
)

// The values of unreadState.
const (
	unreadEncoding   = "encoding"   // the body is not plain UTF-8
	unreadJSON       = "json"       // the body is not JSON-RPC
	unreadAmbiguous  = "ambiguous"  // servers may read the body differently
	unreadSize       = "size"       // what tells the operation is too large
	unreadIncomplete = "incomplete" // the body has not ended
	unreadUpgrade    = "upgrade"    // what follows is of another protocol, or the server reads it all the same
)

// SetOutcome sets an outcome, in the words of the metrics.
func SetOutcome(o metrics.Outcome, set SetState) error {
	result, reason := o.Labels()
	if err := set(outcomeState, result); err != nil || reason == "" {
		return err
	}
	return set(reasonState, reason)
}

// beginAudit begins the audit of a request that match covers.
//
//go:noinline
func (g *Gate) beginAudit(match route.Match, err error) {
	g.audit.reset()
	if err == nil && match.Kind != route.Unmatched && match.Kind != route.NotPublished {
		g.audit.resource = g.resources[match.Resource].Resource.Resource.Raw
	}
}

//go:noinline
func (a *Audit) reset() {
	a.resource, a.identity, a.missing, a.unread, a.observe = "", Identity{}, nil, "", false
	a.trail.Reset()
}

// Audit sets what the audit trail says of the current request after a decision, of which
// v is the verdict. The caller calls it after each decision, before the next one. It does
// nothing if the configuration asks for no audit trail.
//
// It returns an [Observer] if the audit trail needs the body, which no decision needs.
func (g *Gate) Audit(v *Verdict, set SetState) (o *Observer, err error) {
	a := g.audit
	if a == nil {
		return nil, nil
	}
	switch v.kind {
	case KindRespond:
	case KindWait: // another verdict follows
		resource := a.resource
		a.reset()
		a.resource = resource
	default: // the Pass has the identity
		a.identity = Identity{}
		if a.observe {
			o = &Observer{gate: g}
		}
	}
	err = a.set(set)
	a.reset()
	return o, err
}

//go:noinline
func (a *Audit) set(set SetState) error {
	for {
		h, ok := a.identity.Next()
		if !ok {
			break
		}
		if n := h.FilterState; n == "mcpauth-subject" || n == "mcpauth-client" || n == "mcpauth-issuer" {
			if err := set(h.FilterState, h.Value); err != nil {
				return err
			}
		}
	}
	for _, state := range [...]struct{ name, value string }{
		{resourceState, a.resource},
		{methodState, text(a.trail.Methods())},
		{targetState, text(a.trail.Targets())},
		{missingState, strings.Join(a.missing, " ")},
		{unreadState, a.unread},
	} {
		if state.value != "" {
			if err := set(state.name, state.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// text returns b as a string, without copying it.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// auditToken keeps the identity in g.token, which is that of a verified token of p or
// the response of an authorization server, in case the request is refused.
func (g *Gate) auditToken(p *resource, issuer string) {
	if g.audit == nil {
		return
	}
	c := g.token.Claims()
	b := appendHeader(g.audit.buffer[:0], subjectHeader, c.Subject)
	b = appendHeader(b, clientHeader, c.ClientID)
	b = appendHeader(b, issuerHeader, issuer)
	g.audit.buffer, g.audit.identity = b, Identity{p.identity, text(b)}
}

// auditOperation keeps the operation in the headers of a request, by which the gate
// decides.
func (g *Gate) auditOperation(o *operation.Operation) {
	if g.audit != nil {
		g.audit.trail.Add(o)
	}
}

// auditBody keeps that an [Observer] is to read the body of a request that goes on.
func (g *Gate) auditBody(r *Request) {
	switch {
	case !r.HasBody:
	case r.isUpgrade():
		g.audit.unread = unreadUpgrade
	case r.readable():
		g.audit.observe = true
	default:
		g.audit.unread = unreadEncoding
	}
}

// auditScopes keeps the scopes that a token lacks, in addition to others.
//
//go:noinline
func (g *Gate) auditScopes(scopes []string) {
	if g.audit == nil {
		return
	}
	for _, s := range scopes {
		if !slices.Contains(g.audit.missing, s) {
			g.audit.missing = append(g.audit.missing, s)
		}
	}
}

// auditClaim keeps the name of the claim that a token lacks.
func (g *Gate) auditClaim(c *config.RequiredClaim) {
	if g.audit != nil {
		g.audit.missing = []string{string(appendValue(nil, c.Claim.Name))}
	}
}

// An Observer reads the body of a request that goes on, for the audit trail alone.
type Observer struct {
	gate    *Gate
	skimmer operation.Skimmer
}

// Write reads the next piece of the body, and reports whether there is use for more.
func (o *Observer) Write(piece []byte) bool { return o.skimmer.Write(piece) }

// End sets the operations in the body. complete says whether the whole body has come.
func (o *Observer) End(complete bool, set SetState) error {
	a := o.gate.audit
	a.reset()
	kept, fault := o.skimmer.Kept()
	o.gate.auditRead(kept, fault, complete)
	err := a.set(set)
	a.reset()
	return err
}

// auditRead keeps the operations in a body, or in what a Skimmer has kept of one, with its
// fault. complete says whether the whole body has come.
func (g *Gate) auditRead(body []byte, fault operation.Fault, complete bool) {
	if fault == "" && complete && len(body) > 0 {
		fault = g.scanner.Read(body)
	}
	switch fault {
	case "":
		if !complete {
			g.audit.unread = unreadIncomplete
		}
	case operation.FaultSyntax, operation.FaultDepth, operation.FaultMessage:
		g.audit.unread = unreadJSON
	case operation.FaultSize:
		g.audit.unread = unreadSize
	default:
		g.audit.unread = unreadAmbiguous
	}
}
