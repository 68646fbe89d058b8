package jwtlite

// Algorithm is a signature algorithm of RFC 7518, section 3.1. The zero
// Algorithm stands for every one that this package does not verify, among
// them none, HS256 and PS256.
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
