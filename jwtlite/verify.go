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
// of goroutines.
type Software struct{}

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
