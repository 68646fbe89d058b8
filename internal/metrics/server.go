package metrics

import (
	"strings"

	"mcpauth/config"
)

// The metrics of one authorization server.
const (
	keysFetched = iota
	keysFailed
	keyAge
	introspectionsAnswered
	introspectionsFailed

	perServer
)

// Keys says of a server, which is an index into Config.AuthorizationServers, how
// many fetches of its keys this worker has made, well and not, and how many
// seconds ago the last good one of any worker began, 0 if there was none. The
// host has that gauge from the first second on, lest no keys look like new ones.
func (s *Set) Keys(server int, fetched, failed, age int32) {
	of := s.list[servers+server*perServer:][:perServer]
	of[keysFetched].value = fetched
	of[keysFailed].value = failed
	of[keyAge].value = age
}

// Introspections says of a server how many questions about tokens this worker
// has asked it, answered and not.
func (s *Set) Introspections(server int, answered, failed int32) {
	of := s.list[servers+server*perServer:][:perServer]
	of[introspectionsAnswered].value = answered
	of[introspectionsFailed].value = failed
}

// issuer returns the label of a server: its issuer without "https://" and with
// "_" for all that is no letter or digit, since a dot divides a name. Issuers
// that differ in such characters only share their metrics.
//
//go:noinline
func issuer(server *config.AuthorizationServer) string {
	b := []byte(strings.TrimPrefix(server.Issuer, "https://"))
	for i, c := range b {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			b[i] = '_'
		}
	}
	return ".issuer=" + string(b)
}
