package providers

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"mcpauth/integration/install"
)

// clientTimeout is for one run of a client.
const clientTimeout = 3 * time.Minute

// trip is what a client tells after it has gone through the OAuth flow, with no
// token and no registration to begin with. See ../clients/typescript/oauth.mjs.
type trip struct {
	ClientID string   `json:"client_id"`
	Token    string   `json:"token"`
	Asked    []string `json:"asked"` // the scope parameter of each authorization request
	Error    string   `json:"error"` // what ended the visit before its end
	Results  []struct {
		Tool   string          `json:"tool"`
		Result json.RawMessage `json:"result"`
	} `json:"results"`
}

// client is a real MCP client: it goes to a resource and calls tools.
type client struct {
	name     string
	command  []string // of a program of ../clients; none is the Go SDK
	env      []string
	metadata map[string]any // more client metadata to register with
}

// goSDK tells whether the client is the Go SDK, which registers anew each time
// that it needs a token, and without scopes.
func (c client) goSDK() bool { return c.command == nil }

func (c client) visit(ctx context.Context, u person, browser, resource, tools string) (trip, error) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	if c.goSDK() {
		return visitInGo(ctx, u, resource, tools)
	}
	metadata, err := json.Marshal(c.metadata)
	if err != nil {
		return trip{}, err
	}
	cmd := exec.CommandContext(ctx, c.command[0], append(slices.Clone(c.command[1:]), resource)...)
	cmd.Env = slices.Concat(os.Environ(), c.env, []string{"TOOLS=" + tools, "LOGIN=" + browser, "METADATA=" + string(metadata)})
	cmd.WaitDelay = time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return trip{}, fmt.Errorf("%w\n%s", err, errOut.Bytes())
	}
	var t trip
	if err := json.Unmarshal(out.Bytes(), &t); err != nil {
		return t, err
	}
	if t.Error != "" {
		return t, errors.New(t.Error)
	}
	return t, nil
}

// stepUp are the tools that a client calls to be asked for more scope.
const stepUp = `whoami add_note={"text":"hello"} list_notes`

// clients are the official SDKs for Go, TypeScript and Python. The last two register
// once, with the scopes of the first challenge.
func clients(t *testing.T) []client {
	t.Helper()
	typescript, err := folder("clients", "typescript", "v1")
	if err == nil {
		_, err = install.NodeModules(t.Context(), typescript)
	}
	if err != nil {
		t.Fatal(err)
	}
	python, err := folder("clients", "python")
	if err != nil {
		t.Fatal(err)
	}
	packages, err := install.PythonPackages(t.Context(), python, "v2")
	if err != nil {
		t.Fatal(err)
	}
	return []client{
		{name: "Go"},
		{
			name: "TypeScript 1.x", command: []string{"node", filepath.Join(typescript, "client.mjs")}, metadata: map[string]any{
				// With a refresh token this version does not ask for more scope.
				"grant_types": []string{"authorization_code"},
			},
		},
		{
			name: "Python 2.x", command: []string{"python3", filepath.Join(python, "client_v2.py")},
			env: []string{"PYTHONPATH=" + packages, "PYTHONDONTWRITEBYTECODE=1"},
		},
	}
}

func visitInGo(ctx context.Context, u person, resource, tools string) (trip, error) {
	var t trip
	handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "mcpauth example client", RedirectURIs: []string{callback}, TokenEndpointAuthMethod: "none",
		}},
		AuthorizationCodeFetcher: func(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			request, err := url.Parse(args.URL)
			if err != nil {
				return nil, err
			}
			t.ClientID = request.Query().Get("client_id")
			t.Asked = append(t.Asked, request.Query().Get("scope"))
			back, err := u.visit(ctx, args.URL)
			if err != nil {
				return nil, err
			}
			q := back.Query()
			if q.Get("code") == "" {
				return nil, fmt.Errorf("authorization refused: %s", back)
			}
			return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
		},
	})
	if err != nil {
		return t, err
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "mcpauth example client", Version: "1.0.0"}, nil).Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: resource, OAuthHandler: handler}, nil)
	if err != nil {
		return t, err
	}
	defer session.Close()
	for _, word := range strings.Fields(tools) {
		name, arguments, found := strings.Cut(word, "=")
		if !found {
			arguments = "{}"
		}
		result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: name, Arguments: json.RawMessage(arguments)})
		if err != nil {
			return t, err
		}
		if result.IsError {
			return t, fmt.Errorf("%s failed", name)
		}
		content, err := json.Marshal(result.StructuredContent)
		if err != nil {
			return t, err
		}
		t.Results = append(t.Results, struct {
			Tool   string          `json:"tool"`
			Result json.RawMessage `json:"result"`
		}{name, content})
	}
	source, err := handler.TokenSource(ctx)
	if err != nil {
		return t, err
	}
	token, err := source.Token()
	if err != nil {
		return t, err
	}
	t.Token = token.AccessToken
	return t, nil
}

// tokenHeader is the header of a JWT, unverified.
func tokenHeader(t *testing.T, token string) map[string]any {
	t.Helper()
	return part(t, token, 0)
}

// tokenClaims are those of a JWT, unverified.
func tokenClaims(t *testing.T, token string) map[string]any {
	t.Helper()
	return part(t, token, 1)
}

func part(t *testing.T, token string, i int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts is no JWT", len(parts))
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[i])
	var document map[string]any
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		t.Fatal(err)
	}
	return document
}
