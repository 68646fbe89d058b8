package jwtlite

import (
	"slices"
	"strings"

	"mcpauth/internal/jsontext"
	"mcpauth/jwtlite/internal/p256"
)

// jwk has the members of a JWK that matter here: RFC 7517, section 4, and RFC 7518,
// section 6.
type jwk struct {
	text    [len(jwkStrings)]string // by the indices below
	has     [len(jwkStrings)]bool
	private bool
	keyOps  *Value
}

// jwkStrings are the members that must be strings, jwkPrivate those that only a private
// key has.
var (
	jwkStrings = [...]string{"kty", "use", "alg", "kid", "crv", "n", "e", "x", "y"}
	jwkPrivate = [...]string{"d", "p", "q", "dp", "dq", "qi", "oth"}
)

// Indices into jwkStrings.
const (
	jwkType = iota
	jwkUse
	jwkAlgorithm
	jwkID
	jwkCurve
	jwkN
	jwkE
	jwkX
	jwkY
)

// parseJWK returns the key in text, of tenants if that is not nil. id is its "kid", "" if
// it cannot be read. The results share no memory with text.
func parseJWK(text string, tenants *Tenants, r *objectReader) (k *Key, id string, err error) {
	members, fault := r.readString(text, nil)
	switch fault {
	case jsontext.None:
	case jsontext.DuplicateName:
		return nil, "", errKeyDuplicate
	default:
		return nil, "", errKeyObject
	}
	var j jwk
	members = dropNull(members)
	if err = j.read(members); err == nil {
		k, err = j.key(r)
	}
	id = strings.Clone(j.text[jwkID])
	if err == nil {
		k.id = id
		if tenants != nil {
			k.issuer, err = tenants.keyIssuer(members)
		}
	}
	return k, id, err
}

func (j *jwk) read(members []member) error {
	for i := range members {
		m := &members[i]
		for at, name := range jwkStrings {
			if m.name == name {
				if m.Kind != KindString {
					return errKeyMember
				}
				j.text[at], j.has[at] = m.Text, true
			}
		}
		for _, name := range jwkPrivate {
			if m.name == name {
				j.private = true
			}
		}
		if m.name == "key_ops" {
			j.keyOps = &m.Value
		}
	}
	return nil
}

// key returns the key that the members describe, or an error if it cannot be used.
func (j *jwk) key(r *objectReader) (*Key, error) {
	switch j.text[jwkType] {
	case "RSA", "EC":
	case "oct":
		return nil, errSymmetricKey
	default:
		return nil, errKeyType
	}
	// Everybody who can read the document could sign tokens with the key.
	if j.private {
		return nil, errPrivateKey
	}
	if j.has[jwkUse] && j.text[jwkUse] != "sig" {
		return nil, errUse
	}
	if j.keyOps != nil {
		if err := checkKeyOps(j.keyOps, r); err != nil {
			return nil, err
		}
	}
	if j.text[jwkType] == "RSA" {
		return j.rsaKey()
	}
	return j.ecKey()
}

// checkKeyOps requires "verify" among the operations: RFC 7517, section 4.3.
func checkKeyOps(v *Value, r *objectReader) error {
	if v.Kind != KindArray {
		return errKeyMember
	}
	operations, ok := appendStrings(nil, r, v)
	if !ok {
		return errKeyMember
	}
	if !slices.Contains(operations, "verify") {
		return errKeyOps
	}
	return nil
}

func (j *jwk) rsaKey() (*Key, error) {
	if err := checkAlgorithm(RS256, j.text[jwkAlgorithm], j.has[jwkAlgorithm]); err != nil {
		return nil, err
	}
	n, okN := appendBase64URL(nil, j.text[jwkN])
	e, okE := appendBase64URL(nil, j.text[jwkE])
	if !okN || !okE || len(n) == 0 || len(e) == 0 {
		return nil, errRSAEncoding
	}
	return newRSAKey(n, e)
}

func (j *jwk) ecKey() (*Key, error) {
	if j.text[jwkCurve] != "P-256" {
		return nil, errCurve
	}
	if err := checkAlgorithm(ES256, j.text[jwkAlgorithm], j.has[jwkAlgorithm]); err != nil {
		return nil, err
	}
	// Coordinates have their full length, zeros included: RFC 7518, section 6.2.1.2.
	point := append(make([]byte, 0, 1+2*p256.Size), 0x04)
	point, okX := appendBase64URL(point, j.text[jwkX])
	if !okX || len(point) != 1+p256.Size {
		return nil, errCoordinates
	}
	point, okY := appendBase64URL(point, j.text[jwkY])
	if !okY || len(point) != 1+2*p256.Size {
		return nil, errCoordinates
	}
	return newECKey(point)
}
