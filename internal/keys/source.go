// Package keys keeps the key set of an authorization server: fetched by one
// worker of the process at a time, shared with the others, refreshed before it
// goes stale and never replaced by anything worse.
//
// A [Source] is driven by [Source.Tick]; it reaches the outside through a
// [Host] only.
package keys

import (
	"hash/maphash"
	"math"
	"strconv"
	"time"

	"mcpauth/config"
	"mcpauth/jwtlite"
)

const (
	refreshInterval  = 5 * time.Minute  // between good fetches, unless the server says otherwise
	discoveryMaxAge  = time.Hour        // of a jwks_uri found by discovery
	backoffMin       = time.Second      // after the first failure, doubled with each further one
	backoffMax       = 30 * time.Second // with keys in hand
	backoffMaxNoKeys = 5 * time.Second  // with none, while no request waits
	leaseTime        = 20 * time.Second // longer than any fetch: the last call of one starts before attemptTime
	attemptTime      = 12 * time.Second

	// CalloutTimeout is how long a Host waits for the answer to one Get.
	CalloutTimeout = 5 * time.Second
	// MaxDocument is the size in bytes past which a document is refused.
	MaxDocument = 256 << 10
)

// A Host is what a Source needs of the proxy.
type Host interface {
	// Now returns the time in milliseconds since the Unix epoch.
	Now() int64
	// Load returns a value of the data that all workers share, and the number
	// that Store takes to replace just this value; 0 if there is none.
	Load(name string) (value []byte, cas uint32)
	// Store replaces the value if it still has the number cas, or if there is
	// none, and reports whether it did.
	Store(name string, value []byte, cas uint32) bool
	// Get sends a GET request to a cluster and calls done once, after it has
	// returned, with the answer or with a Response that has an Err. An error
	// means that nothing was sent and done will not be called.
	Get(cluster string, u *config.URL, done func(Response)) error
	Info(message string)
	Warn(message string)
}

// Source holds the key set of one authorization server for one worker.
type Source struct {
	server   *config.AuthorizationServer
	issuer   *config.URL
	insecure bool // http allowed for a jwks_uri that was discovered
	host     Host
	name     string // of the record in the shared data
	owner    uint64 // this worker, in the record
	random   maphash.Seed

	// Adopted, if set before [Source.Adopt], is called with each key set that
	// comes into use.
	Adopted func(*jwtlite.KeySet)

	// Fetched and Failed count the fetches of this worker that have ended: well,
	// and not.
	Fetched, Failed int32

	set     *jwtlite.KeySet
	version uint64 // of set; 0: none
	expired bool   // set is too old to be used
	record  record // as last seen, with no document
	wanted  int64  // when a request first asked for a key that the set lacks; 0: none does
	needed  int64  // when one first came that found nothing in hand; 0: none waits
	fetch   *fetch // under way in this worker
}

// New returns the Source of a server. Static keys are there at once; others
// once Tick has found or fetched them.
func New(server *config.AuthorizationServer, insecure bool, host Host) *Source {
	s := &Source{server: server, insecure: insecure, host: host, random: maphash.MakeSeed()}
	if server.Source.Kind == config.Static {
		s.set, s.version = server.Source.Keys, 1
		return s
	}
	// The configuration was validated: an issuer is a URL.
	s.issuer, _ = config.ParseURL(server.Issuer)
	s.owner = maphash.String(s.random, "owner")
	s.name = recordName(server, insecure)
	return s
}

// recordName depends on all that decides which keys are fetched: a reload that
// changes none of it finds the keys in place, one that does starts anew. So it
// does on the layout: during an update two versions of the plugin run side by
// side, and would overwrite each other's record with each tick.
func recordName(server *config.AuthorizationServer, insecure bool) string {
	k := server.Source
	name := "mcpauth.keys " + layout
	for _, part := range [...]string{
		server.Issuer, server.Cluster, server.JWKSCluster,
		strconv.Itoa(int(k.Kind)), strconv.Itoa(int(k.Discovery)), raw(k.MetadataURL), raw(k.JWKSURI), k.Overrides,
		strconv.FormatBool(insecure), strconv.FormatBool(k.KeepMetadata),
	} {
		name += " " + strconv.Quote(part)
	}
	return name
}

func raw(u *config.URL) string {
	if u == nil {
		return ""
	}
	return u.Raw
}

// Keys returns the key set in use and its version, which changes with its
// content; nil and 0 when there is none, or none that is not too old.
func (s *Source) Keys() (*jwtlite.KeySet, uint64) {
	if s.expired {
		return nil, 0
	}
	return s.set, s.version
}

// Metadata returns the metadata of the server, a JSON object, if it is kept;
// empty while there is none.
func (s *Source) Metadata() string {
	if s.server.Source.Metadata != "" {
		return s.server.Source.Metadata
	}
	return s.record.metadata
}

// Waiting reports whether something is about to change that a request may wait
// for.
func (s *Source) Waiting() bool {
	return s.needed != 0 || s.wanted != 0 || s.fetch != nil || s.leased(s.host.Now())
}

// Soon reports whether something is about to change within a second.
func (s *Source) Soon() bool {
	now := s.host.Now()
	return s.server.Source.Kind != config.Static && s.record.attempts == 0 ||
		s.needed != 0 || s.wanted != 0 && s.nextFetch(now)-now <= 1000 || s.fetch != nil || s.leased(now)
}

// Ended counts the fetches that have ended, well or not. A request that waits
// is to be looked at again when the number has changed.
func (s *Source) Ended() uint64 { return s.record.attempts }

// Age returns the whole seconds since the last good fetch began, 0 if there was
// none.
func (s *Source) Age() int32 {
	if s.record.version == 0 {
		return 0
	}
	return int32(max(s.host.Now()-s.record.good, 0) / 1000)
}

// RetryAfter returns the whole seconds, at least one, until the next fetch.
func (s *Source) RetryAfter() int {
	return wholeSeconds(s.record.next - s.host.Now())
}

// wholeSeconds returns a number of milliseconds in seconds: 1 to 30.
func wholeSeconds(wait int64) int {
	return int(min(max((wait+999)/1000, 1), backoffMax.Milliseconds()/1000))
}

// Adopt takes over what other workers, or an earlier configuration, have
// fetched, with no fetch of its own.
func (s *Source) Adopt() {
	if k := &s.server.Source; k.Kind == config.Static {
		if len(k.Skipped) > 0 {
			s.host.Info(s.about((&fetched{from: "the configuration", set: k.Keys, skipped: k.Skipped}).describe()))
		}
		s.adopted()
		return
	}
	value, _ := s.host.Load(s.name)
	if r, ok := decode(value); ok {
		s.adopt(&r)
	}
}

// Tick takes over what other workers have fetched and starts a fetch when one
// is due and nobody else makes it.
func (s *Source) Tick() {
	if s.server.Source.Kind == config.Static {
		return
	}
	value, cas := s.host.Load(s.name)
	if cas == 0 {
		// A lease is only safe on a value that exists: the host lets any
		// first write through. No value has this number, so that of several
		// workers one creates the record and the others fail.
		s.host.Store(s.name, (&record{}).encode(), math.MaxUint32)
		if value, cas = s.host.Load(s.name); cas == 0 {
			return
		}
	}
	r, ok := decode(value)
	if !ok {
		r = record{}
	}
	s.adopt(&r)

	now := s.host.Now()
	if s.fetch != nil {
		if elapsed := now - s.fetch.began; elapsed >= 0 && elapsed < leaseTime.Milliseconds() {
			return
		}
		s.fetch = nil // the host lost the call: let go of the lease and begin anew
		s.Failed++
	}
	if s.newerThan(s.wanted) || s.wanted > now {
		s.wanted = 0
	}
	if s.served(s.needed) || s.needed > now || s.complete() {
		s.needed = 0
	}
	if s.leased(now) {
		return
	}
	retry := s.needed != 0 && now-s.record.began >= retryInterval.Milliseconds()
	refetch := s.wanted != 0 && now >= s.record.refetchAt(now)
	if !retry && !refetch && !s.due(now) {
		return
	}
	if refetch {
		r.refetching(now)
	}
	r.owner, r.lease = s.owner, now+leaseTime.Milliseconds()
	if s.host.Store(s.name, r.encode(), cas) {
		s.remember(&r)
		s.begin(now)
	}
}

// adopt takes over a record, and parses its document if it is a new one.
func (s *Source) adopt(r *record) {
	s.remember(r)
	if r.version == 0 || r.version == s.version {
		return
	}
	set, _, err := jwtlite.ParseKeySet([]byte(r.document))
	if err != nil {
		// Only good documents are stored, so this is a fault of the host.
		s.host.Warn(s.about("the shared keys are damaged: " + err.Error()))
		return
	}
	s.set, s.version = set, r.version
	s.wanted = 0 // who still lacks a key asks again
	s.adopted()
}

func (s *Source) adopted() {
	if s.Adopted != nil {
		s.Adopted(s.set)
	}
}

func (s *Source) remember(r *record) {
	s.record = *r
	s.record.document = ""
	s.expired = s.tooOld(r, s.host.Now())
}

// The clock may go backwards: a time further ahead than any that is ever set
// counts as past.

// tooOld reports whether the keys of a record have outlived max_stale_seconds.
func (s *Source) tooOld(r *record, now int64) bool {
	return r.version != 0 && now-r.good >= s.server.MaxStale.Milliseconds()
}

// newerThan reports whether the last fetch that has ended began at or after a
// time.
func (s *Source) newerThan(t int64) bool {
	return s.record.began >= t && s.record.began <= s.host.Now()
}

func (s *Source) leased(now int64) bool {
	left := s.record.lease - now
	return left > 0 && left <= leaseTime.Milliseconds()
}

// due reports whether the next fetch is: the time has come, or went back, or
// the keys are half as old as they may get here. Another configuration, which
// may let them get older, may have set the time.
func (s *Source) due(now int64) bool {
	r := &s.record
	return r.next <= now || r.began > now ||
		r.version != 0 && r.failures == 0 && now-r.good >= s.server.MaxStale.Milliseconds()/2
}

// jitter returns d less up to a tenth, so that gateways that started together
// do not go on asking together.
func (s *Source) jitter(d time.Duration, now int64) time.Duration {
	return d - time.Duration(maphash.Comparable(s.random, now)%uint64(d/10))
}
