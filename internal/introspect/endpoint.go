package introspect

import (
	"time"

	"mcpauth/config"
	"mcpauth/internal/keys"
	"mcpauth/internal/wellknown"
)

const (
	endpointMaxAge = time.Hour        // of one found in metadata
	searchAgain    = time.Minute      // with an old one in hand
	searchAnew     = 5 * time.Second  // with none
	searchTime     = 30 * time.Second // longer than any search takes
)

// search is for the endpoint, where it stands in the server's metadata only.
// Each worker searches for itself, when it has a question.
type search struct {
	insecure bool
	found    *config.URL
	due      int64         // when to search again
	began    int64         // the search under way; 0: none is
	places   []*config.URL // yet to be asked in it
	reasons  string        // why those asked gave nothing
}

func (s *search) underWay(now int64) bool {
	elapsed := now - s.began
	return s.began != 0 && elapsed >= 0 && elapsed < searchTime.Milliseconds()
}

// endpoint returns where to ask; nil if nobody knows, for now or, with wait,
// until a search has ended.
func (c *Checker) endpoint() (endpoint *config.URL, wait bool) {
	s := &c.search
	if c.how.Endpoint != nil {
		return c.how.Endpoint, false
	}
	now := c.host.Now()
	if !s.underWay(now) && (now >= s.due || s.due-now > endpointMaxAge.Milliseconds()) {
		k := &c.server.Source
		s.began, s.reasons, s.places = now, "", []*config.URL{k.MetadataURL}
		if k.MetadataURL == nil {
			issuer, _ := config.ParseURL(c.server.Issuer) // it was validated
			s.places = wellknown.AuthorizationServerURLs(issuer, k.Discovery)
		}
		c.searchOn()
	}
	return s.found, s.found == nil && s.underWay(now)
}

// searchOn asks the next place.
func (c *Checker) searchOn() {
	s := &c.search
	if len(s.places) == 0 {
		c.searched(nil)
		return
	}
	began, u := s.began, s.places[0]
	s.places = s.places[1:]
	err := c.host.Get(c.server.Cluster, u, func(r keys.Response) {
		if s.began != began {
			return
		}
		endpoint, err := c.endpointIn(r)
		if err == nil {
			c.searched(endpoint)
			return
		}
		s.reasons += "; " + u.Place() + ": " + err.Error()
		c.searchOn()
	})
	if err != nil {
		s.reasons += "; " + NoCluster(c.server.Cluster, err)
		c.searched(nil)
	}
}

// endpointIn reads an answer that should be the server's metadata (RFC 8414,
// section 2).
func (c *Checker) endpointIn(r keys.Response) (*config.URL, error) {
	if err := r.Fault(); err != nil {
		return nil, err
	}
	metadata, err := wellknown.ServerMetadata(r.Body, c.server.Source.Overrides, c.server.Issuer)
	if err != nil {
		return nil, err
	}
	return wellknown.Endpoint(metadata, "introspection_endpoint", c.search.insecure)
}

// searched ends a search, with the endpoint unless nothing was found, and sends
// what waited for it.
func (c *Checker) searched(endpoint *config.URL) {
	s := &c.search
	s.began = 0
	next := endpointMaxAge
	switch {
	case endpoint != nil:
		s.found = endpoint
	case s.found != nil:
		next = searchAgain
	default:
		next = searchAnew
	}
	s.due = c.host.Now() + next.Milliseconds()
	if endpoint == nil {
		c.report.Say("the endpoint is not found" + s.reasons)
	}
	c.Tick()
}

// NoCluster says for the log why the host did not call.
func NoCluster(cluster string, err error) string {
	return "the cluster " + quote(cluster) + " cannot be called: " + err.Error()
}
