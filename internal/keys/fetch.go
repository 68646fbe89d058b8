package keys

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"mcpauth/config"
	"mcpauth/internal/wellknown"
	"mcpauth/jwtlite"
)

// A fetch is one attempt to get the key set: the metadata from the places
// where it may stand, one after the other, and then the keys.
type fetch struct {
	began    int64
	places   []*config.URL // of the metadata, yet to be asked
	jwksURI  string        // found by discovery
	found    int64
	metadata string   // the same, where it is kept
	read     bool     // metadata was fetched
	lone     bool     // clients cannot register by what it says
	reasons  []string // why the places asked so far gave nothing
}

// fetched is a good answer.
type fetched struct {
	document []byte
	set      *jwtlite.KeySet // of document
	from     string
	skipped  []jwtlite.SkippedKey
	fresh    time.Duration // 0: not said
}

// begin starts a fetch; the lease is held.
func (s *Source) begin(now int64) {
	f := &fetch{began: now}
	s.fetch = f
	k := s.server.Source
	if k.Kind == config.JWKSURI {
		s.getKeys(f, k.JWKSURI)
		return
	}
	age := now - s.record.found
	if u, err := config.ParseURL(s.record.jwksURI); err == nil && age >= 0 && age < discoveryMaxAge.Milliseconds() {
		f.jwksURI, f.found = s.record.jwksURI, s.record.found
		s.getKeys(f, u)
		return
	}
	if k.Kind == config.MetadataURL {
		f.places = []*config.URL{k.MetadataURL}
	} else {
		f.places = wellknown.AuthorizationServerURLs(s.issuer, k.Discovery)
	}
	s.getMetadata(f)
}

// getMetadata asks the next place.
func (s *Source) getMetadata(f *fetch) {
	if len(f.places) == 0 {
		s.end(f, nil, errors.New(strings.Join(f.reasons, "; ")))
		return
	}
	u := f.places[0]
	f.places = f.places[1:]
	s.get(f, s.server.Cluster, u, func(r Response) {
		err := s.metadata(f, u.WithoutQuery(), r)
		if err == nil {
			return
		}
		f.reasons = append(f.reasons, u.WithoutQuery()+": "+err.Error())
		s.getMetadata(f)
	})
}

// metadata reads an answer of a place that should be metadata and goes on to the
// keys, if they are wanted.
func (s *Source) metadata(f *fetch, place string, r Response) error {
	if err := check(r); err != nil {
		return err
	}
	metadata, err := wellknown.ServerMetadata(r.Body, s.server.Source.Overrides, s.server.Issuer)
	if err != nil {
		return err
	}
	f.read, f.lone = true, s.server.OAuthProxy == nil && !wellknown.Registers(metadata)
	var u *config.URL
	if !s.metadataOnly() {
		if u, err = wellknown.Endpoint(metadata, "jwks_uri", s.insecure); err != nil {
			return err
		}
	}
	if s.server.Source.KeepMetadata {
		f.metadata = metadata.Raw
	}
	if u == nil {
		s.end(f, &fetched{from: place, fresh: discoveryMaxAge}, nil)
		return nil
	}
	f.jwksURI, f.found = u.Raw, s.host.Now()
	s.getKeys(f, u)
	return nil
}

func (s *Source) metadataOnly() bool { return s.server.Source.Kind == config.NoKeys }

func (s *Source) getKeys(f *fetch, u *config.URL) {
	s.get(f, s.server.JWKSCluster, u, func(r Response) {
		err := check(r)
		if err == nil {
			var set *jwtlite.KeySet
			var skipped []jwtlite.SkippedKey
			if set, skipped, err = jwtlite.ParseKeySet(r.Body); err == nil {
				s.end(f, &fetched{r.Body, set, u.WithoutQuery(), skipped, r.Fresh}, nil)
				return
			}
			err = withReasons(err, skipped)
		}
		s.end(f, nil, errors.New(u.WithoutQuery()+": "+err.Error()))
	})
}

// get makes one callout of a fetch. What comes back after the fetch was given
// up is dropped.
func (s *Source) get(f *fetch, cluster string, u *config.URL, done func(Response)) {
	if elapsed := s.host.Now() - f.began; elapsed < 0 || elapsed > attemptTime.Milliseconds() {
		s.end(f, nil, errors.New(u.WithoutQuery()+": not asked, the attempt took too long"))
		return
	}
	err := s.host.Get(cluster, u, func(r Response) {
		if s.fetch == f {
			done(r)
		}
	})
	if err != nil {
		s.end(f, nil, errors.New(u.WithoutQuery()+": the cluster "+strconv.Quote(cluster)+" cannot be called: "+err.Error()))
	}
}

func check(r Response) error {
	switch {
	case r.Err != nil:
		return r.Err
	case r.Status >= 300 && r.Status < 400:
		text := "status " + strconv.Itoa(r.Status)
		if r.Location != "" {
			text += " to " + r.Location
		}
		return errors.New(text + ": redirects are not followed")
	case r.Status != 200:
		return errors.New("status " + strconv.Itoa(r.Status))
	case r.Size > MaxDocument:
		return errors.New("the document is too large: " + strconv.Itoa(r.Size) + " bytes")
	}
	return r.Compressed()
}

// end closes a fetch and writes what it gave into the record, if the lease is
// still this worker's. A failure leaves the keys as they are.
func (s *Source) end(f *fetch, keys *fetched, failure error) {
	s.fetch = nil
	if failure != nil {
		s.Failed++
	} else {
		s.Fetched++
	}
	now := s.host.Now()
	value, cas := s.host.Load(s.name)
	r, ok := decode(value)
	if !ok || r.owner != s.owner {
		return
	}
	r.owner, r.lease = 0, 0
	r.began = f.began
	r.attempts++
	s.keep(&r, f.metadata, now)
	noted := r.noteLone(f)
	var line string
	if failure != nil {
		line = s.failed(&r, failure, now)
	} else {
		line = s.succeeded(&r, f, keys, now)
	}
	if !s.host.Store(s.name, r.encode(), cas) {
		return
	}
	if noted {
		s.host.Info(s.about(wellknown.NoRegistration))
	}
	switch {
	case line == "":
	case failure != nil:
		s.host.Warn(s.about(line))
	default:
		s.host.Info(s.about(line))
	}
	s.adopt(&r)
}

// keep takes metadata that was fetched, if any was, into a record. What clients
// can do nothing with does not take the place of what they can.
func (s *Source) keep(r *record, metadata string, now int64) {
	if metadata == "" {
		return
	}
	if err := s.useful(metadata); err != nil && s.useful(r.metadata) == nil {
		if r.mayLog(now) {
			s.host.Warn(s.about(err.Error() + "; the last good metadata stays in use"))
		}
		return
	}
	r.metadata = metadata
}

// noteLone takes into a record whether clients can register by the metadata that
// was fetched, if any was, and reports whether the log is to say that they no
// longer can.
func (r *record) noteLone(f *fetch) bool {
	before := r.lone
	if f.read {
		r.lone = 0
		if f.lone {
			r.lone = 1
		}
	}
	return r.lone > before
}

// useful returns nil if metadata has the endpoints that every client needs.
func (s *Source) useful(metadata string) error {
	m := gjson.Parse(metadata)
	_, err := wellknown.Endpoint(m, "authorization_endpoint", s.insecure)
	if err == nil {
		_, err = wellknown.Endpoint(m, "token_endpoint", s.insecure)
	}
	return err
}

// Release gives up a fetch under way and its lease, so that another need not
// wait until it expires: for a plugin that ends.
func (s *Source) Release() {
	if s.fetch == nil {
		return
	}
	s.fetch = nil
	value, cas := s.host.Load(s.name)
	if r, ok := decode(value); ok && r.owner == s.owner {
		r.owner, r.lease = 0, 0
		s.host.Store(s.name, r.encode(), cas)
	}
}

// failed notes in a record that a fetch has failed, and returns what the log is
// to say about it, if anything.
func (s *Source) failed(r *record, failure error, now int64) (line string) {
	r.failures++
	r.jwksURI, r.found = "", 0 // it may have moved
	r.good = min(r.good, now)  // if the clock went back, the time counts from here
	state := failure.Error()
	old := s.tooOld(r, now)
	switch {
	case old:
		state += "; the last good keys are older than max_stale_seconds: requests get 503"
	case r.version != 0:
		state += "; the last good keys stay in use"
	}
	enough := r.version != 0 && !old || s.metadataOnly() && r.metadata != ""
	r.next = now + s.jitter(backoff(r.failures, enough), now).Milliseconds()
	if state == r.told || !r.mayLog(now) {
		return ""
	}
	r.told = state
	return "no " + s.what() + " fetched: " + state
}

// succeeded notes in a record what a fetch has brought, and returns what the
// log is to say about it, if anything.
func (s *Source) succeeded(r *record, f *fetch, keys *fetched, now int64) (line string) {
	changed := !s.metadataOnly() && s.changed(r, keys)
	if (changed || r.told != "") && r.mayLog(now) {
		line = keys.describe()
		if r.told != "" {
			line = s.what() + " fetched again: " + line
		}
		r.told = ""
	}
	if changed || r.failures > 0 {
		r.barren = 0
	}
	r.failures = 0
	r.good = f.began
	r.jwksURI, r.found = f.jwksURI, f.found
	r.next = now + s.jitter(cmp.Or(keys.fresh, refreshInterval), now).Milliseconds()
	if changed {
		// Never a number that this record had before, even if it was lost.
		r.version = max(r.version+1, uint64(now))
		r.changed = f.began
		r.document = string(keys.document)
	}
	return line
}

// changed reports whether a fetch has brought other keys than those of a record:
// a server may write the same ones in another way each time.
func (s *Source) changed(r *record, keys *fetched) bool {
	switch {
	case r.version == 0:
		return true
	case string(keys.document) == r.document:
		return false
	case s.version != r.version:
		return true // this worker has not seen the others
	}
	return !s.set.Equal(keys.set)
}

// what says for the log what is fetched.
func (s *Source) what() string {
	if s.metadataOnly() {
		return "metadata"
	}
	return "keys"
}

func backoff(failures uint64, haveKeys bool) time.Duration {
	limit := backoffMaxNoKeys
	if haveKeys {
		limit = backoffMax
	}
	return min(backoffMin<<min(failures-1, 10), limit)
}

// A server that is up and down in turns gets a few log lines at once and then
// one a minute.
const (
	logInterval = time.Minute
	logBurst    = 5
)

// mayLog reports whether the log may have one more line about this server, and
// counts it.
func (r *record) mayLog(now int64) bool {
	interval := logInterval.Milliseconds()
	used := max(r.logged-now, 0)
	if used > logBurst*interval { // the clock went back
		used = 0
	}
	if used > (logBurst-1)*interval {
		return false
	}
	r.logged = now + used + interval
	return true
}

// describe says for the log which keys there are. Keys that are skipped are no
// fault: servers publish others beside those that sign tokens.
func (k *fetched) describe() string {
	if k.set == nil {
		return "from " + k.from
	}
	text := strconv.Itoa(k.set.Len()) + " usable keys from " + k.from + " are in use"
	for i, skipped := range k.skipped {
		switch i {
		case 0:
			text += "; not needed and skipped: "
		case 4:
			return text + ", and " + strconv.Itoa(len(k.skipped)-i) + " more"
		default:
			text += ", "
		}
		text += "keys[" + strconv.Itoa(skipped.Index) + "] (" + skipped.Reason.Error() + ")"
	}
	return text
}

// maxReasons bounds a log line.
const maxReasons = 16

// withReasons adds to the error about a JWK set why its keys cannot be used, if
// that is the error.
func withReasons(err error, skipped []jwtlite.SkippedKey) error {
	if len(skipped) == 0 {
		return err
	}
	text := err.Error()
	for i, s := range skipped {
		if i == maxReasons {
			text += "; and " + strconv.Itoa(len(skipped)-i) + " more"
			break
		}
		text += "; keys[" + strconv.Itoa(s.Index) + "]: " + s.Reason.Error()
	}
	return errors.New(text)
}

// about begins a log line with the issuer.
func (s *Source) about(message string) string {
	return "issuer " + s.server.Issuer + ": " + message
}
