package jwtlite

import (
	"slices"
	"strings"

	"mcpauth/internal/jsontext"
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

// parseJWK returns the key in text, of tenants if that is not nil, for the algorithms that
// are accepted. id is its "kid", "" if it cannot be read. The results share no memory with
// text.
func parseJWK(text string, tenants *Tenants, accepted []Algorithm, r *objectReader) (k *Key, id string, err error) {
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
		k, err = j.key(accepted, r)
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
func (j *jwk) key(accepted []Algorithm, r *objectReader) (*Key, error) {
	switch j.text[jwkType] {
	case "RSA", "EC", "OKP":
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
	declared, err := parseKeyAlgorithm(j.text[jwkAlgorithm], j.has[jwkAlgorithm])
	if err != nil {
		return nil, err
	}
	t := typeRSA
	switch j.text[jwkType] {
	case "EC":
		t = j.curve(typeP256, typeP521)
	case "OKP": // RFC 8037, section 2
		t = j.curve(typeEd25519, typeEd25519)
	}
	if t == 0 {
		return nil, errCurve
	}
	set, err := algorithmsOf(t, declared, accepted)
	if err != nil {
		return nil, err
	}
	var k *Key
	switch t {
	case typeRSA:
		k, err = j.rsaKey()
	case typeEd25519:
		point, ok := appendBase64URL(nil, j.text[jwkX])
		if !ok {
			return nil, errEd25519
		}
		k, err = newEd25519Key(point)
	default:
		k, err = j.ecKey(t)
	}
	if err != nil {
		return nil, err
	}
	k.algorithms = set
	return k, nil
}

// curve returns the type of keys on the curve that "crv" names, 0 if it is none of those
// from first to last.
func (j *jwk) curve(first, last keyType) keyType {
	for t := first; t <= last; t++ {
		if keyTypes[t].curve == j.text[jwkCurve] {
			return t
		}
	}
	return 0
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
	n, okN := appendBase64URL(nil, j.text[jwkN])
	e, okE := appendBase64URL(nil, j.text[jwkE])
	if !okN || !okE || len(n) == 0 || len(e) == 0 {
		return nil, errRSAEncoding
	}
	return newRSAKey(n, e)
}

func (j *jwk) ecKey(t keyType) (*Key, error) {
	// Coordinates have their full length, zeros included: RFC 7518, section 6.2.1.2.
	size := keyTypes[t].coordinate
	point := append(make([]byte, 0, 1+2*size), 0x04)
	point, okX := appendBase64URL(point, j.text[jwkX])
	if !okX || len(point) != 1+size {
		return nil, errCoordinates
	}
	point, okY := appendBase64URL(point, j.text[jwkY])
	if !okY || len(point) != 1+2*size {
		return nil, errCoordinates
	}
	return newECKey(t, point)
}
