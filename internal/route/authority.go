package route

import (
	"errors"
	"strings"

	"mcpauth/config"
)

// ErrAuthority is the answer to an :authority that Envoy or a server behind it
// could read as another host, where that host leads to another protected
// resource.
var ErrAuthority = errors.New("the host cannot be compared safely")

// A matching is one way in which Envoy or a server may look for a host among
// those that resources name.
type matching uint8

const (
	// nearest is how this package decides: see the package comment.
	nearest matching = iota
	// literal is how Envoy's virtual hosts match unless Envoy strips ports or
	// dots: a name without a port fits no authority that has one, and a dot at
	// the end belongs to the name. An authority without a port fits a name with
	// a default port: no client could reach that name otherwise.
	literal
	// anyPort takes a host that resources name with other ports only for one
	// of these: a client can write any port into its request, and servers and
	// Envoy may ignore it.
	anyPort
)

// A query is a host to look for.
type query struct {
	host string // lower case, no dot at the end
	port string // "" where there is none
	how  matching
	dot  bool // there was a dot at the end
}

// parseAuthority splits an :authority. odd is set for one that is not host or
// host:port as config has it, but for a dot at the end of the host: with user
// information, an empty port, characters that no host has. Parsers disagree on
// these.
func parseAuthority(authority string) (q query, odd bool) {
	host, port := cutPort(authority)
	name, dot := strings.CutSuffix(host, ".")
	if dot {
		odd = !config.IsHostPort(name + authority[len(host):])
	} else {
		odd = !config.IsHostPort(authority)
	}
	return query{host: strings.ToLower(name), port: port, how: nearest, dot: dot}, odd
}

// cutPort splits host:port; port is empty where there is none.
func cutPort(authority string) (host, port string) {
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		return authority[:i], authority[i+1:]
	}
	return authority, ""
}

// others returns the queries beside q by which Envoy or a server may find
// another resource.
func (t *Table) others(q query) (list [2]query, n int) {
	if !t.hosted {
		return list, 0
	}
	if t.ported || q.port != "" || q.dot {
		list[n] = q
		list[n].how = literal
		n++
	}
	if t.ported {
		list[n] = q
		list[n].how = anyPort
		n++
	}
	return list, n
}
