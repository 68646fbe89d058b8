package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v3/jwt"
)

// claimsOf returns the claims of token number n, which is small and unlike all others.
func claimsOf(n int, audience ...string) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": issuer, "sub": fmt.Sprintf("user-%08d", n), "aud": audience, "client_id": "mcp-client", "jti": fmt.Sprintf("%08d", n),
		"iat": now.Unix(), "exp": now.Add(2 * time.Hour).Unix(), "scope": "read:notes write:notes",
	}
	if len(audience) == 1 {
		claims["aud"] = audience[0]
	}
	return claims
}

// paddedTo returns claims with as many groups that their token has a size, or up to two
// bytes less: not every size is one of base64url.
func (m *mint) paddedTo(size int, claims map[string]any) map[string]any {
	const header, signature, dots = 59, 86, 2 // of ES256, as keys.mint has it
	length := (size - header - signature - dots) * 3 / 4
	groups := []string{}
	claims["groups"], claims["pad"] = groups, ""
	doc, err := json.Marshal(claims)
	if err != nil {
		panic(err) // strings and numbers only
	}
	room := length - len(doc)
	const group = 36 + len(`"",`)
	for ; room >= group; room -= group {
		groups = append(groups, fmt.Sprintf("%08x-58d1-4c1f-bb8c-%012x", len(groups)*0x9e3779b1&0xffffffff, len(groups)))
	}
	if len(groups) > 0 {
		room++ // the last has no comma
	}
	claims["groups"], claims["pad"] = groups, fmt.Sprintf("%0*d", max(room, 1), 0)[:max(room, 0)]
	return claims
}

// signAll signs tokens with the claims of the numbers 0 to n-1, on all processors.
func (m *mint) signAll(n int, claims func(i int) map[string]any) ([]string, error) {
	list := make([]string, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	for worker := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[worker] == nil; i = int(next.Add(1)) - 1 {
				list[i], errs[worker] = jwt.Signed(m.signer).Claims(claims(i)).CompactSerialize()
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("sign tokens: %w", err)
		}
	}
	return list, nil
}
