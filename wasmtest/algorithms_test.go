package wasmtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// hostAlgorithms are the algorithms that Envoy's verify_signature has; pluginAlgorithms
// those that it lacks.
var (
	hostAlgorithms   = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}
	pluginAlgorithms = []string{"PS256", "PS384", "PS512", "EdDSA"}
)

// joseKey returns a private key for an algorithm.
func joseKey(t *testing.T, algorithm string) crypto.Signer {
	t.Helper()
	curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[algorithm]
	switch {
	case curve != nil:
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	case algorithm == "EdDSA":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	return rsaKey.rsa
}

// joseJWK returns the public key for an algorithm. It has no "alg" if declared is false.
func joseJWK(t *testing.T, key crypto.Signer, algorithm string, declared bool) (jwk object) {
	t.Helper()
	j := jose.JSONWebKey{Key: key.Public(), KeyID: "k", Use: "sig"}
	if declared {
		j.Algorithm = algorithm
	}
	doc, err := j.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(doc, &jwk); err != nil {
		t.Fatal(err)
	}
	return jwk
}

func joseToken(t *testing.T, key crypto.Signer, algorithm string, claims object) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(toJSON(claims)))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// Tokens of each algorithm are accepted where the configuration lists it, by the host and by
// the plugin, and forged ones are refused, whatever the host says.
func TestEachAlgorithm(t *testing.T) {
	for _, algorithm := range append(hostAlgorithms, pluginAlgorithms...) {
		t.Run(algorithm, func(t *testing.T) {
			key := joseKey(t, algorithm)
			eachSignatureHost(t, func(t *testing.T, h *Host) {
				token := joseToken(t, key, algorithm, claims(h, nil))
				dot := strings.LastIndexByte(token, '.')
				signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
				if err != nil {
					t.Fatal(err)
				}
				for _, declared := range []bool{true, false} {
					members := object{"algorithms": []string{algorithm}, "jwks": object{"keys": []object{joseJWK(t, key, algorithm, declared)}}}
					vm := start(t, h, config(server(members), notes(nil), nil))
					wantForwarded(t, vm.Request(rpc("/notes", "Bearer "+token)))
					for _, at := range []int{0, len(signature) / 2, len(signature) - 1} {
						forged := append([]byte(nil), signature...)
						forged[at] ^= 1
						wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+token[:dot+1]+b64(forged))), "signature")
					}
					for _, forged := range [][]byte{nil, signature[1:], append([]byte{0}, signature...), make([]byte, len(signature))} {
						wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+token[:dot+1]+b64(forged))), "signature")
					}
					vm.Kill()
				}
			})
		})
	}
}

// The log says who verifies which of the algorithms that the configuration lists, and the
// host is asked for no others.
func TestAlgorithmsInTheLog(t *testing.T) {
	const byHost = "by the host's verify_signature"
	for _, test := range []struct {
		algorithms []string
		functions  map[string]ForeignFunction
		want       string
		calls      int // two for each algorithm that the host may have
	}{
		{nil, nil, byHost, 4},
		{[]string{"ES384"}, nil, byHost, 2},
		{[]string{"RS384", "ES512"}, nil, byHost, 4},
		{[]string{"RS256", "PS256"}, nil, "RS256 " + byHost + ", PS256 by jwtlite", 2},
		{[]string{"PS256", "RS256", "EdDSA", "ES384"}, nil, "RS256 and ES384 " + byHost + ", PS256 and EdDSA by jwtlite", 4},
		{[]string{"EdDSA", "Ed25519"}, nil, "by jwtlite", 0},
		{[]string{"ES384", "EdDSA"}, map[string]ForeignFunction{}, "by jwtlite, the host has no verify_signature that works", 0},
	} {
		h := newHost(t, Options{Functions: test.functions})
		members := object{"jwks_uri": issuer + "/keys"}
		if test.algorithms != nil {
			members["algorithms"] = test.algorithms
		}
		start(t, h, config(fetching(members), notes(nil), nil))
		if line := "mcpauth: signatures: " + test.want; !strings.Contains(h.LogText(), line+"\n") && !strings.Contains(h.LogText(), line+"\"") {
			t.Errorf("%v: no line %q in\n%s", test.algorithms, line, h.LogText())
		}
		if n := h.ForeignCalls("verify_signature"); n != test.calls {
			t.Errorf("%v: %d calls of verify_signature, want %d", test.algorithms, n, test.calls)
		}
	}
}

// An algorithm that the configuration does not list is refused, also if the key fits. A
// key for such algorithms alone is skipped, and the log says why.
func TestAlgorithmsNotListed(t *testing.T) {
	h := newHost(t, Options{})
	p384 := joseKey(t, "ES384")
	keys := object{"keys": []object{rsaKey.jwk(), joseJWK(t, p384, "ES384", false)}}
	vm := start(t, h, config(server(object{"jwks": keys}), notes(nil), nil))
	for algorithm, key := range map[string]crypto.Signer{"ES384": p384, "RS384": rsaKey.rsa, "PS256": rsaKey.rsa} {
		token := joseToken(t, key, algorithm, claims(h, nil))
		wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+token)), "the token algorithm "+algorithm+" is not accepted")
	}
	if want := "it is a P-384 key, and none of algorithms is for such keys"; !strings.Contains(h.LogText(), want) {
		t.Errorf("the log does not say that %s:\n%s", want, h.LogText())
	}
}

// Two gateways in one process that accept different algorithms of one server share no keys:
// each finds those that it can use.
func TestAlgorithmsDoNotMixKeys(t *testing.T) {
	h := newHost(t, Options{})
	p384 := joseKey(t, "ES384")
	members := func(algorithm string) object {
		return config(fetching(object{"jwks_uri": issuer + "/keys", "algorithms": []string{algorithm}}), notes(nil), nil)
	}
	rs, es := start(t, h, members("RS256")), start(t, h, members("ES384"))
	// A set that only one of them can use is no damage to the other.
	documents{"/keys": toJSON(keySet(rsaKey))}.run(h, 5*time.Second)
	wantForwarded(t, rs.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	if log := h.LogText(); strings.Contains(log, "damaged") || !strings.Contains(log, "it is for RS256, which is not in algorithms") {
		t.Error(log)
	}
	documents{"/keys": toJSON(object{"keys": []object{rsaKey.jwk(), joseJWK(t, p384, "ES384", true)}})}.run(h, time.Minute)
	token := joseToken(t, p384, "ES384", claims(h, nil))
	wantForwarded(t, rs.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
	wantForwarded(t, es.Request(rpc("/notes", "Bearer "+token)))
	wantInvalid(t, rs.Request(rpc("/notes", "Bearer "+token)), "algorithm")
	wantInvalid(t, es.Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))), "algorithm")
}
