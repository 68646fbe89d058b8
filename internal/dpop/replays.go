package dpop

import (
	"encoding/binary"
	"hash/maphash"
	"strconv"
	"unsafe"

	"mcpauth/internal/callout"
	"mcpauth/internal/once"
	"mcpauth/internal/sha256"
	"mcpauth/jwtlite"
)

// The store of spent proofs is a fixed number of buckets in the shared data, each a list of
// entries. A full bucket refuses: nothing is forgotten before its time. The store takes at
// most buckets*maxEntries*entrySize = 8 MiB.
const (
	buckets    = 4096
	maxEntries = 128
	hashSize   = 12
	entrySize  = hashSize + once.TimeSize

	bucketKey = "mcpauth.dpop 1 " // and the number of the bucket
	seedKey   = "mcpauth.dpop.seed 1"
	seedSize  = 32
)

// ErrReplayed refuses a proof that has been used. It is [jwtlite.ErrProof].
const ErrReplayed = fault("it has been used before")

// ErrFull says that the store cannot remember a proof, which therefore must not pass.
const ErrFull = storeFault("the store of used DPoP proofs is full")

type storeFault string

func (f storeFault) Error() string { return string(f) }

// Replays remembers the proofs that the workers of one process have accepted: RFC 9449,
// section 11.1.
type Replays struct {
	data   callout.Shared
	seed   []byte // nil until it is needed
	buffer []byte // reused
}

// NewReplays returns the proofs in data. A nil Replays lets none pass.
func NewReplays(data callout.Shared) *Replays { return &Replays{data: data} }

// Spend makes p pass once, however many workers have it at the same time. Its signature
// must have been verified; now is when the request with it arrived. The error is [ErrReplayed] or
// [ErrFull].
func (s *Replays) Spend(p *jwtlite.Proof, now callout.UnixMilli) error {
	if s == nil || s.seed == nil && !s.loadSeed() {
		return ErrFull
	}
	// The seed keeps clients from choosing proofs that fill one bucket. Thumbprints have
	// one length, so that no other thumbprint and jti are the same text.
	thumbprint := p.Thumbprint()
	b := append(append(append(s.buffer[:0], s.seed...), thumbprint[:]...), p.ID...)
	s.buffer = b
	digest := sha256.Sum(unsafe.String(unsafe.SliceData(b), len(b)))
	bucket := binary.LittleEndian.Uint16(digest[hashSize:]) % buckets
	name := bucketKey + strconv.Itoa(int(bucket))

	// Until then a request with this proof may be accepted.
	until := p.IssuedAt.UnixMilli() + (maxAge + MaxHeld).Milliseconds()
	switch once.Use(s.data, name, digest[:hashSize], uint32(until/1000)+1, uint32(now/1000), maxEntries) {
	case nil:
		return nil
	case once.ErrUsed:
		return ErrReplayed
	}
	return ErrFull
}

// loadSeed takes the seed of the process from the shared data, or chooses it there. The
// value is created by one worker only, and never replaced.
func (s *Replays) loadSeed() bool {
	value, _ := callout.LoadOrCreate(s.data, seedKey, newSeed())
	if len(value) == seedSize {
		s.seed = value
	}
	return s.seed != nil
}

// newSeed returns random bytes: the seeds of package maphash are random.
func newSeed() []byte {
	var b []byte
	for range 8 {
		b = binary.LittleEndian.AppendUint64(b, maphash.String(maphash.MakeSeed(), "seed"))
	}
	digest := sha256.Sum(string(b))
	return digest[:]
}
