package jwtlite_test

import (
	"errors"
	"fmt"
	"time"

	"mcpauth/jwtlite"
)

// keys are the public keys of the authorization server, as its jwks_uri serves them.
const keys = `{"keys":[
	{"kty":"EC","crv":"P-256","kid":"2026-01","use":"sig","alg":"ES256",
	 "x":"oeKb4m9gGKoB75NRPqdua5WuEtGR9ar_Dx6EQHHo2Fc",
	 "y":"9F2c-DkuquBGfDX8NheSlSTDriP33XXp_KTsiiQrY7E"},
	{"kty":"oct","kid":"shared","k":"c2VjcmV0"}
]}`

// accessToken comes from that authorization server.
const accessToken = "" +
	"eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjIwMjYtMDEifQ.eyJpc3MiO" +
	"iJodHRwczovL2F1dGguZXhhbXBsZS5jb20iLCJhdWQiOiJodHRwczovL21jcC5leGFtcGxlL" +
	"mNvbS9ub3RlcyIsInN1YiI6ImFsaWNlIiwiY2xpZW50X2lkIjoidnNjb2RlIiwic2NvcGUiO" +
	"iJyZWFkOm5vdGVzIiwidGVuYW50IjoiYWNtZSIsImlhdCI6MTc4MjkwNzA4MCwiZXhwIjoxN" +
	"zgyOTEwNjgwLCJqdGkiOiIxIn0.11AxgD0bh9t-DBoxRCFsCfRpO-Km6anv1uxy2oxkwqvXi" +
	"xZt4dDCORp4HRtjbhXYAtNaZgUdIWIv_WAVMGo4MQ"

func Example() {
	set, _, err := jwtlite.ParseKeySet([]byte(keys))
	if err != nil {
		fmt.Println(err)
		return
	}
	policy := jwtlite.Policy{
		Issuer:     "https://auth.example.com",
		Audiences:  []string{"https://mcp.example.com/notes"},
		Algorithms: []jwtlite.Algorithm{jwtlite.RS256, jwtlite.ES256},
		ClockSkew:  time.Minute,
	}
	var token jwtlite.Token // keep it to parse the next token without garbage
	verify := func(compact string, now time.Time) error {
		if err := token.Parse(compact); err != nil {
			return err
		}
		if err := policy.CheckHeader(&token); err != nil {
			return err
		}
		if err := set.Verify(jwtlite.Software{}, &token); err != nil {
			return err
		}
		return policy.CheckClaims(&token, now)
	}

	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	if err := verify(accessToken, now); err != nil {
		fmt.Println(err)
		return
	}
	claims := token.Claims()
	fmt.Println(claims.Subject, claims.HasScope("read:notes"), claims.HasScope("write:notes"))

	err = verify(accessToken, now.AddDate(0, 0, 1))
	fmt.Println(err, errors.Is(err, jwtlite.ErrExpired))
	// Output:
	// alice true false
	// the token has expired true
}

func ExampleParseKeySet() {
	set, skipped, err := jwtlite.ParseKeySet([]byte(keys))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Len(), "usable")
	for _, s := range skipped {
		fmt.Printf("key %d (%q): %v\n", s.Index, s.KeyID, s.Reason)
	}
	// Output:
	// 1 usable
	// key 1 ("shared"): the key is not usable: it is symmetric
}

func ExampleClaims_Lookup() {
	var token jwtlite.Token
	if err := token.Parse(accessToken); err != nil {
		fmt.Println(err)
		return
	}
	tenant, ok := token.Claims().Lookup("tenant")
	fmt.Println(ok, tenant.Kind == jwtlite.KindString, tenant.Text)
	// Output: true true acme
}

func ExampleParsePublicKeyPEM() {
	const text = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEoeKb4m9gGKoB75NRPqdua5WuEtGR
9ar/Dx6EQHHo2Ff0XZz4OS6q4EZ8Nfw2F5KVJMOuI/fdden8pOyKJCtjsQ==
-----END PUBLIC KEY-----`
	key, err := jwtlite.ParsePublicKeyPEM([]byte(text), "2026-01", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.ID(), key.Allows(jwtlite.ES256), key.Allows(jwtlite.RS256), len(key.SPKI()))
	// Output: 2026-01 true false 91
}

// A token that is not a JWT is introspected. The response is checked like the claims of
// a JWT.
func ExamplePolicy_CheckIntrospection() {
	policy := jwtlite.Policy{
		Issuer:    "https://auth.example.com",
		Audiences: []string{"https://mcp.example.com/notes"},
	}
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, response := range []string{
		`{"active":true,"aud":"https://mcp.example.com/notes","exp":1782910680,"sub":"alice","scope":"read:notes"}`,
		`{"active":true,"aud":"https://mcp.example.com/mail","exp":1782910680,"sub":"alice"}`,
	} {
		var token jwtlite.Token
		if err := token.ParseClaims([]byte(response)); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(token.Claims().Subject, policy.CheckIntrospection(&token, now))
	}
	// Output:
	// alice <nil>
	// alice the token is for another audience
}

// tracing is a Verifier that prints the keys that are tried.
type tracing struct{ jwtlite.Software }

func (v tracing) Verify(k *jwtlite.Key, alg jwtlite.Algorithm, signingInput string, signature []byte) error {
	err := v.Software.Verify(k, alg, signingInput, signature)
	fmt.Printf("%s by key %q: %v\n", alg, k.ID(), err)
	return err
}

// A host that can verify signatures faster brings a Verifier of its own.
func ExampleKeySet_Verify() {
	set, _, err := jwtlite.ParseKeySet([]byte(keys))
	if err != nil {
		fmt.Println(err)
		return
	}
	var token jwtlite.Token
	if err := token.Parse(accessToken); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Verify(tracing{}, &token))
	// Output:
	// ES256 by key "2026-01": <nil>
	// <nil>
}
