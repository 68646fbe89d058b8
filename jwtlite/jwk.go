package jwtlite

import "strings"

// jwk is what is read of a JWK: RFC 7517, section 4, and RFC 7518, section 6.
type jwk struct {
	kty, use, alg, kid, crv, n, e, x, y string

	hasUse, hasAlg bool
	private        bool
	keyOps         *Value
}

// parseJWK returns the key with the given members. id is its "kid", as far as
// it could be read. Nothing of what it returns shares memory with the members.
func parseJWK(members []member, s *scanner) (k *Key, id string, err error) {
	var j jwk
	if err := j.read(members); err != nil {
		return nil, strings.Clone(j.kid), err
	}
	id = strings.Clone(j.kid)
	if k, err = j.key(s); err != nil {
		return nil, id, err
	}
	k.id = id
	return k, id, nil
}

func (j *jwk) read(members []member) error {
	for i := range members {
		m := &members[i]
		switch m.name {
		case "kty":
			j.kty = m.Text
		case "use":
			j.use, j.hasUse = m.Text, true
		case "alg":
			j.alg, j.hasAlg = m.Text, true
		case "kid":
			j.kid = m.Text
		case "crv":
			j.crv = m.Text
		case "n":
			j.n = m.Text
		case "e":
			j.e = m.Text
		case "x":
			j.x = m.Text
		case "y":
			j.y = m.Text
		case "key_ops":
			j.keyOps = &m.Value
			continue
		case "d", "p", "q", "dp", "dq", "qi", "oth":
			j.private = true
			continue
		default:
			continue
		}
		if m.Kind != KindString {
			return errKeyMember
		}
	}
	return nil
}

// key judges what was read.
func (j *jwk) key(s *scanner) (*Key, error) {
	switch j.kty {
	case "RSA", "EC":
	case "oct":
		return nil, errSymmetricKey
	default:
		return nil, errKeyType
	}
	// Whoever has seen the document can sign with it.
	if j.private {
		return nil, errPrivateKey
	}
	if j.hasUse && j.use != "sig" {
		return nil, errUse
	}
	if j.keyOps != nil {
		if err := checkKeyOps(j.keyOps, s); err != nil {
			return nil, err
		}
	}
	if j.kty == "RSA" {
		return j.rsaKey()
	}
	return j.ecKey()
}

// checkKeyOps wants "verify" among the operations: RFC 7517, section 4.3.
func checkKeyOps(v *Value, s *scanner) error {
	if v.Kind != KindArray {
		return errKeyMember
	}
	operations, ok := appendStrings(nil, s, v)
	if !ok {
		return errKeyMember
	}
	for _, operation := range operations {
		if operation == "verify" {
			return nil
		}
	}
	return errKeyOps
}

func (j *jwk) rsaKey() (*Key, error) {
	if err := checkAlgorithm(RS256, j.alg, j.hasAlg); err != nil {
		return nil, err
	}
	n, okN := appendBase64URL(nil, j.n)
	e, okE := appendBase64URL(nil, j.e)
	if !okN || !okE || len(n) == 0 || len(e) == 0 {
		return nil, errRSAEncoding
	}
	return newRSAKey(n, e)
}

func (j *jwk) ecKey() (*Key, error) {
	if j.crv != "P-256" {
		return nil, errCurve
	}
	if err := checkAlgorithm(ES256, j.alg, j.hasAlg); err != nil {
		return nil, err
	}
	// Coordinates have their full size: RFC 7518, section 6.2.1.2.
	point := append(make([]byte, 0, 1+2*sizeP256), 0x04)
	point, okX := appendBase64URL(point, j.x)
	if !okX || len(point) != 1+sizeP256 {
		return nil, errCoordinates
	}
	point, okY := appendBase64URL(point, j.y)
	if !okY || len(point) != 1+2*sizeP256 {
		return nil, errCoordinates
	}
	return newECKey(point)
}
