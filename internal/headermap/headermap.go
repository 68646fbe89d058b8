// Package headermap reads and writes header maps in the serialization of the proxy-wasm
// ABI: the number of pairs; the sizes of the name and the value of each pair; then all
// names and values, each followed by a zero byte. Numbers are 32-bit little-endian.
package headermap

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed reports that the host returned a malformed header map.
var ErrMalformed = errors.New("the host's header map is malformed")

// A Reader iterates over a header map. The strings that it returns share the map's
// memory.
type Reader struct {
	sizes string // of the remaining pairs
	texts string // of the remaining pairs
	err   error
}

// Read returns a Reader of a map. A host passes an empty map as no bytes at all.
func Read(m string) Reader {
	if m == "" {
		return Reader{}
	}
	if len(m) < 4 {
		return Reader{err: ErrMalformed}
	}
	n := uint64(readUint32(m)) * 8
	m = m[4:]
	if n > uint64(len(m)) {
		return Reader{err: ErrMalformed}
	}
	return Reader{sizes: m[:n], texts: m[n:]}
}

// Next returns the next pair. ok is false after the last pair and if the map is
// malformed.
func (r *Reader) Next() (name, value string, ok bool) {
	if len(r.sizes) < 8 {
		return "", "", false
	}
	a, b := uint64(readUint32(r.sizes)), uint64(readUint32(r.sizes[4:]))
	if a+b+2 > uint64(len(r.texts)) {
		r.err, r.sizes = ErrMalformed, ""
		return "", "", false
	}
	name, value = r.texts[:a], r.texts[a+1:a+1+b]
	r.sizes, r.texts = r.sizes[8:], r.texts[a+b+2:]
	return name, value, true
}

// Err returns [ErrMalformed] if the map is malformed.
func (r *Reader) Err() error { return r.err }

func readUint32(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// Append appends a header map to b.
func Append(b []byte, pairs [][2]string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(pairs)))
	for _, p := range pairs {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[0])))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p[1])))
	}
	for _, p := range pairs {
		b = append(append(b, p[0]...), 0)
		b = append(append(b, p[1]...), 0)
	}
	return b
}
