package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/go-jose/go-jose/v3/jwt"
)

// keys are the authorization server's, one for each algorithm.
type keys map[jose.SignatureAlgorithm]crypto.Signer

func newKeys(algorithms []jose.SignatureAlgorithm) (keys, error) {
	k := keys{}
	for _, algorithm := range algorithms {
		var err error
		switch algorithm {
		case jose.ES256:
			k[algorithm], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		case jose.ES384:
			k[algorithm], err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		case jose.ES512:
			k[algorithm], err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
		case jose.EdDSA:
			_, k[algorithm], err = ed25519.GenerateKey(rand.Reader)
		default:
			k[algorithm], err = rsa.GenerateKey(rand.Reader, 2048)
		}
		if err != nil {
			return nil, err
		}
	}
	return k, nil
}

// set returns the public keys as a JWK set (RFC 7517 section 5).
func (k keys) set() (string, error) {
	var set jose.JSONWebKeySet
	for _, algorithm := range slices.Sorted(maps.Keys(k)) {
		set.Keys = append(set.Keys, jose.JSONWebKey{
			Key: k[algorithm].Public(), KeyID: string(algorithm), Algorithm: string(algorithm), Use: "sig",
		})
	}
	doc, err := json.Marshal(set)
	return string(doc), err
}

// mint signs tokens of about 900 bytes with the claims of a usual access token.
type mint struct {
	signer jose.Signer
	now    time.Time
}

func (k keys) mint(algorithm jose.SignatureAlgorithm) (*mint, error) {
	options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", string(algorithm))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: k[algorithm]}, options)
	return &mint{signer, time.Now()}, err
}

// token signs token number n, which is unlike all others.
func (m *mint) token(n int) (string, error) {
	return jwt.Signed(m.signer).Claims(map[string]any{
		"iss": issuer, "sub": fmt.Sprintf("auth0|user-%08d", n), "aud": []string{resource},
		"client_id": "8f2a6c1e-0d7b-4b7e-9a52-3f0c9d2e7b11", "jti": fmt.Sprintf("token-%08d", n),
		"iat": m.now.Unix(), "nbf": m.now.Unix(), "exp": m.now.Add(2 * time.Hour).Unix(),
		"scope": "openid profile email read:notes write:notes",
		"name":  "A Person", "email": "person@example.com", "tenant": "3c9e5a77-58d1-4c1f-bb8c-0c6a4a0f1d2e",
		"roles": []string{"reader", "writer", "reviewer"}, "locale": "en-GB",
	}).CompactSerialize()
}

// A prover makes DPoP proofs (RFC 9449, section 4.2) for calls with one token, which is
// bound to its key.
type prover struct {
	token  string
	hash   string // of the token
	signer jose.Signer
}

func (m *mint) prover() (*prover, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	thumbprint, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	p := &prover{}
	if p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options); err != nil {
		return nil, err
	}
	p.token, err = jwt.Signed(m.signer).Claims(map[string]any{
		"iss": issuer, "sub": "auth0|user", "aud": boundResource, "client_id": "client", "jti": rand.Text(),
		"iat": m.now.Unix(), "exp": m.now.Add(2 * time.Hour).Unix(), "scope": "read:notes",
		"cnf": map[string]string{"jkt": base64.RawURLEncoding.EncodeToString(thumbprint)},
	}).CompactSerialize()
	digest := sha256.Sum256([]byte(p.token))
	p.hash = base64.RawURLEncoding.EncodeToString(digest[:])
	return p, err
}

// proof returns a new proof.
func (p *prover) proof() (string, error) {
	return jwt.Signed(p.signer).Claims(map[string]any{
		"jti": rand.Text(), "htm": boundCall.method, "htu": boundResource, "iat": time.Now().Unix(), "ath": p.hash,
	}).CompactSerialize()
}

// tokens signs the tokens number 0 to n-1, on all processors.
func (m *mint) tokens(n int) ([]string, error) {
	list := make([]string, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	for worker := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[worker] == nil; i = int(next.Add(1)) - 1 {
				list[i], errs[worker] = m.token(i)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("sign tokens: %w", err)
		}
	}
	return list, nil
}
