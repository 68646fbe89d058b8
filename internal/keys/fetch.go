package keys

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"mcpauth/config"
	"mcpauth/internal/wellknown"
	"mcpauth/jwtlite"
)

// A fetch is one attempt to get the key set: the metadata from the places
// where it may stand, one after the other, and then the keys.
type fetch struct {
	began   int64
	places  []*config.URL // of the metadata, yet to be asked
	jwksURI string        // found by discovery
	found   int64
	reasons []string // why the places asked so far gave nothing
}

// fetched is a good answer.
type fetched struct {
	document []byte
	from     string
	usable   int
	skipped  []jwtlite.SkippedKey
}

// begin starts a fetch; the lease is held.
func (s *Source) begin(now int64) {
	f := &fetch{began: now}
	s.fetch = f
	switch k := s.server.Source; k.Kind {
	case config.JWKSURI:
		s.getKeys(f, k.JWKSURI)
	case config.MetadataURL:
		f.places = []*config.URL{k.MetadataURL}
		s.getMetadata(f)
	default:
		age := now - s.record.found
		if u, err := config.ParseURL(s.record.jwksURI); err == nil && age >= 0 && age < discoveryMaxAge.Milliseconds() {
			f.jwksURI, f.found = s.record.jwksURI, s.record.found
			s.getKeys(f, u)
			return
		}
		f.places = wellknown.AuthorizationServerURLs(s.issuer, k.Discovery)
		s.getMetadata(f)
	}
}

// getMetadata asks the next place.
func (s *Source) getMetadata(f *fetch) {
	if len(f.places) == 0 {
		s.end(f, nil, errors.New(strings.Join(f.reasons, "; ")))
		return
	}
	u := f.places[0]
	f.places = f.places[1:]
	s.get(f, u, func(r Response) {
		err := check(r)
		if err == nil {
			var jwksURI *config.URL
			if jwksURI, err = wellknown.JWKSURI(r.Body, s.server.Issuer, s.insecure); err == nil {
				f.jwksURI, f.found = jwksURI.Raw, s.host.Now()
				s.getKeys(f, jwksURI)
				return
			}
		}
		f.reasons = append(f.reasons, u.Raw+": "+err.Error())
		s.getMetadata(f)
	})
}

func (s *Source) getKeys(f *fetch, u *config.URL) {
	s.get(f, u, func(r Response) {
		err := check(r)
		if err == nil {
			var set *jwtlite.KeySet
			var skipped []jwtlite.SkippedKey
			if set, skipped, err = jwtlite.ParseKeySet(r.Body); err == nil {
				s.end(f, &fetched{r.Body, u.Raw, set.Len(), skipped}, nil)
				return
			}
		}
		s.end(f, nil, errors.New(u.Raw+": "+err.Error()))
	})
}

// get makes one callout of a fetch. What comes back after the fetch was given
// up is dropped.
func (s *Source) get(f *fetch, u *config.URL, done func(Response)) {
	if elapsed := s.host.Now() - f.began; elapsed < 0 || elapsed > attemptTime.Milliseconds() {
		s.end(f, nil, errors.New(u.Raw+": not asked, the attempt took too long"))
		return
	}
	err := s.host.Get(s.server.Cluster, u, func(r Response) {
		if s.fetch == f {
			done(r)
		}
	})
	if err != nil {
		s.end(f, nil, errors.New(u.Raw+": the cluster "+strconv.Quote(s.server.Cluster)+" cannot be called: "+err.Error()))
	}
}

func check(r Response) error {
	switch {
	case r.Err != nil:
		return r.Err
	case r.Status >= 300 && r.Status < 400:
		return errors.New("status " + strconv.Itoa(r.Status) + ": redirects are not followed")
	case r.Status != 200:
		return errors.New("status " + strconv.Itoa(r.Status))
	case r.Size > MaxDocument:
		return errors.New("the document is too large: " + strconv.Itoa(r.Size) + " bytes")
	}
	return nil
}

// end closes a fetch and writes what it gave into the record, if the lease is
// still this worker's. A failure leaves the keys as they are. What is new, and
// only that, goes to the log: the first keys, a failure for another reason than
// the last one, and the first keys after a failure.
func (s *Source) end(f *fetch, keys *fetched, failure error) {
	s.fetch = nil
	now := s.host.Now()
	value, cas := s.host.Load(s.name)
	r, ok := decode(value)
	if !ok || r.owner != s.owner || r.lease != f.began+leaseTime.Milliseconds() {
		return
	}
	r.owner, r.lease = 0, 0
	r.began = f.began
	r.attempts++
	if failure != nil {
		if reason := failure.Error(); reason != r.reason {
			r.reason = reason
			s.host.Warn(s.about("no keys fetched: " + reason))
		}
		r.failures++
		r.jwksURI, r.found = "", 0 // it may have moved
		r.next = now + s.jitter(backoff(r.failures, r.version != 0), now).Milliseconds()
	} else {
		if r.version == 0 || r.failures > 0 {
			s.host.Info(s.about(keys.describe()))
		}
		r.reason, r.failures = "", 0
		r.jwksURI, r.found = f.jwksURI, f.found
		r.next = now + s.jitter(refreshInterval, now).Milliseconds()
		if r.version == 0 || string(keys.document) != r.document {
			// Never a number that this record had before, even if it was lost.
			r.version = max(r.version+1, uint64(now))
			r.document = string(keys.document)
		}
	}
	if s.host.Store(s.name, r.encode(), cas) {
		s.adopt(&r)
	}
}

func backoff(failures uint64, haveKeys bool) time.Duration {
	limit := backoffMaxNoKeys
	if haveKeys {
		limit = backoffMax
	}
	return min(backoffMin<<min(failures-1, 10), limit)
}

// describe says for the log which keys there are.
func (k *fetched) describe() string {
	text := strconv.Itoa(k.usable) + " usable keys from " + k.from
	for i, skipped := range k.skipped {
		if i == 4 {
			return text + "; and " + strconv.Itoa(len(k.skipped)-i) + " more skipped"
		}
		text += "; keys[" + strconv.Itoa(skipped.Index) + "] skipped: " + skipped.Reason.Error()
	}
	return text
}

// about begins a log line with the issuer.
func (s *Source) about(message string) string {
	return "issuer " + s.server.Issuer + ": " + message
}
