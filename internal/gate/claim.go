package gate

import (
	"strings"
	"unsafe"

	"github.com/tidwall/gjson"

	"mcpauth/config"
	"mcpauth/internal/wellknown"
	"mcpauth/jwtlite"
)

// payloadText returns the payload of t, a JSON object, without copying it.
func payloadText(t *jwtlite.Token) string {
	return unsafe.String(unsafe.SliceData(t.Payload()), len(t.Payload()))
}

// claimAt returns the JSON of a claim of a payload, empty if the payload lacks it.
func claimAt(payload string, c *config.Claim) (claim string) {
	if c.Name != "" {
		claim = wellknown.Member(payload, c.Name)
	}
	if claim == "" {
		claim = payload
		for _, name := range c.Path {
			claim = wellknown.Member(claim, name)
		}
	}
	return claim
}

// hasClaim reports whether a payload has a required claim.
func hasClaim(payload string, c *config.RequiredClaim) (has bool) {
	claim := gjson.Parse(claimAt(payload, &c.Claim))
	if !claim.IsArray() {
		return hasValue(claim, c)
	}
	claim.ForEach(func(_, element gjson.Result) bool {
		has = hasValue(element, c)
		return !has
	})
	return has
}

// hasValue reports whether v is one of the values of c.
func hasValue(v gjson.Result, c *config.RequiredClaim) bool {
	value, ok := config.NewClaimValue(v)
	return ok && c.Accepts(&value)
}

// appendScopes appends the scopes of t, which is of s, to dst.
func (s *trustedServer) appendScopes(dst []string, t *jwtlite.Token) []string {
	if s.scopeClaims == nil {
		return t.Claims().AppendScopes(dst)
	}
	for i := range s.scopeClaims {
		claim := gjson.Parse(claimAt(payloadText(t), &s.scopeClaims[i]))
		if claim.Type == gjson.String {
			return jwtlite.AppendScopes(dst, claim.Str)
		}
		list, ok := dst, claim.IsArray()
		claim.ForEach(func(_, element gjson.Result) bool {
			ok = ok && element.Type == gjson.String
			// A scope has no space, but other names may. The parts of a role such as
			// "no admin" are no scopes.
			if ok && element.Str != "" && strings.IndexByte(element.Str, ' ') < 0 {
				list = append(list, element.Str)
			}
			return ok
		})
		if ok {
			return list
		}
	}
	return dst
}
