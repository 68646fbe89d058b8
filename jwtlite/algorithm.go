package jwtlite

// Algorithm is a signature algorithm of RFC 7518, section 3.1. The zero Algorithm stands
// for all that this package does not verify, such as none, HS256 and PS256.
type Algorithm uint8

const (
	RS256 Algorithm = iota + 1 // RSASSA-PKCS1-v1_5 with SHA-256
	ES256                      // ECDSA with P-256 and SHA-256
)

// ParseAlgorithm returns the algorithm with the given "alg" name, which is
// case-sensitive.
func ParseAlgorithm(name string) (Algorithm, bool) {
	switch name {
	case "RS256":
		return RS256, true
	case "ES256":
		return ES256, true
	}
	return 0, false
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
	switch a {
	case RS256:
		return "RS256"
	case ES256:
		return "ES256"
	}
	return "none"
}
