package gate

import (
	"fmt"
	"strings"
	"testing"

	"mcpauth/config"
)

// BenchmarkStart measures a start with a thousand resources, for which Envoy's main
// thread waits.
func BenchmarkStart(b *testing.B) {
	var list []string
	for i := range 1000 {
		list = append(list, fmt.Sprintf(`{"resource":"https://mcp.example.com/servers/%04d","scopes_supported":["read","write"],"required_scopes":["read"],"scope_hierarchy":{"write":["read"]},"allowed_origins":["https://*.example.com"]}`, i))
	}
	document := []byte(`{"authorization_servers":[{"issuer":"https://auth.example.com","cluster":"auth"}],"resources":[` + strings.Join(list, ",") + `]}`)
	b.Run("config", func(b *testing.B) {
		for b.Loop() {
			if _, err := config.Parse(document); err != nil {
				b.Fatal(err)
			}
		}
	})
	c, err := config.Parse(document)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("gate", func(b *testing.B) {
		for b.Loop() {
			New(c, []AuthServer{{Config: c.AuthorizationServers[0]}}, nil)
		}
	})
}
