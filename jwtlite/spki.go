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
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n':
		case '+': // the alphabet of base64url
			encoded = append(encoded, '-')
		case '/':
			encoded = append(encoded, '_')
		case '-', '_':
			return nil, false
		default:
			encoded = append(encoded, c)
		}
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
	oid, parameters, ok := readDER(identifier, tagOID)
	if !ok {
		return nil, errSPKI
	}
	switch string(oid) {
	case oidRSAEncryption:
		null, rest, ok := readDER(parameters, tagNull)
		if !ok || len(null) > 0 || len(rest) > 0 {
			return nil, errSPKI
		}
		return parseRSAPublicKey(bits[1:])
	case oidECPublicKey:
		curve, rest, ok := readDER(parameters, tagOID)
		if !ok || len(rest) > 0 {
			return nil, errSPKI
		}
		if string(curve) != oidP256 {
			return nil, errCurve
		}
		if len(bits) != 2+2*sizeP256 || bits[1] != 0x04 {
			return nil, errUncompressed
		}
		return newECKey(bits[1:])
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

// appendRSASPKI appends the SubjectPublicKeyInfo of an RSA key whose numbers
// have no leading zeros.
func appendRSASPKI(dst, n, e []byte) []byte {
	identifier := 2 + len(oidRSAEncryption) + 2
	sequence := sizeInteger(n) + sizeInteger(e)
	bits := 1 + sizeHeader(sequence) + sequence
	dst = appendHeader(dst, tagSequence, sizeHeader(identifier)+identifier+sizeHeader(bits)+bits)
	dst = appendHeader(dst, tagSequence, identifier)
	dst = append(appendHeader(dst, tagOID, len(oidRSAEncryption)), oidRSAEncryption...)
	dst = appendHeader(dst, tagNull, 0)
	dst = append(appendHeader(dst, tagBitString, bits), 0)
	dst = appendHeader(dst, tagSequence, sequence)
	return appendInteger(appendInteger(dst, n), e)
}

// appendECSPKI appends the SubjectPublicKeyInfo of an uncompressed point on
// P-256.
func appendECSPKI(dst, point []byte) []byte {
	identifier := 2 + len(oidECPublicKey) + 2 + len(oidP256)
	bits := 1 + len(point)
	dst = appendHeader(dst, tagSequence, sizeHeader(identifier)+identifier+sizeHeader(bits)+bits)
	dst = appendHeader(dst, tagSequence, identifier)
	dst = append(appendHeader(dst, tagOID, len(oidECPublicKey)), oidECPublicKey...)
	dst = append(appendHeader(dst, tagOID, len(oidP256)), oidP256...)
	dst = append(appendHeader(dst, tagBitString, bits), 0)
	return append(dst, point...)
}
