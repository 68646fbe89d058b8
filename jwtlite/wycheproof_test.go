package jwtlite

import (
	"encoding/hex"
	"strings"
	"testing"

	"mcpauth/internal/vectors"
)

// verifyJWS verifies a JWS whose payload need not be claims. Those of Wycheproof and
// RFC 7520 are not.
func verifyJWS(set *KeySet, compact string) error {
	var token Token
	header, err := token.split(compact)
	if err != nil {
		return err
	}
	if err := token.parseHeader(header); err != nil {
		return err
	}
	return set.Verify(Software{}, &token)
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The messages of Project Wycheproof, the examples of RFC 7520 among them.
func TestWycheproofMessages(t *testing.T) {
	messages, err := vectors.Messages("testdata")
	if err != nil {
		t.Fatal(err)
	}
	accepted := map[string]int{}
	for _, m := range messages {
		set, _, err := ParseKeySet([]byte(m.Keys))
		if err == nil {
			err = verifyJWS(set, m.Compact)
		}
		if (err == nil) != m.Valid {
			t.Errorf("%s: %v, want valid: %v", m.Name, err, m.Valid)
		}
		if err == nil {
			file, _, _ := strings.Cut(m.Name, "_test.json")
			accepted[file]++
		}
	}
	if len(messages) != 476 || accepted["json_web_signature"] != 32 || accepted["json_web_key"] != 2 || accepted["json_web_crypto"] != 3 {
		t.Errorf("judged %d messages, accepted %v", len(messages), accepted)
	}
}

// The examples of RFC 7520 with the keys of its section 3, which have no "alg".
func TestRFC7520(t *testing.T) {
	messages, err := vectors.Messages("testdata")
	if err != nil {
		t.Fatal(err)
	}
	accepted := ""
	for _, m := range messages {
		if !strings.Contains(m.Name, "rfc7520,") || strings.Contains(m.Keys, `"oct"`) {
			continue
		}
		at := strings.Index(m.Keys, `"alg"`)
		keys := m.Keys[:at] + `"x-` + m.Keys[at+1:]
		set, skipped, err := ParseKeySet([]byte(keys))
		if err != nil {
			t.Fatal(m.Name, err, skipped)
		}
		v, ok := m.Split()
		if alg, known := ParseAlgorithm(v.Algorithm); !known || !ok {
			continue
		} else if err := (Software{}).Verify(set.keys[0], alg, v.Input, v.Signature); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if err := verifyJWS(set, m.Compact); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		accepted += v.Algorithm + " "
	}
	if accepted != "RS256 PS384 ES512 " {
		t.Errorf("judged %s", accepted)
	}
}

// The signatures of Project Wycheproof.
func TestWycheproofSignatures(t *testing.T) {
	list, err := vectors.Signatures("testdata")
	if err != nil {
		t.Fatal(err)
	}
	type count struct{ total, accepted int }
	counts := map[string]count{}
	keys := map[string][2]*Key{}
	for _, v := range list {
		alg, ok := ParseAlgorithm(v.Algorithm)
		if !ok {
			t.Fatalf("%s: %s is no algorithm", v.Name, v.Algorithm)
		}
		id := v.Algorithm + v.Keys
		if _, ok := keys[id]; !ok {
			keys[id] = readVectorKey(t, &v, alg)
		}
		pair := keys[id]
		err := Software{}.Verify(pair[0], alg, v.Input, v.Signature)
		if pair[1] == nil {
			// There is nothing to prepare.
		} else if again := (Software{}).Verify(pair[1], alg, v.Input, v.Signature); again != err {
			t.Errorf("%s: %v with the key prepared, %v without", v.Name, again, err)
		}
		if (err == nil) != v.Valid {
			t.Errorf("%s: %v, want valid: %v", v.Name, err, v.Valid)
		}
		c := counts[v.Algorithm]
		c.total++
		if err == nil {
			c.accepted++
		}
		counts[v.Algorithm] = c
	}
	for name, want := range map[string]count{
		"RS256": {517, 16}, "ES256": {262, 173}, "RS384": {517, 14}, "RS512": {518, 15}, "ES384": {280, 193}, "ES512": {318, 231},
		"PS256": {427, 127}, "PS384": {282, 190}, "PS512": {356, 132}, "EdDSA": {151, 88},
	} {
		if counts[name] != want {
			t.Errorf("%s: %+v, want %+v", name, counts[name], want)
		}
		delete(counts, name)
	}
	if len(counts) > 0 {
		t.Errorf("not counted: %v", counts)
	}
}

// readVectorKey reads a key in all its forms, and returns it as it is and prepared.
func readVectorKey(t *testing.T, v *vectors.Vector, alg Algorithm) [2]*Key {
	t.Helper()
	key, err := ParsePublicKeyPEM([]byte(v.Keys), "", alg)
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	if string(key.SPKI()) != v.SPKI {
		t.Errorf("%s: SPKI is %x, want %x", v.Name, key.SPKI(), v.SPKI)
	}
	if v.JWK != "" {
		set, _, err := ParseKeySet([]byte(`{"keys":[` + v.JWK + `]}`))
		if err != nil || string(set.keys[0].spki) != v.SPKI {
			t.Errorf("%s: the JWK %s is not the same key: %v", v.Name, v.JWK, err)
		}
	}
	if alg != ES256 {
		return [2]*Key{key}
	}
	return [2]*Key{key, prepared(t, key)}
}
