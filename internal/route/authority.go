package route

import (
	"errors"
	"strings"

	"mcpauth/config"
)

// ErrAuthority refuses an :authority that Envoy or a server behind it could read as
// another host, if that host leads to another protected resource.
var ErrAuthority = errors.New("the host cannot be compared safely")

// A mode is a way in which Envoy or a server may match a host with the hosts that
// resources name.
type mode uint8

const (
	// mostSpecific is the way of this package: see the package documentation.
	mostSpecific mode = iota
	// literal is the way of Envoy's virtual hosts, unless Envoy strips ports or
	// dots: a host without a port matches no authority with one, and a dot at the
	// end is part of the name. An authority without a port matches a host with a
	// default port, which no client could reach otherwise.
	literal
	// anyPort matches a host that resources name only with other ports as if it had
	// one of these: a client can write any port into its request, and Envoy and
	// servers may ignore it.
	anyPort
)

// A query is a host to look up.
type query struct {
	host string // in lower case, without a dot at the end
	port string // empty if there is none
	mode mode
	dot  bool // the host had a dot at the end
}

// parseAuthority splits an :authority. malformed is set if it is not host or
// host:port as package config defines them; a dot at the end of the host is allowed.
// Parsers disagree about user information, an empty port and characters that no
// host has.
func parseAuthority(authority string) (q query, malformed bool) {
	host, port := cutPort(authority)
	name, dot := strings.CutSuffix(host, ".")
	if dot {
		malformed = !config.IsHostPort(name + authority[len(host):])
	} else {
		malformed = !config.IsHostPort(authority)
	}
	return query{host: strings.ToLower(name), port: port, mode: mostSpecific, dot: dot}, malformed
}

// cutPort splits host:port; port is empty if there is none.
func cutPort(authority string) (host, port string) {
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		return authority[:i], authority[i+1:]
	}
	return authority, ""
}

// otherQueries returns the first n queries of list: those by which Envoy or a
// server may find another resource than q does.
func (t *Table) otherQueries(q query) (list [2]query, n int) {
	if !t.hasHosts {
		return list, 0
	}
	if t.hasPorts || q.port != "" || q.dot {
		list[n] = q
		list[n].mode = literal
		n++
	}
	if t.hasPorts {
		list[n] = q
		list[n].mode = anyPort
		n++
	}
	return list, n
}
