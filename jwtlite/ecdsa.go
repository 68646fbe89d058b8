package jwtlite

import (
	"filippo.io/bigmod"
	"filippo.io/nistec"
)

// orderP256 is n, the order of the base point of P-256: SP 800-186,
// section 3.2.1.3.
var orderP256 = func() *bigmod.Modulus {
	n, err := bigmod.NewModulus([]byte("" +
		"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff" +
		"\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51"))
	if err != nil {
		panic(err)
	}
	return n
}()

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

// verifyES256 is the verification of FIPS 186-5, section 6.4.2, of a signature
// in the form of RFC 7518, section 3.4: r and s of 32 bytes each.
func verifyES256(k *Key, signingInput string, signature []byte) bool {
	if len(signature) != 2*sizeP256 {
		return false
	}
	n := orderP256
	r, errR := bigmod.NewNat().SetBytes(signature[:sizeP256], n)
	s, errS := bigmod.NewNat().SetBytes(signature[sizeP256:], n)
	if errR != nil || errS != nil || r.IsZero() == 1 || s.IsZero() == 1 {
		return false
	}
	digest := sumSHA256(signingInput)
	e, err := bigmod.NewNat().SetOverflowingBytes(digest[:], n)
	if err != nil {
		return false
	}
	// All of this is public, so that time may tell of it. InverseVarTime is
	// faster than raising to n-2; nistec's P256OrdInverse needs assembly.
	w, ok := bigmod.NewNat().InverseVarTime(s, n)
	if !ok {
		return false
	}
	u1 := e.Mul(w, n)
	u2 := w.Mul(r, n)

	p1, err := nistec.NewP256Point().ScalarBaseMult(u1.Bytes(n))
	if err != nil {
		return false
	}
	p2, err := nistec.NewP256Point().ScalarMult(k.point, u2.Bytes(n))
	if err != nil {
		return false
	}
	x, err := p1.Add(p1, p2).BytesX() // an error for the point at infinity
	if err != nil {
		return false
	}
	v, err := s.SetOverflowingBytes(x, n)
	return err == nil && v.Equal(r) == 1
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
