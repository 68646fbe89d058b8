package jwtlite

import "strings"

var (
	errPEM          = unusable("it is not one PEM block of type PUBLIC KEY")
	errSPKI         = unusable("it is not the DER encoding of a SubjectPublicKeyInfo")
	errSPKIType     = unusable("it is neither an RSA key nor a point of a named curve")
	errUncompressed = unusable("its point is not in the uncompressed form")
)

// maxPEMSize is far above what the largest key takes.
const maxPEMSize = 16 << 10

// ParsePublicKeyPEM returns the key in a PEM block "PUBLIC KEY" (RFC 7468,
// section 13): RSA with 2048 to 8192 bits, for RS256, or EC on P-256 with the
// point uncompressed, for ES256. kid may be "", for none, and alg 0, for the
// one that fits. The error is [ErrKey].
func ParsePublicKeyPEM(pemText []byte, kid string, alg Algorithm) (*Key, error) {
	der, ok := decodePEM(string(pemText))
	if !ok {
		return nil, errPEM
	}
	k, err := parseSPKI(der)
	if err != nil {
		return nil, err
	}
	if alg != 0 && alg != k.algorithm {
		return nil, errAlgorithmType
	}
	k.id = strings.Clone(kid)
	return k, nil
}

// decodePEM returns what one PEM block of type PUBLIC KEY holds: RFC 7468,
// section 3. It takes any line breaks, as tools that pass keys on often change
// them, but no second block and no text outside the block.
func decodePEM(text string) ([]byte, bool) {
	const (
		begin = "-----BEGIN PUBLIC KEY-----"
		end   = "-----END PUBLIC KEY-----"
	)
	text, hasBegin := strings.CutPrefix(strings.TrimSpace(text), begin)
	text, hasEnd := strings.CutSuffix(text, end)
	if !hasBegin || !hasEnd || len(text) > maxPEMSize {
		return nil, false
	}
	encoded := make([]byte, 0, len(text))
	for i := range len(text) {
		c := text[i]
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '-', '_':
			return nil, false
		case '+': // the alphabet of base64url
			c = '-'
		case '/':
			c = '_'
		}
		encoded = append(encoded, c)
	}
	if len(encoded)%4 != 0 {
		return nil, false
	}
	unpadded := strings.TrimSuffix(strings.TrimSuffix(string(encoded), "="), "=")
	return appendBase64URL(nil, unpadded)
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
		return parseRSAPublicKey(bits[1:])
	case id == identifierP256:
		if len(bits) != 2+2*sizeP256 || bits[1] != 0x04 {
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

// parseRSAPublicKey reads an RSAPublicKey: RFC 8017, appendix A.1.1.
func parseRSAPublicKey(der []byte) (*Key, error) {
	sequence, rest, ok := readDER(der, tagSequence)
	if !ok || len(rest) > 0 {
		return nil, errSPKI
	}
	n, sequence, ok := readUnsigned(sequence)
	if !ok {
		return nil, errSPKI
	}
	e, rest, ok := readUnsigned(sequence)
	if !ok || len(rest) > 0 {
		return nil, errSPKI
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

// spkiP256 is the SubjectPublicKeyInfo of an uncompressed point on P-256, which
// always has the same size, up to the point.
const spkiP256 = "\x30\x59\x30\x13" + identifierP256 + "\x03\x42\x00"
