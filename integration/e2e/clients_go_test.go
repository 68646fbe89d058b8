package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"mcpauth/integration/clients/golang"
)

// visitInGo is the client of the official Go SDK: what the programs of
// ../clients do, in this process.
func visitInGo(c *mcpClient, tools string, urls ...string) ([]trip, error) {
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	var trips []trip
	for _, u := range urls {
		r := trip{URL: u}
		if err := r.visitInGo(ctx, c, tools); err != nil {
			r.Error = err.Error()
		}
		trips = append(trips, r)
	}
	return trips, failures(trips)
}

func (r *trip) visitInGo(ctx context.Context, c *mcpClient, tools string) error {
	handler, err := golang.NewHandlerWithID(c.clientURL, func(clientID, scope string) {
		r.ClientID = clientID // the handler keeps it to itself
		r.Asked = append(r.Asked, scope)
	})
	if err != nil {
		return err
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "mcpauth example client", Version: "1.0.0"}, nil).Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: r.URL, OAuthHandler: handler}, &mcp.ClientSessionOptions{ProtocolVersion: c.protocol})
	if err != nil {
		return err
	}
	defer session.Close()
	list, err := session.ListTools(ctx, nil)
	if err != nil {
		return err
	}
	for _, tool := range list.Tools {
		r.Tools = append(r.Tools, tool.Name)
	}
	slices.Sort(r.Tools)
	for _, word := range strings.Fields(tools) {
		name, arguments, found := strings.Cut(word, "=")
		if !found {
			arguments = "{}"
		}
		result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: name, Arguments: json.RawMessage(arguments)})
		if err != nil {
			return err
		}
		if result.IsError {
			return fmt.Errorf("%s: %s", name, toJSON(result.Content))
		}
		r.Results = append(r.Results, toolResult{name, json.RawMessage(toJSON(result.StructuredContent))})
	}
	source, err := handler.TokenSource(ctx)
	if err != nil || source == nil { // it has not signed in
		return err
	}
	token, err := source.Token()
	if err != nil {
		return err
	}
	r.Token, r.Refresh = token.AccessToken, token.RefreshToken != ""
	return nil
}
