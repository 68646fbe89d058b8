// Package vectors reads the test vectors that others wrote, in jwtlite/testdata. The tests
// of jwtlite, of the built file and of real Envoys judge the same ones.
package vectors

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Vector is a signature and whether it is to be accepted.
type Vector struct {
	Name      string // the file, the number in it, and a comment
	Keys      string // a JWK set, or a key in PEM
	JWK       string // the key in PEM as a JWK, "" if the file has none
	SPKI      string // and as DER
	Algorithm string
	Input     string // the text that was signed
	Signature []byte
	Valid     bool
}

// signatures are the files with a message and a signature, and the algorithm that each is
// for.
var signatures = []struct{ file, algorithm string }{
	{"ecdsa_secp256r1_sha256_p1363_test.json", "ES256"},
	{"ecdsa_secp384r1_sha384_p1363_test.json", "ES384"},
	{"ecdsa_secp521r1_sha512_p1363_test.json", "ES512"},
	{"rsa_signature_2048_sha256_test.json", "RS256"},
	{"rsa_signature_4096_sha256_test.json", "RS256"},
	{"rsa_signature_2048_sha384_test.json", "RS384"},
	{"rsa_signature_3072_sha384_test.json", "RS384"},
	{"rsa_signature_2048_sha512_test.json", "RS512"},
	{"rsa_signature_4096_sha512_test.json", "RS512"},
	{"ed25519_test.json", "EdDSA"},
	{"rsa_pss_2048_sha256_mgf1_32_test.json", "PS256"},
	{"rsa_pss_3072_sha256_mgf1_32_test.json", "PS256"},
	{"rsa_pss_2048_sha384_mgf1_48_test.json", "PS384"},
	{"rsa_pss_4096_sha384_mgf1_48_test.json", "PS384"},
	{"rsa_pss_4096_sha512_mgf1_64_test.json", "PS512"},
	{"rsa_pss_2048_sha256_mgf1_0_test.json", "PS256"},
	{"rsa_pss_4096_sha512_mgf1_32_test.json", "PS512"},
	{"rsa_pss_2048_sha256_mgf1sha1_20_test.json", "PS256"},
}

// otherParameters are the files whose signatures RFC 7518, section 3.5 does not allow. One
// signature that is invalid there has the salt that JWS demands.
var otherParameters = map[string]bool{
	"rsa_pss_2048_sha256_mgf1_0_test.json":      true, // no salt
	"rsa_pss_4096_sha512_mgf1_32_test.json":     true, // a short salt
	"rsa_pss_2048_sha256_mgf1sha1_20_test.json": true, // masks made with SHA-1, and a short salt
}

type file struct {
	NumberOfTests int
	TestGroups    []group
}

type group struct {
	Comment      string
	Public       json.RawMessage // a JWK or a JWK set
	Private      json.RawMessage // a symmetric key has no public half
	PublicKeyPEM string          `json:"publicKeyPem"`
	PublicKeyDER string          `json:"publicKeyDer"`
	PublicKeyJWK json.RawMessage
	KeyJWK       json.RawMessage
	Tests        []test
}

type test struct {
	TcID    int
	Comment string
	Msg     string
	Sig     string
	JWS     json.RawMessage // a string, or the JSON serialization
	Result  string
}

func read(path string) (f file, err error) {
	doc, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(doc, &f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	n := 0
	for _, g := range f.TestGroups {
		n += len(g.Tests)
	}
	if n != f.NumberOfTests || n == 0 {
		return f, fmt.Errorf("%s: %d vectors, want %d", path, n, f.NumberOfTests)
	}
	return f, nil
}

// Signatures returns the vectors of the files with a message and a signature. dir is the
// folder jwtlite/testdata.
func Signatures(dir string) (list []Vector, err error) {
	for _, s := range signatures {
		f, err := read(filepath.Join(dir, s.file))
		if err != nil {
			return nil, err
		}
		for _, g := range f.TestGroups {
			spki, err := hex.DecodeString(g.PublicKeyDER)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.file, err)
			}
			for _, t := range g.Tests {
				message, err1 := hex.DecodeString(t.Msg)
				signature, err2 := hex.DecodeString(t.Sig)
				if err1 != nil || err2 != nil {
					return nil, fmt.Errorf("%s, %d: not hexadecimal", s.file, t.TcID)
				}
				list = append(list, Vector{
					Name: fmt.Sprintf("%s, %d (%s)", s.file, t.TcID, t.Comment), Keys: g.PublicKeyPEM,
					JWK: string(g.PublicKeyJWK) + string(g.KeyJWK), SPKI: string(spki),
					Algorithm: s.algorithm, Input: string(message), Signature: signature,
					// "acceptable" is a DigestInfo without NULL. RFC 8017, section 9.2
					// produces the other encoding only.
					Valid: t.Result == "valid" && !otherParameters[s.file] ||
						s.file == "rsa_pss_2048_sha256_mgf1_0_test.json" && t.Comment == "s_len changed to 32",
				})
			}
		}
	}
	return list, nil
}

// JWS is a signed message, as JSON Web Signature has it.
type JWS struct {
	Name    string
	Keys    string // a JWK set
	Compact string
	Valid   bool
}

// Messages returns the vectors of the files with whole messages, without encrypted ones.
func Messages(dir string) (list []JWS, err error) {
	for _, name := range []string{"json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json"} {
		f, err := read(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		for _, g := range f.TestGroups {
			doc := g.Public
			if doc == nil {
				doc = g.Private
			}
			keys, err := keySet(doc)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			for _, t := range g.Tests {
				if t.JWS == nil {
					continue
				}
				compact := ""
				if json.Unmarshal(t.JWS, &compact) != nil {
					compact = string(t.JWS)
				}
				list = append(list, JWS{
					Name: fmt.Sprintf("%s, %s, %d (%s)", name, g.Comment, t.TcID, t.Comment), Keys: keys, Compact: compact,
					Valid: accepts(g, t, keys),
				})
			}
		}
	}
	return list, nil
}

// accepts returns the verdict that is wanted on a message. It differs from that of the file
// in these cases.
func accepts(g group, t test, keys string) bool {
	switch {
	case g.Comment == "jws_rsa_roca_key":
		// The modulus can be factored, because a certain chip chose its primes badly.
		// jwtlite does not look for such moduli: the owner of the key must.
		return true
	case strings.HasPrefix(g.Comment, "rfc7520") && !strings.Contains(keys, `"RS256"`):
		// The "alg" of these keys is not that of the message, or is "ES521", which is no
		// name of an algorithm.
		return false
	case strings.Contains(keys, `"oct"`) && !strings.Contains(keys, `"EC"`):
		return false // the keys are symmetric
	}
	return t.Result == "valid"
}

// keySet returns a JWK or a JWK set as a JWK set.
func keySet(doc json.RawMessage) (string, error) {
	var set struct{ Keys json.RawMessage }
	if err := json.Unmarshal(doc, &set); err != nil {
		return "", err
	}
	if set.Keys != nil {
		return string(doc), nil
	}
	return `{"keys":[` + string(doc) + `]}`, nil
}

// Document returns all vectors, signatures and messages, for the plugin that judges
// vectors: see plugin/vectors.go. verdicts are the digits that it is to log.
func Document(dir string) (document, verdicts string, list []Vector, err error) {
	list, err = Signatures(dir)
	if err != nil {
		return "", "", nil, err
	}
	messages, err := Messages(dir)
	if err != nil {
		return "", "", nil, err
	}
	for _, m := range messages {
		if v, ok := m.Split(); ok {
			list = append(list, v)
		}
	}
	var lines, digits strings.Builder
	encode := base64.RawURLEncoding.EncodeToString
	keys := ""
	for _, v := range list {
		if v.Keys != keys {
			keys = v.Keys
			fmt.Fprintf(&lines, "keys %s\n", encode([]byte(keys)))
		}
		fmt.Fprintf(&lines, "verify %s %s %s\n", encode([]byte(v.Algorithm)), encode([]byte(v.Input)), encode(v.Signature))
		digit := '0'
		if v.Valid {
			digit = '1'
		}
		digits.WriteRune(digit)
	}
	return lines.String(), digits.String(), list, nil
}

// Differences compares the digits that a plugin has logged with those wanted.
func Differences(list []Vector, got, want string) (names []string) {
	if len(got) != len(want) {
		return []string{fmt.Sprintf("%d verdicts, want %d", len(got), len(want))}
	}
	for i := range got {
		if got[i] != want[i] {
			names = append(names, fmt.Sprintf("%s: %c, want %c", list[i].Name, got[i], want[i]))
		}
	}
	return names
}

// Split returns the parts of a message, for a caller that verifies its signature alone.
// ok is false if the message is not three parts of base64url with a JSON header:
// no signature matters then.
func (m *JWS) Split() (v Vector, ok bool) {
	parts := strings.Split(m.Compact, ".")
	if len(parts) != 3 {
		return v, false
	}
	strict := base64.RawURLEncoding.Strict()
	header, err1 := strict.DecodeString(parts[0])
	_, err2 := strict.DecodeString(parts[1])
	signature, err3 := strict.DecodeString(parts[2])
	var h struct{ Alg string }
	if err1 != nil || err2 != nil || err3 != nil || json.Unmarshal(header, &h) != nil {
		return v, false
	}
	return Vector{Name: m.Name, Keys: m.Keys, Algorithm: h.Alg, Input: parts[0] + "." + parts[1], Signature: signature, Valid: m.Valid}, true
}
