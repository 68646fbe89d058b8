package wasmtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// What popular clients register with; the sources are in the documentation.
var popularClients = map[string][]string{
	"VS Code":   {"https://insiders.vscode.dev/redirect", "https://vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/"},
	"Cursor":    {"cursor://anysphere.cursor-mcp/oauth/callback", "https://www.cursor.com/agents/mcp/oauth/callback", "http://localhost:8787/callback"},
	"Claude":    {"https://claude.ai/api/mcp/auth_callback"},
	"ChatGPT":   {"https://chatgpt.com/connector/oauth/eaQ3VyiNzLuI"},
	"Inspector": {"http://localhost:6274/oauth/callback", "http://localhost:6274/oauth/callback/debug"},
}

// The list of the documentation.
var popularURIs = []string{
	"https://vscode.dev/redirect", "https://insiders.vscode.dev/redirect", "http://127.0.0.1/",
	"cursor://anysphere.cursor-mcp/oauth/callback", "https://www.cursor.com/agents/mcp/oauth/callback", "http://localhost/callback",
	"https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback",
	"https://chatgpt.com/connector/oauth/*", "https://chatgpt.com/connector_platform_oauth_redirect",
	"http://localhost/oauth/callback", "http://localhost/oauth/callback/debug",
}

func registration(uris []string) string { return toJSON(object{"redirect_uris": uris}) }

func registered(t *testing.T, s *Stream) []string {
	t.Helper()
	wantStatus(t, s, 201)
	var answer struct {
		URIs []string `json:"redirect_uris"`
	}
	if err := json.Unmarshal(s.Local().Body, &answer); err != nil {
		t.Fatalf("%s: %v", s.Local().Body, err)
	}
	return answer.URIs
}

// Every popular client can register and sign in with the list of the documentation,
// and each with the URIs that are allowed where some are not.
func TestProxyRegistersPopularClients(t *testing.T) {
	_, vm, _ := proxyVM(t, object{"redirect_uris": popularURIs})
	for name, uris := range popularClients {
		if got := registered(t, post(vm, "/register", "application/json", registration(uris))); !slices.Equal(got, uris) {
			t.Errorf("%s: %q, want %q", name, got, uris)
		}
		for _, uri := range uris {
			s := vm.Request(request("GET", authorizing(url.Values{"client_id": {clientWith(name, uris...)}, "redirect_uri": {uri}})))
			if wantStatus(t, s, 200); t.Failed() {
				t.Fatal(name, uri)
			}
		}
	}
	h, vm, _ := proxyVM(t, nil)
	cursor := append(popularClients["Cursor"], callback, callback)
	if got := registered(t, post(vm, "/register", "application/json", registration(cursor))); !slices.Equal(got, []string{callback, callback}) {
		t.Errorf("%q", got)
	}
	for range 5 {
		s := post(vm, "/register", "application/json", registration(popularClients["Cursor"]))
		wantError(t, s, 400, "invalid_redirect_uri")
		if !strings.Contains(string(s.Local().Body), "cursor://anysphere.cursor-mcp/oauth/callback") || strings.Contains(string(s.Local().Body), "8787") {
			t.Errorf("%s", s.Local().Body)
		}
	}
	if n := strings.Count(h.LogText(), `at registration the redirect URI "cursor://anysphere.cursor-mcp/oauth/callback" was refused`); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, h.LogText())
	}
}

// A URI that is refused is in the log, in one line a minute of all workers, where
// it can forge nothing.
func TestProxyTellsRefusedRedirectURIs(t *testing.T) {
	h := newHost(t, Options{HeadersStopIteration: true})
	vms := []*VM{start(t, h, proxying(nil, nil)), start(t, h, proxying(nil, nil))}
	newUpstreamServer().run(h, 2*time.Second)
	evil := "https://evil.example/cb\n[critical] forged \"x\" ü" + strings.Repeat("y", 3000)
	for range 3 {
		for _, vm := range vms {
			wantStatus(t, vm.Request(request("GET", authorizing(url.Values{"redirect_uri": {evil}}))), 400)
			wantError(t, post(vm, "/token", formType, form(url.Values{"redirect_uri": {evil}})), 400, "invalid_grant")
			s := post(vm, "/register", "application/json", registration([]string{evil}))
			wantError(t, s, 400, "invalid_redirect_uri")
			if body := string(s.Local().Body); len(body) > 400 || strings.ContainsAny(body[:len(body)-1], "\n\x00ü") {
				t.Errorf("%q", body)
			}
		}
	}
	const line = `the redirect URI "https://evil.example/cb\n[critical] forged \"x\" \u00fcyyy`
	if n := strings.Count(h.LogText(), line); n != 1 || strings.Contains(h.LogText(), strings.Repeat("y", 200)) || strings.Contains(h.LogText(), "\n[critical]") {
		t.Errorf("%d lines:\n%s", n, h.LogText())
	}
	h.Run(61*time.Second, nil)
	wantStatus(t, vms[1].Request(request("GET", authorizing(url.Values{"redirect_uri": {evil}}))), 400)
	if n := strings.Count(h.LogText(), line); n != 2 {
		t.Errorf("%d lines after a minute:\n%s", n, h.LogText())
	}
}

// No spelling of prompt=none goes to the provider.
func TestProxyPromptNone(t *testing.T) {
	_, vm, _ := proxyVM(t, nil)
	for _, prompt := range []string{"none", "NONE", "None", " none", "none\t", "none consent", "consent None", "login\nnone"} {
		s := vm.Request(request("GET", authorizing(url.Values{"prompt": {prompt}})))
		wantStatus(t, s, 302)
		if got := s.Local().Headers.Get("location"); !strings.HasPrefix(got, callback+"?error=consent_required&") {
			t.Errorf("%q: %s", prompt, got)
		}
	}
	if got := signIn(t, vm, authorizing(url.Values{"prompt": {"consent"}})); got.Query().Get("prompt") != "consent" {
		t.Error(got)
	}
}

// Clients may ask for several resources (RFC 8707): each goes on, in their order.
func TestProxySeveralResources(t *testing.T) {
	h, vm, p := proxyVM(t, nil)
	several := []string{resource + "/b", resource, resource + "/a?x=y&z"}
	if u := signIn(t, vm, authorizing(url.Values{"resource": several})); !slices.Equal(u.Query()["resource"], several) {
		t.Errorf("%v", u)
	}
	s := post(vm, "/token", formType, form(url.Values{"resource": several}))
	p.run(h, time.Second)
	wantStatus(t, s, 200)
	if len(p.forms) != 1 {
		t.Fatalf("%d forms", len(p.forms))
	}
	if got, err := url.ParseQuery(string(p.forms[0].Body)); err != nil || !slices.Equal(got["resource"], several) {
		t.Errorf("%s, %v", p.forms[0].Body, err)
	}
	wantError(t, post(vm, "/token", formType, form(url.Values{"resource": slices.Repeat([]string{"x"}, 9)})), 400, "invalid_request")
	wantError(t, post(vm, "/token", formType, form(url.Values{"code": {"c", "c"}})), 400, "invalid_request")
}

// RFC 6749, section 5.2: who authenticates by HTTP Basic, as no client here may,
// gets 401 with a challenge of that scheme.
func TestProxyBasic(t *testing.T) {
	h, vm, p := proxyVM(t, nil)
	basic := [2]string{"authorization", "basic " + base64.StdEncoding.EncodeToString([]byte("gate%3Away:"))}
	for path, body := range map[string]string{"/token": form(url.Values{"client_id": nil}), "/revoke": "token=t"} {
		s := post(vm, path, formType, body, basic)
		wantStatus(t, s, 401)
		if body := string(s.Local().Body); !strings.HasPrefix(body, `{"error":"invalid_client","error_description":"`) {
			t.Errorf("%s: %s", path, body)
		}
		if got := s.Local().Headers.Values("www-authenticate"); len(got) != 1 || !strings.HasPrefix(got[0], `Basic realm="`) {
			t.Errorf("%s: www-authenticate %q", path, got)
		}
		s = post(vm, path, formType, body)
		wantError(t, s, 400, "invalid_client")
		if s.Local().Headers.Has("www-authenticate") {
			t.Errorf("%s: %v", path, s.Local().Headers)
		}
	}
	s := post(vm, "/token", formType, form(nil), basic)
	p.run(h, time.Second)
	wantStatus(t, s, 200)
	if len(p.forms) != 1 {
		t.Fatalf("%d forms", len(p.forms))
	}
	if got := p.forms[0].Headers.Values("authorization"); len(got) != 1 || got[0] == basic[1] {
		t.Errorf("authorization %q", got)
	}
}

// What providers send that is an answer all the same, and what clients get.
func TestProxyLenientAnswers(t *testing.T) {
	h, vm, _ := proxyVM(t, nil)
	const tokens = `{"access_token":"t","token_type":"Bearer"}`
	for _, tt := range []struct {
		name, status, contentType, body string
		want                            int
		wantBody                        string
	}{
		{"JSON as text", "200", "text/plain", tokens, 200, tokens},
		{"JSON as HTML", "200", "text/html; charset=utf-8", tokens, 200, tokens},
		{"JSON as JavaScript", "200", "text/javascript", tokens, 200, tokens},
		{"created", "201", "application/json", tokens, 200, tokens},
		{"an error as text", "400", "text/plain", `{"error":"invalid_grant"}`, 400, `{"error":"invalid_grant"}`},
		{"unknown members", "200", "application/json", `{"x":{"y":"z"},"access_token":"t","scope":"a","ext_expires_in":1,"user":"alice"}`, 200, `{"access_token":"t","scope":"a","ext_expires_in":1}`},
		{"too many requests", "429", "application/json", `{"error":"slow_down","error_description":"later"}`, 429, `{"error":"slow_down","error_description":"later"}`},
		{"too many requests, in HTML", "429", "text/html", `<html>`, 429, ""},
		{"unavailable", "503", "text/html", `<html>`, 503, ""},
		{"no token", "200", "application/json", `{"token_type":"Bearer"}`, 503, ""},
		{"no content", "204", "", ``, 503, ""},
	} {
		s := post(vm, "/token", formType, form(nil), [2]string{"origin", "https://app.example"})
		h.Run(time.Second, func() {
			for _, c := range h.Callouts() {
				c.Answer(tt.status, Headers{{"content-type", tt.contentType}, {"retry-after", "23"}}, []byte(tt.body))
			}
		})
		wantStatus(t, s, tt.want)
		body := string(s.Local().Body)
		if tt.wantBody != "" && body != tt.wantBody {
			t.Errorf("%s: %s, want %s", tt.name, body, tt.wantBody)
		}
		if tt.want >= 429 && (s.Local().Headers.Get("retry-after") != "23" || !strings.HasPrefix(body, `{"error":`)) {
			t.Errorf("%s: %v, %s", tt.name, s.Local().Headers, body)
		}
		if got := s.Local().Headers.Values("content-type"); !slices.Equal(got, []string{"application/json"}) || !s.Local().Headers.Has("access-control-allow-origin") {
			t.Errorf("%s: %v", tt.name, s.Local().Headers)
		}
		if t.Failed() {
			t.Fatal(tt.name)
		}
	}
	for _, status := range []string{"200", "204"} {
		s := post(vm, "/revoke", formType, "client_id="+proxyClient+"&token="+refreshToken("r"))
		h.Run(time.Second, func() {
			for _, c := range h.Callouts() {
				c.Answer(status, nil, nil)
			}
		})
		wantStatus(t, s, 200)
	}
}

// The secret comes back to no client in any form, and is in no log.
func TestProxyEchoOfTheSecret(t *testing.T) {
	pair := "gate%3Away:" + strings.ReplaceAll(url.QueryEscape(clientSecret), "+", "%20")
	escaped := ""
	for _, r := range clientSecret {
		escaped += fmt.Sprintf(`\u%04x`, r)
	}
	forms := map[string]string{
		"as it is": clientSecret, "form": url.QueryEscape(clientSecret), "path": url.PathEscape(clientSecret), "lower case": strings.NewReplacer("%3A", "%3a", "%2F", "%2f", "%C3%BC", "%c3%bc", "%2B", "%2b").Replace(url.QueryEscape(clientSecret)),
		"twice": url.QueryEscape(url.QueryEscape(clientSecret)), "Basic": base64.StdEncoding.EncodeToString([]byte(pair)), "base64url": base64.RawURLEncoding.EncodeToString([]byte(clientSecret)),
		"Basic, not encoded": base64.StdEncoding.EncodeToString([]byte("gate:way:" + clientSecret)), "HTML": html.EscapeString(clientSecret), "a form": "client_id=gate%3Away&client_secret=" + url.QueryEscape(clientSecret),
	}
	for name, text := range forms {
		forms[name] = toJSON(text)
	}
	forms["JSON"] = `"` + escaped + `"`
	forms["a slash"] = strings.ReplaceAll(toJSON(clientSecret), "/", `\/`)
	h, vm, p := proxyVM(t, nil)
	for name, text := range forms {
		for _, body := range []string{`{"access_token":"t","scope":` + text + `}`, `{"access_token":` + text + `}`, `{"error":"invalid_grant","error_description":` + text + `}`, `{"error":` + text + `}`} {
			for _, status := range []string{"200", "400", "429"} {
				p.status, p.body = status, body
				s := post(vm, "/token", formType, form(nil))
				p.run(h, 100*time.Millisecond)
				if wantUnavailable(t, s); t.Failed() {
					t.Fatal(name, status, body)
				}
			}
		}
	}
	log := h.LogText()
	for name, text := range forms {
		var plain string
		json.Unmarshal([]byte(text), &plain)
		if strings.Contains(log, plain) || strings.Contains(log, strings.Trim(text, `"`)) {
			t.Errorf("%s: the log has the secret:\n%s", name, log)
		}
	}
	if n := strings.Count(log, "the answer has the client's secret"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log)
	}
	_, vm, _ = proxyVM(t, nil)
	user := &person{vm: vm}
	state := user.agree(t, user.get(authorizing(nil))).Query().Get("state")
	for name, text := range forms {
		var plain string
		json.Unmarshal([]byte(text), &plain)
		s := user.get("/callback?" + url.Values{"error": {"x"}, "error_description": {plain}, "state": {state}}.Encode())
		if wantPage(t, s, 400, "cannot be passed on"); t.Failed() {
			t.Errorf("%s: %v", name, s.Local().Headers)
		}
	}
}
