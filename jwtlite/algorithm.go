package jwtlite

import "mcpauth/jwtlite/internal/hash"

// Algorithm is a signature algorithm of RFC 7518, section 3.1, or RFC 8037. The zero Algorithm stands
// for all that this package does not verify, such as none and HS256.
type Algorithm uint8

const (
	RS256 Algorithm = iota + 1 // RSASSA-PKCS1-v1_5 with SHA-256
	ES256                      // ECDSA with P-256 and SHA-256
	RS384                      // RSASSA-PKCS1-v1_5 with SHA-384
	RS512                      // RSASSA-PKCS1-v1_5 with SHA-512
	ES384                      // ECDSA with P-384 and SHA-384
	ES512                      // ECDSA with P-521 and SHA-512
	PS256                      // RSASSA-PSS with SHA-256
	PS384                      // RSASSA-PSS with SHA-384
	PS512                      // RSASSA-PSS with SHA-512
	EdDSA                      // Ed25519: RFC 8032; also called "Ed25519", see RFC 9864

	// algorithmLimit is above all Algorithms.
	algorithmLimit
)

// algorithms describes each Algorithm.
var algorithms = [algorithmLimit]struct {
	name string
	key  keyType
	hash hash.Hash
}{
	RS256: {"RS256", typeRSA, hash.SHA256},
	ES256: {"ES256", typeP256, hash.SHA256},
	RS384: {"RS384", typeRSA, hash.SHA384},
	RS512: {"RS512", typeRSA, hash.SHA512},
	ES384: {"ES384", typeP384, hash.SHA384},
	ES512: {"ES512", typeP521, hash.SHA512},
	PS256: {"PS256", typeRSA, hash.SHA256},
	PS384: {"PS384", typeRSA, hash.SHA384},
	PS512: {"PS512", typeRSA, hash.SHA512},
	EdDSA: {name: "EdDSA", key: typeEd25519},
}

// ParseAlgorithm returns the algorithm with the given "alg" name, which is
// case-sensitive.
func ParseAlgorithm(name string) (Algorithm, bool) {
	if name == "Ed25519" {
		return EdDSA, true
	}
	for a := RS256; a < algorithmLimit; a++ {
		if algorithms[a].name == name {
			return a, true
		}
	}
	return 0, false
}

// Algorithms returns all algorithms that this package verifies.
func Algorithms() []Algorithm {
	var list []Algorithm
	for a := RS256; a < algorithmLimit; a++ {
		list = append(list, a)
	}
	return list
}

// algorithmSet is a set of Algorithms.
type algorithmSet uint16

func (s algorithmSet) has(a Algorithm) bool { return s>>a&1 != 0 }

// setOf returns the set of list.
func setOf(list ...Algorithm) (s algorithmSet) {
	for _, a := range list {
		s |= 1 << a
	}
	return s
}

// algorithmsFor returns the algorithms for keys of a type.
func algorithmsFor(t keyType) (s algorithmSet) {
	for a := RS256; a < algorithmLimit; a++ {
		if algorithms[a].key == t {
			s |= 1 << a
		}
	}
	return s
}

// namedAlgorithm is a registered "alg" name. As an error, it refuses a token with that
// algorithm.
type namedAlgorithm string

func (a *namedAlgorithm) Error() string {
	return "the token algorithm " + string(*a) + " is not accepted"
}
func (a *namedAlgorithm) Unwrap() error { return ErrAlgorithm }

// namedAlgorithms are the names that errors may repeat: any other "alg" may be arbitrary
// text. They come from RFC 7518, RFC 8037, RFC 8812 and RFC 9864.
var namedAlgorithms = [...]namedAlgorithm{
	"none", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
	"ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87",
}

// registered returns the entry for name in namedAlgorithms, nil if there is none.
func registered(name string) *namedAlgorithm {
	for i := range namedAlgorithms {
		if string(namedAlgorithms[i]) == name {
			return &namedAlgorithms[i]
		}
	}
	return nil
}

// notAccepted returns the error for a token whose "alg" is not accepted.
func notAccepted(name string) error {
	if a := registered(name); a != nil {
		return a
	}
	return ErrAlgorithm
}

// String returns the "alg" name, "none" for the zero Algorithm.
func (a Algorithm) String() string {
	if a == 0 || a >= algorithmLimit {
		return "none"
	}
	return algorithms[a].name
}
