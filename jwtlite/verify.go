package jwtlite

import (
	"mcpauth/jwtlite/internal/hash"
	"mcpauth/jwtlite/internal/p256"
)

// Verifier verifies signatures. [Software] does so in Go. A host may have a faster
// implementation.
type Verifier interface {
	// Verify returns nil if signature is a signature of signingInput by k with
	// alg, and [ErrSignature] if it is not, or if k does not allow alg.
	Verify(k *Key, alg Algorithm, signingInput string, signature []byte) error
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
		if k.p256 == nil {
			continue
		}
		k.p256.Prepare()
		if prepared++; prepared == maxPrepared {
			return
		}
	}
}

// Verify implements [Verifier].
func (Software) Verify(k *Key, alg Algorithm, signingInput string, signature []byte) error {
	if !k.Allows(alg) {
		return ErrSignature
	}
	if alg == EdDSA { // RFC 8037, section 3.1
		if !k.ed.Verify(signingInput, signature) {
			return ErrSignature
		}
		return nil
	}
	var buffer [hash.MaxSize]byte
	h := algorithms[alg].hash
	ok := false
	switch alg {
	case RS256, RS384, RS512: // RFC 7518, section 3.3
		ok = k.rsa.VerifyPKCS1v15(h, h.Sum(&buffer, signingInput), signature)
	case PS256, PS384, PS512: // RFC 7518, section 3.5
		ok = k.rsa.VerifyPSS(h, h.Sum(&buffer, signingInput), signature)
	case ES256: // RFC 7518, section 3.4: r and s of full length
		h.Sum(&buffer, signingInput)
		ok = k.p256.Verify((*[p256.Size]byte)(buffer[:]), signature)
	case ES384, ES512:
		ok = k.curve.Verify(h.Sum(&buffer, signingInput), signature)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}
