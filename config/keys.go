package config

import (
	"strings"

	"mcpauth/jwtlite"
)

var publicKeyMembers = []string{"pem", "kid", "alg"}

// keySet reads an inline JWK set (RFC 7517, section 5). It skips unusable keys, as in
// a fetched set, unless all are unusable.
func (v *value) keySet(s *AuthorizationServer) (*jwtlite.KeySet, []jwtlite.SkippedKey) {
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

	// An empty list had an error, which is reported at its member.
	set, skipped, err := s.Tenants.ParseKeySet([]byte(v.json.Raw), s.Algorithms...)
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

// publicKeys reads a list of keys in PEM. An unusable key is an error: each key was
// put there by hand.
func (v *value) publicKeys(allowed []jwtlite.Algorithm) *jwtlite.KeySet {
	elements := v.nonEmptyArray()
	var keys []*jwtlite.Key
	for _, element := range elements {
		key := element.publicKey(allowed)
		if key == nil {
			continue
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

// publicKey reads one key in PEM. It returns nil if the key is refused.
func (v *value) publicKey(allowed []jwtlite.Algorithm) *jwtlite.Key {
	if !v.closedObject(publicKeyMembers) {
		return nil
	}
	before := len(*v.errs)
	kid := v.get("kid").nonEmptyString()
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
	// Shells and templates often write a newline as a backslash and an n. PEM has
	// no backslash of its own.
	pem = strings.ReplaceAll(pem, `\n`, "\n")
	key, err := jwtlite.ParsePublicKeyPEM([]byte(pem), kid, alg, allowed...)
	if err != nil {
		m.fail(err.Error())
		return nil
	}
	return key
}
