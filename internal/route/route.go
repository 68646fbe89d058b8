// Package route decides which protected resource, if any, a request is for.
//
// A [Table] is made once from the configuration and never changes. A look-up
// costs one map access for each path segment that any prefix has, whatever the
// number of resources.
package route

import (
	"strings"

	"mcpauth/config"
	"mcpauth/internal/wellknown"
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
)

// Match is what Find found. Resource is an index into Config.Resources, for
// Metadata and Protected.
type Match struct {
	Kind     Kind
	Resource int
}

// Table finds the resource of a request.
type Table struct {
	prefixes map[string][]entry // by path prefix with no slash at its end; "" is the root
	metadata map[string][]entry // by the path of the metadata URL, likewise
	depth    int                // segments in the longest prefix
}

// An entry is one candidate for a path: host "" is any host, port "" any port.
type entry struct {
	host, port string
	resource   int
}

// New builds the table of c's resources.
func New(c *config.Config) *Table {
	t := &Table{prefixes: map[string][]entry{}, metadata: map[string][]entry{}}
	for i, r := range c.Resources {
		for _, e := range entries(r.Match.Hosts, i) {
			for _, prefix := range r.Match.PathPrefixes {
				prefix = strings.TrimSuffix(prefix, "/")
				t.prefixes[prefix] = append(t.prefixes[prefix], e)
				t.depth = max(t.depth, strings.Count(prefix, "/"))
			}
			path := wellknown.ProtectedResourcePath(r.Resource)
			t.metadata[path] = append(t.metadata[path], e)
		}
	}
	return t
}

func entries(hosts []string, resource int) []entry {
	if len(hosts) == 0 {
		return []entry{{resource: resource}}
	}
	list := make([]entry, len(hosts))
	for i, h := range hosts {
		host, port := splitAuthority(h)
		list[i] = entry{host, port, resource}
	}
	return list
}

// Find returns what a request with this :authority and :path is for. The error
// is ErrPath, for a path that must be refused.
func (t *Table) Find(authority, target string) (Match, error) {
	path, _, _ := strings.Cut(target, "?")
	host, port := splitAuthority(authority)
	if plain(path) {
		return t.find(host, port, path), nil
	}
	paths, err := read(path, t.depth)
	if err != nil {
		return Match{}, err
	}
	m := t.find(host, port, paths[canonical])
	for _, other := range paths {
		// Nobody's reading may lead to another resource, nor to one where the
		// canonical path leads to none. The opposite is no danger: the
		// resource's check is made.
		if o := t.find(host, port, other); o.Kind == Protected && o != m {
			return Match{}, ErrPath
		}
	}
	return m, nil
}

func (t *Table) find(host, port, path string) Match {
	if i := pick(t.metadata[strings.TrimSuffix(path, "/")], host, port); i >= 0 {
		return Match{Metadata, i}
	}
	m := Match{}
	if i := t.longestPrefix(host, port, path); i >= 0 {
		m = Match{Protected, i}
		if wellknown.IsDiscovery(path) {
			m = Match{Kind: Absent}
		}
	}
	return m
}

// longestPrefix returns the resource with the longest prefix of path on
// segment borders, or -1.
func (t *Table) longestPrefix(host, port, path string) int {
	end := len(path)
	if n := nthSlash(path, t.depth+1); n >= 0 {
		end = n
	}
	for {
		if i := pick(t.prefixes[path[:end]], host, port); i >= 0 {
			return i
		}
		if end = strings.LastIndexByte(path[:end], '/'); end < 0 {
			return -1
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

// pick returns the resource of the entry that names host and port most
// closely, or -1.
func pick(candidates []entry, host, port string) int {
	best, rank := -1, 0
	for _, e := range candidates {
		r := 1
		if e.host != "" {
			if e.host != host {
				continue
			}
			r = 2
		}
		if e.port != "" {
			if e.port != port {
				continue
			}
			r++
		}
		if r > rank {
			best, rank = e.resource, r
		}
	}
	return best
}

// splitAuthority splits an :authority value into the host, in lower case and
// with no dot at its end, and the port, "" where there is none.
func splitAuthority(authority string) (host, port string) {
	host = authority
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		host, port = authority[:i], authority[i+1:]
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")), port
}
