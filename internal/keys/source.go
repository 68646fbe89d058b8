// Package keys keeps the key set of an authorization server. One worker of the
// process at a time fetches the keys and shares them with the others. It refreshes
// them before they go stale, and a bad document never replaces a good one.
//
// A fetch has one of three causes: its time has come (Source.due), a request finds no
// keys ([Source.Await]), or a request has a token with an unknown key
// ([Source.Refetch]). [Source.Tick] begins every fetch. A [Source] reaches the outside through
// a [callout.Host] only.
package keys

import (
	"hash/maphash"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/discovery"
	"mcpauth/jwtlite"
)

const (
	refreshInterval = 5 * time.Minute  // between good fetches, unless the server says otherwise
	leaseTime       = 20 * time.Second // longer than any fetch: its last callout begins before attemptTime
	attemptTime     = 12 * time.Second
)

// The delays after failed fetches, which are shorter while there are no keys. While
// requests wait for keys, retryInterval applies instead.
var (
	backoffWithKeys = callout.Backoff{First: time.Second, Max: 30 * time.Second}
	backoffNoKeys   = callout.Backoff{First: time.Second, Max: 5 * time.Second}
)

// Source holds the key set of one authorization server for one worker.
type Source struct {
	server    *config.AuthorizationServer
	discovery *discovery.Client
	host      callout.Host
	name      string // of the record in the shared data
	owner     uint64 // identifies this worker in the record
	random    maphash.Seed

	// OnUpdate, if set before [Source.Apply], is called with each key set that
	// comes into use.
	OnUpdate func(*jwtlite.KeySet)

	// Fetched and Failed count the fetches of this worker that have succeeded and
	// failed.
	Fetched, Failed int32

	set          *jwtlite.KeySet
	version      uint64            // of set; 0 for none
	expired      bool              // set is too old to be used
	record       record            // as last seen, without its document
	refetchSince callout.UnixMilli // when a request first asked for a key that the set lacks; 0 if none does
	awaitedSince callout.UnixMilli // when a request first found nothing in hand; 0 if none waits
	fetch        *fetch            // under way in this worker
}

// New returns the Source of a server, whose metadata d finds. Static keys are there
// at once; others once Apply or Tick has found or fetched them. insecure allows
// endpoints in metadata to be http.
func New(server *config.AuthorizationServer, d *discovery.Client, insecure bool, host callout.Host) *Source {
	s := &Source{server: server, discovery: d, host: host, random: maphash.MakeSeed()}
	if server.Source.Kind == config.Static {
		s.set, s.version = server.Source.Keys, 1
		return s
	}
	s.owner = maphash.String(s.random, "owner")
	s.name = recordName(server, insecure)
	return s
}

// Keys returns the key set in use and its version, which changes with its content.
// It returns nil and 0 if there is no key set, or only one that is too old.
func (s *Source) Keys() (*jwtlite.KeySet, uint64) {
	if s.expired {
		return nil, 0
	}
	return s.set, s.version
}

// Metadata returns the metadata of the server, a JSON object, if the configuration
// says that it is kept; empty while there is none.
func (s *Source) Metadata() string { return s.discovery.Metadata() }

// Waiting reports whether a fetch is under way or about to begin, for which a
// request may wait.
func (s *Source) Waiting() bool {
	return s.awaitedSince != 0 || s.refetchSince != 0 || s.fetch != nil || s.leased(s.host.Now())
}

// Soon reports whether a fetch is under way or begins within a second.
func (s *Source) Soon() bool {
	now := s.host.Now()
	return s.server.Source.Kind != config.Static && s.record.attempts == 0 ||
		s.awaitedSince != 0 || s.refetchSince != 0 && s.nextFetch(now).Sub(now) <= time.Second || s.fetch != nil || s.leased(now)
}

// Ended counts the fetches that have succeeded or failed. When the number has
// changed, a request that waits is decided anew.
func (s *Source) Ended() uint64 { return s.record.attempts }

// Age returns the time since the last good fetch of keys began, 0 if there was none.
func (s *Source) Age() time.Duration {
	if s.record.version == 0 {
		return 0
	}
	return max(s.host.Now().Sub(s.record.lastGood), 0)
}

// RetryAfter returns the whole seconds, at least one, until the next fetch.
func (s *Source) RetryAfter() int {
	return wholeSeconds(s.record.next.Sub(s.host.Now()))
}

// wholeSeconds returns a delay in seconds, rounded up, for a Retry-After header: 1
// to 30.
func wholeSeconds(wait time.Duration) int {
	return int(min(max((wait+time.Second-1)/time.Second, 1), backoffWithKeys.Max/time.Second))
}

// Apply takes over what other workers, or an earlier configuration, have fetched.
// It fetches nothing.
func (s *Source) Apply() {
	if k := &s.server.Source; k.Kind == config.Static {
		if len(k.Skipped) > 0 {
			s.host.Info(s.logLine((&fetched{from: "the configuration", set: k.Keys, skipped: k.Skipped}).describe()))
		}
		s.updated()
		return
	}
	value, _ := s.host.Load(s.name)
	if r, ok := decode(value); ok {
		s.apply(&r)
	}
}

// Tick takes over what other workers have fetched, and begins a fetch when one is
// due and no other worker fetches.
func (s *Source) Tick() {
	if s.server.Source.Kind == config.Static {
		return
	}
	value, cas := callout.LoadOrCreate(s.host, s.name, (&record{}).encode())
	if cas == 0 {
		return
	}
	r, _ := decode(value) // a value that is no record counts as an empty one
	s.apply(&r)

	now := s.host.Now()
	if s.fetch != nil {
		if s.fetch.began.Within(leaseTime, now) {
			return
		}
		s.abandon() // the host lost the callout
		s.Failed++
	}
	s.forgetServedRequests(now)
	if s.leased(now) {
		return
	}
	retry := s.awaitedSince != 0 && now.Sub(s.record.lastBegan) >= retryInterval
	refetch := s.refetchSince != 0 && now >= s.record.refetchAt(now)
	if !retry && !refetch && !s.due(now) {
		return
	}
	if refetch {
		r.beginRefetch(now)
	}
	r.owner, r.leaseUntil = s.owner, now.Add(leaseTime)
	if s.host.Store(s.name, r.encode(), cas) {
		s.remember(&r)
		s.begin(now)
	}
}

// Release gives up a fetch under way and its lease, so that another worker need not
// wait until the lease expires. A plugin that ends calls it.
func (s *Source) Release() {
	if s.fetch == nil {
		return
	}
	s.abandon()
	value, cas := s.host.Load(s.name)
	if r, ok := decode(value); ok && r.owner == s.owner {
		r.owner, r.leaseUntil = 0, 0
		s.host.Store(s.name, r.encode(), cas)
	}
}

// apply takes over a record, and parses its document if it is a new one.
func (s *Source) apply(r *record) {
	if s.usesDiscovery() && (r.attempts != s.record.attempts || s.record.attempts == 0) {
		s.discovery.Load() // another worker may have found something
	}
	s.remember(r)
	if r.version == 0 || r.version == s.version {
		return
	}
	set, _, err := s.server.Tenants.ParseKeySet([]byte(r.document), s.server.Algorithms...)
	if err != nil {
		// Workers store good documents only, so the host has damaged this one.
		s.host.Warn(s.logLine("the shared keys are damaged: " + err.Error()))
		return
	}
	s.set, s.version = set, r.version
	s.refetchSince = 0 // a request that still lacks a key asks again
	s.updated()
}

func (s *Source) updated() {
	if s.OnUpdate != nil {
		s.OnUpdate(s.set)
	}
}

func (s *Source) remember(r *record) {
	s.record = *r
	s.record.document = ""
	s.expired = s.tooOld(r, s.host.Now())
}

// The clock may go backwards. newerThan, leased and due therefore count a time that is
// further ahead than any worker sets it as past.

// tooOld reports whether the keys of a record have outlived max_stale_seconds.
func (s *Source) tooOld(r *record, now callout.UnixMilli) bool {
	return r.version != 0 && now.Sub(r.lastGood) >= s.server.MaxStale
}

// newerThan reports whether the last fetch that has ended began at or after t.
func (s *Source) newerThan(t callout.UnixMilli) bool {
	return s.record.lastBegan >= t && s.record.lastBegan <= s.host.Now()
}

// leased reports whether a worker holds the lease.
func (s *Source) leased(now callout.UnixMilli) bool {
	left := s.record.leaseUntil.Sub(now)
	return left > 0 && left <= leaseTime
}

// due reports whether the next fetch is due: its time has come, the clock went back,
// or the keys are half as old as they may get. The last case matters after a reload:
// the time may come from a configuration with a longer max_stale_seconds.
func (s *Source) due(now callout.UnixMilli) bool {
	r := &s.record
	return r.next <= now || r.lastBegan > now ||
		r.version != 0 && r.failures == 0 && now.Sub(r.lastGood) >= s.server.MaxStale/2
}

// jitter returns d less up to a tenth, so that gateways that started together do not
// go on to fetch together.
func (s *Source) jitter(d time.Duration, now callout.UnixMilli) time.Duration {
	return d - time.Duration(maphash.Comparable(s.random, now)%uint64(d/10))
}
