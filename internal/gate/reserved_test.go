package gate

import (
	"strings"
	"testing"

	"mcpauth/config"
)

func TestReserved(t *testing.T) {
	long := strings.Repeat("long-", 20)
	g := &Gate{reserved: newReservedHeaders(&config.Config{Resources: []*config.Resource{
		{ForwardPayloadHeader: "Payload"},
		{ClaimToHeaders: []config.ClaimToHeader{{HeaderName: "x_user"}, {HeaderName: long}}},
	}})}
	for name, want := range map[string]bool{
		"x-mcpauth-verdict": true, "x_mcpauth_verdict": true, "x-mcpauth_verdict": true, "x.mcpauth.verdict": true, "x_mcpauth-verdict": true,
		"x-mcpauth-subject": true, "x-mcpauth-": true, "x_mcpauth_subject": true, "x-mcpauth_anything": true,
		"x-user": true, "x_user": true, "payload": true,
		long: true, strings.ReplaceAll(long, "-", "_"): true, long + "x": false, "paylaod": false,
		"x-mcpauth": false, "x-users": false, "x-use": false, "authorization": false, "": false,
	} {
		if got := g.Reserved(name); got != want {
			t.Errorf("Reserved(%q) = %v", name, got)
		}
	}
}
