package keys

import (
	"encoding/binary"
	"math"
	"time"

	"mcpauth/internal/callout"
)

const (
	maxMissing  = 64              // keys of one server that the workers remember as missing
	missingTime = 5 * time.Minute // how long they remember each
)

// MissingKey returns a number that identifies a key that a set lacks. parts are the
// key ID and the algorithm of the token. If keys fit but do not verify the token, parts
// is the token itself.
func MissingKey(parts ...string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	for _, part := range parts {
		for i := 0; i < len(part); i++ {
			h = (h ^ uint64(part[i])) * prime
		}
		h = (h ^ 0x100) * prime // no byte has this value: it separates the parts
	}
	return h
}

// The workers share the missing keys in a value with entries of missingSize bytes:
// the number that identifies the key, and when a request first asked for it. The
// first half holds keys for which requests have asked again, so that a flood of
// keys, each asked for once, pushes none of them out.
const missingSize = 16

// firstAsked returns when a request first asked for a missing key, and remembers that
// time. If the workers do not remember the key, it is the time when this request
// arrived. They forget all missing keys when they get new keys.
func (s *Source) firstAsked(missing uint64, arrived, now callout.UnixMilli) callout.UnixMilli {
	name := s.name + " missing"
	list, cas := s.host.Load(name)
	if len(list)%missingSize != 0 || len(list) > maxMissing*missingSize {
		list = nil
	}
	first, again, at := arrived, false, len(list)
	for i := 0; i < len(list); i += missingSize {
		if binary.LittleEndian.Uint64(list[i:]) == missing {
			at = i
			t := callout.UnixMilli(binary.LittleEndian.Uint64(list[i+8:]))
			if t.Within(missingTime, now) && t >= s.record.documentAt {
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
		cas = math.MaxUint32 // no value has this number: only one worker creates the value
	}
	s.host.Store(name, next[:min(len(next), maxMissing*missingSize)], cas)
	return first
}
