package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/go-jose/go-jose/v3/jwt"

	"mcpauth/envoy-example/loopback"
)

const (
	issuer   = "https://auth.example.com"
	resource = "https://mcp.example.com/notes"
)

// A variant is one listener.
type variant struct {
	Name, Title           string
	Plugin, Native, Cache bool
	Port                  *loopback.Port
}

// gateway holds what the configuration of Envoy is made of.
type gateway struct {
	Wasm, Plugin, KeySet string
	Issuer, Resource     string
	all                  []variant
	keys                 map[jose.SignatureAlgorithm]crypto.Signer
}

//go:embed envoy.yaml.tmpl
var bootstrapText string

var bootstrapTemplate = template.Must(template.New("envoy").Funcs(template.FuncMap{
	"json": func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
}).Parse(bootstrapText))

func newGateway(wasm string) (*gateway, error) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	keySet, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: rsaKey.Public(), KeyID: "RS256", Algorithm: "RS256", Use: "sig"},
		{Key: ecKey.Public(), KeyID: "ES256", Algorithm: "ES256", Use: "sig"},
	}})
	if err != nil {
		return nil, err
	}
	plugin, err := json.Marshal(map[string]any{
		"authorization_servers": []any{map[string]any{"issuer": issuer, "jwks": json.RawMessage(keySet)}},
		"resources":             []any{map[string]any{"resource": resource, "required_scopes": []string{"read:notes"}}},
	})
	if err != nil {
		return nil, err
	}
	g := &gateway{
		Wasm: wasm, Plugin: string(plugin), KeySet: string(keySet), Issuer: issuer, Resource: resource,
		keys: map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: rsaKey, jose.ES256: ecKey},
		all: []variant{
			{Name: "none", Title: "no filter"},
			{Name: "mcpauth", Title: "mcpauth", Plugin: true},
			{Name: "native", Title: "jwt_authn", Native: true},
			{Name: "cached", Title: "jwt_authn with cache", Native: true, Cache: true},
		},
	}
	for i := range g.all {
		if g.all[i].Port, err = loopback.Reserve(0); err != nil {
			g.release()
			return nil, err
		}
	}
	return g, nil
}

func (g *gateway) release() {
	for _, v := range g.all {
		if v.Port != nil {
			v.Port.Release()
		}
	}
}

func (g *gateway) variant(name string) variant {
	for _, v := range g.all {
		if v.Name == name {
			return v
		}
	}
	panic("no variant " + name)
}

// bootstrap renders the configuration of an Envoy with these variants.
func (g *gateway) bootstrap(variants ...variant) (string, error) {
	var b strings.Builder
	err := bootstrapTemplate.Execute(&b, struct {
		*gateway
		Variants []variant
	}{g, variants})
	return b.String(), err
}

// tokens signs n tokens of about 900 bytes that differ.
func (g *gateway) tokens(algorithm jose.SignatureAlgorithm, n int) ([]string, error) {
	options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", string(algorithm))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: g.keys[algorithm]}, options)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	list := make([]string, n)
	for i := range list {
		list[i], err = jwt.Signed(signer).Claims(map[string]any{
			"iss": issuer, "sub": fmt.Sprintf("auth0|user-%08d", i), "aud": []string{resource},
			"client_id": "8f2a6c1e-0d7b-4b7e-9a52-3f0c9d2e7b11", "jti": fmt.Sprintf("token-%08d", i),
			"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
			"scope": "openid profile email read:notes write:notes",
			"name":  "A Person", "email": "person@example.com", "tenant": "3c9e5a77-58d1-4c1f-bb8c-0c6a4a0f1d2e",
			"roles": []string{"reader", "writer", "reviewer"}, "locale": "en-GB",
		}).CompactSerialize()
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}
