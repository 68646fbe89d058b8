package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
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

// mcpClient is a real client, in a version of its own and of the protocol.
type mcpClient struct {
	name      string
	version   string
	protocol  string   // the version of MCP that its requests must name
	scope     string   // what it asks for by itself: "" leaves that to the challenge
	clientURL string   // of its metadata document, which is then its ID
	wide      bool     // it asks for all scopes_supported, whatever the challenge says
	env       []string // further settings of its program
	slow      bool     // each thing it does starts a process
	stepUp    stepUp
	looks     looks
	envoys    []string // the versions of Envoy that it runs on
	visit     func(c *mcpClient, tools string, urls ...string) ([]trip, error)
}

// bothScopes is what those ask for that do not look at the challenge.
const bothScopes = "read:notes write:notes"

// mcpClients are all that are tested; their packages are installed.
func mcpClients(t *testing.T) []*mcpClient {
	t.Helper()
	t.Run("packages", func(t *testing.T) { // side by side: it takes a minute the first time
		for _, folder := range []string{"inspector", "typescript/v1.17", "typescript/v1", "typescript/v2"} {
			t.Run(folder, func(t *testing.T) {
				t.Parallel()
				node(t, strings.Split(folder, "/")...)
			})
		}
		for _, list := range []string{"v1.22", "v1", "v2"} {
			t.Run(list, func(t *testing.T) {
				t.Parallel()
				python(t, list, "")
			})
		}
	})
	var all []*mcpClient
	add := func(version string, command []string, c mcpClient, protocols ...string) {
		c.version, c.envoys = version, versions
		if c.visit == nil {
			c.visit = func(c *mcpClient, tools string, urls ...string) ([]trip, error) { return c.run(command, tools, urls) }
		}
		for _, c.protocol = range protocols {
			one := c
			all = append(all, &one)
		}
	}
	npm := func(name string, c mcpClient, folder string, protocols ...string) {
		path := strings.Split(folder, "/")
		add(pinned(t, name, append(append([]string{"clients"}, path...), "package.json")...), node(t, path...), c, protocols...)
	}
	pip := func(name string, c mcpClient, list, program string, protocols ...string) {
		add(pinned(t, name, "clients", "python", "requirements-"+list+".txt"), python(t, list, program), c, protocols...)
	}
	const june25, november25, july26 = "2025-06-18", "2025-11-25", "2026-07-28"

	add(pinned(t, "github.com/modelcontextprotocol/go-sdk", "go.mod"), nil, mcpClient{name: "Go SDK", visit: visitInGo, stepUp: stepUp{registersNone: true}}, june25, november25, july26)
	npm("@modelcontextprotocol/sdk", mcpClient{name: "TypeScript SDK", scope: bothScopes, stepUp: stepUp{never: true}, looks: looks{early: true, reopens: true}}, "typescript/v1.17", june25)
	npm("@modelcontextprotocol/sdk", mcpClient{name: "TypeScript SDK", stepUp: stepUp{refreshes: true}, looks: looks{early: true, reopens: true}}, "typescript/v1", november25)
	npm("@modelcontextprotocol/client", mcpClient{name: "TypeScript SDK", stepUp: stepUp{offline: true}, looks: looks{early: true, reopens: true}}, "typescript/v2", november25, july26)
	pip("mcp", mcpClient{name: "Python SDK", looks: looks{early: true, retries: true}}, "v1.22", "client_v1.py", june25)
	pip("mcp", mcpClient{name: "Python SDK", looks: looks{early: true, retries: true}}, "v1", "client_v1.py", november25)
	pip("mcp", mcpClient{name: "Python SDK", stepUp: stepUp{offline: true}, looks: looks{early: true, retries: true}}, "v2", "client_v2.py", november25, july26)
	pip("fastmcp-slim[client]", mcpClient{name: "FastMCP", stepUp: stepUp{offline: true}, looks: looks{early: true, retries: true}}, "v2", "client_fastmcp.py", november25, july26)
	npm("@modelcontextprotocol/inspector", mcpClient{name: "MCP Inspector", slow: true, wide: true, stepUp: stepUp{never: true, offline: true}, looks: looks{early: true, reopens: true}}, "inspector", november25)
	npm("@modelcontextprotocol/inspector", mcpClient{name: "MCP Inspector", slow: true, env: []string{"REFRESH=no"}}, "inspector", july26)
	// The Inspector starts eight times to go everywhere: once is enough for it.
	if len(versions) > 1 {
		all[len(all)-1].envoys, all[len(all)-2].envoys = versions[:1], versions[1:]
	}
	return all
}

// trip is what a client tells after it has gone through the OAuth flow at one
// URL, with no token to begin with.
type trip struct {
	URL      string   `json:"url"`
	ClientID string   `json:"client_id"`
	Token    string   `json:"token"`
	Refresh  bool     `json:"refresh"` // there is a refresh token with it
	Asked    []string `json:"asked"`   // the scope parameter of each authorization request
	Tools    []string `json:"tools"`
	Results  []toolResult
	Error    string `json:"error"` // what ended it early
}

// failures are the errors of trips.
func failures(trips []trip) error {
	var errs []error
	for _, t := range trips {
		if t.Error != "" {
			errs = append(errs, fmt.Errorf("%s: %s", t.URL, t.Error))
		}
	}
	return errors.Join(errs...)
}

type toolResult struct {
	Tool   string          `json:"tool"`
	Result json.RawMessage `json:"result"`
}

// run runs a program of ../clients: see ../clients/typescript/oauth.mjs.
func (c *mcpClient) run(command []string, tools string, urls []string) ([]trip, error) {
	command = slices.Concat([]string{"env"}, c.env, []string{"TOOLS=" + tools, "PROTOCOL=" + c.protocol, "SCOPE=" + c.scope, "CLIENT_URL=" + c.clientURL}, command, urls)
	out, err := output("", command...)
	var trips []trip
	for line := range strings.Lines(string(out)) {
		var one trip
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			return nil, fmt.Errorf("%w in %q", err, line)
		}
		trips = append(trips, one)
	}
	return trips, errors.Join(err, failures(trips))
}

// place is a resource that clients go to, at its true address.
type place struct {
	topology, url string
	issuer, scope string // of the tokens that it takes
	client        string // of these tokens; empty for the client's own
}

// places are a resource with a path, one that is a whole origin, and two of one
// gateway that trust different servers and require different scopes.
func (s *stage) places() []place {
	return []place{
		{"path", s.clientResource(), s.auth.Issuer(), "read:notes", ""},
		{"root", s.rootResource(), s.auth.Issuer(), "read:notes", ""},
		{"first of two", s.port.Origin() + "/first", s.auth.Issuer(), "read:notes", ""},
		{"second of two", s.port.Origin() + "/second", s.other.Issuer(), "write:notes", ""},
	}
}

// TestClients: real clients find out where to get a token, get one and call a
// tool, with no token to begin with. One run of a client goes to all places, so
// that its runtime starts once.
func TestClients(t *testing.T) {
	for _, c := range mcpClients(t) {
		t.Run(c.name+" "+c.version+" MCP "+c.protocol, func(t *testing.T) {
			on(t, c.envoys, c.visitAll)
		})
	}
}

func (c *mcpClient) visitAll(t *testing.T, s *stage) {
	places := s.places()
	var urls []string
	for _, p := range places {
		urls = append(urls, p.url)
	}
	trips, err := c.visit(c, "whoami", urls...)
	if err != nil {
		t.Error(err)
	}
	if len(trips) != len(places) {
		t.Fatalf("the client came back from %d places, want %d", len(trips), len(places))
	}
	for i, p := range places {
		t.Run(p.topology, func(t *testing.T) { c.check(t, trips[i], p) })
	}
	t.Run("each token at its own place only", func(t *testing.T) {
		for i, from := range places {
			for j, to := range places {
				u, err := url.Parse(to.url)
				if err != nil {
					t.Fatal(err)
				}
				r := toolCall(http1, cmp.Or(u.Path, "/"), bearer(trips[i].Token))
				r.host = u.Host
				a := s.strict.do(t, r)
				want, challenge := 401, `Bearer error="invalid_token"`
				if i == j {
					want, challenge = 200, ""
				}
				if a.status != want || !strings.HasPrefix(a.challenge(), challenge) {
					t.Errorf("the token for %s at %s: status %d, want %d, challenge %q", from.topology, to.topology, a.status, want, a.challenge())
				}
			}
		}
	})
}

// check compares what a client tells with what it must have seen at a place.
func (c *mcpClient) check(t *testing.T, told trip, p place) {
	t.Helper()
	if told.URL != p.url {
		t.Fatalf("it was at %s, want %s", told.URL, p.url)
	}
	scope := p.scope
	if c.scope != "" || c.wide {
		scope = bothScopes
	}
	if want := []string{scope}; !slices.Equal(told.Asked, want) {
		t.Errorf("it asked for the scopes %q, want %q", told.Asked, want)
	}
	if len(told.Results) != 1 || told.Results[0].Tool != "whoami" {
		t.Fatalf("results %v", told.Results)
	}
	r := report{ClientID: cmp.Or(p.client, told.ClientID), Tools: told.Tools}
	if err := json.Unmarshal(told.Results[0].Result, &r.Whoami); err != nil {
		t.Fatal(err)
	}
	r.check(t, p.issuer, scope)
	if got := r.Whoami.ProtocolVersion; got != c.protocol {
		t.Errorf("the MCP server saw protocol version %q, want %q", got, c.protocol)
	}
}

// report is what a client and the MCP server know of each other.
type report struct {
	ClientID string           `json:"client_id"`
	Tools    []string         `json:"tools"`
	Whoami   mcpserver.Caller `json:"whoami"`
}

func (r report) check(t *testing.T, issuer, scope string) {
	t.Helper()
	if want := []string{"add_note", "list_notes", "whoami"}; !slices.Equal(r.Tools, want) {
		t.Errorf("tools = %q, want %q", r.Tools, want)
	}
	for name, want := range map[string]string{
		"x-mcpauth-subject": authserver.User, "x-mcpauth-client": r.ClientID,
		"x-mcpauth-issuer": issuer, "x-mcpauth-scope": scope,
	} {
		if got := r.Whoami.Identity[name]; got != want || want == "" {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if r.Whoami.AuthorizationPresent {
		t.Error("the token reached the MCP server")
	}
}

// output runs a command and returns what it prints on its standard output, also
// if it fails.
func output(dir string, command ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s%s", strings.Join(command, " "), err, errOut.Bytes(), out.Bytes())
	}
	return out.Bytes(), err
}
