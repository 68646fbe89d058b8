package jwtlite_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"mcpauth/internal/oracle"
	"mcpauth/jwtlite"
)

// FuzzAgainstGoJOSE: whatever jwtlite verifies, go-jose verifies too, with the same claims,
// with every algorithm. A change of one byte of a token never passes.
func FuzzAgainstGoJOSE(f *testing.F) {
	algorithms := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	for i := range algorithms {
		f.Add(uint8(i), `"kid":"ec-1"`, `{"sub":"alice","aud":["a","b"],"exp":1800000300}`, uint16(0), uint8(0))
		f.Add(uint8(i), `"typ":"at+jwt"`, `{"iss":"https://a","iat":1.5,"x":{"y":"\u00e9"}}`, uint16(400), uint8(1))
	}
	f.Add(uint8(6), `"alg":"none"`, `{}`, uint16(0), uint8(0))
	f.Add(uint8(6), `"x":1`, `{"sub":"a","sub":"b"}`, uint16(0), uint8(0))
	set, skipped, err := jwtlite.ParseKeySet([]byte(oracle.KeySet()))
	if err != nil || len(skipped) > 0 {
		f.Fatal(err, skipped)
	}
	var theirs jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(oracle.KeySet()), &theirs); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, n uint8, members, payload string, at uint16, change uint8) {
		alg := algorithms[int(n)%len(algorithms)]
		header := `{"alg":"` + alg + `"}`
		if members != "" {
			header = header[:len(header)-1] + "," + members + "}"
		}
		compact := oracle.Sign(alg, header, payload)
		if change != 0 {
			b := []byte(compact)
			b[int(at)%len(b)] ^= change
			compact = string(b)
		}
		var token jwtlite.Token
		if err := token.Parse(compact); err != nil || set.Verify(jwtlite.Software{}, &token) != nil {
			return
		}
		if change != 0 {
			t.Fatalf("%s is accepted after a change", compact)
		}
		var read map[string]any
		if json.Unmarshal([]byte(header), &read) != nil {
			t.Fatalf("%s is accepted", header)
		}
		for name := range read {
			if !slices.Contains([]string{"alg", "kid", "typ", "cty", "x", "y"}, name) {
				return // go-jose reads members that jwtlite ignores, such as the key in jwk
			}
		}
		if token.AlgorithmName() == "Ed25519" {
			return // go-jose does not know that name
		}
		parsed, err := jwt.ParseSigned(compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(token.AlgorithmName())})
		if err != nil {
			t.Fatalf("accepted here, but not by go-jose (%v): %s %s", err, header, payload)
		}
		claims := jwt.Claims{}
		verified := false
		for _, k := range theirs.Keys {
			verified = verified || parsed.Claims(k.Key, &claims) == nil
		}
		c := token.Claims()
		if !verified || c.Issuer != claims.Issuer || c.Subject != claims.Subject || strings.Join(c.AppendAudience(nil), "\x00") != strings.Join(claims.Audience, "\x00") {
			t.Fatalf("%s %s: verified %v, claims %+v and %+v", header, payload, verified, c, claims)
		}
	})
}
