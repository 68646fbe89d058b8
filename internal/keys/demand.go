package keys

import (
	"encoding/binary"
	"math"
	"time"

	"mcpauth/config"
)

// What requests do to the time of the next fetch: one that finds nothing in hand,
// and one whose token is signed by a key that the set in hand lacks.

const (
	// MaxWait is how long a request may wait.
	MaxWait = 10 * time.Second

	retryInterval   = time.Second      // between fetches while requests wait with nothing in hand
	refetchInterval = 5 * time.Second  // between fetches for missing keys, doubled while they bring nothing new
	refetchMax      = 30 * time.Second // up to this
	quietTime       = 5 * time.Minute  // without such a fetch, after which the interval is the first again
	missingTime     = 5 * time.Minute  // for which a key that was not found counts as looked for
	refetchWait     = 5 * time.Second  // for which a request waits until such a fetch begins

	maxMissing = 64 // keys that were looked for, of one server in the process
)

// Missing says what to do with a request whose token is signed by a key that
// the set lacks: no key has its ID, or the one that has does not verify it, as
// after the restart of a server that gives each new key the same ID.
type Missing int

const (
	// Unknown: the keys were fetched since this key was first asked for, or so
	// recently, and in vain for others, that they are not fetched again in time.
	// There is no such key.
	Unknown Missing = iota
	// Fetching: the keys are about to be fetched anew; the request may wait.
	Fetching
	// Unavailable: they could not be fetched, so that nobody knows.
	Unavailable
)

// Await asks for the keys and the metadata for a request that arrived at a time
// (Unix milliseconds) and finds nothing in hand. It reports whether the request
// may wait for a fetch: until one has ended that began no earlier than the request
// came or, when the process starts, until the second.
func (s *Source) Await(arrived int64) bool {
	if s.server.Source.Kind == config.Static || s.served(arrived) {
		return false
	}
	if s.needed == 0 {
		s.needed = arrived
	}
	return true
}

// served reports whether the fetches that have ended are all that a request with
// nothing in hand waits for.
func (s *Source) served(arrived int64) bool {
	first := s.record.version == 0 && s.record.attempts == 1 && s.record.failures == 1
	return s.newerThan(arrived) && !first
}

// complete reports whether all that a request may need is in hand.
func (s *Source) complete() bool {
	set, _ := s.Keys()
	return (set != nil || s.metadataOnly()) && (!s.server.Source.KeepMetadata || s.record.metadata != "")
}

// Refetch asks for the keys anew, for a request that arrived at a time (Unix
// milliseconds) with a token signed by a key that the set lacks. missing tells
// such keys apart: see [MissingKey].
func (s *Source) Refetch(missing uint64, arrived int64) Missing {
	switch now := s.host.Now(); {
	case s.server.Source.Kind == config.Static || s.looked(arrived, now):
		return Unknown
	case s.newerThan(arrived):
		return Unavailable
	case s.looked(s.firstAsked(missing, arrived, now), now):
		return Unknown
	default:
		if s.wanted == 0 {
			s.wanted = arrived
		}
		if s.fetch != nil || s.leased(now) || s.nextFetch(now)-arrived <= refetchWait.Milliseconds() {
			return Fetching
		}
		// The last fetch began less than refetchMax ago. If it was good, its keys
		// are recent enough to tell that a key is not among them.
		if s.record.failures > 0 {
			return Unavailable
		}
		return Unknown
	}
}

// looked reports whether the last good fetch began at or after a time.
func (s *Source) looked(t, now int64) bool { return s.record.good >= t && s.record.good <= now }

// RefetchAfter returns the whole seconds, at least one, until the keys may be
// fetched for a key that the set lacks.
func (s *Source) RefetchAfter() int {
	now := s.host.Now()
	return wholeSeconds(s.nextFetch(now) - now)
}

// nextFetch returns the time of the next fetch for missing keys, or for all.
func (s *Source) nextFetch(now int64) int64 {
	return min(s.record.refetchAt(now), s.record.next)
}

// refetchAt returns when the keys may be fetched for a missing key.
func (r *record) refetchAt(now int64) int64 {
	interval := min(refetchInterval<<min(max(r.barren, 1)-1, 8), refetchMax)
	if r.refetched > now { // the clock went back
		return now
	}
	return r.refetched + interval.Milliseconds()
}

// refetching notes that a fetch for a missing key begins.
func (r *record) refetching(now int64) {
	if since := now - r.refetched; since < 0 || since >= quietTime.Milliseconds() {
		r.barren = 0
	}
	r.refetched = now
	r.barren++ // until it brings something
}

// MissingKey returns what tells a key apart that a set lacks: by the ID and the
// algorithm that tokens give it, or, where keys are there but do not verify the
// token, by the token.
func MissingKey(parts ...string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	for _, part := range parts {
		for i := 0; i < len(part); i++ {
			h = (h ^ uint64(part[i])) * prime
		}
		h = (h ^ 0x100) * prime // no byte: the parts have borders
	}
	return h
}

// The workers share what was asked for in a value of entries of 16 bytes: the
// missing key, and when it was first asked for. The first half are those that
// were asked for again, so that a flood of keys, each asked for once, pushes none
// of them out.
const missingSize = 16

// firstAsked returns when a missing key was first asked for, which is now if it
// is not remembered, and remembers it. Another set of keys makes all forgotten.
func (s *Source) firstAsked(missing uint64, arrived, now int64) int64 {
	name := s.name + " missing"
	list, cas := s.host.Load(name)
	if len(list)%missingSize != 0 || len(list) > maxMissing*missingSize {
		list = nil
	}
	first, again, at := arrived, false, len(list)
	for i := 0; i < len(list); i += missingSize {
		if binary.LittleEndian.Uint64(list[i:]) == missing {
			at = i
			t := int64(binary.LittleEndian.Uint64(list[i+8:]))
			if t <= now && now-t < missingTime.Milliseconds() && t >= s.record.changed {
				first, again = t, t < arrived
			}
			break
		}
	}
	const middle = maxMissing / 2 * missingSize
	if again && at < middle {
		return first
	}
	if at < len(list) {
		list = append(list[:at], list[at+missingSize:]...)
	}
	to := min(middle, len(list))
	if again {
		to = 0
	}
	var entry [missingSize]byte
	binary.LittleEndian.PutUint64(entry[:], missing)
	binary.LittleEndian.PutUint64(entry[8:], uint64(first))
	next := make([]byte, 0, maxMissing*missingSize+missingSize)
	next = append(append(append(next, list[:to]...), entry[:]...), list[to:]...)
	if cas == 0 {
		cas = math.MaxUint32 // another worker may be the first
	}
	s.host.Store(name, next[:min(len(next), maxMissing*missingSize)], cas)
	return first
}
