package config_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// testKeys are keys in the forms that a configuration may hold them, made anew
// in each run: as JWK text, and as PEM inside a JSON string.
type testKeys struct {
	rsaJWK, ecJWK, privateJWK string
	rsaPEM, ecPEM, privatePEM string
	rsaPKCS1, ecCertificate   string
}

// keys makes them; each JWK has the key ID "a".
var keys = sync.OnceValue(func() testKeys {
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	return testKeys{
		rsaJWK:        jwk(rsaKey.Public()),
		ecJWK:         jwk(ecKey.Public()),
		privateJWK:    jwk(ecKey),
		rsaPEM:        pemText("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(rsaKey.Public()))),
		ecPEM:         pemText("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(ecKey.Public()))),
		rsaPKCS1:      pemText("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)),
		ecCertificate: pemText("CERTIFICATE", must(x509.CreateCertificate(rand.Reader, template, template, ecKey.Public(), ecKey))),
		privatePEM:    pemText("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(ecKey))),
	}
})

func jwk(key crypto.PublicKey) string {
	return string(must(json.Marshal(jose.JSONWebKey{Key: key, KeyID: "a"})))
}

func pemText(kind string, der []byte) string {
	block := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return strings.ReplaceAll(string(block), "\n", `\n`)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// fill puts the keys in the place of their names in a document.
func fill(doc string) string {
	k := keys()
	return strings.NewReplacer(
		"RSA_JWK", k.rsaJWK, "EC_JWK", k.ecJWK, "PRIVATE_JWK", k.privateJWK,
		"RSA_PKCS1", k.rsaPKCS1, "EC_CERTIFICATE", k.ecCertificate,
		"RSA_PEM", k.rsaPEM, "EC_PEM", k.ecPEM, "PRIVATE_PEM", k.privatePEM,
	).Replace(doc)
}

// document is the smallest configuration with members added to the top of it, to
// its authorization server or to its resource.
func document(top, server, resource string) string {
	return fill(`{` + top + `
		"authorization_servers": [{"issuer": "https://auth.example.com", ` + server + `"cluster": "auth"}],
		"resources": [{` + resource + `"resource": "https://mcp.example.com/notes"}]
	}`)
}

func withTop(members string) string      { return document(members+",", "", "") }
func withServer(members string) string   { return document("", members+",", "") }
func withResource(members string) string { return document("", "", members+",") }

// withServers is the smallest configuration with other authorization servers.
func withServers(elements string) string {
	return fill(`{"authorization_servers": [` + elements + `], "resources": [{"resource": "https://mcp.example.com/notes"}]}`)
}

// withResources is the smallest configuration with other resources.
func withResources(elements string) string {
	return fill(`{"authorization_servers": [{"issuer": "https://auth.example.com", "cluster": "auth"}], "resources": [` + elements + `]}`)
}
