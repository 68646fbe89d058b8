// Package gate decides about requests. [Gate.Decide] is the decision: a list of
// checks, top to bottom, that ends in a [Verdict].
//
// The gate lets a request on to the server in five ways, and in no other:
//
//   - no resource covers the request, and the configuration lets such requests
//     on: the case route.Unmatched of [Gate.Decide];
//   - it has no token and needs none, since it is public: withoutToken;
//   - its token was accepted before, and neither the keys nor the time have
//     changed that: cached;
//   - its token is a JWT that passes every check: verifyJWT;
//   - its authorization server vouches for its token: introspect.
//
// The last three ways end in admit. A request with a token that is bound to a key or a
// certificate must prove there that it has it: confirm. The token also needs the scopes
// and the claims that the rules of the resource require, unless what the request asks for
// is public. If only the body tells which those are, or whether it is public, the gate
// decides when it has the body: applyRules and orPublic.
package gate

import (
	"strings"
	"time"

	"mcpauth/config"
	"mcpauth/internal/dpop"
	"mcpauth/internal/introspect"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/oauthproxy"
	"mcpauth/internal/operation"
	"mcpauth/internal/reply"
	"mcpauth/internal/route"
	"mcpauth/internal/tokencache"
	"mcpauth/jwtlite"
)

// An AuthServer is a configured authorization server, with the clients that one
// worker has for it.
type AuthServer struct {
	Config        *config.AuthorizationServer
	Keys          *keys.Source       // nil if the server has no keys and its metadata is not kept
	Introspection *introspect.Client // nil if the server is not asked about tokens
	Proxy         *oauthproxy.Proxy  // nil if the server has no oauth_proxy
}

// Gate holds all that decisions need. One worker has one; it is not safe for
// concurrent use.
type Gate struct {
	// Log reports refused requests; nil reports none.
	Log *RefusalLog

	// Replays has the DPoP proofs that have been used; without it none passes.
	Replays *dpop.Replays
	// PeerCertificate returns the SHA-256 digest, in hex, of the certificate with which
	// the client of the current request has authenticated its TLS connection; empty if
	// there is none. nil stands for a host that knows of none.
	PeerCertificate func() string

	routes        *route.Table
	unmatched     config.Unmatched
	resources     []*resource
	reserved      reservedHeaders
	interest      nameMask // see TakeHeader
	verifier      jwtlite.Verifier
	maxTokenBytes int
	verdictHeader bool // see config.Config.VerdictHeader
	hasPublic     bool // a resource has something that needs no token
	hasProxy      bool // the gateway stands for an authorization server
	forwardedCert bool // a resource has a use for the header forwardedClientCert
	cache         *tokencache.Cache[cachedToken]

	// Memory that all decisions share: the gate decides on one request at a time.
	token    jwtlite.Token
	identity []byte
	scopes   []string
	pass     Pass
	scanner  operation.Scanner
	proof    jwtlite.Proof
	audit    *Audit // nil unless config.Config.Audit is set
}

// New builds the Gate of c. servers has one value for each server of
// c.AuthorizationServers.
func New(c *config.Config, servers []AuthServer, verifier jwtlite.Verifier) *Gate {
	g := &Gate{
		routes:        route.New(c),
		unmatched:     c.Unmatched,
		reserved:      newReservedHeaders(c),
		verifier:      verifier,
		maxTokenBytes: c.MaxTokenBytes,
		verdictHeader: c.VerdictHeader,
		cache:         tokencache.New[cachedToken](c.TokenCache.MaxEntries),
	}
	g.interest = newHeadersOfInterest(&g.reserved)
	if c.Audit {
		g.audit = &Audit{}
		g.scanner.Trail = &g.audit.trail
	}
	all := make([]*server, len(servers))
	for i, s := range servers {
		all[i] = &server{s, newQueues()}
	}
	for i, r := range c.Resources {
		g.resources = append(g.resources, newResource(i, r, all, c))
		g.forwardedCert = g.forwardedCert || r.TrustForwardedClientCert
		g.hasPublic = g.hasPublic || g.resources[i].public
		g.hasProxy = g.hasProxy || g.resources[i].proxyServer != nil
	}
	return g
}

// Decide returns the verdict on a request.
func (g *Gate) Decide(r *Request, now time.Time) Verdict {
	match, err := g.routes.Find(r.Authority, r.Path)
	if g.audit != nil {
		g.beginAudit(match, err)
	}
	if err != nil {
		return respond(reply.InvalidRequest(err.Error(), r.allowOrigin()), metrics.BadPath)
	}
	switch match.Kind {
	case route.Unmatched:
		if g.unmatched == config.UnmatchedAllow {
			g.pass = Pass{KeepAuthorization: true}
			return g.forward(verdictPublic, metrics.Unmatched)
		}
		return respond(reply.NotFound(r.allowOrigin()), metrics.NoResource)
	case route.NotPublished:
		return respond(reply.NotFound(r.allowOrigin()), metrics.Discovery)
	case route.Metadata:
		return g.resources[match.Resource].serveMetadata(r)
	case route.Protected:
		r.publicPath = match.Public
		return g.protect(g.resources[match.Resource], r, now)
	}
	return g.resources[match.Resource].serveProxyEndpoint(match.Kind, r)
}

// protect returns the verdict on a request for p.
func (g *Gate) protect(p *resource, r *Request, now time.Time) Verdict {
	if r.HasOrigin && p.AllowedOrigins != nil {
		if !p.allowsOrigin(r.Origin) {
			return respond(reply.OriginNotAllowed(), metrics.WrongOrigin)
		}
		r.originAllowed = true
	}
	if r.isPreflight() {
		return respond(reply.Preflight("GET, POST, DELETE, OPTIONS", r.RequestHeaders, r.allowOrigin()), metrics.Preflight)
	}
	if len(p.Rules) > 0 && r.isUpgrade() {
		return refuseUpgrade(r)
	}
	if p.public && r.Authorizations == 0 {
		return g.withoutToken(p, r)
	}
	if token, ok := strings.CutPrefix(r.Authorization, bearerPrefix); ok && r.Authorizations == 1 {
		// A hit needs no presentedToken: the cache holds only tokens that
		// presentedToken has returned. Until then r.scheme is schemeBearer.
		if v, ok := g.cached(p, r, token, now); ok {
			return v
		}
	}
	if r.Authorizations == 0 {
		return respond(p.unauthorized(r.allowOrigin()), metrics.Unauthorized)
	}
	token, scheme, err := presentedToken(r, p.proofs != nil)
	r.scheme = scheme
	switch err {
	case nil:
	case errTwoTokens:
		g.logRefusal(p, nil, metrics.TwoTokens, err, nil)
		return respond(p.challenge.InvalidRequest(err.Error(), r.allowOrigin()), metrics.TwoTokens)
	default:
		return respond(p.unauthorized(r.allowOrigin()), metrics.Unauthorized)
	}
	if scheme == schemeDPoP {
		if len(token) > g.maxTokenBytes {
			return g.invalidToken(p, r, jwtlite.ErrTooLarge)
		}
		if err := g.checkProof(p, r, token, now); err != nil {
			return g.refuseProof(p, r, err, metrics.InvalidProof)
		}
	}
	if !isStandard(r, token) {
		if v, ok := g.cached(p, r, token, now); ok {
			return v
		}
	}
	v := g.checkToken(p, r, token, now)
	if v.kind == KindWait {
		v.hold.pendingBody = g.pendingBody(p, r)
	}
	return v
}
