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
	// Absent: a discovery document that clients probe for below a protected
	// resource and that does not exist: answered 404, never 401, so that
	// clients go on to the next place, and never passed on.
	Absent
	// Protected: a protected resource; a token is needed.
	Protected
	// ServerMetadata: the metadata of an authorization server (RFC 8414), which
	// the gateway serves at the resource's origin.
	ServerMetadata
	// Authorize, Callback, Token, Register and Revoke: an endpoint of the
	// authorization server that the gateway is for the resource.
	Authorize
	Callback
	Token
	Register
	Revoke
)

// Match is what Find found. Resource is an index into Config.Resources, but for
// Unmatched and Absent.
type Match struct {
	Kind     Kind
	Resource int
}

// Table finds the resource of a request.
type Table struct {
	exact  index
	folded index // the same with all paths in lower case
	depth  int   // segments in the longest prefix
	cased  bool  // a prefix has an upper-case letter, which no plain path has
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
			for _, path := range own {
				at(t.exact.own, path).add(name, i)
				at(t.folded.own, strings.ToLower(path)).add(name, i)
			}
			for _, prefix := range r.Match.PathPrefixes {
				path := strings.TrimSuffix(prefix, "/")
				at(t.exact.prefixes, path).add(name, i)
				at(t.folded.prefixes, strings.ToLower(path)).add(name, i)
				t.depth = max(t.depth, strings.Count(path, "/"))
				t.cased = t.cased || path != strings.ToLower(path)
			}
		}
	}
	return t
}

// Find returns what a request with this :authority and :path is for. The error
// is ErrPath, for a path that must be refused.
func (t *Table) Find(authority, target string) (Match, error) {
	last := &t.recent[slot(authority, target)]
	if last.target == target && last.authority == authority && target != "" {
		return last.match, nil
	}
	path, _, _ := strings.Cut(target, "?")
	host, port := splitAuthority(authority)
	if plain(path) && !t.cased {
		m := t.exact.find(host, port, path, t.depth)
		last.remember(authority, target, m)
		return m, nil
	}
	paths, err := read(path, t.depth)
	if err != nil {
		return Match{}, err
	}
	m := t.exact.find(host, port, paths[canonical], t.depth)
	for _, other := range paths {
		// Nobody's reading may lead to another resource, nor to one where the
		// canonical path leads to none. The opposite is no danger: the
		// resource's check is made.
		o := t.folded.find(host, port, strings.ToLower(other), t.depth)
		if o.Kind == Protected && o != m {
			return Match{}, ErrPath
		}
	}
	last.remember(authority, target, m)
	return m, nil
}

func (x *index) find(host, port, path string, depth int) Match {
	i, named := x.longestPrefix(host, port, path, depth)
	own := strings.TrimSuffix(path, "/")
	if o, near := x.own[own].pick(host, port); o >= 0 {
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
		return Match{Kind: Absent}
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
		return Authorize
	case config.CallbackName:
		return Callback
	case config.TokenName:
		return Token
	case config.RegisterName:
		return Register
	}
	return Revoke
}

// longestPrefix returns the resource with the longest prefix of path on
// segment borders, or -1, and whether it names its hosts. No prefix has more
// segments than depth.
func (x *index) longestPrefix(host, port, path string, depth int) (resource int, named bool) {
	end := len(path)
	if n := nthSlash(path, depth+1); n >= 0 {
		end = n
	}
	for {
		if i, named := x.prefixes[path[:end]].pick(host, port); i >= 0 {
			return i, named
		}
		if end = strings.LastIndexByte(path[:end], '/'); end < 0 {
			return -1, false
		}
	}
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
