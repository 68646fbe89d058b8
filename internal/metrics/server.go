package metrics

import (
	"strings"

	"mcpauth/config"
)

// serverMetrics are the metrics of one authorization server.
type serverMetrics struct {
	label                                        string // names the issuer
	keysFetched, keysFailed                      metric
	keyAge                                       metric // defined when it is first known
	introspectionsAnswered, introspectionsFailed metric
}

// defineServer defines the counters of the calls that the gateway makes to a server.
func (s *Set) defineServer(m *serverMetrics, server *config.AuthorizationServer) {
	m.label = issuerLabel(server)
	if k := server.Source.Kind; k != config.Static && (k != config.NoKeys || server.Source.KeepMetadata) {
		s.defineMetric(&m.keysFetched, Counter, "key_fetches_total.result=ok", m.label)
		s.defineMetric(&m.keysFailed, Counter, "key_fetches_total.result=failed", m.label)
	}
	if server.Introspection != nil {
		s.defineMetric(&m.introspectionsAnswered, Counter, "introspections_total.result=ok", m.label)
		s.defineMetric(&m.introspectionsFailed, Counter, "introspections_total.result=failed", m.label)
	}
}

// flushAge passes the age of a server's keys to the host. It defines the gauge when
// the age is first known: a gauge that begins at 0 would look like new keys.
func (s *Set) flushAge(m *serverMetrics, record Update) {
	age := &m.keyAge
	if age.value == age.reported {
		return
	}
	if age.id == 0 {
		s.defineMetric(age, Gauge, "key_age_seconds", m.label)
	}
	record(age.id, int64(age.value))
	age.reported = age.value
}

// Keys sets the metrics of the keys of a server, which is an index into
// Config.AuthorizationServers: how many fetches of this worker succeeded and failed,
// and how many seconds ago the last successful fetch of any worker began, 0 if there
// was none.
func (s *Set) Keys(server int, fetched, failed, ageSeconds int32) {
	m := &s.servers[server]
	m.keysFetched.value = fetched
	m.keysFailed.value = failed
	m.keyAge.value = ageSeconds
}

// Introspections sets the metrics of the tokens that this worker has introspected at
// a server: how many calls were answered, and how many failed.
func (s *Set) Introspections(server int, answered, failed int32) {
	m := &s.servers[server]
	m.introspectionsAnswered.value = answered
	m.introspectionsFailed.value = failed
}

// issuerLabel returns the label of a server: its issuer without "https://". Issuers that
// labelValue makes equal share their metrics.
func issuerLabel(server *config.AuthorizationServer) string {
	return ".issuer=" + labelValue(strings.TrimPrefix(server.Issuer, "https://"), '_')
}

// labelValue returns s with "_" for each character other than a letter, a digit or
// permitted: a dot separates labels.
func labelValue(s string, permitted byte) string {
	b := []byte(s)
	for i, c := range b {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == permitted) {
			b[i] = '_'
		}
	}
	return string(b)
}
