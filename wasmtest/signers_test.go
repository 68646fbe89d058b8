package wasmtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// signer is a key of an authorization server: one of its private keys is set.
type signer struct {
	kid string
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
}

// The keys of the tests; the usual configuration knows the first two.
var (
	rsaKey, ecKey           = newRSA("rsa-1"), newEC("ec-1")
	otherRSA, otherEC       = newRSA("rsa-2"), newEC("ec-2")
	impostorRSA, impostorEC = &signer{kid: "rsa-1", rsa: otherRSA.rsa}, &signer{kid: "ec-1", ec: otherEC.ec}
)

func newRSA(kid string) *signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return &signer{kid: kid, rsa: key}
}

func newEC(kid string) *signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return &signer{kid: kid, ec: key}
}

func (s *signer) alg() string {
	if s.ec != nil {
		return "ES256"
	}
	return "RS256"
}

func (s *signer) public() crypto.PublicKey {
	if s.ec != nil {
		return s.ec.Public()
	}
	return s.rsa.Public()
}

// jwk is the public key as RFC 7517 has it.
func (s *signer) jwk() object {
	if s.ec != nil {
		key, err := s.ec.PublicKey.ECDH()
		if err != nil {
			panic(err)
		}
		point := key.Bytes() // 4, x, y
		return object{"kty": "EC", "crv": "P-256", "kid": s.kid, "alg": "ES256", "use": "sig", "x": b64(point[1:33]), "y": b64(point[33:])}
	}
	return object{"kty": "RSA", "kid": s.kid, "alg": "RS256", "use": "sig",
		"n": b64(s.rsa.N.Bytes()), "e": b64(big.NewInt(int64(s.rsa.E)).Bytes())}
}

func (s *signer) pem() string {
	der, err := x509.MarshalPKIXPublicKey(s.public())
	if err != nil {
		panic(err)
	}
	return block("PUBLIC KEY", der)
}

func block(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// certificate is one of a key, signed by itself and long over.
func certificate(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1 << 40), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0), DNSNames: []string{"signer.example.com"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func keySet(keys ...*signer) object {
	var list []object
	for _, k := range keys {
		list = append(list, k.jwk())
	}
	return object{"keys": list}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// header is the usual JOSE header for this key.
func (s *signer) header() object { return object{"alg": s.alg(), "kid": s.kid, "typ": "at+jwt"} }

// token signs claims under the usual header.
func (s *signer) token(claims object) string { return s.sign(toJSON(s.header()), toJSON(claims)) }

// bearer is an Authorization header with a token of these claims.
func (s *signer) bearer(claims object) string { return "Bearer " + s.token(claims) }

// sign makes a compact JWS of any two texts.
func (s *signer) sign(header, payload string) string {
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	return input + "." + b64(s.signature(input))
}

// signature is the JWS signature of input: PKCS #1 v1.5, or r and s of 32
// bytes each.
func (s *signer) signature(input string) []byte {
	digest := sha256.Sum256([]byte(input))
	if s.ec != nil {
		r, ss, err := ecdsa.Sign(rand.Reader, s.ec, digest[:])
		if err != nil {
			panic(err)
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		ss.FillBytes(out[32:])
		return out
	}
	out, err := rsa.SignPKCS1v15(rand.Reader, s.rsa, crypto.SHA256, digest[:])
	if err != nil {
		panic(err)
	}
	return out
}

// hs256 signs with a shared secret.
func hs256(header, payload string, secret []byte) string {
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + b64(mac.Sum(nil))
}

// ecdsaDER writes a signature of 64 bytes as ASN.1 DER, which JWS forbids.
func ecdsaDER(sig []byte) ([]byte, error) {
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
}
