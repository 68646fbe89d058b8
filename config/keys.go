package config

import (
	"errors"
	"slices"
	"strings"

	"mcpauth/jwtlite"
)

var publicKeyMembers = []string{"pem", "kid", "alg"}

// keySet reads an inline JWK set (RFC 7517, section 5). Keys that cannot be used
// are skipped, as in a set that is fetched, unless none can.
func (v *value) keySet(allowed []jwtlite.Algorithm) (*jwtlite.KeySet, []jwtlite.SkippedKey) {
	before := len(*v.errs)
	if !v.object() {
		return nil, nil
	}
	elements := v.require("keys").nonEmptyArray()
	for _, element := range elements {
		element.object()
	}
	if len(*v.errs) > before {
		return nil, nil
	}

	set, skipped, err := jwtlite.ParseKeySet([]byte(v.json.Raw))
	if err == nil && len(allowed) > 0 { // no list means that there is a fault in it, reported there
		set, skipped, err = restrict(set, skipped, allowed)
	}
	if err == nil {
		return set, skipped
	}
	for _, s := range skipped {
		elements[s.Index].fail(s.Reason.Error())
	}
	if len(skipped) == 0 {
		v.fail(err.Error())
	}
	return nil, nil
}

// restrict skips the keys for other algorithms than those allowed too.
func restrict(set *jwtlite.KeySet, skipped []jwtlite.SkippedKey, allowed []jwtlite.Algorithm) (*jwtlite.KeySet, []jwtlite.SkippedKey, error) {
	var keys []*jwtlite.Key
	var all []jwtlite.SkippedKey
	for i, next := 0, 0; next < set.Len() || len(skipped) > 0; i++ {
		if len(skipped) > 0 && skipped[0].Index == i {
			all, skipped = append(all, skipped[0]), skipped[1:]
			continue
		}
		key := set.Key(next)
		next++
		if slices.Contains(allowed, key.Algorithm()) {
			keys = append(keys, key)
			continue
		}
		reason := errors.New(jwtlite.ErrKey.Error() + ": it is" + otherAlgorithm(key))
		all = append(all, jwtlite.SkippedKey{Index: i, KeyID: key.ID(), Reason: reason})
	}
	set, err := jwtlite.NewKeySet(keys...)
	return set, all, err
}

func otherAlgorithm(k *jwtlite.Key) string {
	return " for " + k.Algorithm().String() + ", which is not in algorithms"
}

// publicKeys reads a list of keys in PEM. Each was put there by hand, so that one
// which cannot be used is a mistake.
func (v *value) publicKeys(allowed []jwtlite.Algorithm) *jwtlite.KeySet {
	elements := v.nonEmptyArray()
	var keys []*jwtlite.Key
	for _, element := range elements {
		key := element.publicKey()
		if key == nil {
			continue
		}
		if len(allowed) > 0 && !slices.Contains(allowed, key.Algorithm()) {
			element.fail("is" + otherAlgorithm(key))
		}
		keys = append(keys, key)
	}
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
