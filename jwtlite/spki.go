package jwtlite

import "strings"

var (
	errPEM          = unusable("it is not one PEM block of type PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE")
	errCertificate  = unusable("it is not the DER encoding of a certificate")
	errPKCS1        = unusable("it is not the DER encoding of an RSAPublicKey")
	errSPKI         = unusable("it is not the DER encoding of a SubjectPublicKeyInfo")
	errSPKIType     = unusable("it is not an RSA key, a point of a named curve or an Ed25519 key")
	errUncompressed = unusable("its point is not in the uncompressed form")
)

// maxPEMSize is far more than the largest key needs.
const maxPEMSize = 16 << 10

// ParsePublicKeyPEM returns the key in one PEM block: a "PUBLIC KEY" (RFC 7468, section
// 13), an "RSA PUBLIC KEY" (RFC 8017, appendix A.1.1) or a "CERTIFICATE" (RFC 7468,
// section 5). Of a certificate, it reads the key only, and checks neither its dates nor
// its names nor its signature. The key is an RSA key of 2048 to 8192 bits or an
// uncompressed point on P-256, P-384 or P-521, or an Ed25519 key. An empty kid stands for a key without an
// ID. The key is used with alg, or, if that is 0, with all algorithms for keys of its type;
// with those of the given algorithms only, if any is given. The error is [ErrKey].
func ParsePublicKeyPEM(pemText []byte, kid string, alg Algorithm, algorithms ...Algorithm) (*Key, error) {
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
	if k.algorithms, err = algorithmsOf(k.kind, alg, algorithms); err != nil {
		return nil, err
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
	id := string(identifier)
	if id == keyTypes[typeRSA].identifier {
		return parseRSAPublicKey(bits[1:], errSPKI)
	}
	if id == keyTypes[typeEd25519].identifier {
		return newEd25519Key(bits[1:])
	}
	for t := typeP256; t <= typeP521; t++ {
		if id == keyTypes[t].identifier {
			if len(bits) != 2+2*keyTypes[t].coordinate || bits[1] != 0x04 {
				return nil, errUncompressed
			}
			return newECKey(t, bits[1:])
		}
	}
	switch {
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
	return newSPKI(keyTypes[typeRSA].identifier, appendElement(nil, tagSequence, "", numbers))
}

// newSPKI returns a SubjectPublicKeyInfo with the contents of its AlgorithmIdentifier
// and its key.
func newSPKI(identifier string, key []byte) []byte {
	spki := appendElement(nil, tagSequence, identifier, nil)
	spki = appendElement(spki, tagBitString, "\x00", key)
	return appendElement(nil, tagSequence, "", spki)
}
