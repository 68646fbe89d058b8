package gate

import (
	"strings"

	"mcpauth/config"
	"mcpauth/internal/dpop"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/operation"
	"mcpauth/internal/reply"
	"mcpauth/internal/wellknown"
	"mcpauth/jwtlite"
)

// A server is an AuthServer with the queues of the requests that wait for it.
type server struct {
	AuthServer
	queues *queues
}

// A resource is a protected resource with all that can be computed at the start.
type resource struct {
	*config.Resource
	index     int             // in Config.Resources
	document  []byte          // protected-resource metadata
	entityTag string          // of document
	metadata  *reply.Response // the response to a GET without If-None-Match
	origin    string          // of the resource: its pages may always call
	issuer    string          // that the gateway is for the resource; empty without oauth_proxy
	identity  []identityHeader
	rules     *operation.Rules // with the public operations; nil if there are neither

	// claims reads the claims for headers, whose numbers are those in ClaimToHeaders, then
	// the required claims, those of the rules and those with scopes.
	claims             claimReader
	firstRequiredClaim int
	ruleClaims         []ruleClaim

	proofs *dpop.Checker // nil if the resource takes no DPoP proofs

	public     bool // something needs no token
	looksFirst bool // initialize is public: clients look before they sign in

	requiresBound bool // tokens must be bound: see confirm

	servers        []trustedServer
	introspector   *trustedServer // the server that is asked about tokens; nil if none is
	metadataServer *server        // the first server, whose metadata may be served
	proxyServer    *server        // the server with oauth_proxy, in whose place the gateway stands; nil if there is none

	// challenge is the challenge of 401 and 400. It names the scopes that clients
	// are to request first.
	challenge reply.Challenge
	// requiredScope is the scope in the challenge of a 403 if the operation needs
	// no scope beside the required ones.
	requiredScope string
	// The 401 to a request without a token: to one without an Origin, and to one
	// with an Origin if p restricts none. Each is nil until it is needed.
	unauthorizedPlain, unauthorizedAnyOrigin *reply.Response
}

// A trustedServer is an authorization server as one resource trusts it.
type trustedServer struct {
	*server
	keys        *keys.Source // nil if JWTs of the server are not accepted
	policy      jwtlite.Policy
	scopeClaims []config.Claim // see config.AuthorizationServer.ScopeClaims

	firstScopeClaim int // the number of the first of scopeClaims in resource.claims

	introspectJWTs bool // the server is asked about its JWTs too
}

// newResource returns the resource r, which is the index-th of the configuration.
func newResource(index int, r *config.Resource, all []*server, c *config.Config) *resource {
	p := &resource{
		Resource: r,
		index:    index,
		document: wellknown.Document(r),
		origin:   r.Resource.Origin(),
		issuer:   r.GatewayIssuer(),
		identity: identityHeaders(r, c.Audit),
		rules:    operation.Compile(r.Rules, r.Public.Operations...),
		public:   r.Public.Operations != nil || r.Public.Paths != nil,
		challenge: reply.Challenge{
			ResourceMetadata: wellknown.ProtectedResourceURL(r.Resource),
			Scope:            strings.Join(r.RequestedScopes(r.ChallengeScopes), " "),
		},
		requiredScope: strings.Join(r.RequestedScopes(r.ScopeHierarchy.Minimal(r.RequiredScopes)), " "),
	}
	p.requiresBound = r.MutualTLS == config.BindingRequired || r.DPoP == config.BindingRequired
	p.takeProofs(c.DPoPNonce)
	p.looksFirst = p.rules != nil && p.rules.IsPublic(&operation.Operation{Method: "initialize", HasMethod: true})
	p.entityTag = wellknown.EntityTag(p.document)
	p.metadata = reply.Document(p.document, p.entityTag, "")
	p.readClaims()
	for _, trusted := range r.AuthorizationServers {
		for _, s := range all {
			if s.Config == trusted {
				p.trust(s)
			}
		}
	}
	return p
}

// readClaims adds the claims of the configuration to p.claims.
func (p *resource) readClaims() {
	for i := range p.ClaimToHeaders {
		p.claims.add(&p.ClaimToHeaders[i].Claim)
	}
	for i := range p.RequiredClaims {
		if n := p.claims.add(&p.RequiredClaims[i].Claim); i == 0 {
			p.firstRequiredClaim = n
		}
	}
	if p.rules != nil {
		p.ruleClaims = p.claims.addRuleClaims(p.rules.Claims)
	}
}

// trust adds s to the servers of p.
func (p *resource) trust(s *server) {
	t := trustedServer{server: s, keys: s.Keys, scopeClaims: s.Config.ScopeClaims, policy: jwtlite.Policy{
		Issuer:      s.Config.Issuer,
		Tenants:     s.Config.Tenants,
		Audiences:   audiences(p.Resource),
		Clients:     p.Clients,
		Algorithms:  s.Config.Algorithms,
		ClockSkew:   s.Config.ClockSkew,
		MaxLifetime: s.Config.MaxTokenLifetime,
		Type:        s.Config.Type,
		Confirms:    confirmations(p.Resource),
	}}
	if s.Config.Source.Kind == config.NoKeys {
		t.keys = nil
	}
	for i := range t.scopeClaims {
		if n := p.claims.add(&t.scopeClaims[i]); i == 0 {
			t.firstScopeClaim = n
		}
	}
	p.servers = append(p.servers, t)
	if p.metadataServer == nil {
		p.metadataServer = s
	}
	if p.proxyServer == nil && s.Proxy != nil {
		p.proxyServer = s
	}
	if c := s.Config.Introspection; c != nil {
		// The configuration allows one such server for each resource. The policy
		// for its JWTs also holds for its responses, except for typ, which
		// responses do not have.
		t.introspectJWTs = c.JWT
		t.policy.Type, t.policy.AudienceUnchecked = "", c.AudienceUnchecked
		if c.Userinfo != nil {
			// The configuration maps what the endpoint says.
			t.scopeClaims, t.policy.Clients = nil, nil
			// The gateway asks it with the token as a bearer token, which is none that is
			// bound to a key.
			t.policy.Confirms &^= jwtlite.ConfirmsKey
		}
		p.introspector = &t
	}
}

// issuedBy returns the server whose token has these claims, which need not be verified. The
// error is that of [jwtlite.Policy.CheckIssuer] if p trusts none. The configuration ensures
// that there is one at most.
func (p *resource) issuedBy(c *jwtlite.Claims) (*trustedServer, error) {
	refused := jwtlite.ErrIssuer
	for i := range p.servers {
		switch err := p.servers[i].policy.CheckIssuer(c); err {
		case nil:
			return &p.servers[i], nil
		case jwtlite.ErrTenant:
			refused = err
		}
	}
	return nil, refused
}

// issuerOf returns the issuer of t, which s has accepted. An introspection response may
// lack it, unless s has tenants.
func (s *trustedServer) issuerOf(t *jwtlite.Token) string {
	if s.policy.Tenants != nil {
		return t.Claims().Issuer
	}
	return s.policy.Issuer
}

// allowsOrigin reports whether pages of an origin may call p. Pages of its own
// origin may: DNS rebinding cannot forge that, since browsers name the origin by
// the host to which they connect.
func (p *resource) allowsOrigin(origin string) bool {
	if origin == p.origin {
		return true
	}
	for _, pattern := range p.AllowedOrigins {
		if config.MatchesOrigin(pattern, origin) {
			return true
		}
	}
	return false
}

// unauthorized returns the 401 to a request without a token. It is kept for the
// next one unless it depends on the origin.
func (p *resource) unauthorized(allowOrigin string) *reply.Response {
	var kept **reply.Response
	switch allowOrigin {
	case "":
		kept = &p.unauthorizedPlain
	case reply.AnyOrigin:
		kept = &p.unauthorizedAnyOrigin
	default:
		return p.challenge.Unauthorized(allowOrigin)
	}
	if *kept == nil {
		*kept = p.challenge.Unauthorized(allowOrigin)
	}
	return *kept
}

// serveMetadata serves the protected-resource metadata (RFC 9728, section 3).
func (p *resource) serveMetadata(r *Request) Verdict {
	if r.Method == "GET" && r.IfNoneMatch == "" {
		return respond(p.metadata, metrics.Metadata)
	}
	return serveDocument(r, p.document, p.entityTag)
}

// serveDocument serves a public document. It computes the entity tag if that is
// empty.
func serveDocument(r *Request, document []byte, entityTag string) Verdict {
	const methods = "GET, HEAD, OPTIONS"
	switch r.Method {
	case "GET", "HEAD":
		if entityTag == "" {
			entityTag = wellknown.EntityTag(document)
		}
		return respond(reply.Document(document, entityTag, r.IfNoneMatch), metrics.Metadata)
	case "OPTIONS":
		return respond(reply.Options(methods, r.RequestHeaders), metrics.Preflight)
	}
	return respond(reply.MethodNotAllowed("GET", methods, reply.AnyOrigin), metrics.Method)
}
