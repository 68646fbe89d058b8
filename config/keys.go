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
	value
	algorithm jwtlite.Algorithm
	id        string
}

// checkInline checks keys against the algorithms of their authorization server
// and against each other: of keys for one algorithm that have no ID, or the
// same, none would be used.
func checkInline(keys []inlineKey, allowed []jwtlite.Algorithm) {
	type name struct {
		algorithm jwtlite.Algorithm
		id        string
	}
	first := make(map[name]string)
	count := make(map[jwtlite.Algorithm]int)
	for _, k := range keys {
		count[k.algorithm]++
	}
	for _, k := range keys {
		// No list means that there is a fault in it, reported there.
		if len(allowed) > 0 && !slices.Contains(allowed, k.algorithm) {
			k.fail("is for " + k.algorithm.String() + ", which is not in algorithms")
		}
		n := name{k.algorithm, k.id}
		path, twice := first[n]
		switch {
		case k.id == "" && count[k.algorithm] > 1:
			k.fail("must have a kid, since there are several keys for " + k.algorithm.String())
		case twice:
			k.fail("has the same kid as " + path)
		default:
			first[n] = k.path
		}
	}
}

// keySet reads an inline JWK set (RFC 7517, section 5).
func (v value) keySet(allowed []jwtlite.Algorithm) *jwtlite.KeySet {
	before := len(*v.errs)
	o, ok := v.object()
	if !ok {
		return nil
	}
	m, ok := o.require("keys")
	if !ok {
		return nil
	}
	elements, ok := m.nonEmptyArray()
	if !ok {
		return nil
	}
	objects := make([]object, len(elements))
	for i, element := range elements {
		objects[i], _ = element.object()
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
	for i, o := range objects {
		// A usable RSA key is for RS256, and an EC one for ES256.
		keys[i] = inlineKey{value: elements[i], algorithm: jwtlite.RS256}
		if kty, _ := o.get("kty"); kty.json.Str == "EC" {
			keys[i].algorithm = jwtlite.ES256
		}
		if kid, ok := o.get("kid"); ok {
			keys[i].id = kid.json.Str
		}
	}
	checkInline(keys, allowed)
	return set
}

// publicKeys reads a list of keys in PEM.
func (v value) publicKeys(allowed []jwtlite.Algorithm) *jwtlite.KeySet {
	elements, ok := v.nonEmptyArray()
	if !ok {
		return nil
	}
	var inline []inlineKey
	var keys []*jwtlite.Key
	for _, element := range elements {
		if key := element.publicKey(); key != nil {
			inline = append(inline, inlineKey{element, key.Algorithm(), key.ID()})
			keys = append(keys, key)
		}
	}
	checkInline(inline, allowed)
	if len(keys) < len(elements) {
		return nil
	}
	set, err := jwtlite.NewKeySet(keys...)
	if err != nil {
		v.fail(err.Error())
	}
	return set
}

// publicKey reads one key in PEM, or returns nil.
func (v value) publicKey() *jwtlite.Key {
	o, ok := v.closedObject(publicKeyMembers)
	if !ok {
		return nil
	}
	var kid string
	var alg jwtlite.Algorithm
	before := len(*v.errs)
	if m, ok := o.get("kid"); ok {
		kid, _ = m.text()
	}
	if m, ok := o.get("alg"); ok {
		name, _ := m.algorithmName()
		alg, _ = jwtlite.ParseAlgorithm(name)
	}
	m, ok := o.require("pem")
	if !ok {
		return nil
	}
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
	pem = strings.ReplaceAll(pem, `\n`, "\n")
	key, err := jwtlite.ParsePublicKeyPEM([]byte(pem), kid, alg)
	if err != nil {
		m.fail(err.Error())
		return nil
	}
	return key
}
