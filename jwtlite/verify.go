package jwtlite

import "mcpauth/jwtlite/internal/sha256"

// Verifier verifies signatures. [Software] does so in Go. A host may have a faster
// implementation.
type Verifier interface {
	// Verify returns nil if signature is a signature of signingInput by k
	// with the algorithm of k, and [ErrSignature] if it is not.
	Verify(k *Key, signingInput string, signature []byte) error
}

// Software is a [Verifier] in Go, with filippo.io/nistec for the points of P-256. Any
// number of goroutines may use the zero Software. Verify allocates nothing.
type Software struct{}

// maxPrepared is the number of keys of a set that Prepare prepares.
const maxPrepared = 8

// Prepare makes [Software.Verify] three to four times as fast in WebAssembly for ES256
// keys. It makes a table for each of the first 8 ES256 keys of the set, which takes
// 136 kB and about 2 ms, and one table for the process. A table lives as long as its
// key. Further keys verify without one. Any goroutine may call Prepare at any time; it
// skips keys that have a table.
//
// Prepare is a call of its own because only the host knows whether it verifies
// signatures here at all, and when it has the time to prepare.
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
