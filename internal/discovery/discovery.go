// Package discovery finds the metadata of an authorization server (RFC 8414; OpenID
// Connect Discovery 1.0) and keeps what the plugin needs of it: the endpoints and,
// if the configuration says so, the document.
//
// Each worker has one [Client] for each authorization server. The Clients of all
// workers share one record, so that an endpoint that one worker finds is known to
// all. A Client decides neither when to search nor how often: its callers do.
package discovery

import (
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
)

const (
	// MaxAge is how long an endpoint may be used before it is searched for again.
	MaxAge = time.Hour

	// maxSearch is the time after which a search sends no further request.
	maxSearch = 12 * time.Second

	// SearchLost is longer than any search takes. If a search has not ended by then,
	// the host has lost it.
	SearchLost = maxSearch + 2*callout.Timeout
)

// An Endpoint is the endpoint that metadata must have for a search to succeed.
type Endpoint uint8

const (
	JWKS          Endpoint = iota // jwks_uri
	Introspection                 // introspection_endpoint
	endpoints

	// NoEndpoint is for a caller that needs the document alone.
	NoEndpoint Endpoint = endpoints
)

var endpointNames = [endpoints]string{JWKS: "jwks_uri", Introspection: "introspection_endpoint"}

// Client finds the metadata of one authorization server, for one worker.
type Client struct {
	server   *config.AuthorizationServer
	insecure bool // endpoints may be http
	host     callout.Host
	name     string // of the record in the shared data
	record   record // as last seen
}

// New returns the Client of a server. insecure allows endpoints to be http.
func New(server *config.AuthorizationServer, insecure bool, host callout.Host) *Client {
	return &Client{server: server, insecure: insecure, host: host, name: recordName(server, insecure)}
}

// Load takes over what other workers, or an earlier configuration, have found.
func (c *Client) Load() {
	value, cas := c.host.Load(c.name)
	if r, ok := decode(value); ok && cas != 0 {
		c.record = r
	}
}

// Endpoint returns an endpoint that a worker has found, nil if there is none, and how
// long the caller may use it before it searches again: 0 if the endpoint is older than
// [MaxAge].
func (c *Client) Endpoint(e Endpoint) (u *config.URL, fresh time.Duration) {
	found := &c.record.found[e]
	u, err := config.ParseURL(found.url)
	if err != nil {
		return nil, 0
	}
	if now := c.host.Now(); found.at.Within(MaxAge, now) {
		fresh = MaxAge - now.Sub(found.at)
	}
	return u, fresh
}

// Forget drops an endpoint that has failed, for all workers: it may have moved.
func (c *Client) Forget(e Endpoint) {
	if c.record.found[e].url == "" {
		return
	}
	c.update(func(r *record) bool {
		r.found[e] = found{}
		return true
	})
}

// Metadata returns the document, a JSON object, if the configuration says that it
// is kept; empty while there is none.
func (c *Client) Metadata() string {
	if c.server.Source.Metadata != "" {
		return c.server.Source.Metadata
	}
	return c.record.document
}

// TakeTurn reports whether this worker may search for an endpoint. If so, no other
// worker may for the interval: otherwise all workers that need the endpoint would
// search at once. TakeTurn first takes over what other workers have found, and
// reports false if the endpoint is fresh.
func (c *Client) TakeTurn(e Endpoint, interval time.Duration) bool {
	return c.update(func(r *record) bool {
		now := c.host.Now()
		found := &r.found[e]
		if found.at.Within(MaxAge, now) || found.searched.Within(interval, now) {
			return false
		}
		found.searched = now
		return true
	})
}

// update changes the record by f, which reports whether to store it. update reports
// whether it has stored the record.
func (c *Client) update(f func(*record) bool) bool {
	const attempts = 3 // if other workers write at the same time
	for range attempts {
		value, cas := callout.LoadOrCreate(c.host, c.name, (&record{}).encode())
		r, _ := decode(value)
		old := r
		if !f(&r) {
			c.record = old
			return false
		}
		if cas != 0 && c.host.Store(c.name, r.encode(), cas) {
			c.record = r
			return true
		}
	}
	return false
}
