package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// goCallback has nobody who listens: the redirect is read, not followed.
const goCallback = "http://127.0.0.1:33333/callback"

// visitInGo is the client of the official Go SDK: what the programs of
// ../clients do, in this process.
func visitInGo(c *mcpClient, tools string, urls ...string) ([]trip, error) {
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	var trips []trip
	for _, u := range urls {
		r := trip{URL: u}
		if err := r.visitInGo(ctx, c.protocol, tools); err != nil {
			r.Error = err.Error()
		}
		trips = append(trips, r)
	}
	return trips, failures(trips)
}

func (r *trip) visitInGo(ctx context.Context, protocol, tools string) error {
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "mcpauth example client", RedirectURIs: []string{goCallback}, TokenEndpointAuthMethod: "none",
			GrantTypes: []string{"authorization_code", "refresh_token"},
		}},
		AuthorizationCodeFetcher: func(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			u, err := url.Parse(args.URL)
			if err != nil {
				return nil, err
			}
			r.ClientID = u.Query().Get("client_id") // the handler keeps it to itself
			r.Asked = append(r.Asked, u.Query().Get("scope"))
			return approve(ctx, args)
		},
	})
	if err != nil {
		return err
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "mcpauth example client", Version: "1.0.0"}, nil).Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: r.URL, OAuthHandler: handler}, &mcp.ClientSessionOptions{ProtocolVersion: protocol})
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
	if err != nil {
		return err
	}
	token, err := source.Token()
	if err != nil {
		return err
	}
	r.Token, r.Refresh = token.AccessToken, token.RefreshToken != ""
	return nil
}

// approve stands for the person in front of the browser, who is sent to and fro
// where the gateway stands for a provider.
func approve(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, args.URL, nil)
	if err != nil {
		return nil, err
	}
	noRedirect := http.Client{CheckRedirect: func(to *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(to.URL.String(), goCallback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := noRedirect.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		return nil, fmt.Errorf("no code: status %d, location %s", res.StatusCode, back)
	}
	q := back.Query()
	return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
}
