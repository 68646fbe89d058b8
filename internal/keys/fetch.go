package keys

import (
	"errors"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/discovery"
	"mcpauth/jwtlite"
)

// A fetch is one attempt to get the key set: first the metadata, unless the URL of
// the keys is known, and then the keys.
type fetch struct {
	began  callout.UnixMilli
	search *discovery.Search // for the metadata; nil if there is none
}

// fetched is what a good fetch has brought.
type fetched struct {
	document []byte
	set      *jwtlite.KeySet // of document; nil if the fetch was for metadata only
	from     string          // URL, for the log
	skipped  []jwtlite.SkippedKey
	fresh    time.Duration // 0 if the server does not say
}

// usesDiscovery reports whether a fetch searches for the metadata of the server.
func (s *Source) usesDiscovery() bool {
	return s.server.Source.Kind != config.JWKSURI && s.server.Source.Kind != config.Static
}

// metadataOnly reports whether the server has no keys, so that s fetches only its
// metadata.
func (s *Source) metadataOnly() bool { return s.server.Source.Kind == config.NoKeys }

// begin starts a fetch. This worker holds the lease.
func (s *Source) begin(now callout.UnixMilli) {
	f := &fetch{began: now}
	s.fetch = f
	if !s.usesDiscovery() {
		s.getKeys(f, s.server.Source.JWKSURI)
		return
	}
	want := discovery.JWKS
	if s.metadataOnly() {
		want = discovery.NoEndpoint
	} else {
		s.discovery.Load()
		if u, fresh := s.discovery.Endpoint(want); fresh > 0 {
			s.getKeys(f, u)
			return
		}
	}
	f.search = s.discovery.Search(want, func(r discovery.Result) {
		switch {
		case s.fetch != f:
		case r.Err != nil:
			s.end(f, nil, r.Err)
		case s.metadataOnly():
			s.end(f, &fetched{from: r.From, fresh: discovery.MaxAge}, nil)
		default:
			s.getKeys(f, r.Endpoint)
		}
	})
}

// abandon gives up the fetch under way. Responses that still come are dropped.
func (s *Source) abandon() {
	s.fetch.search.Stop()
	s.fetch = nil
}

// getKeys asks for the key set.
func (s *Source) getKeys(f *fetch, u *config.URL) {
	fail := func(reason string) { s.end(f, nil, errors.New(u.WithoutQuery()+": "+reason)) }
	if !f.began.Within(attemptTime, s.host.Now()) {
		fail("not asked, the attempt took too long")
		return
	}
	err := callout.Get(s.host, s.server.JWKSCluster, u, func(r *callout.Response) {
		if s.fetch != f {
			return
		}
		set, skipped, err := s.parseKeys(r)
		if err != nil {
			fail(err.Error())
			return
		}
		s.end(f, &fetched{r.Body, set, u.WithoutQuery(), skipped, r.Fresh}, nil)
	})
	if err != nil {
		fail(callout.CannotCall(s.server.JWKSCluster, err))
	}
}

func (s *Source) parseKeys(r *callout.Response) (*jwtlite.KeySet, []jwtlite.SkippedKey, error) {
	if err := r.DocumentError(); err != nil {
		return nil, nil, err
	}
	set, skipped, err := s.server.Tenants.ParseKeySet(r.Body, s.server.Algorithms...)
	if err != nil {
		return nil, nil, withReasons(err, skipped)
	}
	return set, skipped, nil
}
