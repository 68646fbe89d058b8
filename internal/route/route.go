// Package route decides which protected resource, if any, a request is for.
//
// Of the resources whose path prefixes and hosts fit a request the one with the
// longest prefix is meant, and of several with that prefix the one whose host
// is nearest: an exact host before a wildcard, a longer wildcard before a
// shorter one, one with a port before the same without, and any host last.
//
// A [Table] is made once from the configuration and changes only in what it
// remembers of the last look-ups. A look-up costs one map access for each path
// segment that any prefix has, and a few for the host, whatever the number of
// resources.
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
	// NotPublished: a discovery document that clients probe for below a protected
	// resource and that does not exist: answered 404, never 401, so that
	// clients go on to the next place, and never passed on.
	NotPublished
	// Protected: a protected resource; a token is needed.
	Protected
	// ServerMetadata: the metadata of an authorization server (RFC 8414), which
	// the gateway serves at the resource's origin.
	ServerMetadata
	// AuthorizationEndpoint, CallbackEndpoint, TokenEndpoint, RegistrationEndpoint and RevocationEndpoint: an endpoint of the
	// authorization server that the gateway is for the resource.
	AuthorizationEndpoint
	CallbackEndpoint
	TokenEndpoint
	RegistrationEndpoint
	RevocationEndpoint
)

// Match is what Find found. Resource is an index into Config.Resources, but for
// Unmatched and NotPublished.
type Match struct {
	Kind     Kind
	Resource int
}

// Table finds the resource of a request.
type Table struct {
	exact  index
	folded index // the same by what config.FoldPath makes of the paths
	depth  int   // segments in the longest prefix
	cased  bool  // a prefix has an upper-case letter, which no plain path has
	hosted bool  // a resource names its hosts
	ported bool  // and one of them with a port
	passes bool  // requests that belong to no resource go on unchecked
	recent [16]recent
}

// An index holds the resources by the paths at which the gateway itself answers
// for them and by their path prefixes, with no slash at the end; "" is the root.
type index struct {
	own, prefixes map[string]*hosts
}

// New builds the table of c's resources.
func New(c *config.Config) *Table {
	t := &Table{
		exact:  index{map[string]*hosts{}, map[string]*hosts{}},
		folded: index{map[string]*hosts{}, map[string]*hosts{}},
		passes: c.Unmatched == config.UnmatchedAllow,
	}
	for i, r := range c.Resources {
		own := append(r.OwnPaths(), config.MetadataPath(r.Resource))
		if r.RootMetadata {
			own = append(own, config.ProtectedResourcePlace)
		}
		names := r.Match.Hosts
		if len(names) == 0 {
			names = []string{""}
		}
		for _, name := range names {
			_, port := cutPort(name)
			t.hosted, t.ported = t.hosted || name != "", t.ported || port != ""
			for _, path := range own {
				at(t.exact.own, path).add(name, i)
				at(t.folded.own, config.FoldPath(path)).add(name, i)
			}
			for _, prefix := range r.Match.PathPrefixes {
				path := strings.TrimSuffix(prefix, "/")
				at(t.exact.prefixes, path).add(name, i)
				at(t.folded.prefixes, config.FoldPath(path)).add(name, i)
				t.depth = max(t.depth, strings.Count(path, "/"))
				t.cased = t.cased || path != strings.ToLower(path)
			}
		}
	}
	return t
}

// Find returns what a request with this :authority and :path is for. The error
// is ErrPath or ErrAuthority, for one that must be refused.
func (t *Table) Find(authority, target string) (Match, error) {
	last := &t.recent[slot(authority, target)]
	if last.target == target && last.authority == authority && target != "" {
		return last.match, nil
	}
	path, _, _ := strings.Cut(target, "?")
	m, err := t.find(authority, path)
	if err != nil {
		return Match{}, err
	}
	last.remember(authority, target, m)
	return m, nil
}

func (t *Table) find(authority, path string) (m Match, err error) {
	q, odd := parseAuthority(authority)
	if plain(path) && !t.cased {
		m = t.exact.find(&q, path, t.depth)
		return m, t.checkHosts(m, q, odd, path)
	}
	canonical, list, err := read(path, t.depth)
	if err != nil {
		return m, err
	}
	m = t.exact.find(&q, canonical, t.depth)
	for _, r := range list {
		folded := config.FoldPath(r.path)
		if t.leadsAway(m, &q, folded, r.rare) {
			return m, ErrPath
		}
		if err := t.checkHosts(m, q, odd, folded); err != nil {
			return m, err
		}
	}
	return m, nil
}

// leadsAway reports whether a reading, of a folded path or of the host, leads to
// another resource than m, or to one where m is none. The opposite is no danger:
// the resource's check is made. Where m is refused anyway, a reading that is rare
// does not count.
func (t *Table) leadsAway(m Match, q *query, path string, rare bool) bool {
	if rare && m.Kind == Unmatched && !t.passes {
		return false
	}
	o := t.folded.find(q, path, t.depth)
	return o.Kind == Protected && o != m
}

// checkHosts returns ErrAuthority if another reading of the host leads to another
// resource than m at a folded path. It matters only where a server gets the
// request.
func (t *Table) checkHosts(m Match, q query, odd bool, path string) error {
	if !t.hosted || m.Kind != Protected && !(m.Kind == Unmatched && t.passes) {
		return nil
	}
	if odd && t.folded.depends(path, t.depth) {
		return ErrAuthority
	}
	others, n := t.others(q)
	for i := range others[:n] {
		if t.leadsAway(m, &others[i], path, false) {
			return ErrAuthority
		}
	}
	return nil
}

func (x *index) find(q *query, path string, depth int) Match {
	i, named := x.longestPrefix(q, path, depth)
	own := strings.TrimSuffix(path, "/")
	if o, near := x.own[own].pick(q); o >= 0 {
		// What the gateway is on any host it is not on one that a resource has
		// to itself; the metadata of a resource is wherever the resource is.
		if k := kind(own); near || !named || k == Metadata {
			return Match{k, o}
		}
	}
	switch {
	case i < 0:
		return Match{}
	case config.IsDiscovery(path):
		return Match{Kind: NotPublished}
	}
	return Match{Protected, i}
}

// kind returns what is at one of the gateway's own paths.
func kind(path string) Kind {
	switch {
	case strings.HasPrefix(path+"/", config.ProtectedResourcePlace+"/"):
		return Metadata
	case strings.HasPrefix(path+"/", config.AuthorizationServerPlace+"/"):
		return ServerMetadata
	}
	switch path[strings.LastIndexByte(path, '/'):] {
	case config.AuthorizeName:
		return AuthorizationEndpoint
	case config.CallbackName:
		return CallbackEndpoint
	case config.TokenName:
		return TokenEndpoint
	case config.RegisterName:
		return RegistrationEndpoint
	}
	return RevocationEndpoint
}

// longestPrefix returns the resource with the longest prefix of path on
// segment borders, or -1, and whether it names its hosts. No prefix has more
// segments than depth.
func (x *index) longestPrefix(q *query, path string, depth int) (resource int, named bool) {
	for prefix := cutDepth(path, depth); ; {
		if i, named := x.prefixes[prefix].pick(q); i >= 0 {
			return i, named
		}
		end := strings.LastIndexByte(prefix, '/')
		if end < 0 {
			return -1, false
		}
		prefix = prefix[:end]
	}
}

// depends reports whether it depends on the host which resource path belongs to.
func (x *index) depends(path string, depth int) bool {
	for prefix := cutDepth(path, depth); ; {
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

// cutDepth returns the first segments of path, depth of them at most.
func cutDepth(path string, depth int) string {
	if end := nthSlash(path, depth+1); end >= 0 {
		return path[:end]
	}
	return path
}

// nthSlash returns the index of the n-th slash of path, n from 1, or -1.
func nthSlash(path string, n int) int {
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			if n--; n == 0 {
				return i
			}
		}
	}
	return -1
}
