package gate

import (
	"mcpauth/config"
	"mcpauth/internal/wellknown"
)

// claimText returns a claim of a payload as text: a string as it is, other types
// as JSON; empty where there is none, or null.
func claimText(payload string, h *config.ClaimToHeader) (claim string) {
	if h.ClaimName != "" {
		claim = wellknown.Member(payload, h.ClaimName)
	}
	if claim == "" {
		claim = payload
		for _, name := range h.Path {
			claim = wellknown.Member(claim, name)
		}
	}
	return wellknown.Text(claim)
}
