package authserver

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Token describes a token for [Server.Mint]: a good one with changes. A nil
// value in Header or Claims takes the member away.
type Token struct {
	// Algorithm is "RS256" (the default) or "ES256".
	Algorithm string
	// Resource becomes the aud.
	Resource string
	// Scope is the space separated scope; empty means no scope claim.
	Scope string
	// Header and Claims replace or add single members.
	Header, Claims map[string]any
	// RawHeader and RawClaims, if not empty, are the exact texts to sign.
	RawHeader, RawClaims string
	// ForeignKey signs with a key that was never published. The kid stays that
	// of the published key.
	ForeignKey bool
}

// Mint signs a token that no grant would give, for tests. Without changes it is
// like the issued ones: valid for an hour, for [User] and the client
// "test-client". It panics if the token cannot be signed, which is a mistake of
// the caller.
func (s *Server) Mint(t Token) string {
	if t.Algorithm == "" {
		t.Algorithm = "RS256"
	}
	key := s.keys.key(t.Algorithm)
	if key == nil {
		panic(fmt.Sprintf("mint: no key for algorithm %q", t.Algorithm))
	}
	header := map[string]any{"alg": t.Algorithm, "typ": "at+jwt", "kid": key.id}
	now := time.Now()
	claims := map[string]any{
		"iss": s.issuer, "sub": User, "aud": t.Resource, "client_id": "test-client",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": rand.Text(),
	}
	if t.Scope != "" {
		claims["scope"] = t.Scope
	}
	if t.ForeignKey {
		var err error
		if key, err = s.keys.foreignKey(t.Algorithm); err != nil {
			panic("mint: " + err.Error())
		}
	}
	input := encode(text(header, t.Header, t.RawHeader)) + "." + encode(text(claims, t.Claims, t.RawClaims))
	signature, err := key.sign(input)
	if err != nil {
		panic("mint: " + err.Error())
	}
	return input + "." + encode(signature)
}

func text(members, changes map[string]any, raw string) []byte {
	if raw != "" {
		return []byte(raw)
	}
	maps.Copy(members, changes)
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == nil })
	doc, err := json.Marshal(members)
	if err != nil {
		panic("mint: " + err.Error())
	}
	return doc
}
