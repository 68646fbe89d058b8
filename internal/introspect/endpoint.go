package introspect

import (
	"encoding/binary"
	"math"
	"time"

	"mcpauth/config"
	"mcpauth/internal/keys"
	"mcpauth/internal/wellknown"
)

const (
	endpointMaxAge = time.Hour        // of one found in metadata
	searchAgain    = time.Minute      // with an old one in hand
	searchAnew     = time.Second      // with none, while a question waits
	searchTime     = 30 * time.Second // longer than any search takes
)

// search is for the endpoint, where it stands in the server's metadata only.
// Each worker searches for itself, when it has a question. Until a search has
// succeeded, and after one has failed, the workers take turns.
type search struct {
	insecure bool
	found    *config.URL
	due      int64         // when to search again
	began    int64         // the search under way; 0: none is
	places   []*config.URL // yet to be asked in it
	reasons  string        // why those asked gave nothing
	failed   int64         // when the search began that has just ended with nothing; else 0
	waits    bool          // for its turn
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
	if now := c.host.Now(); s.failed == 0 && !s.underWay(now) {
		due := now >= s.due || s.due-now > endpointMaxAge.Milliseconds()
		if s.waits = s.found == nil && !(due && c.turn(now)); due && !s.waits {
			c.begin(now)
		}
	}
	return s.found, s.found == nil && s.failed == 0
}

// begin starts a search.
func (c *Checker) begin(now int64) {
	s, k := &c.search, &c.server.Source
	s.began, s.reasons, s.places = now, "", []*config.URL{k.MetadataURL}
	if k.MetadataURL == nil {
		issuer, _ := config.ParseURL(c.server.Issuer) // it was validated
		s.places = wellknown.AuthorizationServerURLs(issuer, k.Discovery)
	}
	c.searchOn()
}

// The workers share the time of the last search while none succeeds, in eight
// bytes; 0 once one has.

func (c *Checker) turnName() string { return "mcpauth.search 1 " + c.server.Issuer }

// turn reports whether this worker may search, with nothing in hand.
func (c *Checker) turn(now int64) bool {
	value, cas := c.host.Load(c.turnName())
	if cas == 0 {
		cas = math.MaxUint32 // of several workers one creates the value
	} else if len(value) == 8 {
		last := int64(binary.LittleEndian.Uint64(value))
		if last == 0 {
			return true
		}
		if last <= now && now-last < searchAnew.Milliseconds() {
			return false
		}
	}
	return c.host.Store(c.turnName(), binary.LittleEndian.AppendUint64(nil, uint64(now)), cas)
}

// took notes how a search has ended that began at a time.
func (c *Checker) took(began int64, found bool) {
	value, cas := c.host.Load(c.turnName())
	if len(value) != 8 || cas == 0 {
		return
	}
	failing := binary.LittleEndian.Uint64(value) != 0
	switch {
	case found && failing:
		c.host.Store(c.turnName(), make([]byte, 8), cas)
	case !found && !failing:
		c.host.Store(c.turnName(), binary.LittleEndian.AppendUint64(nil, uint64(began)), cas)
	}
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
		s.reasons += "; " + u.WithoutQuery() + ": " + err.Error()
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
	if k := &c.server.Source; k.Kind == config.NoKeys && !k.KeepMetadata && c.server.OAuthProxy == nil {
		// Else whoever fetches the keys says so.
		wrong := ""
		if !wellknown.Registers(metadata) {
			wrong = wellknown.NoRegistration
		}
		c.clients.Say(wrong)
	}
	return wellknown.Endpoint(metadata, "introspection_endpoint", c.search.insecure)
}

// searched ends a search, with the endpoint unless nothing was found, and sends
// what waited for it.
func (c *Checker) searched(endpoint *config.URL) {
	s, now := &c.search, c.host.Now()
	began := s.began
	s.began = 0
	switch {
	case endpoint != nil:
		s.found, s.due = endpoint, now+endpointMaxAge.Milliseconds()
	case s.found != nil:
		s.due = now + searchAgain.Milliseconds()
	default:
		s.due = began + searchAnew.Milliseconds()
		s.failed = began
	}
	c.took(began, endpoint != nil)
	if endpoint == nil {
		c.report.Say("the endpoint is not found" + s.reasons)
	}
	c.Tick()
	s.failed = 0
}

// NoCluster says for the log why the host did not call.
func NoCluster(cluster string, err error) string {
	return "the cluster " + quote(cluster) + " cannot be called: " + err.Error()
}
