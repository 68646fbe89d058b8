package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
)

const (
	prmPath = "/.well-known/oauth-protected-resource"
	prmURL  = "https://" + MCPHost + prmPath + "/notes"
	// upstreamHeader is set on every answer of the MCP server.
	upstreamHeader = "X-Upstream"
)

// Gateway is a gateway with the configuration of the manifests: the resource [Resource],
// whose server speaks MCP at /notes.
type Gateway struct {
	// Base is how clients reach it: "https://mcp.example.com".
	Base string
	// Rules says that the tool add_note needs write:notes.
	Rules bool
	// EscapedSlash is what a path with an escaped slash gets, 400 if zero.
	EscapedSlash int
	// NoUnderscores says that the gateway refuses headers whose names have underscores.
	NoUnderscores bool
}

func pingBody() io.Reader {
	return strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
}

func setMCPHeaders(req *http.Request, token string) {
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
}

func fromServer(res *http.Response) bool { return res.Header.Get(upstreamHeader) != "" }

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

// Send sends a request and returns the answer. A body makes it a POST of JSON.
func (g Gateway) send(ctx context.Context, method, path, token, body string, header http.Header) (answer, error) {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, g.Base+path, content)
	if err != nil {
		return answer{}, err
	}
	setMCPHeaders(req, token)
	for name, values := range header {
		req.Header[name] = values
	}
	client := NewClient()
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return answer{res, string(text)}, err
}

// Status returns the status of a POST to the resource with the token, or an error.
func (g Gateway) Status(token string) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	a, err := g.send(ctx, http.MethodPost, "/notes", token, initialize, nil)
	if err != nil {
		return 0, err
	}
	return a.StatusCode, nil
}

// Await waits until a request with the token gets the status.
func (g Gateway) Await(t testing.TB, token string, status int, limit time.Duration) {
	t.Helper()
	Eventually(t, fmt.Sprintf("status %d", status), limit, func() error {
		got, err := g.Status(token)
		if err == nil && got != status {
			err = fmt.Errorf("status %d", got)
		}
		return err
	})
}

// initialize begins a session. The MCP server answers with an event stream.
const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`

// Job tests the main job: what a client without a token is told, which tokens pass, and
// what reaches the MCP server.
func (g Gateway) Job(t *testing.T, w *World) {
	ctx := within(t, 2*time.Minute)
	ask := func(t *testing.T, method, path, token, body string, header http.Header) answer {
		t.Helper()
		a, err := g.send(ctx, method, path, token, body, header)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	reached := func(t *testing.T, before int) {
		t.Helper()
		if n := w.Upstream.Requests(); n != before {
			t.Errorf("%d requests reached the MCP server", n-before)
		}
	}

	t.Run("no token", func(t *testing.T) {
		before := w.Upstream.Requests()
		for _, method := range []string{"GET", "POST", "DELETE"} {
			a := ask(t, method, "/notes", "", "", nil)
			want := `Bearer scope="read:notes", resource_metadata="` + prmURL + `"`
			if a.StatusCode != 401 || a.Header.Get("WWW-Authenticate") != want || !strings.Contains(a.body, `"error"`) {
				t.Errorf("%s: %s, WWW-Authenticate %q, want %q; body %s", method, a.Status, a.Header.Get("WWW-Authenticate"), want, a.body)
			}
		}
		reached(t, before)
	})
	t.Run("metadata", func(t *testing.T) {
		a := ask(t, "GET", prmPath+"/notes", "", "", nil)
		var m struct {
			Resource             string   `json:"resource"`
			AuthorizationServers []string `json:"authorization_servers"`
			ScopesSupported      []string `json:"scopes_supported"`
		}
		if err := json.Unmarshal([]byte(a.body), &m); err != nil || a.StatusCode != 200 {
			t.Fatalf("%s %v %s", a.Status, err, a.body)
		}
		if m.Resource != Resource || len(m.AuthorizationServers) != 1 || m.AuthorizationServers[0] != Issuer || len(m.ScopesSupported) != 2 {
			t.Errorf("metadata %+v", m)
		}
		if a := ask(t, "POST", prmPath+"/notes", "", "{}", nil); a.StatusCode != 405 {
			t.Errorf("POST: %s", a.Status)
		}
	})
	t.Run("valid token", func(t *testing.T) {
		header := http.Header{"X-Mcpauth-Subject": {"root"}, "X-Mcpauth-Verdict": {"public", "token"}}
		if !g.NoUnderscores {
			header["x_mcpauth_verdict"] = []string{"public"}
		}
		a := ask(t, "POST", "/notes", w.Token("read:notes"), initialize, header)
		if a.StatusCode != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/event-stream") || !strings.Contains(a.body, `"serverInfo"`) {
			t.Fatalf("%s %s", a.Status, a.body)
		}
		seen := w.Upstream.Last().Header
		want := map[string]string{"X-Mcpauth-Subject": authserver.User, "X-Mcpauth-Issuer": Issuer, "X-Mcpauth-Verdict": "token", "Authorization": ""}
		for name, value := range want {
			if got := strings.Join(seen.Values(name), "|"); got != value {
				t.Errorf("the MCP server got %s %q, want %q", name, got, value)
			}
		}
	})
	t.Run("invalid tokens", func(t *testing.T) {
		before := w.Upstream.Requests()
		mint := func(o authserver.Token) string {
			if o.Resource == "" {
				o.Resource = Resource
			}
			o.Scope = "read:notes"
			return w.Auth.Mint(o)
		}
		for name, token := range map[string]string{
			"not a JWT":      "garbage",
			"foreign key":    mint(authserver.Token{ForeignKey: true}),
			"wrong audience": mint(authserver.Token{Resource: "https://" + MCPHost + "/other"}),
			"wrong issuer":   mint(authserver.Token{Claims: map[string]any{"iss": "https://evil.example.com"}}),
			"expired":        mint(authserver.Token{Claims: map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}}),
			"not yet valid":  mint(authserver.Token{Claims: map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}}),
		} {
			a := ask(t, "POST", "/notes", token, initialize, http.Header{"X-Mcpauth-Verdict": {"token"}})
			if a.StatusCode != 401 || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), `Bearer error="invalid_token", `) {
				t.Errorf("%s: %s, WWW-Authenticate %q", name, a.Status, a.Header.Get("WWW-Authenticate"))
			}
		}
		reached(t, before)
	})
	t.Run("scope missing", func(t *testing.T) {
		before := w.Upstream.Requests()
		a := ask(t, "POST", "/notes", w.Token("write:notes"), initialize, nil)
		if a.StatusCode != 403 || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), `Bearer error="insufficient_scope", scope="read:notes`) {
			t.Errorf("%s, WWW-Authenticate %q", a.Status, a.Header.Get("WWW-Authenticate"))
		}
		reached(t, before)
	})
	t.Run("other paths", func(t *testing.T) {
		before := w.Upstream.Requests()
		escaped := g.EscapedSlash
		if escaped == 0 {
			escaped = 400
		}
		for path, status := range map[string]int{"/elsewhere": 404, "/notes%2f..%2felsewhere": escaped} {
			a := ask(t, "GET", path, w.Token("read:notes"), "", nil)
			if a.StatusCode != status && !(status == 400 && a.StatusCode == 404) {
				t.Errorf("%s: %s, want %d", path, a.Status, status)
			}
		}
		reached(t, before)
	})
	t.Run("forged headers", func(t *testing.T) {
		before := w.Upstream.Requests()
		for _, header := range probes {
			if g.NoUnderscores && hasUnderscore(header) {
				continue
			}
			if a := ask(t, "GET", "/notes", "", "", header); a.StatusCode != 401 {
				t.Errorf("%v: %s", header, a.Status)
			}
		}
		reached(t, before)
	})
	if g.Rules {
		t.Run("rules", func(t *testing.T) { g.rules(t, w, ask) })
	}
	t.Run("Go SDK client", func(t *testing.T) { g.signIn(t, w) })
}

func hasUnderscore(header http.Header) bool {
	for name := range header {
		if strings.Contains(name, "_") {
			return true
		}
	}
	return false
}

// rules tests a tool that needs a further scope, with bodies small and large.
func (g Gateway) rules(t *testing.T, w *World, ask func(t *testing.T, method, path, token, body string, header http.Header) answer) {
	call := func(padding int) string {
		return `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"add_note","arguments":{"text":"` + strings.Repeat("x", padding) + `"}}}`
	}
	for _, size := range []int{1, 10_000} {
		a := ask(t, "POST", "/notes", w.Token("read:notes"), call(size), nil)
		if a.StatusCode != 403 || !strings.Contains(a.Header.Get("WWW-Authenticate"), `scope="read:notes write:notes"`) {
			t.Errorf("%d bytes without the scope: %s, WWW-Authenticate %q", size, a.Status, a.Header.Get("WWW-Authenticate"))
		}
		a = ask(t, "POST", "/notes", w.Token("read:notes write:notes"), call(size), nil)
		if !fromServer(a.Response) {
			t.Errorf("%d bytes with the scope: %s %s", size, a.Status, a.body)
		}
	}
}

// Rotation tests that a token of a new key passes after the authorization server has
// changed its keys.
func (g Gateway) Rotation(t *testing.T, w *World) {
	if err := w.Auth.Rotate(false); err != nil {
		t.Fatal(err)
	}
	g.Await(t, w.Token("read:notes"), 200, 35*time.Second)
}

// ServerDownAndBack tests that known keys stay in use while the authorization server is
// down, that tokens of new keys get 503 meanwhile, and that they pass after its return.
func (g Gateway) ServerDownAndBack(t *testing.T, w *World) {
	known := w.Token("read:notes")
	g.Await(t, known, 200, 35*time.Second)
	w.AuthFront.Down()
	defer w.AuthFront.Up(t)
	if status, err := g.Status(known); err != nil || status != 200 {
		t.Errorf("a known key while the server is down: %d %v", status, err)
	}
	if err := w.Auth.Rotate(true); err != nil {
		t.Fatal(err)
	}
	fresh := w.Token("read:notes")
	if status, err := g.Status(fresh); err != nil || status != 503 {
		t.Errorf("a new key while the server is down: %d %v, want 503", status, err)
	}
	w.AuthFront.Up(t)
	g.Await(t, fresh, 200, 40*time.Second)
}
