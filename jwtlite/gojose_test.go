package jwtlite

import (
	"crypto"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// joseClaims are the claims as go-jose reads them.
type joseClaims struct {
	jwt.Claims
	Scope any `json:"scope"`
}

// joseAccepts does with go-jose what accept does, without the policy.
func joseAccepts(keys map[string]crypto.PublicKey, compact string) (*joseClaims, error) {
	parsed, err := jwt.ParseSigned(compact, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return nil, err
	}
	claims := new(joseClaims)
	return claims, parsed.Claims(keys[parsed.Headers[0].Algorithm], claims)
}

// TestAgreesWithGoJOSE compares Parse and Verify with another implementation, which
// must accept every token that jwtlite accepts, with the same claims. jwtlite is
// stricter. Of the tokens that this test makes, it alone refuses those with
//   - line breaks and unused bits in base64url,
//   - invalid UTF-8 and lone surrogates,
//   - duplicate names in members that go-jose skips,
//   - crit, for which go-jose supports b64,
//   - the cty of a nested JWT,
//   - the payload null, which go-jose reads as no claims,
//   - a kid that no key has: the test gives go-jose the one key.
func TestAgreesWithGoJOSE(t *testing.T) {
	s := testSigners()
	keys := map[string]crypto.PublicKey{"RS256": &s.rsa.PublicKey, "ES256": &s.ec.PublicKey}
	random := rand.New(rand.NewPCG(7, 8))

	headers := []string{
		goodHeader, `{"alg":"ES256"}`, `{"alg":"RS256","typ":"JWT"}`, `{"alg":"RS256","kid":"r","x":{"y":[1,2]}}`,
		`{"alg":"ES256","kid":"\u0065","cty":"JWT"}`, `{ "alg" : "ES256" }`, `{"alg":"ES256","crit":["b64"],"b64":false}`,
		`{"alg":"none"}`, `{"alg":"HS256"}`, `{"alg":"ES256","alg":"RS256"}`, `{"alg":"ES256","\u0061lg":"RS256"}`,
	}
	payloads := []string{
		goodPayload, `{}`, ` {"sub":"\u0061\ud83d\ude00"} `, `{"aud":["a","b"],"exp":1.5e9,"nbf":1,"iat":1.25}`,
		with(`"x":[{"a":[]},1e5,"\n"]`), `{"exp":"1"}`, `{"exp":1e400}`, `{"sub":1}`, `{"sub":"` + "\xff" + `"}`, `{"sub":"\ud800"}`,
		`{"sub":"a","sub":"b"}`, `{"x":{"y":1,"y":2}}`, `{"sub":"a"}x`, `[]`, `null`, ``, `{"AUD":"x"}`,
	}
	accepted, refusedByBoth, stricter := 0, 0, 0
	check := func(compact string) {
		t.Helper()
		var token Token
		err := token.Parse(compact)
		if err == nil {
			err = s.set.Verify(Software{}, &token)
		}
		claims, joseErr := joseAccepts(keys, compact)
		switch {
		case err != nil && joseErr != nil:
			refusedByBoth++
		case err != nil:
			stricter++
			if !errors.Is(err, ErrMalformed) && err != ErrDuplicateMember && err != ErrCritical && err != ErrUnknownKey {
				t.Errorf("refused here alone: %v: %s", err, compact)
			}
		case joseErr != nil:
			t.Fatalf("accepted here, but not by go-jose (%v): %s", joseErr, compact)
		default:
			accepted++
			c := token.Claims()
			if c.Issuer != claims.Issuer || c.Subject != claims.Subject || c.ID != claims.ID ||
				strings.Join(c.AppendAudience(nil), "\x00") != strings.Join(claims.Audience, "\x00") ||
				c.Expires.Unix() != unixOf(claims.Expiry) || c.NotBefore.Unix() != unixOf(claims.NotBefore) || c.IssuedAt.Unix() != unixOf(claims.IssuedAt) {
				t.Fatalf("%s: claims differ: %+v, %+v", compact, c, claims)
			}
		}
	}
	const alphabet = "AQZaz09-_=+/. \n"
	for _, header := range headers {
		for _, payload := range payloads {
			compact := s.token(header, payload)
			check(compact)
			// Changes of the header and the payload are signed, to reach the
			// parsers. Changes of the token are not.
			for range 10 {
				check(s.token(string(mutate(random, []byte(header))), payload))
				if payload != "" {
					check(s.token(header, string(mutate(random, []byte(payload)))))
				}
				at, c := random.IntN(len(compact)), alphabet[random.IntN(len(alphabet))]
				check(compact[:at] + string(c) + compact[at+1:])
				check(compact[:at] + string(c) + compact[at:])
				check(compact[:at] + compact[at+1:])
			}
		}
	}
	t.Logf("accepted %d, refused by both %d, refused here alone %d", accepted, refusedByBoth, stricter)
	if accepted < 100 || refusedByBoth < 1000 {
		t.Errorf("accepted %d, refused by both %d", accepted, refusedByBoth)
	}
}

func unixOf(d *jwt.NumericDate) int64 {
	if d == nil {
		return 0
	}
	return int64(*d)
}

// go-jose accepts every key of a JWK set that jwtlite accepts, and reads the same key.
func TestKeySetAgreesWithGoJOSE(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	accepted := 0
	for _, jwk := range []string{rsaJWK(), and(ecJWK(), `"kid":"k","use":"sig","alg":"ES256"`)} {
		for i := range 3000 {
			doc := []byte(jwk)
			if i > 0 {
				doc = mutate(random, doc)
			}
			set, _, err := ParseKeySet([]byte(`{"keys":[` + string(doc) + `]}`))
			if err != nil {
				continue
			}
			accepted++
			var other jose.JSONWebKey
			if err := json.Unmarshal(doc, &other); err != nil || !other.Valid() {
				t.Fatalf("%s: accepted here, but not by go-jose: %v", doc, err)
			}
			if want := mustKey(t, other.Key); string(set.keys[0].SPKI()) != string(want.SPKI()) || set.keys[0].ID() != other.KeyID {
				t.Fatalf("%s: not the same key", doc)
			}
		}
	}
	if accepted < 100 {
		t.Errorf("only %d documents were accepted", accepted)
	}
}
