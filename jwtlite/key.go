package jwtlite

import (
	"mcpauth/jwtlite/internal/curve"
	"mcpauth/jwtlite/internal/ed25519"
	"mcpauth/jwtlite/internal/p256"
	"mcpauth/jwtlite/internal/rsa"
)

// keyType is a type of keys. An algorithm is for keys of one type.
type keyType uint8

const (
	typeRSA keyType = iota + 1
	typeP256
	typeP384
	typeP521
	typeEd25519
)

// keyTypes describes each keyType.
var keyTypes = [...]struct {
	name       string // after "it is"
	curve      string // the "crv" of RFC 7518, section 6.2.1.1
	coordinate int    // the length of a coordinate in bytes; 0 if it is not a key of ECDSA
	identifier string // the contents of an AlgorithmIdentifier (RFC 5280, section 4.1.1.2), which DER encodes in one form only
}{
	typeRSA:  {name: "an RSA key", identifier: oidRSAEncryption + "\x05\x00"}, // NULL
	typeP256: {"a P-256 key", "P-256", 32, oidECPublicKey + oidP256},
	typeP384: {"a P-384 key", "P-384", 48, oidECPublicKey + oidP384},
	typeP521: {"a P-521 key", "P-521", 66, oidECPublicKey + oidP521},

	typeEd25519: {name: "an Ed25519 key", curve: "Ed25519", identifier: oidEd25519},
}

// Key is a public key and the algorithms that it is used with, all of which are for keys of
// its type: RFC 8725, section 3.1. A key that declares its algorithm has no other.
// [ParseKeySet] and [ParsePublicKeyPEM] return keys. A Key does not change, and any number
// of goroutines may use it.
type Key struct {
	id         string
	issuer     string // for whose tokens it is; empty for all
	kind       keyType
	algorithms algorithmSet
	spki       []byte

	rsa   *rsa.PublicKey
	p256  *p256.PublicKey
	curve *curve.PublicKey // on P-384 or P-521
	ed    *ed25519.PublicKey
}

// newKey returns a key for all algorithms of a type.
func newKey(t keyType) *Key { return &Key{kind: t, algorithms: algorithmsFor(t)} }

// ID returns the "kid" of the key, "" if it has none.
func (k *Key) ID() string { return k.id }

// Allows reports whether the key is used with an algorithm.
func (k *Key) Allows(a Algorithm) bool { return a != 0 && k.algorithms.has(a) }

// SPKI returns the key as the DER encoding of a SubjectPublicKeyInfo: RFC 5280,
// section 4.1, with the parameters of RFC 3279, section 2.3.1, RFC 5480, section 2, or
// RFC 8410, section 3. The caller must not change it.
func (k *Key) SPKI() []byte { return k.spki }

var (
	errPrivateKey    = unusable("its private part is published")
	errKeyType       = unusable("its type is not RSA, EC or OKP")
	errSymmetricKey  = unusable("it is symmetric")
	errCurve         = unusable("its curve is not P-256, P-384, P-521 or Ed25519")
	errUse           = unusable("it is not for signatures")
	errKeyOps        = unusable("it is not for verifying")
	errKeyAlgorithm  = unusable("its algorithm is none that is verified here")
	errAlgorithmType = unusable("its algorithm does not fit its type")
	errCoordinates   = unusable("its coordinates are not base64url of the full length")
	errEd25519       = unusable("it is not the encoding of a point of large order on Ed25519")
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

// parseKeyAlgorithm reads the "alg" of a key, which need not declare one.
func parseKeyAlgorithm(name string, declared bool) (Algorithm, error) {
	if !declared {
		return 0, nil
	}
	a, ok := ParseAlgorithm(name)
	switch {
	case ok:
		return a, nil
	case registered(name) == nil:
		return 0, errKeyAlgorithm // the error must not repeat arbitrary text
	}
	return 0, unusable("its algorithm " + name + " is none that is verified here")
}

// algorithmsOf returns the algorithms that a key is used with: the declared one, if it is
// not 0, or all for its type, as far as they are accepted. An empty list accepts all.
func algorithmsOf(t keyType, declared Algorithm, accepted []Algorithm) (algorithmSet, error) {
	set := algorithmsFor(t)
	if declared != 0 {
		if !set.has(declared) {
			return 0, errAlgorithmType
		}
		set = setOf(declared)
	}
	if len(accepted) > 0 {
		set &= setOf(accepted...)
	}
	switch {
	case set != 0:
		return set, nil
	case declared != 0:
		return 0, unusable("it is for " + declared.String() + ", which is not in algorithms")
	}
	return 0, unusable("it is " + keyTypes[t].name + ", and none of algorithms is for such keys")
}
