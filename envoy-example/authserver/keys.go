package authserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"sync"
)

// signingKey is one key pair with its place in the key set.
type signingKey struct {
	algorithm string // RS256 or ES256
	id        string
	private   crypto.Signer
}

// keyRing holds the current key for each algorithm and those that only remain
// published. It is safe for concurrent use.
type keyRing struct {
	mu        sync.Mutex
	current   map[string]*signingKey // by algorithm
	published []*signingKey
	foreign   map[string]*signingKey // never published, by algorithm
	made      int
}

func newKeyRing() (*keyRing, error) {
	r := &keyRing{current: map[string]*signingKey{}, foreign: map[string]*signingKey{}}
	var err error
	if r.published, err = r.generateAll(); err != nil {
		return nil, err
	}
	for _, k := range r.published {
		r.current[k.algorithm] = k
	}
	return r, nil
}

// algorithms are those that the server has a key for.
var algorithms = []string{"RS256", "ES256"}

// generateAll makes a key for each algorithm.
func (r *keyRing) generateAll() ([]*signingKey, error) {
	var fresh []*signingKey
	for _, algorithm := range algorithms {
		k, err := r.generate(algorithm)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, k)
	}
	return fresh, nil
}

// generate makes a key. Its kid is unlike that of every other server's keys, so
// that a restarted server has unknown ones.
func (r *keyRing) generate(algorithm string) (*signingKey, error) {
	var private crypto.Signer
	var err error
	switch algorithm {
	case "RS256":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return nil, fmt.Errorf("no key for algorithm %q", algorithm)
	}
	if err != nil {
		return nil, err
	}
	r.made++
	return &signingKey{algorithm, fmt.Sprintf("%s-%d-%s", algorithm, r.made, rand.Text()[:8]), private}, nil
}

func (r *keyRing) has(algorithm string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current[algorithm] != nil
}

func (r *keyRing) key(algorithm string) *signingKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current[algorithm]
}

// foreignKey returns a key that the key set has never held.
func (r *keyRing) foreignKey(algorithm string) (*signingKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.foreign[algorithm] == nil {
		k, err := r.generate(algorithm)
		if err != nil {
			return nil, err
		}
		r.foreign[algorithm] = k
	}
	return r.foreign[algorithm], nil
}

// Rotate makes new keys and signs with them from now on. The old ones stay in
// the key set if keepOld is true.
func (s *Server) Rotate(keepOld bool) error {
	r := s.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh, err := r.generateAll()
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	if !keepOld {
		r.published = nil
	}
	for _, k := range fresh {
		r.current[k.algorithm] = k
		r.published = append(r.published, k)
	}
	return nil
}

// KeySet returns the JWK set (RFC 7517 section 5) that the server publishes.
func (s *Server) KeySet() []byte {
	r := s.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	set := struct {
		Keys []map[string]string `json:"keys"`
	}{Keys: []map[string]string{}}
	for _, k := range r.published {
		set.Keys = append(set.Keys, k.jwk())
	}
	doc, err := json.Marshal(set)
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	return doc
}

// KeyID returns the kid of the key that signs with an algorithm.
func (s *Server) KeyID(algorithm string) string { return s.keys.key(algorithm).id }

func (k *signingKey) jwk() map[string]string {
	m := map[string]string{"use": "sig", "alg": k.algorithm, "kid": k.id}
	switch pub := k.private.Public().(type) {
	case *rsa.PublicKey:
		m["kty"] = "RSA"
		m["n"] = encode(pub.N.Bytes())
		m["e"] = encode(big.NewInt(int64(pub.E)).Bytes())
	case *ecdsa.PublicKey:
		m["kty"], m["crv"] = "EC", "P-256"
		point, err := pub.ECDH()
		if err != nil {
			panic(err) // P-256 keys made by GenerateKey always convert
		}
		raw := point.Bytes() // 0x04 || X || Y (SEC 1 section 2.3.3)
		m["x"], m["y"] = encode(raw[1:33]), encode(raw[33:])
	}
	return m
}

// sign returns the JWS signature (RFC 7515 section 5.1) of the signing input.
func (k *signingKey) sign(input string) ([]byte, error) {
	digest := sha256.Sum256([]byte(input))
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		return rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			return nil, err
		}
		sig := make([]byte, 64) // r || s (RFC 7518 section 3.4)
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
		return sig, nil
	}
	return nil, fmt.Errorf("cannot sign with a %T", k.private)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (s *Server) serveKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Write(s.KeySet())
}
