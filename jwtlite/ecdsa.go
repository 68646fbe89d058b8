package jwtlite

import (
	"math/bits"

	"filippo.io/bigmod"
	"filippo.io/nistec"
)

// orderP256Bytes is n, the order of the base point of P-256: SP 800-186,
// section 3.2.1.3.
const orderP256Bytes = "" +
	"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51"

var orderP256 = func() *bigmod.Modulus {
	n, err := bigmod.NewModulus([]byte(orderP256Bytes))
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
	r, s := bigmod.NewNat(), bigmod.NewNat()
	if !setScalar(r, signature[:sizeP256]) || !setScalar(s, signature[sizeP256:]) {
		return false
	}
	e, err := bigmod.NewNat().SetOverflowingBytes(digest[:], n)
	if err != nil {
		return false
	}
	inverse := [sizeP256]byte(signature[sizeP256:])
	inverseP256(&inverse)
	if _, err := s.SetBytes(inverse[:], n); err != nil {
		return false
	}
	u1 := e.Mul(s, n)
	u2 := s.Mul(r, n)

	sum := nistec.NewP256Point()
	if table := k.table.Load(); table != nil {
		generatorTable().addMultiple(sum, u1.Bits())
		table.addMultiple(sum, u2.Bits())
	} else if !addMultiples(sum, u1.Bits(), k.point, u2.Bits()) {
		return false
	}
	x, err := sum.BytesX() // an error for the point at infinity
	if err != nil {
		return false
	}
	v, err := s.SetOverflowingBytes(x, n)
	return err == nil && v.Equal(r) == 1
}

// setScalar sets x to a big-endian number of sizeP256 bytes and reports whether
// it is from 1 to n-1.
func setScalar(x *bigmod.Nat, number []byte) bool {
	// The error of SetBytes would be made anew each time.
	if string(number) >= orderP256Bytes {
		return false
	}
	_, err := x.SetBytes(number, orderP256)
	return err == nil && x.IsZero() == 0
}

// addMultiples sets sum to u1*G + u2*q with no table of q.
func addMultiples(sum *nistec.P256Point, u1 []uint, q *nistec.P256Point, u2 []uint) bool {
	scalar := scalarBytes(u1)
	if _, err := sum.ScalarBaseMult(scalar[:]); err != nil {
		return false
	}
	scalar = scalarBytes(u2)
	p, err := nistec.NewP256Point().ScalarMult(q, scalar[:])
	if err != nil {
		return false
	}
	sum.Add(sum, p)
	return true
}

// scalarBytes returns k, its least significant bits first, in big-endian form.
func scalarBytes(k []uint) (b [sizeP256]byte) {
	for i := range b {
		b[sizeP256-1-i] = byte(k[i*8/bits.UintSize] >> (i * 8 % bits.UintSize))
	}
	return b
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
