// Package gate decides what becomes of a request: a local answer, a wait for
// keys, or the way on to the server with the caller's identity.
//
// [Gate.Decide] is the whole decision; it reads top to bottom as the list of
// checks. It lets a request on for three reasons, each in one place: no resource
// covers it and the configuration allows that, its token passed before and is
// still good, or its token has just passed every check.
package gate

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unsafe"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/introspect"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/oauthproxy"
	"mcpauth/internal/operation"
	"mcpauth/internal/route"
	"mcpauth/internal/tokencache"
	"mcpauth/internal/wellknown"
	"mcpauth/jwtlite"
)

// A Request is what a decision depends on. Header values that are absent are
// empty.
type Request struct {
	Method    string // :method
	Authority string // :authority
	Path      string // :path, with the query

	Authorization  string // the first Authorization header
	Authorizations int    // how many there are

	HasOrigin      bool   // Origin is there, whatever its value
	Origin         string // its value, empty if there are two
	RequestMethod  string // Access-Control-Request-Method
	RequestHeaders string // Access-Control-Request-Headers
	IfNoneMatch    string // the first If-None-Match header

	Upgrade         bool   // Upgrade is there
	HasBody         bool   // the headers are not all of it
	ContentEncoding string // Content-Encoding, several with commas
	ContentType     string // Content-Type, the same
	MCP             operation.Headers
	respelled       bool // see operation.Respells: a server may read an operation or a length in this header
	unreadable      bool // such a header says that the body is compressed or not UTF-8

	Arrived int64 // Unix milliseconds

	// refutation is why the signature did not verify under the version refuted of
	// the key set, nil if it was not tried: it need not be tried again under the
	// same.
	refutation error
	refuted    uint64

	// echo is set when the answer may be read by Origin alone.
	echo bool
}

// Clone returns a copy that shares no memory with the headers it was read from.
func (r *Request) Clone() *Request {
	c := *r
	for _, s := range []*string{&c.Method, &c.Authority, &c.Path, &c.Authorization, &c.Origin, &c.RequestMethod, &c.RequestHeaders, &c.IfNoneMatch,
		&c.ContentEncoding, &c.ContentType, &c.MCP.Method, &c.MCP.Name, &c.MCP.Version} {
		*s = strings.Clone(*s)
	}
	return &c
}

// A Verdict says what becomes of a request. One of Reply, Pass and Body is set,
// or Pass with Body: the Pass is then for the headers, and the request goes on
// only if its body is found good too. With Wait, Reply is for a request for which
// there is no room to wait; it may share memory with the request's headers: it is
// sent at once or not at all.
type Verdict struct {
	Reply *Reply // answer with this
	Pass  *Pass  // let it on to the server
	Body  *Body  // the request's body decides

	Wait Wait // ask again when this has ended
	// Keep is set with a Wait after which the body may decide: it is to be kept
	// until then, where the host shows it.
	Keep *Body
	// Queue is set with a Wait: the places for it.
	Queue *Queue

	Outcome metrics.Outcome // to be counted when Reply or Pass is carried out
}

// A Wait is what a request may wait for: a fetch of keys, or an answer about its
// token.
type Wait interface {
	// Waiting reports whether the end is still to come.
	Waiting() bool
	// Ended returns another number once it has come.
	Ended() uint64
	// RetryAfter returns the seconds to wait for those who gave up.
	RetryAfter() int
}

// A Pass is how a request goes on. It is valid until the next decision.
type Pass struct {
	// Identity are headers that are set on the request.
	Identity Identity
	// KeepAuthorization is set where the request was not checked, and where
	// the resource is configured to forward its token.
	KeepAuthorization bool
	// Authorization replaces the header that is kept, where the client did not
	// write the token in the standard form; empty if it did.
	Authorization string
}

// Gate holds all that decisions need. One worker has one; it is not safe for
// concurrent use.
type Gate struct {
	// Refusals tell the log why tokens are refused; nil tells nobody.
	Refusals *Refusals

	routes    *route.Table
	unmatched config.Unmatched
	resources []*resource
	reserved  reserved
	verifier  jwtlite.Verifier
	maxToken  int // bytes
	cache     *tokencache.Cache[passed]

	// Reused: one request is decided at a time.
	token    jwtlite.Token
	identity []byte
	scopes   []string
	pass     Pass
	scanner  operation.Scanner
}

// A resource is a protected resource with all that can be made beforehand.
type resource struct {
	*config.Resource
	index       int
	servers     []server
	document    []byte // protected-resource metadata
	tag         string // its entity tag
	metadataURL string
	origin      string // whose pages may always call
	identity    identityNames
	firstScope  string            // what the challenges of 401 and 400 name: what clients ask for first
	scope       string            // what that of a 403 names if the operation needs no more: all required scopes
	noToken     [2]*Reply         // without and with an Origin, any being allowed; nil until needed
	opaque      *server           // the one of servers that is asked about tokens; nil if none is
	rules       *operation.Rules  // nil if there are none
	proxy       *oauthproxy.Proxy // for the one of them that the gateway stands for; nil if there is none
	metadataOf  *keys.Source      // the first server, whose metadata may be served
	first       *queues           // of that server
	forms       *queues           // of the one that proxy is for
}

// A server is an authorization server as one resource trusts it.
type server struct {
	source  *keys.Source       // nil: no JWTs are verified
	checker *introspect.Client // nil: it is not asked
	jwt     bool               // checker is asked about JWTs too
	policy  jwtlite.Policy
	queues  *queues
}

// passed is a token that one resource let in, and until when it does so with
// no further check but these.
type passed struct {
	source     *keys.Source // nil: the server vouched for it
	version    uint64       // of the key set that verified it
	begin, end int64        // Unix seconds, clock skew included
	granted    uint64       // what it meets of the needs of the resource's rules
}

// New builds the Gate of c. sources holds the keys of each authorization
// server, in the order of c.AuthorizationServers, nil where none are used, and
// checkers those that are asked about tokens, nil where they are not, and proxies
// those for which the gateway stands.
func New(c *config.Config, sources []*keys.Source, checkers []*introspect.Client, proxies []*oauthproxy.Proxy, verifier jwtlite.Verifier) *Gate {
	g := &Gate{
		routes:    route.New(c),
		unmatched: c.Unmatched,
		reserved:  reservedHeaders(c),
		verifier:  verifier,
		maxToken:  c.MaxTokenBytes,
		cache:     tokencache.New[passed](c.TokenCache.MaxEntries),
	}
	queues := newQueues(c)
	for i, r := range c.Resources {
		p := &resource{
			Resource:    r,
			index:       i,
			document:    wellknown.Document(r),
			metadataURL: wellknown.ProtectedResourceURL(r.Resource),
			origin:      r.Resource.Origin(),
			identity:    newIdentityNames(r),
			firstScope:  strings.Join(r.ChallengeScopes, " "),
			scope:       strings.Join(r.ScopeHierarchy.Minimal(r.RequiredScopes), " "),
			rules:       operation.Compile(r.Rules),
		}
		p.tag = wellknown.EntityTag(p.document)
		for j, s := range r.AuthorizationServers {
			i := slices.Index(c.AuthorizationServers, s)
			source := sources[i]
			if j == 0 {
				p.metadataOf, p.first = source, queues[i]
			}
			if s.Source.Kind == config.NoKeys {
				source = nil
			}
			if p.proxy == nil {
				p.proxy, p.forms = proxies[i], queues[i]
			}
			p.servers = append(p.servers, server{source: source, checker: checkers[i], queues: queues[i], policy: jwtlite.Policy{
				Issuer:      s.Issuer,
				Audiences:   audiences(r),
				Algorithms:  s.Algorithms,
				ClockSkew:   s.ClockSkew,
				MaxLifetime: s.MaxTokenLifetime,
				Type:        s.Type,
			}})
		}
		p.findOpaque()
		g.resources = append(g.resources, p)
	}
	return g
}

// Decide returns the verdict on a request.
func (g *Gate) Decide(r *Request, now time.Time) Verdict {
	match, err := g.routes.Find(r.Authority, r.Path)
	if err != nil {
		return reply(badPath(r, err), metrics.BadPath)
	}
	switch match.Kind {
	case route.Unmatched:
		if g.unmatched == config.UnmatchedAllow {
			return g.letPass(Pass{KeepAuthorization: true}, metrics.Unmatched)
		}
		return reply(notFound(r), metrics.NoResource)
	case route.Absent:
		return reply(notFound(r), metrics.Discovery)
	case route.Metadata:
		return g.resources[match.Resource].metadata(r)
	case route.Protected:
	default:
		return g.resources[match.Resource].own(match.Kind, r)
	}
	p := g.resources[match.Resource]
	if r.HasOrigin && p.AllowedOrigins != nil {
		if !p.allows(r.Origin) {
			return reply(wrongOrigin(), metrics.WrongOrigin)
		}
		r.echo = true
	}
	if r.preflight() {
		return reply(p.preflight(r), metrics.Preflight)
	}
	if p.rules != nil && r.upgrades() {
		return r.upgrade()
	}
	token, standard := strings.CutPrefix(r.Authorization, bearerPrefix)
	if standard && r.Authorizations == 1 {
		// Whatever follows: only what bearer took for a token is in the cache.
		if v, ok := g.remembered(p, r, token, now); ok {
			return v
		}
	}
	token, err = bearer(r)
	switch {
	case errors.Is(err, errTwoTokens):
		g.refused(p, nil, metrics.TwoTokens, err.Error(), nil)
		return reply(p.refuse(r, 400, codeRequest, err.Error()), metrics.TwoTokens)
	case err != nil:
		return reply(p.withoutToken(r), metrics.Unauthorized)
	}
	if !isStandard(r, token) {
		if v, ok := g.remembered(p, r, token, now); ok {
			return v
		}
	}
	v := g.check(p, r, token, now)
	if v.Wait != nil {
		v.Keep = g.kept(p, r)
	}
	return v
}

// check returns the verdict on a request for p that presents a token.
func (g *Gate) check(p *resource, r *Request, token string, now time.Time) Verdict {
	invalid := func(err error) Verdict {
		o := failed(err)
		g.refused(p, r, o, err.Error(), nil)
		return reply(p.refuse(r, 401, "invalid_token", err.Error()), o)
	}

	if len(token) > g.maxToken {
		return invalid(jwtlite.ErrTooLarge)
	}
	t := &g.token
	err := t.Parse(token)
	if p.opaque != nil && p.opaque.judges(t, token, err) {
		// Its server may not know, or not say, what the token says of itself.
		if err == nil {
			if err := p.opaque.policy.CheckKind(t); err != nil {
				return invalid(err)
			}
		}
		return g.ask(p, r, p.opaque, token, now)
	}
	if err != nil {
		return invalid(err)
	}
	s := p.issuedBy(t.Claims().Issuer)
	switch {
	case s == nil:
		return invalid(jwtlite.ErrIssuer)
	case s.source == nil:
		g.refused(p, r, metrics.NoJWT, errNoJWT.Error(), nil)
		return reply(p.refuse(r, 401, "invalid_token", errNoJWT.Error()), metrics.NoJWT)
	}
	if err := s.policy.CheckHeader(t); err != nil {
		return invalid(err)
	}
	set, version := s.source.Keys()
	if set == nil {
		v := reply(unavailable(r.readers(), s.source.RetryAfter()), metrics.NoKeys)
		if s.source.Await(callout.UnixMilli(r.Arrived)) {
			v.Outcome = metrics.NoRoom
			return v.waiting(s.source, s.queues.keys)
		}
		return v
	}
	if r.refutation == nil || r.refuted != version {
		r.refutation, r.refuted = set.Verify(g.verifier, t), version
	}
	if err := r.refutation; err != nil {
		// The server may have new keys, perhaps under old IDs: nobody is told
		// that a token is bad by keys that are older than the request.
		switch s.source.Refetch(missingKey(t, token, err), callout.UnixMilli(r.Arrived)) {
		case keys.Fetching:
			return reply(unavailable(r.readers(), s.source.RefetchAfter()), metrics.NoRoom).waiting(s.source, s.queues.missing)
		case keys.Later:
			return reply(unavailable(r.readers(), s.source.RefetchAfter()), metrics.RefetchLater)
		case keys.Unavailable:
			return reply(unavailable(r.readers(), s.source.RetryAfter()), metrics.RefetchFailed)
		}
		return invalid(err)
	}
	if err := s.policy.CheckClaims(t, now); err != nil {
		return invalid(err)
	}
	begin, end := s.period(t.Claims())
	return g.admit(p, r, s, token, passed{source: s.source, version: version, begin: begin, end: end})
}

// admit returns the verdict on a request whose token, in g.token, passed every
// check but that of its scopes.
func (g *Gate) admit(p *resource, r *Request, s *server, token string, as passed) Verdict {
	t := &g.token
	g.scopes = t.Claims().AppendScopes(g.scopes[:0])
	for _, scope := range p.RequiredScopes {
		if !p.ScopeHierarchy.Grants(g.scopes, scope) {
			return g.insufficient(p, r, p.headerNeed(r), r.readers())
		}
	}

	as.granted = p.granted(g.scopes)
	g.identity = p.appendIdentity(g.identity[:0], t, s.policy.Issuer)
	if as.begin < as.end {
		g.cache.Put(p.index, token, as, g.identity)
	}
	identity := unsafe.String(unsafe.SliceData(g.identity), len(g.identity))
	return g.permit(p, r, as.granted, g.letPass(p.pass(r, token, identity), metrics.CacheMiss))
}

// missingKey returns what tells the key apart that a set lacks: see
// [keys.MissingKey]. err is why the token was not verified.
func missingKey(t *jwtlite.Token, token string, err error) uint64 {
	if errors.Is(err, jwtlite.ErrSignature) || errors.Is(err, jwtlite.ErrAmbiguousKey) {
		return keys.MissingKey(token)
	}
	kid, _ := t.KeyID()
	return keys.MissingKey(kid, t.AlgorithmName())
}

// period returns the whole seconds, from begin to before end, in which a token
// that was just accepted passes every check that depends on the time. It may
// be shorter than the truth by a second: outside it all checks are made anew.
func (s *server) period(c *jwtlite.Claims) (begin, end int64) {
	skew := int64(s.policy.ClockSkew / time.Second)
	begin = max(c.NotBefore.Unix(), c.IssuedAt.Unix()) + 1 - skew
	return begin, c.Expires.Unix() + skew
}

// GiveUp returns the verdict on a request that has waited long enough.
func (g *Gate) GiveUp(r *Request, w Wait) Verdict {
	return reply(unavailable(r.readers(), w.RetryAfter()), metrics.Waited)
}

func (p *resource) issuedBy(issuer string) *server {
	for i := range p.servers {
		if p.servers[i].policy.Issuer == issuer {
			return &p.servers[i]
		}
	}
	return nil
}

// reply is the verdict that answers a request, and why.
func reply(r *Reply, o metrics.Outcome) Verdict { return Verdict{Reply: r, Outcome: o} }

func (g *Gate) letPass(p Pass, o metrics.Outcome) Verdict {
	g.pass = p
	return Verdict{Pass: &g.pass, Outcome: o}
}
