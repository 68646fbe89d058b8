// Package testtoken makes keys and signs tokens with them, to try the plugin without an
// authorization server.
package testtoken

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // of thumbprints
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Algorithms are those that tokens can be signed with.
var Algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// A Key is a key pair for one algorithm.
type Key struct {
	private crypto.Signer
	jwk     jose.JSONWebKey // the public key
}

// LoadOrCreate returns the key in a PEM file. If there is no such file, it makes a key for
// alg and writes the file, which nobody else may read.
func LoadOrCreate(file, alg string) (key *Key, created bool, err error) {
	text, err := os.ReadFile(file)
	if err == nil {
		key, err = parse(text, alg)
		if err != nil {
			err = fmt.Errorf("%s: %w", file, err)
		}
		return key, false, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	private, err := generate(alg)
	if err != nil {
		return nil, false, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, false, err
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = errors.Join(pem.Encode(out, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), out.Close())
	if err != nil {
		return nil, false, err
	}
	key, err = newKey(private, alg)
	return key, true, err
}

func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("unknown algorithm %q: want one of %v", alg, Algorithms)
}

// errKey reports a file that is not a private key for the algorithm. It repeats nothing
// of the file.
var errKey = errors.New("not a private key in PEM (PKCS #8) for this algorithm; name another file with --key, or remove this one")

func parse(text []byte, alg string) (*Key, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errKey
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errKey
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, errKey
	}
	return newKey(signer, alg)
}

func newKey(private crypto.Signer, alg string) (*Key, error) {
	jwk := jose.JSONWebKey{Key: private.Public(), Algorithm: alg, Use: "sig"}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256) // RFC 7638
	if err != nil {
		return nil, err
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	k := &Key{private, jwk}
	if _, err := k.signer("JWT"); err != nil {
		return nil, errKey
	}
	return k, nil
}

func (k *Key) signer(typ jose.ContentType) (jose.Signer, error) {
	o := (&jose.SignerOptions{}).WithType(typ)
	if o.ExtraHeaders == nil {
		o.ExtraHeaders = map[jose.HeaderKey]any{}
	}
	o.ExtraHeaders["kid"] = k.jwk.KeyID
	return jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.jwk.Algorithm), Key: k.private}, o)
}

// JWKS returns the public key as a JWK set.
func (k *Key) JWKS() ([]byte, error) {
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.jwk}})
}

// PEM returns the public key in PEM.
func (k *Key) PEM() ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.jwk.Key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// A Token describes a token. Claims replace the others; one that is nil takes a claim away.
type Token struct {
	Issuer, Audience, Subject, ClientID, Scope, Type string
	Lifetime                                         time.Duration
	Claims                                           map[string]any
}

// Sign returns the token, signed.
func (k *Key) Sign(t *Token, now time.Time) (string, error) {
	claims := map[string]any{
		"iss": t.Issuer, "aud": t.Audience, "sub": t.Subject, "client_id": t.ClientID,
		"iat": now.Unix(), "exp": now.Add(t.Lifetime).Unix(), "jti": rand.Text(),
	}
	if t.Scope != "" {
		claims["scope"] = t.Scope
	}
	for name, v := range t.Claims {
		if v == nil {
			delete(claims, name)
			continue
		}
		claims[name] = v
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signer, err := k.signer(jose.ContentType(t.Type))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// Config returns a configuration of the plugin that trusts the key for a resource.
func (k *Key) Config(issuer, resource, scope string) ([]byte, error) {
	set, err := k.JWKS()
	if err != nil {
		return nil, err
	}
	type server struct {
		Issuer     string          `json:"issuer"`
		JWKS       json.RawMessage `json:"jwks"`
		Algorithms []string        `json:"algorithms"`
	}
	type protected struct {
		Resource string   `json:"resource"`
		Scopes   []string `json:"required_scopes,omitempty"`
	}
	p := protected{Resource: resource}
	for _, s := range bytes.Fields([]byte(scope)) {
		p.Scopes = append(p.Scopes, string(s))
	}
	return json.MarshalIndent(map[string]any{
		"authorization_servers": []server{{issuer, set, []string{k.jwk.Algorithm}}},
		"resources":             []protected{p},
	}, "", "  ")
}
