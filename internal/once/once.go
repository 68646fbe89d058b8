// Package once lets what has an ID be used once by all workers of a process together. It
// keeps the IDs in lists in the shared data, each a value of that data: an ID goes when it
// has expired, and a list that is full takes no more.
package once

import (
	"encoding/binary"
	"errors"
	"math"

	"mcpauth/internal/callout"
)

// TimeSize is how many bytes an entry of a list takes beside its ID: when it expires, in
// seconds since 1970.
const TimeSize = 4

// maxTries bounds the attempts to write a list. One fails only if another worker has written
// the same list between the two calls of the host.
const maxTries = 8

var (
	// ErrUsed says that the ID has been used before.
	ErrUsed = errors.New("it has been used before")

	// ErrFull says that the list cannot keep the ID, which therefore must not be used: it is
	// full, is none of this package, or cannot be written.
	ErrFull = errors.New("there is no room to remember that it is used")
)

// Use uses an ID, which the list of this name keeps until a time. now and until are in
// seconds since 1970. All IDs of a list have one length, and it keeps maxEntries at most. The
// error is ErrUsed or ErrFull.
func Use(data callout.Shared, name string, id []byte, until, now uint32, maxEntries int) error {
	for range maxTries {
		list, cas := data.Load(name)
		if cas == 0 {
			cas = math.MaxUint32 // no value has this number: only one worker creates the value
		}
		list, err := add(list, id, until, now, maxEntries)
		if err != nil {
			return err
		}
		if data.Store(name, list, cas) {
			return nil
		}
	}
	return ErrFull
}

// add appends an entry to a list, without the entries that have expired at now.
func add(list, id []byte, until, now uint32, maxEntries int) ([]byte, error) {
	size := len(id) + TimeSize
	if len(list)%size != 0 {
		return nil, ErrFull
	}
	kept := list[:0]
	for ; len(list) > 0; list = list[size:] {
		e := list[:size]
		if string(e[:len(id)]) == string(id) {
			return nil, ErrUsed
		}
		if binary.LittleEndian.Uint32(e[len(id):]) > now {
			kept = append(kept, e...)
		}
	}
	if len(kept) >= maxEntries*size {
		return nil, ErrFull
	}
	return binary.LittleEndian.AppendUint32(append(kept, id...), until), nil
}
