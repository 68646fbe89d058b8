package gate

import (
	"mcpauth/config"
	"mcpauth/internal/wellknown"
)

// claimText returns the claim of a payload that h names: a string as it is, another
// type as JSON. It returns the empty string if the claim is absent or null.
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
