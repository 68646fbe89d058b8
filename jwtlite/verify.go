package jwtlite

import "mcpauth/jwtlite/internal/sha256"

// Verifier verifies signatures. It is an interface because a host may do so
// faster than this package: see [Software].
type Verifier interface {
	// Verify returns nil if signature is a signature of signingInput by k
	// with the algorithm of k, and [ErrSignature] if it is not.
	Verify(k *Key, signingInput string, signature []byte) error
}

// Software is a [Verifier] in Go alone, with filippo.io/nistec for the points of
// P-256. The zero Software is ready and may be used by any number of goroutines.
// Verifying allocates nothing.
type Software struct{}

// maxPrepared is how many keys of a set are prepared.
const maxPrepared = 8

// Prepare makes [Software.Verify] three to four times as fast in WebAssembly for
// keys for ES256, by a table for each that takes 136 kB and about 2 ms to make.
// The first 8 such keys of the set get one, so that a set takes 1.1 MB at most,
// and the process one more that all share. A table lives as long as its key. All
// other keys verify as they do without. Prepare may be called at any time, by
// any goroutine, and leaves keys alone that are prepared.
//
// It is a call of its own, and not done where a key is read or first used: only
// the host knows whether signatures are to be verified here at all, and when
// there is time to get ready for it.
func (Software) Prepare(s *KeySet) {
	prepared := 0
	for _, k := range s.keys {
		if k.algorithm != ES256 {
			continue
		}
		k.ec.Prepare()
		if prepared++; prepared == maxPrepared {
			return
		}
	}
}

// Verify implements [Verifier].
func (Software) Verify(k *Key, signingInput string, signature []byte) error {
	digest := sha256.Sum(signingInput)
	ok := false
	switch k.algorithm {
	case RS256: // RFC 7518, section 3.3
		ok = k.rsa.Verify(&digest, signature)
	case ES256: // RFC 7518, section 3.4: r and s of 32 bytes each
		ok = k.ec.Verify(&digest, signature)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}
