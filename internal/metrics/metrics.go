// Package metrics counts what becomes of requests and of the calls to
// authorization servers.
//
// A count is an increment in memory; [Set.Flush] hands what has changed to the
// host, whose counters add up what all workers have counted. Names and labels
// come from this package and from the configuration, never from a request.
//
// A stat of Envoy has a name and no labels, so that a label is written into the
// name as ".label=value": stats_tags in Envoy's configuration can take it out
// again, and the name reads well where nothing does.
package metrics

import "mcpauth/config"

// A Kind is a proxy_metric_type_t of the proxy-wasm ABI.
type Kind uint32

// The kinds of metrics that are used here.
const (
	Counter Kind = 0
	Gauge   Kind = 1
)

// A Set is what one configuration counts in one worker.
type Set struct {
	list   []metric // by Outcome, then held, then those of each server
	config *config.Config
	define Define
}

// The values of a metric may overflow: only their difference matters.
type metric struct {
	value, reported int32 // now, and when the host was last reported
	id              uint32
}

// Places in the list.
const (
	held = OutcomeCount + iota
	servers
)

// Define returns the number by which the host knows a metric in this worker.
// All metrics of one name in the process are one and the same.
type Define = func(kind Kind, name string) (id uint32)

// New returns the empty Set of c. It defines the counters at once, though none
// has counted yet: an alert on a series that begins at 1 would miss its first
// event.
func New(c *config.Config, define Define) *Set {
	s := &Set{make([]metric, servers+len(c.AuthorizationServers)*perServer), c, define}
	for o := range requests {
		s.add(o, Counter, "requests_total.result=", requests[o])
	}
	s.add(held, Gauge, "held_requests", "")
	for i, server := range c.AuthorizationServers {
		at, label := servers+i*perServer, issuer(server)
		if k := server.Source.Kind; k != config.Static && (k != config.NoKeys || server.Source.KeepMetadata) {
			s.add(at+keysFetched, Counter, "key_fetches_total.result=ok", label)
			s.add(at+keysFailed, Counter, "key_fetches_total.result=failed", label)
		}
		if server.Introspection != nil {
			s.add(at+introspectionsAnswered, Counter, "introspections_total.result=ok", label)
			s.add(at+introspectionsFailed, Counter, "introspections_total.result=failed", label)
		}
	}
	return s
}

//go:noinline
func (s *Set) add(place int, kind Kind, name, labels string) {
	s.list[place].id = s.define(kind, "mcpauth_"+name+labels)
}

// Request counts a request, at its end.
func (s *Set) Request(o Outcome) { s.list[o].value++ }

// Flush tells the host how many requests wait now, and what else has changed
// since it was last called. increment adds this worker's share to a metric;
// record sets what all workers know alike. The status that they return is of no
// use: what the host refuses is not counted.
func (s *Set) Flush(waiting int, increment, record func(id uint32, value int64) (status uint32)) {
	s.list[held].value = int32(waiting)
	for i := range s.list {
		m := &s.list[i]
		if m.value == m.reported {
			continue
		}
		tell, value := increment, m.value-m.reported
		if server := uint(i - servers); i >= servers && server%perServer == keyAge {
			if m.id == 0 {
				s.add(i, Gauge, "key_age_seconds", issuer(s.config.AuthorizationServers[server/perServer]))
			}
			tell, value = record, m.value
		}
		tell(m.id, int64(value))
		m.reported = m.value
	}
}
