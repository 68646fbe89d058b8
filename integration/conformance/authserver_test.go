package conformance

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/integration/clients/golang"
)

// TestOAuthProxyConforms: with oauth_proxy the gateway is an authorization server for
// clients, and the suite has scenarios for these. The suite has none for resource servers.
func TestOAuthProxyConforms(t *testing.T) {
	t.Parallel()
	port, err := loopback.Reserve(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Release() })
	client := authserver.Client{ID: "the gateway", Secret: "secret", RedirectURIs: []string{port.Origin() + "/callback"}}
	resource := port.Origin() + "/mcp"
	auth, err := authserver.Start(authserver.Options{NoRegistration: true, NoIssuerParameter: true, Clients: []authserver.Client{client}, Resources: []string{resource}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { auth.Close() })
	startPlugin(t, "1.40.0", envoy.Options{Port: port.Number(), HeadersStopIteration: true, Upstream: "auth", Clusters: []envoy.Cluster{envoy.ClusterAt("auth", auth.Addr())}}, object{
		"authorization_servers": []object{{"issuer": auth.Issuer(), "cluster": "auth", "oauth_proxy": object{
			"client_id": client.ID, "client_secret": client.Secret, "redirect_uris": []string{"http://127.0.0.1/callback"},
			"signing_key":                  "the key of the tests has 32 bytes",
			"client_id_metadata_documents": []object{{"url": "https://clients.example.com/*", "cluster": "auth"}},
		}}},
		"allow_on_headers_stop_iteration": true,
		"resources":                       []object{{"resource": resource, "required_scopes": []string{"read:notes"}}},
	})
	registered := register(t, port.Origin())
	for _, version := range []string{november25, july26} {
		t.Run(version, func(t *testing.T) {
			r := signIn(t, port.Origin(), "--spec-version", version, "--client-id", registered, "--resource", resource)
			for _, scenario := range []string{"authorization-server-metadata-endpoint", "authorization-code-grant"} {
				if len(r[scenario]) == 0 {
					t.Errorf("no checks of %s: %v", scenario, r)
				}
				for _, c := range r[scenario] {
					if c["status"] != "SUCCESS" {
						t.Errorf("%s: %v", scenario, c)
					}
				}
			}
		})
	}
}

// register registers a client with the gateway.
func register(t *testing.T, issuer string) string {
	t.Helper()
	res, err := http.Post(issuer+"/register", "application/json", strings.NewReader(`{"client_name":"the suite","redirect_uris":["http://127.0.0.1/callback"]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var client struct {
		ID string `json:"client_id"`
	}
	if err := json.NewDecoder(res.Body).Decode(&client); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("registration: status %d, %v", res.StatusCode, err)
	}
	return client.ID
}

// signIn runs the suite as a client of an authorization server, and opens the page that
// it wants opened in a browser.
func signIn(t *testing.T, issuer string, args ...string) report {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(loopback.Host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	out := t.TempDir()
	cmd := suite(t, out, "authorization", append([]string{"--url", issuer, "--port", strconv.Itoa(port)}, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var page string
	var log strings.Builder
	lines := bufio.NewScanner(io.TeeReader(stdout, &log))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), issuer+"/authorize?") {
			page = lines.Text()
		}
		if !strings.HasPrefix(lines.Text(), "Callback server started") {
			continue
		}
		back, err := golang.Agree(page, func(to *url.URL) bool { return to.Port() == strconv.Itoa(port) })
		if err != nil {
			t.Error(err)
			cmd.Process.Kill() // it would wait for minutes
			continue
		}
		res, err := http.Get(back.String())
		if err != nil {
			t.Error(err)
			cmd.Process.Kill() // it would wait for minutes
			continue
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("the way to the callback ends with %s at %s", res.Status, res.Request.URL.Path)
			cmd.Process.Kill()
		}
	}
	err = cmd.Wait()
	r := readReport(t, out, issuer)
	if err != nil {
		t.Errorf("the suite: %v\n%s", err, log.String())
	}
	return r
}
