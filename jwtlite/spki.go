package jwtlite

import (
	"strings"

	"mcpauth/jwtlite/internal/p256"
)

var (
	errPEM          = unusable("it is not one PEM block of type PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE")
	errCertificate  = unusable("it is not the DER encoding of a certificate")
	errPKCS1        = unusable("it is not the DER encoding of an RSAPublicKey")
	errSPKI         = unusable("it is not the DER encoding of a SubjectPublicKeyInfo")
	errSPKIType     = unusable("it is neither an RSA key nor a point of a named curve")
	errUncompressed = unusable("its point is not in the uncompressed form")
)

// maxPEMSize is far more than the largest key needs.
const maxPEMSize = 16 << 10

// ParsePublicKeyPEM returns the key in one PEM block: a "PUBLIC KEY" (RFC 7468, section
// 13), an "RSA PUBLIC KEY" (RFC 8017, appendix A.1.1) or a "CERTIFICATE" (RFC 7468,
// section 5). Of a certificate, it reads the key only, and checks neither its dates nor
// its names nor its signature. The key is an RSA key of 2048 to 8192 bits, for RS256, or
// an uncompressed point on P-256, for ES256. An empty kid stands for a key without an
// ID, and alg 0 for the algorithm that fits the key. The error is [ErrKey].
func ParsePublicKeyPEM(pemText []byte, kid string, alg Algorithm) (*Key, error) {
	label, der, ok := decodePEM(string(pemText))
	if !ok {
		return nil, errPEM
	}
	var k *Key
	var err error
	switch label {
	case "PUBLIC KEY":
		k, err = parseSPKI(der)
	case "RSA PUBLIC KEY":
		k, err = parseRSAPublicKey(der, errPKCS1)
	case "CERTIFICATE":
		k, err = parseCertificate(der)
	default:
		return nil, errPEM
	}
	if err != nil {
		return nil, err
	}
	if alg != 0 && alg != k.algorithm {
		return nil, errAlgorithmType
	}
	k.id = strings.Clone(kid)
	return k, nil
}

// decodePEM returns the label and the contents of one PEM block: RFC 7468, section 3. It
// accepts line breaks anywhere, since tools that pass keys on often change them, but no
// second block and no text outside the block.
func decodePEM(text string) (label string, der []byte, ok bool) {
	text, hasBegin := strings.CutPrefix(strings.TrimSpace(text), "-----BEGIN ")
	label, text, hasLabel := strings.Cut(text, "-----")
	text, hasEnd := strings.CutSuffix(text, "-----END "+label+"-----")
	if !hasBegin || !hasLabel || !hasEnd || len(text) > maxPEMSize {
		return "", nil, false
	}
	encoded := make([]byte, 0, len(text))
	for i := range len(text) {
		c := text[i]
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '-', '_':
			return "", nil, false
		case '+': // the alphabet of base64url
			c = '-'
		case '/':
			c = '_'
		}
		encoded = append(encoded, c)
	}
	if len(encoded)%4 != 0 {
		return "", nil, false
	}
	unpadded := strings.TrimSuffix(strings.TrimSuffix(string(encoded), "="), "=")
	der, ok = appendBase64URL(nil, unpadded)
	return label, der, ok
}

// parseCertificate returns the key of a certificate: RFC 5280, section 4.1.
func parseCertificate(der []byte) (*Key, error) {
	certificate, rest, ok := readDER(der, tagSequence)
	if !ok || len(rest) > 0 {
		return nil, errCertificate
	}
	tbs, certificate, ok1 := readDER(certificate, tagSequence)
	_, certificate, ok2 := readDER(certificate, tagSequence) // signatureAlgorithm
	_, rest, ok3 := readDER(certificate, tagBitString)       // signatureValue
	if _, after, ok := readDER(tbs, tagVersion); ok {
		tbs = after
	}
	if !ok1 || !ok2 || !ok3 || len(rest) > 0 {
		return nil, errCertificate
	}
	// The serial number, the algorithm of the signature, the issuer, the validity and
	// the subject come before the key.
	for _, tag := range [...]byte{tagInteger, tagSequence, tagSequence, tagSequence, tagSequence} {
		if _, tbs, ok = readDER(tbs, tag); !ok {
			return nil, errCertificate
		}
	}
	_, rest, ok = readDER(tbs, tagSequence)
	if !ok {
		return nil, errCertificate
	}
	return parseSPKI(tbs[:len(tbs)-len(rest)])
}

// parseSPKI reads a SubjectPublicKeyInfo: RFC 5280, section 4.1.
func parseSPKI(der []byte) (*Key, error) {
	spki, rest, ok := readDER(der, tagSequence)
	if !ok || len(rest) > 0 {
		return nil, errSPKI
	}
	identifier, spki, ok := readDER(spki, tagSequence)
	if !ok {
		return nil, errSPKI
	}
	bits, rest, ok := readDER(spki, tagBitString)
	if !ok || len(rest) > 0 || len(bits) == 0 || bits[0] != 0 { // no unused bits
		return nil, errSPKI
	}
	switch id := string(identifier); {
	case id == identifierRSA:
		return parseRSAPublicKey(bits[1:], errSPKI)
	case id == identifierP256:
		if len(bits) != 2+2*p256.Size || bits[1] != 0x04 {
			return nil, errUncompressed
		}
		return newECKey(bits[1:])
	case strings.HasPrefix(id, oidRSAEncryption):
		return nil, errSPKI
	case strings.HasPrefix(id, oidECPublicKey):
		return nil, errCurve
	}
	return nil, errSPKIType
}

// parseRSAPublicKey reads an RSAPublicKey: RFC 8017, appendix A.1.1. It returns the error
// bad if der is malformed.
func parseRSAPublicKey(der []byte, bad error) (*Key, error) {
	sequence, rest, ok := readDER(der, tagSequence)
	if !ok || len(rest) > 0 {
		return nil, bad
	}
	n, sequence, ok := readPositive(sequence)
	if !ok {
		return nil, bad
	}
	e, rest, ok := readPositive(sequence)
	if !ok || len(rest) > 0 {
		return nil, bad
	}
	return newRSAKey(n, e)
}

// rsaSPKI returns the SubjectPublicKeyInfo of an RSA key.
func rsaSPKI(n, e []byte) []byte {
	numbers := appendInteger(appendInteger(nil, n), e)
	key := appendElement(nil, tagSequence, "", numbers)
	spki := appendElement(nil, tagSequence, identifierRSA, nil)
	spki = appendElement(spki, tagBitString, "\x00", key)
	return appendElement(nil, tagSequence, "", spki)
}

// spkiP256 is the start of the SubjectPublicKeyInfo of an uncompressed point on P-256, up
// to the point. Its lengths are always the same.
const spkiP256 = "\x30\x59\x30\x13" + identifierP256 + "\x03\x42\x00"
