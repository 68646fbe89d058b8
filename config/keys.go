package config

import (
	"slices"
	"strings"

	"mcpauth/jwtlite"
)

var publicKeyMembers = []string{"pem", "kid", "alg"}

// inlineKey is a usable key that stands in the document itself. These are the
// operator's own, so what jwtlite would skip in a fetched set is a fault here.
type inlineKey struct {
	*value
	algorithm jwtlite.Algorithm
	id        string
}

// checkInline checks keys against the algorithms of their authorization server
// and against each other: of keys for one algorithm that have no ID, or the
// same, none would be used.
func checkInline(keys []inlineKey, allowed []jwtlite.Algorithm) {
	for i, k := range keys {
		// No list means that there is a fault in it, reported there.
		if len(allowed) > 0 && !slices.Contains(allowed, k.algorithm) {
			k.fail("is for " + k.algorithm.String() + ", which is not in algorithms")
		}
		same := ""    // path of the first key with the same algorithm and ID
		alone := true // no other key is for the algorithm
		for j, other := range keys {
			if other.algorithm != k.algorithm {
				continue
			}
			if j != i {
				alone = false
			}
			if j < i && other.id == k.id && same == "" {
				same = other.path
			}
		}
		switch {
		case k.id == "" && !alone:
			k.fail("must have a kid, since there are several keys for " + k.algorithm.String())
		case same != "":
			k.fail("has the same kid as " + same)
		}
	}
}

// keySet reads an inline JWK set (RFC 7517, section 5).
func (v *value) keySet(allowed []jwtlite.Algorithm) *jwtlite.KeySet {
	before := len(*v.errs)
	if !v.object() {
		return nil
	}
	elements := v.require("keys").nonEmptyArray()
	for _, element := range elements {
		element.object()
	}
	if len(*v.errs) > before {
		return nil
	}

	set, skipped, err := jwtlite.ParseKeySet([]byte(v.json.Raw))
	for _, s := range skipped {
		elements[s.Index].fail(s.Reason.Error())
	}
	if err != nil && len(skipped) == 0 {
		v.fail(err.Error())
	}
	if err != nil || len(skipped) > 0 {
		return nil
	}
	keys := make([]inlineKey, len(elements))
	for i, element := range elements {
		// A usable RSA key is for RS256, and an EC one for ES256.
		algorithm := jwtlite.RS256
		if kty, _ := element.get("kty").string(); kty == "EC" {
			algorithm = jwtlite.ES256
		}
		kid, _ := element.get("kid").string()
		keys[i] = inlineKey{element, algorithm, kid}
	}
	checkInline(keys, allowed)
	return set
}

// publicKeys reads a list of keys in PEM.
func (v *value) publicKeys(allowed []jwtlite.Algorithm) *jwtlite.KeySet {
	elements := v.nonEmptyArray()
	var inline []inlineKey
	var keys []*jwtlite.Key
	for _, element := range elements {
		if key := element.publicKey(); key != nil {
			inline = append(inline, inlineKey{element, key.Algorithm(), key.ID()})
			keys = append(keys, key)
		}
	}
	checkInline(inline, allowed)
	if len(keys) == 0 || len(keys) < len(elements) {
		return nil
	}
	set, err := jwtlite.NewKeySet(keys...)
	if err != nil {
		v.fail(err.Error())
	}
	return set
}

// publicKey reads one key in PEM, or returns nil.
func (v *value) publicKey() *jwtlite.Key {
	if !v.closedObject(publicKeyMembers) {
		return nil
	}
	before := len(*v.errs)
	kid := v.get("kid").text()
	alg, _ := jwtlite.ParseAlgorithm(v.get("alg").algorithmName())
	m := v.require("pem")
	pem, ok := m.string()
	if !ok || len(*v.errs) > before {
		return nil
	}
	if strings.Contains(pem, "PRIVATE KEY-----") {
		m.fail("must be a public key: only public keys belong into the configuration")
		return nil
	}
	// Shells and templates often leave newlines as a backslash and an n,
	// and PEM itself has no backslash.
	pem = strings.Join(strings.Split(pem, `\n`), "\n")
	key, err := jwtlite.ParsePublicKeyPEM([]byte(pem), kid, alg)
	if err != nil {
		m.fail(err.Error())
		return nil
	}
	return key
}
