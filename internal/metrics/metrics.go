// Package metrics counts requests by their outcome, and calls to authorization
// servers.
//
// Counting increments a number in memory; [Set.Flush] passes the changes to the
// host, whose counters add up those of all workers. Names and labels come from this
// package and from the configuration, never from a request.
//
// A stat of Envoy has a name and no labels. The name therefore contains each label
// as ".label=value": stats_tags in Envoy's configuration can extract it, and the
// name is readable without them.
package metrics

import "mcpauth/config"

// A Kind is a proxy_metric_type_t of the proxy-wasm ABI.
type Kind uint32

const (
	Counter Kind = 0
	Gauge   Kind = 1
)

// A Set has the metrics of one configuration in one worker.
type Set struct {
	requests [OutcomeCount]metric
	held     metric
	lists    metric
	info     metric
	servers  []serverMetrics // in the order of Config.AuthorizationServers
	define   Define
}

// A metric has a value that may overflow: only differences of it matter.
type metric struct {
	value    int32
	reported int32 // the value when the host last learned it
	id       uint32
}

// Define returns the ID of a metric in this worker. All metrics in the process that
// have one name are the same metric.
type Define = func(kind Kind, name string) (id uint32)

// New returns the Set of c with all values 0. It defines all counters at once: an
// alert would miss the first event of a counter that does not exist before it. version
// is that of the plugin.
func New(c *config.Config, version string, define Define) *Set {
	s := &Set{servers: make([]serverMetrics, len(c.AuthorizationServers)), define: define}
	for o := range s.requests {
		s.defineMetric(&s.requests[o], Counter, "requests_total.result=", outcomeLabels[o])
	}
	s.defineMetric(&s.held, Gauge, "held_requests", "")
	s.defineMetric(&s.lists, Counter, "unreadable_lists_total", "")
	s.defineMetric(&s.info, Gauge, "info.version=", labelValue(version, '-'))
	s.info.value = 1
	for i, server := range c.AuthorizationServers {
		s.defineServer(&s.servers[i], server)
	}
	return s
}

func (s *Set) defineMetric(m *metric, kind Kind, name, labels string) {
	m.id = s.define(kind, "mcpauth_"+name+labels)
}

// Request counts a request that is answered or goes on.
func (s *Set) Request(o Outcome) { s.requests[o].value++ }

// UnreadableList counts a response that was not passed on, since its lists could not be
// filtered.
func (s *Set) UnreadableList() { s.lists.value++ }

// An Update passes a value to the metric with an ID. A host that refuses it returns
// a status other than 0; Flush ignores that, and the value is lost.
type Update = func(id uint32, value int64) (status uint32)

// Flush passes to the host the number of requests that wait now, and what has
// changed since the last call. increment adds to a metric what this worker has
// counted; record sets a metric that has the same value in all workers.
func (s *Set) Flush(waiting int, increment, record Update) {
	for o := range s.requests {
		s.requests[o].flush(increment)
	}
	s.held.value = int32(waiting)
	s.held.flush(increment)
	s.lists.flush(increment)
	s.info.flush(record)
	for i := range s.servers {
		server := &s.servers[i]
		server.keysFetched.flush(increment)
		server.keysFailed.flush(increment)
		s.flushAge(server, record)
		server.introspectionsAnswered.flush(increment)
		server.introspectionsFailed.flush(increment)
	}
}

// flush passes the change of m to the host. record in place of increment is for a
// metric whose value changes once, from 0.
func (m *metric) flush(increment Update) {
	if m.value != m.reported {
		increment(m.id, int64(m.value-m.reported))
		m.reported = m.value
	}
}
