package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/go-jose/go-jose/v3/jwt"
)

// Tokens of each algorithm pass, and forged ones do not. Those of algorithms that are not
// listed do not either, although their keys are there.
func TestAlgorithms(t *testing.T) {
	const issuer = "https://algorithms.example.com"
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, okp, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.Signer{"EdDSA": okp}
	for _, name := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		keys[name] = rsaKey
	}
	for name, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		if keys[name], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	var set jose.JSONWebKeySet
	tokens := map[string]string{}
	var names []string
	for name, key := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: name, Algorithm: name, Use: "sig"})
		names = append(names, name)
		options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", name)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(name), Key: key}, options)
		if err != nil {
			t.Fatal(err)
		}
		tokens[name], err = jwt.Signed(signer).Claims(object{
			"iss": issuer, "aud": notes, "sub": "alice", "client_id": "c", "jti": name, "scope": "read:notes",
			"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}).CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(names)
	config := func(algorithms []string) string {
		server := object{"issuer": issuer, "jwks": set}
		if algorithms != nil {
			server["algorithms"] = algorithms
		}
		return toJSON(object{
			"authorization_servers": []object{server},
			"resources":             []object{{"resource": notes, "required_scopes": []string{"read:notes"}}},
		})
	}
	onEach(t, func(t *testing.T, s *stage) {
		for _, listed := range [][]string{names, nil, {"ES384"}, {"PS256", "EdDSA"}} {
			g := s.start(t, s.options(config(listed)))
			accepted := listed
			if accepted == nil {
				accepted = []string{"RS256", "ES256"}
			}
			for _, name := range names {
				token := tokens[name]
				// Another character in the middle of the signature.
				at := (strings.LastIndexByte(token, '.') + len(token)) / 2
				forged := token[:at] + map[bool]string{true: "B", false: "A"}[token[at] == 'A'] + token[at+1:]
				want := http.StatusUnauthorized
				if slices.Contains(accepted, name) {
					want = http.StatusOK
				}
				for _, proto := range protocols {
					if a := g.do(t, toolCall(proto, "/notes", bearer(token))); a.status != want {
						t.Errorf("%s where %v are listed: status %d, challenge %s", name, listed, a.status, a.challenge())
					}
					if a := g.do(t, toolCall(proto, "/notes", bearer(forged))); a.status != http.StatusUnauthorized {
						t.Errorf("%s, forged: status %d", name, a.status)
					}
				}
			}
			g.Stop()
		}
	})
}
