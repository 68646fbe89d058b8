package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/envoy-example/mcpserver"
	"mcpauth/integration/debian"
)

// browser is Chromium and what it takes to drive it through the pages of
// clients/browser.
type browser struct {
	dir      string // clients/browser
	script   string // of the pages, with the official SDK in it
	node     string
	chromium string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	b := &browser{dir: clientFolder(t, "browser"), node: need(t, "node"), chromium: chromium(t), script: filepath.Join(t.TempDir(), "page.js")}
	modules := nodeModules(t, b.dir)
	if _, err := output(b.dir, filepath.Join(modules, ".bin", "esbuild"), "page.mjs", "--bundle", "--format=iife", "--log-level=warning", "--outfile="+b.script); err != nil {
		t.Fatal(err)
	}
	return b
}

// site serves the pages on an origin of their own, which it returns.
func (b *browser) site(t *testing.T) string {
	mux := http.NewServeMux()
	for path, file := range map[string]string{
		"/v1": filepath.Join(b.dir, "index.html"), "/v2": filepath.Join(b.dir, "index.html"),
		"/sandboxed": filepath.Join(b.dir, "sandboxed.html"), "/page.js": b.script,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// visit is what a person does: opens a page, types the address of an MCP server
// and maybe a token, and presses the button.
type visit struct {
	Page   string `json:"page"`
	Server string `json:"server"`
	Token  string `json:"token"`
}

// sight is what came of it.
type sight struct {
	Steps    []string  `json:"steps"` // requests and answers as the page saw them
	State    string    `json:"state"` // done or failed
	Result   string    `json:"result"`
	Console  []string  `json:"console"`
	Requests []traffic `json:"requests"`
}

// traffic is a request that the browser sent or was asked to send.
type traffic struct {
	Method    string `json:"method"`
	URL       string `json:"url"`
	Preflight bool   `json:"preflight"`
	Origin    string `json:"origin"`
	Asks      string `json:"asks"`       // of a preflight: "POST authorization,content-type"
	Status    int    `json:"status"`     // 0 without an answer
	CORSError string `json:"cors_error"` // of a request that the page got no answer to
}

func (b *browser) visit(t *testing.T, visits ...visit) []sight {
	t.Helper()
	in := toJSON(object{"chromium": b.chromium, "visits": visits})
	path := filepath.Join(t.TempDir(), "visits.json")
	if err := os.WriteFile(path, []byte(in), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := output(b.dir, b.node, "driver.mjs", path)
	if err != nil {
		t.Fatal(err)
	}
	var seen []sight
	if err := json.Unmarshal(out, &seen); err != nil || len(seen) != len(visits) {
		t.Fatalf("%v in %q", err, out)
	}
	return seen
}

// preflights checks that the browser asked before it sent, and was let.
func (s sight) preflights(t *testing.T, origin, url string, asks ...string) {
	t.Helper()
	for _, asked := range asks {
		if want := (traffic{Method: "OPTIONS", URL: url, Preflight: true, Origin: origin, Asks: asked, Status: http.StatusNoContent}); !slices.Contains(s.Requests, want) {
			t.Errorf("no preflight %+v in\n%s", want, toJSON(s.Requests))
		}
	}
}

// failed checks that the page got no answer to its last request for url, and why.
func (s sight) failed(t *testing.T, url, corsError, console string) {
	t.Helper()
	if s.State != "failed" || len(s.Steps) == 0 || s.Steps[len(s.Steps)-1] != "POST "+url+" initialize TypeError: Failed to fetch" {
		t.Errorf("the page is %s and shows %q, %s", s.State, s.Steps, s.Result)
	}
	if !slices.ContainsFunc(s.Requests, func(r traffic) bool { return r.Method == "POST" && r.URL == url && r.CORSError == corsError }) {
		t.Errorf("no %s for %s in\n%s", corsError, url, toJSON(s.Requests))
	}
	if !slices.ContainsFunc(s.Console, func(line string) bool { return strings.Contains(line, "'"+url+"'") && strings.Contains(line, console) }) {
		t.Errorf("no %q in %q", console, s.Console)
	}
}

// signedIn checks the way from no token to the MCP server: all that a page has
// to see, and the preflights that let it. scope is what the challenge names.
func (s sight) signedIn(t *testing.T, origin, resource, scope string, as *authserver.Server) {
	t.Helper()
	at, path, _ := strings.Cut(strings.TrimPrefix(resource, "http://"), "/")
	metadata := "http://" + at + "/.well-known/oauth-protected-resource/" + path
	discovery := as.Issuer() + "/.well-known/oauth-authorization-server"
	want := []string{
		"POST " + resource + ` initialize 401 Bearer scope="` + scope + `", resource_metadata="` + metadata + `"`,
		"GET " + metadata + " 200",
		"GET " + discovery + " 200",
		"POST " + as.Endpoint("register") + " 201",
		"POST " + as.Endpoint("token") + " 200",
	}
	if len(s.Steps) < len(want) || !slices.Equal(s.Steps[:len(want)], want) {
		t.Fatalf("the page shows\n%s\nwant\n%s\nand %s", strings.Join(s.Steps, "\n"), strings.Join(want, "\n"), s.Result)
	}
	s.preflights(t, origin, resource, "POST content-type", "POST authorization,content-type")
	s.preflights(t, origin, metadata, "GET mcp-protocol-version")
	s.preflights(t, origin, discovery, "GET mcp-protocol-version")
	s.preflights(t, origin, as.Endpoint("register"), "POST content-type")
	if !slices.ContainsFunc(s.Requests, func(r traffic) bool {
		return r.Method == "GET" && strings.HasPrefix(r.URL, as.Endpoint("authorize")+"?") && r.Origin == "" && r.Status == http.StatusSeeOther
	}) {
		t.Errorf("the browser was not sent away to sign in:\n%s", toJSON(s.Requests))
	}
}

// called checks that the page then used the MCP server and got its answers.
// sessionHeader is ",mcp-session-id" for a server with sessions.
func (s sight) called(t *testing.T, origin, resource, sessionHeader string) report {
	t.Helper()
	for _, operation := range []string{"initialize", "tools/list", "tools/call"} {
		if want := "POST " + resource + " " + operation + " 200"; !slices.Contains(s.Steps, want) {
			t.Errorf("the page does not show %q but\n%s", want, strings.Join(s.Steps, "\n"))
		}
	}
	s.preflights(t, origin, resource, "POST authorization,content-type", "POST authorization,content-type,mcp-protocol-version"+sessionHeader)
	var r report
	if err := json.Unmarshal([]byte(s.Result), &r); err != nil || s.State != "done" {
		t.Fatalf("the page is %s with %s", s.State, s.Result)
	}
	return r
}

// TestWebPage: a page of another origin than the gateway's and the authorization
// server's finds both, signs in and calls a tool, through the configuration that
// envoy.yaml gives to readers.
func TestWebPage(t *testing.T) {
	b := newBrowser(t)
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		own.mcp.Close()
		var err error
		if own.mcp, err = mcpserver.StartWithSessions(nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { own.mcp.Close() })
		port, err := loopback.Reserve(0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(port.Release)
		own.start(t, envoy.Options{Bootstrap: own.exampleConfig(t, port)})
		origin, resource := b.site(t), port.Origin()+"/notes"
		for _, seen := range b.visit(t, visit{Page: origin + "/v1", Server: resource}, visit{Page: origin + "/v2", Server: resource}) {
			seen.signedIn(t, origin, resource, bothScopes, own.auth)
			seen.called(t, origin, resource, ",mcp-session-id").check(t, own.auth.Issuer(), bothScopes)
			if want := "DELETE " + resource + " 204"; !slices.Contains(seen.Steps, want) {
				t.Errorf("the page does not show %q but\n%s", want, strings.Join(seen.Steps, "\n"))
			}
		}
	})
}

// exampleConfig is envoy.yaml with other addresses.
func (s *stage) exampleConfig(t *testing.T, port *loopback.Port) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "envoy-example", "envoy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(doc)
	portOf := func(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
	for _, r := range [][2]string{
		{"{filename: build/mcpauth.wasm}", "{filename: " + wasm + "}"},
		{`"http://127.0.0.1:9000"`, toJSON(s.auth.Issuer())},
		{`"http://127.0.0.1:10000/notes"`, toJSON(port.Origin() + "/notes")},
		{"port_value: 9901", "port_value: 0"},
		{"port_value: 10000", "port_value: " + portOf(port.Addr())},
		{"port_value: 9000", "port_value: " + portOf(s.auth.Addr())},
		{"port_value: 8080", "port_value: " + portOf(s.mcp.Addr())},
	} {
		if n := strings.Count(text, r[0]); n != 1 {
			t.Fatalf("envoy.yaml has %q %d times, not once", r[0], n)
		}
		text = strings.Replace(text, r[0], r[1], 1)
	}
	return text
}

// TestWebPagesOfOrigins: what allowed_origins and the CORS filter let through
// and keep, as the browser sees it.
func TestWebPagesOfOrigins(t *testing.T) {
	b := newBrowser(t)
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		port, err := loopback.Reserve(0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(port.Release)
		app, other := b.site(t), b.site(t)
		anyPage, appOnly, orNull := port.Origin()+"/any", port.Origin()+"/app", port.Origin()+"/null"
		resource := func(url string) object {
			return object{"resource": url, "required_scopes": []string{"read:notes"}}
		}
		with := func(o object, origins ...string) object { o["allowed_origins"] = origins; return o }
		options := own.options(toJSON(object{
			"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
			"resources":             []object{resource(anyPage), with(resource(appOnly), app), with(resource(orNull), app, "null")},
		}))
		options.Port, options.Pages = port.Number(), []string{app, "null"}
		own.start(t, options)
		token := func(url, scope string) string {
			return own.auth.Mint(authserver.Token{Resource: url, Scope: scope})
		}

		seen := b.visit(t,
			visit{Page: app + "/v2", Server: appOnly},
			visit{Page: app + "/sandboxed", Server: orNull, Token: token(orNull, "read:notes")},
			visit{Page: other + "/v2", Server: anyPage},
			visit{Page: app + "/v1", Server: appOnly, Token: token(appOnly, "write:notes")},
		)
		seen[0].signedIn(t, app, appOnly, "read:notes", own.auth)
		seen[0].called(t, app, appOnly, "").check(t, own.auth.Issuer(), "read:notes")

		r := seen[1].called(t, "null", orNull, "")
		r.ClientID = "test-client" // that of the token
		r.check(t, own.auth.Issuer(), "read:notes")

		// A page that the CORS filter does not name, and mcpauth does not keep
		// out: it can sign in, but does not get to see what the server answers.
		seen[2].signedIn(t, other, anyPage, "read:notes", own.auth)
		seen[2].failed(t, anyPage, "MissingAllowOriginHeader", "has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header")

		// A page sees what a token lacks.
		want := "POST " + appOnly + ` initialize 403 Bearer error="insufficient_scope", scope="read:notes", `
		if steps := seen[3].Steps; len(steps) == 0 || !strings.HasPrefix(steps[0], want) {
			t.Errorf("the page shows %q, want %q", steps, want)
		}

		before := own.mcp.Requests()
		for i, seen := range b.visit(t,
			visit{Page: other + "/v2", Server: appOnly, Token: token(appOnly, "read:notes")},
			visit{Page: app + "/sandboxed", Server: appOnly, Token: token(appOnly, "read:notes")},
		) {
			origin := []string{other, "null"}[i]
			seen.failed(t, appOnly, "PreflightMissingAllowOriginHeader", "has been blocked by CORS policy: Response to preflight request doesn't pass access control check")
			refused := traffic{Method: "OPTIONS", URL: appOnly, Preflight: true, Origin: origin, Asks: "POST authorization,content-type", Status: http.StatusForbidden}
			if !slices.Contains(seen.Requests, refused) {
				t.Errorf("no %+v in\n%s", refused, toJSON(seen.Requests))
			}
			for _, r := range seen.Requests {
				if r.URL == appOnly && r.Status != 0 && r != refused {
					t.Errorf("the gateway answered %+v", r)
				}
			}
		}
		if n := own.mcp.Requests() - before; n != 0 {
			t.Errorf("%d requests of other pages reached the MCP server", n)
		}
	})
}

// chromium returns the path of the browser.
func chromium(t *testing.T) string {
	t.Helper()
	path, err := debian.Chromium()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
