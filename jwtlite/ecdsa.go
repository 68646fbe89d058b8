package jwtlite

import (
	"mcpauth/jwtlite/internal/curve"
	"mcpauth/jwtlite/internal/p256"
)

// newECKey returns a key on a curve. The point is in the uncompressed form of SEC 1,
// section 2.3.3.
func newECKey(t keyType, point []byte) (*Key, error) {
	k := newKey(t)
	ok := false
	switch t {
	case typeP256:
		k.p256, ok = p256.NewPublicKey(point)
	case typeP384:
		k.curve, ok = curve.P384().NewPublicKey(point)
	case typeP521:
		k.curve, ok = curve.P521().NewPublicKey(point)
	}
	if !ok {
		return nil, errNotOnCurve
	}
	k.spki = newSPKI(keyTypes[t].identifier, point)
	return k, nil
}

// ECDSASignatureDER appends a signature with ES256, ES384 or ES512 to dst as the
// Ecdsa-Sig-Value of RFC 3279, section 2.2.3, which is at most 141 bytes. It returns false
// unless sig has the one length that RFC 7518, section 3.4 allows: 64, 96 or 132 bytes.
func ECDSASignatureDER(dst []byte, alg Algorithm, sig []byte) ([]byte, bool) {
	if alg >= algorithmLimit {
		return dst, false
	}
	size := keyTypes[algorithms[alg].key].coordinate
	if size == 0 || len(sig) != 2*size {
		return dst, false
	}
	var room [2 * (3 + 66)]byte
	numbers := appendInteger(appendInteger(room[:0], sig[:size]), sig[size:])
	return appendElement(dst, tagSequence, "", numbers), true
}
