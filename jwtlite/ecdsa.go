package jwtlite

import "filippo.io/nistec"

// orderP256Bytes is n, the order of the base point of P-256: SP 800-186,
// section 3.2.1.3.
const orderP256Bytes = "" +
	"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51"

var orderP256 = newModulus([]byte(orderP256Bytes))

// sizeP256 is the length in bytes of a coordinate and of a scalar.
const sizeP256 = 32

// newECKey returns an ES256 key. The point is in the uncompressed form of
// SEC 1, section 2.3.3.
func newECKey(point []byte) (*Key, error) {
	if len(point) != 1+2*sizeP256 || point[0] != 0x04 {
		return nil, errNotOnCurve
	}
	q, err := nistec.NewP256Point().SetBytes(point)
	if err != nil {
		return nil, errNotOnCurve
	}
	return &Key{algorithm: ES256, spki: append([]byte(spkiP256), point...), point: q}, nil
}

// verifyES256 verifies a signature in the form of RFC 7518, section 3.4: r and s
// of 32 bytes each.
func verifyES256(k *Key, signingInput string, signature []byte) bool {
	digest := sumSHA256(signingInput)
	return verifyECDSA(k, &digest, signature)
}

// verifyECDSA is the verification of FIPS 186-5, section 6.4.2.
func verifyECDSA(k *Key, digest *[32]byte, signature []byte) bool {
	if len(signature) != 2*sizeP256 {
		return false
	}
	n := orderP256
	var r, s, e, u1, u2, t scalar
	if !r.set(signature[:sizeP256]) || !s.set(signature[sizeP256:]) {
		return false
	}
	e.setReduced(digest[:])
	inverseP256(&s)
	var scratch [2 * len(r)]uint64
	n.multiply(t[:], e[:], n.rr, scratch[:])
	n.multiply(u1[:], t[:], s[:], scratch[:])
	n.multiply(t[:], r[:], n.rr, scratch[:])
	n.multiply(u2[:], t[:], s[:], scratch[:])

	sum := nistec.NewP256Point() // u1*G + u2*Q
	generatorTable().addMultiple(sum, &u1)
	if table := k.table.Load(); table != nil {
		table.addMultiple(sum, &u2)
	} else {
		factor := u2.bytes()
		p, err := nistec.NewP256Point().ScalarMult(k.point, factor[:])
		if err != nil {
			return false
		}
		sum.Add(sum, p)
	}
	x, err := sum.BytesX() // an error for the point at infinity
	if err != nil {
		return false
	}
	t.setReduced(x)
	return t == r
}

// ECDSASignatureDER appends an ES256 signature, the 64 bytes of RFC 7518,
// section 3.4, to dst as the Ecdsa-Sig-Value of RFC 3279, section 2.2.3, which
// is at most 72 bytes. It appends nothing if sig is of another length.
func ECDSASignatureDER(dst, sig []byte) []byte {
	if len(sig) != 2*sizeP256 {
		return dst
	}
	start := len(dst)
	dst = append(dst, tagSequence, 0)
	dst = appendInteger(dst, sig[:sizeP256])
	dst = appendInteger(dst, sig[sizeP256:])
	dst[start+1] = byte(len(dst) - start - 2)
	return dst
}
