package jwtlite

import (
	"mcpauth/jwtlite/internal/p256"
	"mcpauth/jwtlite/internal/rsa"
)

// Key is a public key and the one algorithm that it is used with: RFC 8725, section
// 3.1. [ParseKeySet] and [ParsePublicKeyPEM] return keys. A Key does not change, and
// any number of goroutines may use it.
type Key struct {
	id        string
	issuer    string // for whose tokens it is; empty for all
	algorithm Algorithm
	spki      []byte

	rsa *rsa.PublicKey  // for RS256
	ec  *p256.PublicKey // for ES256
}

// ID returns the "kid" of the key, "" if it has none.
func (k *Key) ID() string { return k.id }

// Algorithm returns the algorithm that the key is used with.
func (k *Key) Algorithm() Algorithm { return k.algorithm }

// SPKI returns the key as the DER encoding of a SubjectPublicKeyInfo: RFC 5280,
// section 4.1, with the parameters of RFC 3279, section 2.3.1, or RFC 5480,
// section 2. The caller must not change it.
func (k *Key) SPKI() []byte { return k.spki }

var (
	errPrivateKey    = unusable("its private part is published")
	errKeyType       = unusable("its type is neither RSA nor EC")
	errSymmetricKey  = unusable("it is symmetric")
	errCurve         = unusable("its curve is not P-256")
	errUse           = unusable("it is not for signatures")
	errKeyOps        = unusable("it is not for verifying")
	errKeyAlgorithm  = unusable("its algorithm is none that is verified here")
	errAlgorithmType = unusable("its algorithm does not fit its type")
	errCoordinates   = unusable("its coordinates are not 32 bytes of base64url each")
	errNotOnCurve    = unusable("its point is not on the curve")
	errRSAEncoding   = unusable("its modulus or exponent is not base64url")
	errModulusSize   = unusable("its modulus has fewer than 2048 or more than 8192 bits")
	errModulusEven   = unusable("its modulus is even")
	errExponent      = unusable("its exponent is not an odd number from 3 to 4294967295")
	errKeyObject     = unusable("it is not a JSON object of acceptable size")
	errKeyDuplicate  = unusable("it has a duplicate member")
	errKeyIssuer     = unusable("its issuer is none of the authorization server")
	errKeyMember     = unusable("a member has the wrong type")
)

// checkAlgorithm checks the "alg" of a key. A key need not declare one. If it does, name
// must be that of only, the one algorithm for keys of its type.
func checkAlgorithm(only Algorithm, name string, declared bool) error {
	if !declared {
		return nil
	}
	switch a, ok := ParseAlgorithm(name); {
	case !ok:
		if registered(name) == nil {
			return errKeyAlgorithm // the error must not repeat arbitrary text
		}
		return unusable("its algorithm " + name + " is none that is verified here")
	case a != only:
		return errAlgorithmType
	}
	return nil
}
