package jwtlite

import "mcpauth/jwtlite/internal/rsa"

// The sizes of an RSA modulus that are accepted. RFC 7518, section 3.3 requires 2048
// bits or more. The time of a verification grows with the square of the size.
const (
	minModulusBits = 2048
	maxModulusBits = rsa.MaxBits
)

// newRSAKey returns an RSA key. The modulus n and the exponent e are big-endian.
// Leading zeros are accepted, since some libraries write one: RFC 7518, section
// 6.3.1.1.
func newRSAKey(n, e []byte) (*Key, error) {
	n, e = trimZeros(n), trimZeros(e)
	if len(e) == 0 || len(e) > 4 {
		return nil, errExponent
	}
	var exponent uint
	for _, b := range e {
		exponent = exponent<<8 | uint(b)
	}
	if exponent < 3 || exponent&1 == 0 {
		return nil, errExponent
	}
	if len(n) > maxModulusBits/8 || len(n) < minModulusBits/8 {
		return nil, errModulusSize
	}
	if n[len(n)-1]&1 == 0 {
		return nil, errModulusEven
	}
	if len(n) == minModulusBits/8 && n[0]&0x80 == 0 {
		return nil, errModulusSize
	}
	k := newKey(typeRSA)
	k.spki, k.rsa = rsaSPKI(n, e), rsa.NewPublicKey(n, exponent)
	return k, nil
}
