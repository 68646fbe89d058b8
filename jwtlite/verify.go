package jwtlite

// Verifier verifies signatures. It is an interface because a host may do so
// faster than this package: see [Software].
type Verifier interface {
	// Verify returns nil if signature is a signature of signingInput by k
	// with the algorithm of k, and [ErrSignature] if it is not.
	Verify(k *Key, signingInput string, signature []byte) error
}

// Software is a [Verifier] in Go alone, with filippo.io/bigmod and
// filippo.io/nistec. The zero Software is ready and may be used by any number
// of goroutines. Once a key has been prepared, verifying allocates nothing; but
// see [Software.Prepare] about keys that have not been, and bigmod allocates for
// RSA keys of more than 2048 bits.
type Software struct{}

// maxPrepared is how many keys of a set are prepared.
const maxPrepared = 8

// Prepare makes [Software.Verify] about four times as fast for keys for ES256,
// by tables that take a millisecond and 132 kB each to make. They are made for
// the first 8 such keys of the set, so for at most 1.1 MB, and one more that
// all keys share. They live as long as the keys do. All other keys verify as
// they did before. Prepare may be called at any time, by any goroutine; a key
// that has been prepared is left alone.
//
// It is a call of its own, and not done where a key is read or first used,
// because only a host that knows that signatures will be verified here, and
// when it has time for it, can say that the tables are worth it.
func (Software) Prepare(s *KeySet) {
	prepared := 0
	for _, k := range s.keys {
		if k.algorithm != ES256 {
			continue
		}
		if k.table.Load() == nil {
			generatorTable()
			k.table.Store(newPointTable(k.point))
		}
		if prepared++; prepared == maxPrepared {
			return
		}
	}
}

// Verify implements [Verifier].
func (Software) Verify(k *Key, signingInput string, signature []byte) error {
	ok := false
	switch k.algorithm {
	case RS256:
		ok = verifyRS256(k, signingInput, signature)
	case ES256:
		ok = verifyES256(k, signingInput, signature)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}
