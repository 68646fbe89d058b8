// Package route decides which protected resource, if any, a request is for.
//
// A [Table] is made once from the configuration and changes only in what it remembers of the last look-ups. A look-up
// costs one map access for each path segment that any prefix has, whatever the
// number of resources.
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
)

// Match is what Find found. Resource is an index into Config.Resources, for
// Metadata and Protected.
type Match struct {
	Kind     Kind
	Resource int
}

// Table finds the resource of a request.
type Table struct {
	exact  index
	folded index // the same with all paths in lower case
	depth  int   // segments in the longest prefix
	recent [16]recent
}

// An index holds the resources by the path of their metadata URL and by their
// path prefixes, with no slash at the end; "" is the root.
type index struct {
	metadata, prefixes map[string][]entry
}

// An entry is one candidate for a path: host "" is any host, port "" any port.
// No two entries for a path have hosts in common: config sees to it.
type entry struct {
	host, port string
	resource   int
}

// New builds the table of c's resources.
func New(c *config.Config) *Table {
	t := &Table{
		exact:  index{map[string][]entry{}, map[string][]entry{}},
		folded: index{map[string][]entry{}, map[string][]entry{}},
	}
	add := func(at map[string][]entry, folded map[string][]entry, path string, e entry) {
		path = strings.TrimSuffix(path, "/")
		at[path] = append(at[path], e)
		lower := strings.ToLower(path)
		folded[lower] = append(folded[lower], e)
	}
	for i, r := range c.Resources {
		for _, e := range entries(r.Match.Hosts, i) {
			add(t.exact.metadata, t.folded.metadata, config.MetadataPath(r.Resource), e)
			for _, prefix := range r.Match.PathPrefixes {
				add(t.exact.prefixes, t.folded.prefixes, prefix, e)
				t.depth = max(t.depth, strings.Count(strings.TrimSuffix(prefix, "/"), "/"))
			}
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
	last := &t.recent[slot(authority, target)]
	if last.target == target && last.authority == authority && target != "" {
		return last.match, nil
	}
	path, _, _ := strings.Cut(target, "?")
	host, port := splitAuthority(authority)
	if plain(path) {
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
	if i := pick(x.metadata[strings.TrimSuffix(path, "/")], host, port); i >= 0 {
		return Match{Metadata, i}
	}
	i := x.longestPrefix(host, port, path, depth)
	switch {
	case i < 0:
		return Match{}
	case config.IsDiscovery(path):
		return Match{Kind: Absent}
	}
	return Match{Protected, i}
}

// longestPrefix returns the resource with the longest prefix of path on
// segment borders, or -1. No prefix has more segments than depth.
func (x *index) longestPrefix(host, port, path string, depth int) int {
	end := len(path)
	if n := nthSlash(path, depth+1); n >= 0 {
		end = n
	}
	for {
		if i := pick(x.prefixes[path[:end]], host, port); i >= 0 {
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

// pick returns the resource of the entry for host and port, or -1.
func pick(candidates []entry, host, port string) int {
	for _, e := range candidates {
		if (e.host == "" || e.host == host) && (e.port == "" || e.port == port || port == "" && defaultPort(e.port)) {
			return e.resource
		}
	}
	return -1
}

// defaultPort reports whether clients leave a port out, with one scheme or the
// other: which one the request came by is not known for sure behind a proxy.
func defaultPort(port string) bool { return port == "443" || port == "80" }

// splitAuthority splits an :authority value into the host, in lower case and
// with no dot at its end, and the port, "" where there is none.
func splitAuthority(authority string) (host, port string) {
	host = authority
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		host, port = authority[:i], authority[i+1:]
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")), port
}
