// Package route finds the protected resource that a request is for.
//
// Of the resources whose path prefixes and hosts match a request, the longest
// prefix decides. Among resources with that prefix the most specific host decides:
// an exact host comes before a wildcard, a longer wildcard before a shorter one, a
// host with a port before the same host without one, and a resource without hosts
// last.
//
// A [Table] is built once from the configuration. Afterwards only its memory of
// recent lookups changes. A lookup takes one map access for each path segment of
// the longest prefix, and a few for the host, however many resources there are.
package route

import (
	"strings"

	"mcpauth/config"
)

// Kind says what a request is for.
type Kind int

const (
	// Unmatched: no protected resource.
	Unmatched Kind = iota
	// Metadata: the protected-resource metadata of a resource (RFC 9728).
	Metadata
	// NotPublished: a discovery document that clients look for below a protected
	// resource and that the gateway does not publish. It gets 404 rather than 401,
	// so that clients try the next location, and never goes on to the server.
	NotPublished
	// Protected: a protected resource; it needs a token.
	Protected
	// ServerMetadata: the metadata of an authorization server (RFC 8414; OpenID
	// Connect Discovery 1.0), which the gateway serves at the origin of the resource.
	ServerMetadata
	// AuthorizationEndpoint and the kinds below are endpoints of the authorization
	// server that the gateway is for the resource. The provider sends users back to
	// the CallbackEndpoint.
	AuthorizationEndpoint
	CallbackEndpoint
	TokenEndpoint
	RegistrationEndpoint
	RevocationEndpoint
)

// Match is the result of a lookup. Resource is an index into Config.Resources; it
// is 0 for Unmatched and NotPublished.
type Match struct {
	Kind     Kind
	Resource int

	// Public is set if the path is public, in every reading: see config.Public.
	Public bool
}

// Table finds the resource of a request.
type Table struct {
	exact  index
	folded index // exact with its paths changed by config.FoldPath
	depth  int   // segments in the longest prefix

	hasUpperCase    bool // a prefix has an upper-case letter, which no plain path has
	hasHosts        bool // a resource names its hosts
	hasPorts        bool // one of these hosts has a port
	allowsUnmatched bool // requests for no resource go on unchecked

	public [][]string // config.Public.Paths of each resource; nil if none has any

	recent []lookup // a power of two
}

// An index has the resources by the paths of the endpoints at which the gateway
// itself responds, and by their path prefixes. No path ends with a slash; "" is the
// root.
type index struct {
	endpoints, prefixes map[string]*hosts
}

// New builds the table of the resources of c.
func New(c *config.Config) *Table {
	t := &Table{
		exact:           index{map[string]*hosts{}, map[string]*hosts{}},
		folded:          index{map[string]*hosts{}, map[string]*hosts{}},
		allowsUnmatched: c.Unmatched == config.UnmatchedAllow,
		recent:          make([]lookup, recentSlots(len(c.Resources))),
	}
	for i, r := range c.Resources {
		t.add(i, r)
		if r.Public.Paths != nil && t.public == nil {
			t.public = make([][]string, len(c.Resources))
		}
		if t.public != nil {
			t.public[i] = r.Public.Paths
		}
	}
	return t
}

// add adds r, the i-th resource.
func (t *Table) add(i int, r *config.Resource) {
	endpoints := append(r.GatewayPaths(), config.MetadataPath(r.Resource))
	if r.RootMetadata {
		endpoints = append(endpoints, config.ProtectedResourceWellKnown)
	}
	names := r.Match.Hosts
	if len(names) == 0 {
		names = []string{""}
	}
	for _, name := range names {
		_, port := cutPort(name)
		t.hasHosts, t.hasPorts = t.hasHosts || name != "", t.hasPorts || port != ""
		for _, path := range endpoints {
			hostsAt(t.exact.endpoints, path).add(name, i)
			hostsAt(t.folded.endpoints, config.FoldPath(path)).add(name, i)
		}
		for _, prefix := range r.Match.PathPrefixes {
			path := strings.TrimSuffix(prefix, "/")
			hostsAt(t.exact.prefixes, path).add(name, i)
			hostsAt(t.folded.prefixes, config.FoldPath(path)).add(name, i)
			t.depth = max(t.depth, strings.Count(path, "/"))
			t.hasUpperCase = t.hasUpperCase || path != strings.ToLower(path)
		}
	}
}

// Find returns what a request with this :authority and :path is for. If the error
// is ErrPath or ErrAuthority, the request must be refused.
func (t *Table) Find(authority, target string) (Match, error) {
	last := t.slot(authority, target)
	if last.is(authority, target) {
		return last.match, nil
	}
	path, _, _ := strings.Cut(target, "?")
	m, err := t.find(authority, path)
	if err != nil {
		return Match{}, err
	}
	last.set(authority, target, m)
	return m, nil
}

func (t *Table) find(authority, path string) (m Match, err error) {
	q, malformed := parseAuthority(authority)
	if isPlain(path) && !t.hasUpperCase {
		m = t.exact.find(&q, path, t.depth)
		err = t.checkHosts(m, q, malformed, path)
		m.Public = t.isPublic(m, path)
		return m, err
	}
	canonical, list, err := readingsOf(path, t.depth)
	if err != nil {
		return m, err
	}
	m = t.exact.find(&q, canonical, t.depth)
	public := t.isPublic(m, canonical)
	for _, r := range list {
		public = public && t.isPublic(m, r.path)
		folded := config.FoldPath(r.path)
		if t.leadsElsewhere(m, &q, folded, r.rare) {
			return m, ErrPath
		}
		if err := t.checkHosts(m, q, malformed, folded); err != nil {
			return m, err
		}
	}
	m.Public = public
	return m, nil
}

// isPublic reports whether a reading of a path is public at the resource of m.
func (t *Table) isPublic(m Match, path string) bool {
	if m.Kind != Protected || t.public == nil {
		return false
	}
	for _, public := range t.public[m.Resource] {
		if text, prefix := strings.CutSuffix(public, "*"); path == text || prefix && strings.HasPrefix(path, text) {
			return true
		}
	}
	return false
}

// leadsElsewhere reports whether a reading of the path or of the host leads to
// another resource than m, or to a resource where m is none. path is folded. A
// reading that leads from a resource to none does no harm: the gateway checks the
// request for the resource. If the gateway refuses m anyway, a rare reading does
// not count.
func (t *Table) leadsElsewhere(m Match, q *query, path string, rare bool) bool {
	if rare && m.Kind == Unmatched && !t.allowsUnmatched {
		return false
	}
	other := t.folded.find(q, path, t.depth)
	return other.Kind == Protected && other != m
}

// checkHosts returns ErrAuthority if another reading of the host leads to another
// resource than m at a folded path. Only requests that can go on to a server need
// the check.
func (t *Table) checkHosts(m Match, q query, malformed bool, path string) error {
	if !t.hasHosts || m.Kind != Protected && !(m.Kind == Unmatched && t.allowsUnmatched) {
		return nil
	}
	if malformed && t.folded.dependsOnHost(path, t.depth) {
		return ErrAuthority
	}
	others, n := t.otherQueries(q)
	for i := range others[:n] {
		if t.leadsElsewhere(m, &others[i], path, false) {
			return ErrAuthority
		}
	}
	return nil
}

func (x *index) find(q *query, path string, depth int) Match {
	i, byName := x.longestPrefix(q, path, depth)
	endpoint := strings.TrimSuffix(path, "/")
	if e, endpointByName := x.endpoints[endpoint].find(q); e >= 0 {
		// Endpoints configured for any host are not served on a host that another
		// resource names. The metadata of a resource is served on all its hosts.
		if k := endpointKind(endpoint); endpointByName || !byName || k == Metadata {
			return Match{Kind: k, Resource: e}
		}
	}
	switch {
	case i < 0:
		return Match{}
	case config.IsMetadataPath(path):
		return Match{Kind: NotPublished}
	}
	return Match{Kind: Protected, Resource: i}
}

// endpointKind returns the kind of the endpoint at a path in index.endpoints.
func endpointKind(path string) Kind {
	switch {
	case strings.HasPrefix(path+"/", config.ProtectedResourceWellKnown+"/"):
		return Metadata
	case config.IsMetadataPath(path):
		return ServerMetadata
	}
	switch path[strings.LastIndexByte(path, '/'):] {
	case config.AuthorizeEndpoint:
		return AuthorizationEndpoint
	case config.CallbackEndpoint:
		return CallbackEndpoint
	case config.TokenEndpoint:
		return TokenEndpoint
	case config.RegisterEndpoint:
		return RegistrationEndpoint
	}
	return RevocationEndpoint
}

// longestPrefix returns the resource with the longest prefix of path that ends at a
// segment border, or -1, and whether the resource names the host. No prefix has
// more than depth segments.
func (x *index) longestPrefix(q *query, path string, depth int) (resource int, byName bool) {
	for prefix := firstSegments(path, depth); ; {
		if i, byName := x.prefixes[prefix].find(q); i >= 0 {
			return i, byName
		}
		end := strings.LastIndexByte(prefix, '/')
		if end < 0 {
			return -1, false
		}
		prefix = prefix[:end]
	}
}

// dependsOnHost reports whether the resource of path depends on the host.
func (x *index) dependsOnHost(path string, depth int) bool {
	for prefix := firstSegments(path, depth); ; {
		if h := x.prefixes[prefix]; h != nil {
			return h.named != nil
		}
		end := strings.LastIndexByte(prefix, '/')
		if end < 0 {
			return false
		}
		prefix = prefix[:end]
	}
}

// firstSegments returns the first segments of path, at most depth of them.
func firstSegments(path string, depth int) string {
	if end := indexSlash(path, depth+1); end >= 0 {
		return path[:end]
	}
	return path
}

// indexSlash returns the index of the n-th slash of path, counted from 1, or -1.
func indexSlash(path string, n int) int {
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			if n--; n == 0 {
				return i
			}
		}
	}
	return -1
}
