package oracle

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// A signer is a private key of an authorization server. The keys and, but for PSS, their
// signatures are the same in each run, so that a case is.
type signer struct {
	kid        string
	private    crypto.Signer
	jwk        map[string]string
	algorithms []string
}

var (
	rsaKey     = newRSA("rsa-1")
	p256Key    = newEC("ec-1", "first", "ES256", "P-256", elliptic.P256(), ecdh.P256())
	p384Key    = newEC("ec-2", "first", "ES384", "P-384", elliptic.P384(), ecdh.P384())
	p521Key    = newEC("ec-3", "first", "ES512", "P-521", elliptic.P521(), ecdh.P521())
	edKey      = newEd25519("ed-1", "first")
	secondKey  = newEC("ec-1", "second", "ES256", "P-256", elliptic.P256(), ecdh.P256()) // of another server, with the same ID
	unknownKey = newEC("ec-1", "unknown", "ES256", "P-256", elliptic.P256(), ecdh.P256())
)

// firstKeys are the keys of the first server.
var firstKeys = []*signer{p256Key, edKey, rsaKey, p384Key, p521Key}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// newRSA returns a key whose primes are those that follow two hashes.
func newRSA(kid string) *signer {
	prime := func(seed string, distance int64) *big.Int {
		n := new(big.Int).SetBytes(sha3.SumSHAKE256([]byte(seed), 128))
		n.SetBit(n.SetBit(n.SetBit(n, 1023, 1), 1022, 1), 0, 1)
		return n.Add(n, big.NewInt(distance))
	}
	one := big.NewInt(1)
	p, q := prime("p", 816), prime("q", 114)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(big.NewInt(65537), phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	if err := key.Validate(); err != nil {
		panic(err)
	}
	return &signer{kid, key, map[string]string{"kty": "RSA", "kid": kid, "n": b64(key.N.Bytes()), "e": "AQAB"},
		[]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}}
}

func newEC(kid, seed, alg, crv string, curve elliptic.Curve, scheme ecdh.Curve) *signer {
	size := (curve.Params().BitSize + 7) / 8
	d := sha3.SumSHAKE256([]byte(seed+crv), size)
	d[0] &= 1 // below the order of each curve
	private, err := scheme.NewPrivateKey(d)
	if err != nil {
		panic(err)
	}
	point := private.PublicKey().Bytes() // 4, x, y
	x, y := point[1:1+size], point[1+size:]
	key := &ecdsa.PrivateKey{D: new(big.Int).SetBytes(d), PublicKey: ecdsa.PublicKey{Curve: curve, X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}}
	return &signer{kid, key, map[string]string{"kty": "EC", "crv": crv, "kid": kid, "x": b64(x), "y": b64(y)}, []string{alg}}
}

func newEd25519(kid, seed string) *signer {
	hash := sha256.Sum256([]byte(seed))
	key := ed25519.NewKeyFromSeed(hash[:])
	return &signer{kid, key, map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(key.Public().(ed25519.PublicKey))}, []string{"EdDSA", "Ed25519"}}
}

// keySet returns the JWK set of keys.
func keySet(keys []*signer) string {
	var list []map[string]string
	for _, k := range keys {
		list = append(list, k.jwk)
	}
	text, err := json.Marshal(map[string]any{"keys": list})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// sign returns the JWS signature of input. A name of an algorithm that is not one of the
// key's signs as the first of them.
func (s *signer) sign(alg, input string) []byte {
	if !slices.Contains(s.algorithms, alg) {
		alg = s.algorithms[0]
	}
	if strings.HasPrefix(alg, "Ed") {
		return must(s.private.Sign(nil, []byte(input), crypto.Hash(0)))
	}
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[2:]]
	h := hash.New()
	h.Write([]byte(input))
	digest := h.Sum(nil)
	switch alg[:2] {
	case "RS":
		return must(s.private.Sign(nil, digest, hash))
	case "PS":
		return must(s.private.Sign(zeros{}, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}))
	}
	der := must(s.private.Sign(nil, digest, hash)) // by RFC 6979
	return rawSignature(der, (s.private.(*ecdsa.PrivateKey).Params().BitSize+7)/8)
}

// zeros is a source of salts.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(fmt.Sprintf("signing: %v", err))
	}
	return b
}

// KeySet is a JWK set with a key for each algorithm.
func KeySet() string { return keySet(firstKeys) }

// Sign returns a JWS with a header and a payload, signed by the key for alg, with that key's
// first algorithm if no key is for alg.
func Sign(alg, header, payload string) string {
	s := firstKeys[0]
	for _, k := range firstKeys {
		if slices.Contains(k.algorithms, alg) {
			s = k
		}
	}
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	return input + "." + b64(s.sign(alg, input))
}
