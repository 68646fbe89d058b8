package doctor

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"mcpauth/envoy-example/authserver"
)

// recordSecrets keeps what the token and the registration endpoint answer.
func recordSecrets(secrets *[]string, mu *sync.Mutex) change {
	return func(next http.Handler) http.Handler {
		return at("/token /register /authorize", func(w http.ResponseWriter, r *http.Request) {
			recorded := httptest.NewRecorder()
			next.ServeHTTP(recorded, r)
			var m map[string]any
			json.Unmarshal(recorded.Body.Bytes(), &m)
			mu.Lock()
			for _, name := range []string{"access_token", "refresh_token", "client_secret"} {
				if s, ok := m[name].(string); ok {
					*secrets = append(*secrets, s)
				}
			}
			if _, code, ok := strings.Cut(recorded.Header().Get("Location"), "code="); ok {
				code, _, _ = strings.Cut(code, "&")
				*secrets = append(*secrets, code)
			}
			mu.Unlock()
			for name, values := range recorded.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(recorded.Code)
			w.Write(recorded.Body.Bytes())
		})(next)
	}
}

// A user signs in, the token is refreshed, and the client asks for more scopes. No output
// has a code or a token.
func TestDoctorLogin(t *testing.T) {
	w := newWorld(t)
	first := object{"challenge_scopes": []string{"read:notes"}}
	var mu sync.Mutex
	var secrets []string
	record := recordSecrets(&secrets, &mu)
	w.add("/lenient", authserver.Options{LenientScopes: true}, record, nil, first)
	w.add("/strict", authserver.Options{}, record, nil, first)
	w.add("/broken", authserver.Options{}, at("/token", answers(400, "application/json", `{"error":"invalid_grant","error_description":"no"}`)), nil, first)
	w.add("/page", authserver.Options{}, at("/token", answers(200, "text/html", "<html>")), nil, first)
	w.add("/denied", authserver.Options{}, at("/authorize", func(rw http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		http.Redirect(rw, r, q.Get("redirect_uri")+"?error=access_denied&state="+q.Get("state"), http.StatusFound)
	}), nil, first)
	w.add("/by-hand", authserver.Options{NoRegistration: true}, nil, nil, first)
	w.start()
	browser := os.Args[0]
	for _, test := range []struct {
		path   string
		args   []string
		status int
		want   []string
	}{
		{"/lenient", []string{"--browser", browser, "--whoami", "whoami"}, 0, []string{"ok    login: ", "ok    refresh: ", "ok    login-step-up: ", "ok    token-gateway: ", "ok    mcp: ", "ok    identity: "}},
		{"/strict", []string{"--browser", browser}, 0, []string{"ok    login: ", "ok    refresh: ", "warn  login-step-up: ", "ok    mcp: "}},
		{"/broken", []string{"--browser", browser}, 1, []string{"FAIL  login: the sign-in fails: invalid_grant no"}},
		{"/page", []string{"--browser", browser}, 1, []string{"FAIL  login: "}},
		{"/denied", []string{"--browser", browser}, 1, []string{"FAIL  login: the sign-in fails: access_denied"}},
		{"/by-hand", []string{"--browser", browser}, 1, []string{"pass --client-id"}},
		{"/lenient", []string{"--browser", "none", "--login-timeout", "1s"}, 1, []string{"nobody has signed in in time"}},
		{"/lenient", []string{"--browser", "no-such-program"}, 1, []string{"FAIL  login: "}},
	} {
		t.Run(test.path+" "+strings.Join(test.args[1:], " ")[:min(20, len(strings.Join(test.args[1:], " ")))], func(t *testing.T) {
			r, err := mcpauth(t.Context(), "", append([]string{"doctor", w.url(test.path), "--login"}, test.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			w.checkOutput(t, r)
			for _, want := range test.want {
				if r.status != test.status || !strings.Contains(r.out, want) {
					t.Errorf("status %d, want %d, and %q:\n%s%s", r.status, test.status, want, r.out, r.err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for _, s := range secrets {
				if strings.Contains(r.out+r.err, s) {
					t.Errorf("a secret is printed:\n%s%s", r.out, r.err)
				}
			}
		})
	}
	if mu.Lock(); len(secrets) < 8 {
		t.Errorf("only %d secrets were seen", len(secrets))
	}
	mu.Unlock()
}

// config --against compares a configuration with what runs.
func TestConfigAgainst(t *testing.T) {
	w := newWorld(t)
	w.add("/sound", strictServer, nil, nil, nil)
	w.add("/slash", strictServer, nil, object{"issuer": func(s string) string { return s + "/" }}, nil)
	w.start()
	own := file(t, "plugin.json", w.config())
	for _, test := range []struct {
		file, path string
		status     int
		want       string
	}{
		{own, "/sound", 0, "config-live: the gateway publishes what the configuration says"},
		{own, "/slash", 1, "authorization_servers[1].issuer"},
		{own, "/elsewhere", 1, "no resource of the configuration has the path"},
		{file(t, "other.json", strings.Replace(w.config(), `"required_scopes":["read:notes"]`, `"required_scopes":["write:notes"]`, 1)), "/sound", 0, "config-live"},
		{file(t, "other.json", strings.Replace(w.config(), `"scopes_supported":["read:notes","write:notes"]`, `"scopes_supported":["read:notes"]`, 1)), "/sound", 1, "it runs another configuration"},
		{file(t, "bad.json", `{"resources":[{"resource":"x"}]}`), "/sound", 1, "config-valid"},
	} {
		r, err := mcpauth(t.Context(), "", "config", test.file, "--against", w.url(test.path))
		if err != nil || r.status != test.status || !strings.Contains(r.out, test.want) {
			t.Errorf("%s: status %d, want %d, and %q: %v\n%s%s", test.path, r.status, test.status, test.want, err, r.out, r.err)
		}
	}
}
