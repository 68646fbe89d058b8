package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"mcpauth/envoy-example/authserver"
)

// clientTimeout is for one run of a client, the start of its runtime included.
const clientTimeout = 3 * time.Minute

// report is what a client tells after it has gone through the OAuth flow.
type report struct {
	ClientID string   `json:"client_id"`
	Tools    []string `json:"tools"`
	Whoami   struct {
		Identity             map[string]string `json:"identity"`
		AuthorizationPresent bool              `json:"authorization_present"`
	} `json:"whoami"`
}

func (r report) check(t *testing.T, s *stage) {
	t.Helper()
	if want := []string{"add_note", "list_notes", "whoami"}; !slices.Equal(r.Tools, want) {
		t.Errorf("tools = %q, want %q", r.Tools, want)
	}
	id := r.Whoami.Identity
	for name, want := range map[string]string{
		"x-mcpauth-subject": authserver.User, "x-mcpauth-client": r.ClientID,
		"x-mcpauth-issuer": s.auth.Issuer(), "x-mcpauth-scope": "read:notes",
	} {
		if id[name] != want || want == "" {
			t.Errorf("%s = %q, want %q", name, id[name], want)
		}
	}
	if r.Whoami.AuthorizationPresent {
		t.Error("the token reached the MCP server")
	}
}

// TestGoClient: the official Go SDK, with no token to begin with.
func TestGoClient(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		const callback = "http://127.0.0.1:33333/callback" // nobody listens: the redirect is read, not followed
		handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
			DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
				ClientName: "mcpauth test", RedirectURIs: []string{callback}, TokenEndpointAuthMethod: "none",
			}},
			AuthorizationCodeFetcher: approve,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
		defer cancel()
		session, err := mcp.NewClient(&mcp.Implementation{Name: "mcpauth test", Version: "1"}, nil).Connect(ctx,
			&mcp.StreamableClientTransport{Endpoint: s.clientResource(), OAuthHandler: handler}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		var r report
		tools, err := session.ListTools(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, tool := range tools.Tools {
			r.Tools = append(r.Tools, tool.Name)
		}
		slices.Sort(r.Tools)
		result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoami"})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(toJSON(result.StructuredContent)), &r.Whoami); err != nil {
			t.Fatal(err)
		}
		// The handler keeps its client id to itself.
		if r.ClientID = r.Whoami.Identity["x-mcpauth-client"]; !strings.HasPrefix(r.ClientID, "client-") {
			t.Errorf("client = %q", r.ClientID)
		}
		r.check(t, s)
	})
}

// approve stands for the person in front of the browser.
func approve(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, args.URL, nil)
	if err != nil {
		return nil, err
	}
	noRedirect := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := noRedirect.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		return nil, fmt.Errorf("no code: status %d, location %q", res.StatusCode, back)
	}
	q := back.Query()
	return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
}

// TestTypeScriptClients: both major versions of the official TypeScript SDK.
func TestTypeScriptClients(t *testing.T) {
	node := need(t, "node")
	npm := need(t, "npm")
	for _, version := range []string{"v1", "v2"} {
		dir, err := filepath.Abs(filepath.Join("..", "clients", "typescript", version))
		if err != nil {
			t.Fatal(err)
		}
		install(t, dir, "node_modules", "package-lock.json", func(partial string) error {
			for _, name := range []string{"package.json", "package-lock.json", ".npmrc"} {
				if err := copyFile(filepath.Join(dir, name), filepath.Join(partial, name)); err != nil {
					return err
				}
			}
			_, err := output(partial, npm, "ci", "--no-audit", "--no-fund")
			return err
		})
		t.Run(version, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *stage) { runClient(t, s, dir, node, "client.mjs") })
		})
	}
}

// TestPythonClients: both major versions of the official Python SDK.
func TestPythonClients(t *testing.T) {
	python := need(t, "python3")
	dir, err := filepath.Abs(filepath.Join("..", "clients", "python"))
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"v1", "v2"} {
		// A virtual environment cannot be moved, but the packages can: they are
		// found through PYTHONPATH.
		packages := install(t, dir, ".venv-"+version, "requirements-"+version+".txt", func(partial string) error {
			_, err := output(dir, python, "-m", "venv", filepath.Join(partial, "venv"))
			if err == nil {
				_, err = output(dir, filepath.Join(partial, "venv", "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
					"--target", filepath.Join(partial, ".venv-"+version), "-r", "requirements-"+version+".txt")
			}
			return err
		})
		t.Run(version, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *stage) {
				runClient(t, s, dir, "env", "PYTHONPATH="+packages, "PYTHONDONTWRITEBYTECODE=1", python, "client_"+version+".py")
			})
		})
	}
}

func runClient(t *testing.T, s *stage, dir string, command ...string) {
	t.Helper()
	out, err := output(dir, append(command, s.clientResource())...)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	r.check(t, s)
}

func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is needed to run the official clients: %v", program, err)
	}
	return path
}

// output runs a command and returns what it prints on its standard output.
func output(dir string, command ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", strings.Join(command, " "), err, errOut.Bytes(), out.Bytes())
	}
	return out.Bytes(), nil
}

var installing sync.Mutex

// install makes the folder name in dir, unless it is there and its lock file is
// the one that it was made from, and returns its path. fill makes the folder
// inside a temporary one, so that two test runs at once do not disturb each
// other.
func install(t *testing.T, dir, name, lockFile string, fill func(partial string) error) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	final := filepath.Join(dir, name)
	lock, err := os.ReadFile(filepath.Join(dir, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	const stamp = ".installed-from"
	upToDate := func() bool {
		made, err := os.ReadFile(filepath.Join(final, stamp))
		return err == nil && bytes.Equal(made, lock)
	}
	if upToDate() {
		return final
	}
	partial, err := os.MkdirTemp(dir, ".venv-partial-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(partial)
	if err := fill(partial); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(partial, name, stamp), lock, 0o600); err != nil {
		t.Fatal(err)
	}
	if upToDate() { // another run has just made it
		return final
	}
	if err := os.Rename(final, filepath.Join(partial, "outdated")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(partial, name), final); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return final
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}
