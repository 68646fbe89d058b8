package controlplane

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"mcpauth/envoy-example/authserver"
	"mcpauth/integration/clients/golang"
)

// signIn lets a client of the official Go SDK, which knows nothing but the URL of the
// resource, find the authorization server, register, sign in and call a tool.
func (g Gateway) signIn(t *testing.T, w *World) {
	ctx := within(t, 30*time.Second)
	authorizations := 0
	handler, err := golang.NewHandler(func(string, string) { authorizations++ })
	if err != nil {
		t.Fatal(err)
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "mcpauth example client", Version: "1.0.0"}, nil).Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: g.Base + "/notes", OAuthHandler: handler}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if authorizations != 1 {
		t.Errorf("%d authorization requests, want 1", authorizations)
	}
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoami"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(result.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	var caller struct {
		Identity map[string]string `json:"identity"`
	}
	if err := json.Unmarshal(text, &caller); err != nil || caller.Identity["x-mcpauth-subject"] != authserver.User {
		t.Errorf("whoami: %v %s", err, text)
	}
}
