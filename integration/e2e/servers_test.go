package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// documentedServers tell how the servers of docs/identity.md run: from the source, in an
// empty folder, to the command.
var documentedServers = map[string]func(t *testing.T, dir, source string) *exec.Cmd{
	"Python":        func(t *testing.T, dir, source string) *exec.Cmd { return pythonServer(t, dir, source, "v2") },
	"Python, SDK 1": func(t *testing.T, dir, source string) *exec.Cmd { return pythonServer(t, dir, source, "v1") },
	"TypeScript": func(t *testing.T, dir, source string) *exec.Cmd {
		return nodeServer(t, dir, source, "servers", "typescript")
	},
	"TypeScript, SDK 1": func(t *testing.T, dir, source string) *exec.Cmd {
		return nodeServer(t, dir, source, "clients", "typescript", "v1")
	},
	"Go": goServer,
}

// TestDocumentedServersKnowTheCaller runs each server of docs/identity.md behind
// a gateway, and asks it as two callers who they are.
func TestDocumentedServersKnowTheCaller(t *testing.T) {
	text := section(t, "identity.md", "## Read the caller in the server")
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile("(?ms)^\\*\\*(.+?)\\*\\*.*?^```\\w+\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		title, source := m[1], m[2]
		seen[title] = true
		command := documentedServers[title]
		if command == nil || strings.Count(source, "8080") != 1 {
			t.Errorf("identity.md: no test for %s, or not one port", title)
			continue
		}
		t.Run(title, func(t *testing.T) {
			s := stages[versions[0]]
			o := s.options(toJSON(object{
				"authorization_servers": []object{{"issuer": s.auth.Issuer(), "cluster": "auth"}},
				"resources":             []object{{"resource": mcpResource}},
			}))
			o.Upstream = "server"
			o.Clusters = append(o.Clusters, envoy.ClusterAt("server", startServer(t, source, command)))
			g := s.start(t, o)
			for _, subject := range []string{"alice", "zoë 100%"} {
				if got, err := askWhoami(t, g, s.auth.Mint(authserver.Token{Resource: mcpResource, Claims: object{"sub": subject}})); err != nil || got != subject {
					t.Errorf("%q, %v, want %q", got, err, subject)
				}
			}
			if _, err := askWhoami(t, g, "x"); err == nil {
				t.Error("a bad token got through")
			}
		})
	}
	for title := range documentedServers {
		if !seen[title] {
			t.Errorf("identity.md: no server for %s", title)
		}
	}
}

// mcpResource is at the path where the SDKs serve MCP.
const mcpResource = "https://mcp.example.com/mcp"

// startServer runs a server of the documentation, on a free port in place of 8080, and
// returns its address. The port might be taken before the server has it: then it
// ends, and another one is tried.
func startServer(t *testing.T, source string, command func(t *testing.T, dir, source string) *exec.Cmd) string {
	t.Helper()
	var log []byte
	for range 3 {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
		l.Close()
		cmd := command(t, t.TempDir(), strings.Replace(source, "8080", port, 1))
		out, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		exited := make(chan struct{})
		go func() { cmd.Wait(); close(exited) }()
		t.Cleanup(func() { cmd.Process.Kill(); <-exited })
		address := net.JoinHostPort("127.0.0.1", port)
		if listens(t, address, exited) {
			return address
		}
		log, _ = os.ReadFile(out.Name())
	}
	t.Fatalf("the server does not start:\n%s", log)
	return ""
}

// listens waits until somebody listens at an address; false if the process that
// should has ended.
func listens(t *testing.T, address string, exited <-chan struct{}) bool {
	t.Helper()
	deadline := time.After(clientTimeout)
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			select {
			case <-exited:
				return false // it is somebody else
			default:
				return true
			}
		}
		select {
		case <-exited:
			return false
		case <-deadline:
			t.Fatal("the server does not listen")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// askWhoami calls the tool whoami with the official Go SDK.
func askWhoami(t *testing.T, g *gateway, token string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "mcpauth test", Version: "1"}, nil).Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: "http://" + g.Addr() + "/mcp", HTTPClient: &http.Client{Transport: asCaller(token)}}, nil)
	if err != nil {
		return "", err
	}
	defer session.Close()
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoami"})
	if err != nil {
		return "", err
	}
	if len(result.Content) == 1 {
		if text, ok := result.Content[0].(*mcp.TextContent); ok && !result.IsError {
			return text.Text, nil
		}
	}
	return "", fmt.Errorf("answer %s", toJSON(result))
}

// asCaller sends requests with a token, the gateway's host, which is not local,
// and a header that would name another caller.
type asCaller string

func (token asCaller) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = "mcp.example.com"
	r.Header.Set("Authorization", "Bearer "+string(token))
	r.Header.Set("X-Mcpauth-Subject", "root")
	return http.DefaultTransport.RoundTrip(r)
}

func writeSource(t *testing.T, dir, name, source string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// pythonServer uses the packages of the clients: the SDK has both sides.
func pythonServer(t *testing.T, dir, source, version string) *exec.Cmd {
	t.Helper()
	command := withPackages(t, version, writeSource(t, dir, "server.py", source))
	return exec.Command(command[0], command[1:]...)
}

// nodeServer runs what is JavaScript and TypeScript at once.
func nodeServer(t *testing.T, dir, source string, home ...string) *exec.Cmd {
	t.Helper()
	if err := os.Symlink(nodeModules(t, exampleFolder(t, home...)), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return exec.Command(need(t, "node"), writeSource(t, dir, "server.mjs", source))
}

func goServer(t *testing.T, dir, source string) *exec.Cmd {
	t.Helper()
	program := filepath.Join(dir, "server")
	if _, err := output(exampleFolder(t), "go", "build", "-o", program, writeSource(t, dir, "main.go", source)); err != nil {
		t.Fatal(err)
	}
	return exec.Command(program)
}
