package jwtlite

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"sync"
	"testing"
	"time"
)

// signers are the keys that tests sign with, and their public halves.
type signers struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	set *KeySet // kid "r" and kid "e"
}

var testSigners = sync.OnceValue(func() signers {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	rk, err := ParsePublicKeyPEM(publicPEM(&r.PublicKey), "r", RS256)
	if err != nil {
		panic(err)
	}
	ek, err := ParsePublicKeyPEM(publicPEM(&e.PublicKey), "e", ES256)
	if err != nil {
		panic(err)
	}
	set, err := NewKeySet(rk, ek)
	if err != nil {
		panic(err)
	}
	return signers{r, e, set}
})

func publicPEM(public any) []byte {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// first returns the first algorithm that a key is used with, 0 if there is none.
func first(k *Key) Algorithm {
	for a := RS256; a < algorithmLimit; a++ {
		if k.Allows(a) {
			return a
		}
	}
	return 0
}

// sign returns the signature of input in the form of a JWS.
func (s signers) sign(alg Algorithm, input string) []byte {
	digest := sha256.Sum256([]byte(input))
	if alg == RS256 {
		signature, err := rsa.SignPKCS1v15(nil, s.rsa, crypto.SHA256, digest[:])
		if err != nil {
			panic(err)
		}
		return signature
	}
	r, v, err := ecdsa.Sign(rand.Reader, s.ec, digest[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return signature
}

// token returns a signed token. The RSA key signs it if the header has RS256 in it, and
// the other key if not.
func (s signers) token(header, payload string) string {
	input := encode64(header) + "." + encode64(payload)
	alg := ES256
	if strings.Contains(header, "RS256") {
		alg = RS256
	}
	return input + "." + encode64(string(s.sign(alg, input)))
}

func encode64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// testNow is the time at which tests check claims.
var testNow = time.Unix(1_800_000_000, 0)

var testPolicy = Policy{
	Issuer:     "https://auth.example.com",
	Audiences:  []string{"https://mcp.example.com/notes", "https://mcp.example.com/notes/"},
	Algorithms: []Algorithm{RS256, ES256},
	ClockSkew:  time.Minute,
}

const (
	goodHeader  = `{"alg":"ES256","kid":"e","typ":"at+jwt"}`
	goodPayload = `{"iss":"https://auth.example.com","sub":"alice","client_id":"vscode",` +
		`"aud":"https://mcp.example.com/notes","exp":1800000300,"iat":1800000000,"jti":"1","scope":"read:notes write:notes"}`
)

// accept does everything that a resource server does with a token.
func accept(p *Policy, set *KeySet, token *Token, compact string, now time.Time) error {
	if err := token.Parse(compact); err != nil {
		return err
	}
	if err := p.CheckHeader(token); err != nil {
		return err
	}
	if err := set.Verify(Software{}, token); err != nil {
		return err
	}
	return p.CheckClaims(token, now)
}

func TestAcceptsGoodToken(t *testing.T) {
	s := testSigners()
	for _, header := range []string{goodHeader, `{"alg":"RS256","kid":"r","typ":"JWT"}`, `{"alg":"RS256"}`} {
		var token Token
		if err := accept(&testPolicy, s.set, &token, s.token(header, goodPayload), testNow); err != nil {
			t.Errorf("%s: %v", header, err)
		}
		c := token.Claims()
		if c.Issuer != "https://auth.example.com" || c.Subject != "alice" || c.ClientID != "vscode" || c.ID != "1" {
			t.Errorf("%s: %+v", header, c)
		}
		if string(token.Payload()) != goodPayload {
			t.Errorf("%s: payload %s", header, token.Payload())
		}
	}
}
