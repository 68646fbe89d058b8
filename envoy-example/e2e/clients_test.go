package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/mcpserver"
)

// clientTimeout is for one run of a client, the start of its runtime included.
const clientTimeout = 3 * time.Minute

// mcpClient is a real client: a program of ../clients, in a version of its SDK
// and of the protocol.
type mcpClient struct {
	name     string
	protocol string // the version of MCP that its requests must name
	scope    string // what it asks for by itself: "" leaves that to the challenge
	wide     bool   // it asks for all scopes, whatever the challenge says
	visit    func(c *mcpClient, tools string, urls ...string) ([]visit, error)
}

// bothScopes is what those ask for that do not look at the challenge.
const bothScopes = "read:notes write:notes"

// mcpClients are all that are tested; their packages are installed.
func mcpClients(t *testing.T) []*mcpClient {
	t.Helper()
	run := func(command []string) func(*mcpClient, string, ...string) ([]visit, error) {
		return func(c *mcpClient, tools string, urls ...string) ([]visit, error) { return c.run(command, tools, urls) }
	}
	typeScript117, typeScript1, typeScript2 := run(node(t, "typescript", "v1.17")), run(node(t, "typescript", "v1")), run(node(t, "typescript", "v2"))
	python113, python1 := run(python(t, "v1.13", "client_v1.py")), run(python(t, "v1", "client_v1.py"))
	python2, fastMCP := run(python(t, "v2", "client_v2.py")), run(python(t, "v2", "client_fastmcp.py"))
	inspector := run(node(t, "inspector"))
	return []*mcpClient{
		{name: "Go SDK", protocol: "2025-06-18", visit: visitInGo},
		{name: "Go SDK", protocol: "2025-11-25", visit: visitInGo},
		{name: "Go SDK", protocol: "2026-07-28", visit: visitInGo},
		{name: "TypeScript SDK 1.17", protocol: "2025-06-18", scope: bothScopes, visit: typeScript117},
		{name: "TypeScript SDK 1", protocol: "2025-11-25", visit: typeScript1},
		{name: "TypeScript SDK 2", protocol: "2025-11-25", visit: typeScript2},
		{name: "TypeScript SDK 2", protocol: "2026-07-28", visit: typeScript2},
		{name: "Python SDK 1.13", protocol: "2025-06-18", wide: true, visit: python113},
		{name: "Python SDK 1", protocol: "2025-11-25", visit: python1},
		{name: "Python SDK 2", protocol: "2025-11-25", visit: python2},
		{name: "Python SDK 2", protocol: "2026-07-28", visit: python2},
		{name: "FastMCP", protocol: "2025-11-25", visit: fastMCP},
		{name: "FastMCP", protocol: "2026-07-28", visit: fastMCP},
		{name: "Inspector", protocol: "2025-11-25", visit: inspector},
		{name: "Inspector", protocol: "2026-07-28", visit: inspector},
	}
}

// visit is what a client tells after it has gone through the OAuth flow at one
// URL, with no token to begin with.
type visit struct {
	URL      string   `json:"url"`
	ClientID string   `json:"client_id"`
	Token    string   `json:"token"`
	Asked    []string `json:"asked"` // the scope parameter of each authorization request
	Tools    []string `json:"tools"`
	Results  []toolResult
}

type toolResult struct {
	Tool   string          `json:"tool"`
	Result json.RawMessage `json:"result"`
}

// run runs a program of ../clients: see ../clients/typescript/oauth.mjs.
func (c *mcpClient) run(command []string, tools string, urls []string) ([]visit, error) {
	out, err := output("", append(command, urls...), "TOOLS="+tools, "PROTOCOL="+c.protocol, "SCOPE="+c.scope)
	var visits []visit
	for line := range strings.Lines(string(out)) {
		var v visit
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			return nil, fmt.Errorf("%w in %q", err, line)
		}
		visits = append(visits, v)
	}
	return visits, err
}

// place is a resource that clients go to, at its true address.
type place struct {
	topology, url string
	issuer, scope string // of the tokens that it takes
}

// places are a resource with a path, one that is a whole origin, and two of one
// gateway that trust different servers and require different scopes.
func (s *stage) places() []place {
	return []place{
		{"path", s.clientResource(), s.auth.Issuer(), "read:notes"},
		{"root", s.rootResource(), s.auth.Issuer(), "read:notes"},
		{"first of two", s.port.Origin() + "/first", s.auth.Issuer(), "read:notes"},
		{"second of two", s.port.Origin() + "/second", s.other.Issuer(), "write:notes"},
	}
}

// TestClients: real clients find out where to get a token, get one and call a
// tool, with no token to begin with. One run of a client goes to all places, so
// that its runtime starts once.
func TestClients(t *testing.T) {
	for _, c := range mcpClients(t) {
		t.Run(c.name+" "+c.protocol, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *stage) {
				places := s.places()
				var urls []string
				for _, p := range places {
					urls = append(urls, p.url)
				}
				visits, err := c.visit(c, "whoami", urls...)
				if err != nil {
					t.Error(err)
				}
				tokens := map[string]string{}
				for i, p := range places {
					t.Run(p.topology, func(t *testing.T) {
						if i >= len(visits) {
							t.Fatal("the client did not come back from there")
						}
						tokens[p.topology] = visits[i].Token
						c.check(t, visits[i], p)
					})
				}
				t.Run("each token at its own place only", func(t *testing.T) {
					for name, status := range map[string]int{"first of two": 200, "second of two": 401, "path": 401, "root": 401} {
						if tokens[name] == "" {
							t.Fatalf("no token for %s", name)
						}
						a := s.strict.do(t, toolCall(http1, "/first", bearer(tokens[name])))
						if a.status != status || status == 401 && !strings.Contains(a.challenge(), `error="invalid_token"`) {
							t.Errorf("the token for %s: status %d, want %d, challenge %s", name, a.status, status, a.challenge())
						}
					}
				})
			})
		})
	}
}

// check compares what a client tells with what it must have seen at a place.
func (c *mcpClient) check(t *testing.T, v visit, p place) {
	t.Helper()
	if v.URL != p.url {
		t.Fatalf("it was at %s, want %s", v.URL, p.url)
	}
	if want := []string{"add_note", "list_notes", "whoami"}; !slices.Equal(v.Tools, want) {
		t.Errorf("tools = %q, want %q", v.Tools, want)
	}
	scope := p.scope
	if c.scope != "" || c.wide {
		scope = bothScopes
	}
	if want := []string{scope}; !slices.Equal(v.Asked, want) {
		t.Errorf("it asked for the scopes %q, want %q", v.Asked, want)
	}
	if len(v.Results) != 1 || v.Results[0].Tool != "whoami" {
		t.Fatalf("results %v", v.Results)
	}
	var caller mcpserver.Caller
	if err := json.Unmarshal(v.Results[0].Result, &caller); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"x-mcpauth-subject": authserver.User, "x-mcpauth-client": v.ClientID,
		"x-mcpauth-issuer": p.issuer, "x-mcpauth-scope": scope,
	} {
		if got := caller.Identity[name]; got != want || want == "" {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if caller.AuthorizationPresent {
		t.Error("the token reached the MCP server")
	}
	if caller.ProtocolVersion != c.protocol {
		t.Errorf("the MCP server saw protocol version %q, want %q", caller.ProtocolVersion, c.protocol)
	}
}

// output runs a command with further environment variables and returns what it
// prints on its standard output, also if it fails.
func output(dir string, command []string, env ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, errOut.Bytes())
	}
	return out.Bytes(), nil
}
