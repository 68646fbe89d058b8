package keys

import (
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
)

// Two kinds of requests bring the next fetch forward: a request that finds no keys or
// no metadata calls [Source.Await], and a request whose token is signed by a key that
// the set lacks calls [Source.Refetch]. The next [Source.Tick] begins the fetch.

const (
	// MaxWait is how long a request may wait.
	MaxWait = 10 * time.Second

	retryInterval = time.Second     // between fetches while requests wait for keys or metadata that the Source lacks
	quietTime     = 5 * time.Minute // without a fetch for a missing key, after which refetchBackoff begins anew
	refetchWait   = 5 * time.Second // the longest time until a fetch for a missing key for which a request waits
)

// refetchBackoff gives the delays between fetches for missing keys, which grow while
// the fetches bring nothing new.
var refetchBackoff = callout.Backoff{First: 5 * time.Second, Max: 30 * time.Second}

// A RefetchResult says how to treat a request whose token is signed by a key that the
// set lacks: no key has its ID, or the key of that ID does not verify the token, as
// after the restart of a server that gives each new key the same ID.
type RefetchResult int

const (
	// Unknown: there is no such key. The keys were fetched after a request first asked
	// for this key. Or they are recent, and fetches for other missing keys brought
	// nothing new, so that the next fetch comes too late for this request.
	Unknown RefetchResult = iota
	// Fetching: a fetch is under way or about to begin; the request may wait.
	Fetching
	// Unavailable: the last fetch failed, so the server may have such a key.
	Unavailable
)

// Await asks for the keys and the metadata, for a request that arrived at the given
// time and finds none. It reports whether the request may wait. A request waits for a
// fetch that begins when it arrives or later. If the first fetch of the process fails, the
// request also waits for the second.
func (s *Source) Await(arrived callout.UnixMilli) bool {
	if s.server.Source.Kind == config.Static || s.hasFetchedFor(arrived) {
		return false
	}
	if s.awaitedSince == 0 {
		s.awaitedSince = arrived
	}
	return true
}

// hasFetchedFor reports whether the fetches for which a request waits in Await have
// ended.
func (s *Source) hasFetchedFor(arrived callout.UnixMilli) bool {
	onlyFirstFailed := s.record.version == 0 && s.record.attempts == 1 && s.record.failures == 1
	return s.newerThan(arrived) && !onlyFirstFailed
}

// complete reports whether s has all keys and metadata that a request may need.
func (s *Source) complete() bool {
	set, _ := s.Keys()
	return (set != nil || s.metadataOnly()) && (!s.server.Source.KeepMetadata || s.Metadata() != "")
}

// forgetServedRequests drops the demand of requests whose fetch has ended. It also
// drops a demand from the future: the clock went back.
func (s *Source) forgetServedRequests(now callout.UnixMilli) {
	if s.newerThan(s.refetchSince) || s.refetchSince > now {
		s.refetchSince = 0
	}
	if s.hasFetchedFor(s.awaitedSince) || s.awaitedSince > now || s.complete() {
		s.awaitedSince = 0
	}
}

// Refetch asks for a fetch of new keys, for a request that arrived at the given time
// with a token signed by a key that the set lacks. missing identifies the key: see
// [MissingKey].
func (s *Source) Refetch(missing uint64, arrived callout.UnixMilli) RefetchResult {
	switch now := s.host.Now(); {
	case s.server.Source.Kind == config.Static || s.goodSince(arrived, now):
		return Unknown
	case s.newerThan(arrived):
		return Unavailable
	case s.goodSince(s.firstAsked(missing, arrived, now), now):
		return Unknown
	default:
		if s.refetchSince == 0 {
			s.refetchSince = arrived
		}
		if s.fetch != nil || s.leased(now) || s.nextFetch(now).Sub(arrived) <= refetchWait {
			return Fetching
		}
		// The last fetch began less than refetchBackoff.Max ago. If it succeeded, its keys
		// are recent enough: a key that is not among them is unknown.
		if s.record.failures > 0 {
			return Unavailable
		}
		return Unknown
	}
}

// goodSince reports whether the last good fetch began at or after t.
func (s *Source) goodSince(t, now callout.UnixMilli) bool {
	return s.record.lastGood >= t && s.record.lastGood <= now
}

// RefetchAfter returns the whole seconds, at least one, until a fetch for a key that
// the set lacks may begin.
func (s *Source) RefetchAfter() int {
	now := s.host.Now()
	return wholeSeconds(s.nextFetch(now).Sub(now))
}

// nextFetch returns the time of the next fetch, whether for missing keys or regular.
func (s *Source) nextFetch(now callout.UnixMilli) callout.UnixMilli {
	return min(s.record.refetchAt(now), s.record.next)
}

// refetchAt returns when a fetch for a missing key may begin.
func (r *record) refetchAt(now callout.UnixMilli) callout.UnixMilli {
	if r.lastRefetch > now { // the clock went back
		return now
	}
	return r.lastRefetch.Add(refetchBackoff.After(r.fruitless))
}

// beginRefetch records that a fetch for a missing key begins.
func (r *record) beginRefetch(now callout.UnixMilli) {
	if !r.lastRefetch.Within(quietTime, now) {
		r.fruitless = 0
	}
	r.lastRefetch = now
	r.fruitless++ // until the fetch brings something new
}
