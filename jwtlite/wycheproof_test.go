package jwtlite

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// readVectors reads a file of Project Wycheproof.
func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	doc, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(doc, into); err != nil {
		t.Fatal(err)
	}
}

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

type jwsVectors struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment string
		Public  json.RawMessage
		Private json.RawMessage
		Tests   []struct {
			TcID    int
			Comment string
			JWS     string
			Result  string
		}
	}
}

// jwkSet returns a JWK or a JWK set as a JWK set.
func jwkSet(doc json.RawMessage) []byte {
	var set struct{ Keys json.RawMessage }
	if json.Unmarshal(doc, &set) == nil && set.Keys != nil {
		return doc
	}
	return []byte(`{"keys":[` + string(doc) + `]}`)
}

func TestWycheproofJSONWebSignature(t *testing.T) {
	var file jwsVectors
	readVectors(t, "json_web_signature_test.json", &file)
	total, accepted, unusable := 0, 0, 0
	for _, group := range file.TestGroups {
		doc := group.Public
		if doc == nil {
			doc = group.Private // symmetric keys have no public half
		}
		set, skipped, err := ParseKeySet(jwkSet(doc))
		if err != nil {
			// The keys are for HS*, RS384, RS512, PS*, ES512 or encryption.
			// Their signatures must be refused, even if they are valid.
			if len(skipped) != 1 {
				t.Errorf("%s: skipped %v", group.Comment, skipped)
			}
			unusable += len(group.Tests)
			total += len(group.Tests)
			continue
		}
		for _, test := range group.Tests {
			total++
			err := verifyJWS(set, test.JWS)
			if (err == nil) != (test.Result == "valid") {
				t.Errorf("%s, %d (%s): got %v, want %s", group.Comment, test.TcID, test.Comment, err, test.Result)
			}
			if err == nil {
				accepted++
			}
		}
	}
	// 15 + 226 + 5 + 1 + 1 + 24 vectors have a usable key.
	if total != file.NumberOfTests || total != 401 || unusable != 401-272 || accepted != 10 {
		t.Errorf("judged %d vectors of %d, %d for keys that are not usable, accepted %d", total, file.NumberOfTests, unusable, accepted)
	}
}

func TestWycheproofJSONWebKey(t *testing.T) {
	// The modulus of the ROCA group can be factored, because a certain chip chose its
	// primes badly. jwtlite does not look for such moduli: the owner of the key must.
	const accepts = "jws_rsa_roca_key"
	var file jwsVectors
	readVectors(t, "json_web_key_test.json", &file)
	total, accepted, symmetric, roca := 0, 0, 0, 0
	for _, group := range file.TestGroups {
		doc := group.Public
		if doc == nil {
			doc = group.Private
		}
		set, skipped, err := ParseKeySet(jwkSet(doc))
		for _, test := range group.Tests {
			total++
			if err == nil {
				err = verifyJWS(set, test.JWS)
			}
			if err == nil {
				accepted++
			}
			want := test.Result == "valid"
			if group.Comment == accepts {
				roca++
				want = true
			} else if want && len(skipped) > 0 && skipped[0].Reason == errSymmetricKey {
				symmetric++
				want = false
			}
			if (err == nil) != want {
				t.Errorf("%s, %d (%s): got %v, want %s", group.Comment, test.TcID, test.Comment, err, test.Result)
			}
		}
	}
	if total != file.NumberOfTests || total != 26 || accepted != 2 || symmetric != 4 || roca != 1 {
		t.Errorf("judged %d vectors of %d, accepted %d, %d valid ones for symmetric keys, %d for ROCA", total, file.NumberOfTests, accepted, symmetric, roca)
	}
}

type signatureVectors struct {
	NumberOfTests int
	TestGroups    []struct {
		PublicKeyPEM string `json:"publicKeyPem"`
		PublicKeyDER string `json:"publicKeyDer"`
		PublicKeyJWK json.RawMessage
		KeyJWK       json.RawMessage
		Tests        []struct {
			TcID    int
			Comment string
			Msg     string
			Sig     string
			Result  string
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWycheproofSignatures(t *testing.T) {
	for _, test := range []struct {
		file            string
		alg             Algorithm
		total, accepted int
	}{
		{"ecdsa_secp256r1_sha256_p1363_test.json", ES256, 262, 173},
		{"rsa_signature_2048_sha256_test.json", RS256, 259, 9},
		{"rsa_signature_4096_sha256_test.json", RS256, 258, 7},
	} {
		var file signatureVectors
		readVectors(t, test.file, &file)
		total, accepted := 0, 0
		for _, group := range file.TestGroups {
			key, err := ParsePublicKeyPEM([]byte(group.PublicKeyPEM), "", test.alg)
			if err != nil {
				t.Fatalf("%s: %v", test.file, err)
			}
			if want := unhex(t, group.PublicKeyDER); string(key.SPKI()) != string(want) {
				t.Errorf("%s: SPKI is %x, want %x", test.file, key.SPKI(), want)
			}
			for _, doc := range []json.RawMessage{group.PublicKeyJWK, group.KeyJWK} {
				if doc == nil {
					continue
				}
				set, _, err := ParseKeySet(jwkSet(doc))
				if err != nil || string(set.keys[0].spki) != string(key.spki) {
					t.Errorf("%s: the JWK %s is not the same key: %v", test.file, doc, err)
				}
			}
			withTable := prepared(t, key)
			for _, v := range group.Tests {
				total++
				err := Software{}.Verify(key, string(unhex(t, v.Msg)), unhex(t, v.Sig))
				if again := (Software{}).Verify(withTable, string(unhex(t, v.Msg)), unhex(t, v.Sig)); again != err {
					t.Errorf("%s, %d (%s): %v with the key prepared, %v without", test.file, v.TcID, v.Comment, again, err)
				}
				// "acceptable" is a DigestInfo without NULL. It is refused, since
				// RFC 8017, section 9.2 produces the other encoding only.
				if (err == nil) != (v.Result == "valid") {
					t.Errorf("%s, %d (%s): got %v, want %s", test.file, v.TcID, v.Comment, err, v.Result)
				}
				if err == nil {
					accepted++
				}
			}
		}
		if total != file.NumberOfTests || total != test.total || accepted != test.accepted {
			t.Errorf("%s: judged %d vectors of %d, accepted %d", strings.TrimSuffix(test.file, ".json"), total, file.NumberOfTests, accepted)
		}
	}
}
