package jwtlite

import "mcpauth/jwtlite/internal/p256"

// newECKey returns an ES256 key. The point is in the uncompressed form of SEC 1,
// section 2.3.3.
func newECKey(point []byte) (*Key, error) {
	q, ok := p256.NewPublicKey(point)
	if !ok {
		return nil, errNotOnCurve
	}
	return &Key{algorithm: ES256, spki: append([]byte(spkiP256), point...), ec: q}, nil
}

// ECDSASignatureDER appends an ES256 signature, the 64 bytes of RFC 7518,
// section 3.4, to dst as the Ecdsa-Sig-Value of RFC 3279, section 2.2.3, which
// is at most 72 bytes. It appends nothing if sig is of another length.
func ECDSASignatureDER(dst, sig []byte) []byte {
	if len(sig) != 2*p256.Size {
		return dst
	}
	start := len(dst)
	dst = append(dst, tagSequence, 0)
	dst = appendInteger(dst, sig[:p256.Size])
	dst = appendInteger(dst, sig[p256.Size:])
	dst[start+1] = byte(len(dst) - start - 2)
	return dst
}
