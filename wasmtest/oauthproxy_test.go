package wasmtest

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	formType      = "application/x-www-form-urlencoded"
	codeVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	codeChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	callback      = "http://127.0.0.1:33333/callback"
)

// proxying is a configuration in which the gateway stands for a provider.
func proxying(proxy, top object) object {
	return config(fetching(object{"oauth_proxy": with(object{
		"client_id": "gate:way", "client_secret": clientSecret, "redirect_uris": []string{"http://127.0.0.1/callback", "https://app.example.com/cb"}, "signing_key": signingKey,
	}, proxy)}), notes(nil), with(object{"allow_on_headers_stop_iteration": true}, top))
}

// upstreamServer is the provider: it answers the gateway's callouts, has metadata and keys, and to a
// form it gives the answer that is set.
type upstreamServer struct {
	documents
	status string
	body   string
	forms  []*Callout
}

func newUpstreamServer() *upstreamServer {
	p := &upstreamServer{documents: goodServer(rsaKey), status: "200", body: `{"access_token":"t","token_type":"Bearer","refresh_token":"r"}`}
	p.documents[asMetadata] = metadata(object{
		"authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "revocation_endpoint": issuer + "/revoke",
	})
	return p
}

func (p *upstreamServer) run(h *Host, d time.Duration) {
	h.Run(d, func() {
		for len(h.Callouts()) > 0 {
			c := h.Callouts()[0]
			if c.Headers.Get(":method") == "POST" {
				p.forms = append(p.forms, c)
				c.Answer(p.status, Headers{{"content-type", "application/json; charset=utf-8"}, {"cache-control", "private"}}, []byte(p.body))
			} else if text, ok := p.documents[c.Path()]; ok {
				c.Answer("200", nil, []byte(text))
			} else {
				c.Answer("404", nil, nil)
			}
		}
	})
}

// proxyVM starts a plugin and lets it find its provider.
func proxyVM(t *testing.T, proxy object) (*Host, *VM, *upstreamServer) {
	t.Helper()
	h := newHost(t, Options{HeadersStopIteration: true})
	vm := start(t, h, proxying(proxy, nil))
	p := newUpstreamServer()
	p.run(h, 2*time.Second)
	return h, vm, p
}

// post sends a body in two parts.
func post(vm *VM, path, contentType, body string, more ...[2]string) *Stream {
	s := vm.Open(request("POST", path, append(more, [2]string{"content-type", contentType})...), false)
	if s.State() == Held {
		s.Body(body[:len(body)/2], false)
	}
	if s.State() == Held {
		s.Body(body[len(body)/2:], true)
	}
	return s
}

func form(members url.Values) string {
	q := url.Values{"grant_type": {"authorization_code"}, "client_id": {proxyClient}, "redirect_uri": {callback}, "code": {codeOfProxy}, "code_verifier": {codeVerifier}}
	for name, values := range members {
		if q[name] = values; values == nil {
			delete(q, name)
		}
	}
	return q.Encode()
}

func authorizing(members url.Values) string {
	q := url.Values{"response_type": {"code"}, "client_id": {proxyClient}, "redirect_uri": {callback}, "code_challenge": {codeChallenge}, "code_challenge_method": {"S256"}, "state": {"s"}}
	for name, values := range members {
		if q[name] = values; values == nil {
			delete(q, name)
		}
	}
	return "/authorize?" + q.Encode()
}

// What clients find out: the gateway is the authorization server of its origin.
func TestProxyDocuments(t *testing.T) {
	_, vm, _ := proxyVM(t, nil)
	want := object{
		"issuer": "https://mcp.example.com", "authorization_endpoint": "https://mcp.example.com/authorize", "token_endpoint": "https://mcp.example.com/token",
		"registration_endpoint": "https://mcp.example.com/register", "revocation_endpoint": "https://mcp.example.com/revoke",
		"revocation_endpoint_auth_methods_supported": []string{"none"}, "scopes_supported": []string{"read:notes", "write:notes"},
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query"}, "grant_types_supported": []string{"authorization_code", "refresh_token"},
		"token_endpoint_auth_methods_supported": []string{"none"}, "authorization_response_iss_parameter_supported": true, "code_challenge_methods_supported": []string{"S256"},
	}
	wantDocument(t, vm.Request(request("GET", asMetadata)), toJSON(want))
	s := vm.Request(request("GET", prm+"/notes"))
	wantStatus(t, s, 200)
	var published struct {
		Servers []string `json:"authorization_servers"`
	}
	if json.Unmarshal(s.Local().Body, &published); !slices.Equal(published.Servers, []string{"https://mcp.example.com"}) {
		t.Errorf("authorization_servers %q", published.Servers)
	}
	wantError(t, vm.Request(rpc("/notes", "")), 401, "unauthorized")

	_, vm, _ = proxyVM(t, object{"path_prefix": "/oauth", "scopes": []string{"repo", "offline_access"},
		"authorization_endpoint": "https://login.example.com/a", "token_endpoint": "https://login.example.com/t"})
	for name, value := range map[string]any{"authorization_endpoint": "https://mcp.example.com/oauth/authorize", "token_endpoint": "https://mcp.example.com/oauth/token",
		"registration_endpoint": "https://mcp.example.com/oauth/register", "revocation_endpoint": nil, "revocation_endpoint_auth_methods_supported": nil,
		"scopes_supported": []string{"repo", "offline_access"}} {
		want = with(want, object{name: value})
	}
	wantDocument(t, vm.Request(request("GET", asMetadata)), toJSON(want))
	wantStatus(t, vm.Request(request("POST", "/token")), 404)
	wantStatus(t, post(vm, "/oauth/revoke", formType, "client_id="+proxyClient+"&token=t"), 404)
	wantError(t, post(vm, "/oauth/token", formType, "x=y"), 400, "invalid_client")
}

func TestProxyRegister(t *testing.T) {
	h, vm, _ := proxyVM(t, nil)
	s := post(vm, "/register", "application/json", `{"client_name":"x","redirect_uris":["`+callback+`"]}`, [2]string{"origin", "https://app.example"})
	wantStatus(t, s, 201)
	if want := `{"client_id":"` + clientWithAt(h, "x", callback) + `","client_id_issued_at":` + nowOf(h) + `,"client_name":"x","redirect_uris":["` + callback + `"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],"response_types":["code"]}` + "\n"; string(s.Local().Body) != want {
		t.Errorf("%s, want %s", s.Local().Body, want)
	}
	wantHeaders(t, s, map[string]string{"content-type": "application/json", "cache-control": "no-store", "access-control-allow-origin": "*"})
	wantError(t, post(vm, "/register", "application/json", `{"redirect_uris":["https://evil.example/cb"]}`), 400, "invalid_redirect_uri")
	wantError(t, post(vm, "/register", "application/json", `x`), 400, "invalid_client_metadata")
	wantError(t, vm.Request(request("POST", "/register")), 400, "invalid_client_metadata")
	wantStatus(t, post(vm, "/register", "application/json", strings.Repeat(" ", 70_000)), 413)
	wantError(t, vm.Request(request("GET", "/register")), 405, "method_not_allowed")
	if strings.Contains(h.LogText(), clientSecret) {
		t.Error("the log has the secret")
	}
}

func TestProxyAuthorize(t *testing.T) {
	_, vm, _ := proxyVM(t, nil)
	user := &person{vm: vm}
	page := vm.Request(request("GET", authorizing(url.Values{"scope": {"read:notes"}, "resource": {resource}, "request_uri": {"urn:x"}}), [2]string{"origin", "https://app.example"}))
	s := user.press(t, page, "agree")
	wantStatus(t, s, 303)
	u, err := url.Parse(s.Local().Headers.Get("location"))
	if err != nil || !strings.HasPrefix(u.String(), issuer+"/authorize?") {
		t.Fatal(u, err)
	}
	want := url.Values{"response_type": {"code"}, "client_id": {"gate:way"}, "redirect_uri": {"https://mcp.example.com/callback"}, "code_challenge": {codeChallenge},
		"code_challenge_method": {"S256"}, "state": {u.Query().Get("state")}, "scope": {"read:notes"}, "resource": {resource}}
	if u.Query().Encode() != want.Encode() {
		t.Errorf("%v, want %v", u.Query(), want)
	}
	// No page may read where it leads.
	wantHeaders(t, s, map[string]string{"location": u.String(), "cache-control": "no-store", "referrer-policy": "no-referrer", "set-cookie": s.Local().Headers.Get("set-cookie")})

	for _, members := range []url.Values{{"client_id": {"x"}}, {"redirect_uri": {"https://evil.example/cb"}}, {"redirect_uri": {callback, callback}}} {
		s := vm.Request(request("GET", authorizing(members)))
		wantStatus(t, s, 400)
		if s.Local().Headers.Get("location") != "" {
			t.Errorf("%v: %v", members, s.Local().Headers)
		}
	}
	s = vm.Request(request("GET", authorizing(url.Values{"code_challenge_method": {"plain"}})))
	wantStatus(t, s, 302)
	if got := s.Local().Headers.Get("location"); !strings.HasPrefix(got, callback+"?error=invalid_request&") || !strings.HasSuffix(got, "&state=s&iss=https%3A%2F%2Fmcp.example.com") {
		t.Errorf("location %q", got)
	}
	for _, method := range []string{"OPTIONS", "HEAD", "PUT"} {
		s := vm.Request(request(method, authorizing(nil), [2]string{"origin", "https://app.example"}, [2]string{"access-control-request-method", "GET"}))
		wantError(t, s, 405, "method_not_allowed")
		if got := s.Local().Headers.Get("access-control-allow-origin"); got != "" {
			t.Errorf("%s: access-control-allow-origin %q", method, got)
		}
	}
}

// The form goes to the provider with the secret, and its answer back.
func TestProxyExchange(t *testing.T) {
	for auth, member := range map[string]object{"basic": nil, "post": {"auth": "client_secret_post"}, "environment": {"client_secret": nil, "client_secret_env": "S"}} {
		t.Run(auth, func(t *testing.T) {
			h := newHost(t, Options{HeadersStopIteration: true, Environment: map[string]string{"S": clientSecret}})
			vm, p := start(t, h, proxying(member, nil)), newUpstreamServer()
			// The first waits for the provider's metadata, and then for its answer.
			early := post(vm, "/token", formType, form(url.Values{"resource": {resource}}), [2]string{"origin", "https://app.example"})
			p.run(h, 2*time.Second)
			late := post(vm, "/token", formType, url.Values{"grant_type": {"refresh_token"}, "client_id": {proxyClient}, "refresh_token": {refreshToken("r")}}.Encode(), [2]string{"origin", "https://app.example"})
			revoked := post(vm, "/revoke", formType, "client_id="+proxyClient+"&token="+refreshToken("r"), [2]string{"origin", "https://app.example"})
			p.run(h, 2*time.Second)
			for _, s := range []*Stream{early, late} {
				wantStatus(t, s, 200)
				wantHeaders(t, s, map[string]string{"content-type": "application/json", "cache-control": "no-store", "access-control-allow-origin": "*"})
				if want := strings.Replace(p.body, `"r"`, `"`+refreshToken("r")+`"`, 1); string(s.Local().Body) != want {
					t.Errorf("%s, want %s", s.Local().Body, want)
				}
			}
			wantStatus(t, revoked, 200)
			for _, s := range []*Stream{early, late, revoked} {
				if s.HeadersSent() || s.UpstreamBody() != "" {
					t.Error("something has reached the MCP server")
				}
			}
			var paths, authorizations, bodies []string
			for _, c := range p.forms {
				paths, authorizations, bodies = append(paths, c.Path()), append(authorizations, c.Headers.Get("authorization")), append(bodies, string(c.Body))
			}
			if !slices.Equal(paths, []string{"/token", "/token", "/revoke"}) {
				t.Fatal(paths)
			}
			encoded := strings.ReplaceAll(url.QueryEscape(clientSecret), "+", "%20")
			after, basic := "", "Basic "+base64.StdEncoding.EncodeToString([]byte("gate%3Away:"+encoded))
			if auth == "post" {
				after, basic = "&client_id=gate%3Away&client_secret="+encoded, ""
			}
			if !slices.Equal(authorizations, []string{basic, basic, basic}) {
				t.Errorf("authorization %q", authorizations)
			}
			code, _ := url.ParseQuery(bodies[0])
			if code.Get("code") != "c" || code.Get("code_verifier") != codeVerifier || code.Get("redirect_uri") != "https://mcp.example.com/callback" || code.Get("resource") != resource || !strings.HasSuffix(bodies[0], after) ||
				bodies[1] != "grant_type=refresh_token&refresh_token=r"+after || bodies[2] != "token=r"+after {
				t.Errorf("%q", bodies)
			}
		})
	}
}

// Some providers refuse the parameter that every client of MCP sends.
func TestProxyOmitsTheResource(t *testing.T) {
	h, vm, p := proxyVM(t, object{"omit_resource": true})
	with := url.Values{"resource": {resource}}
	if u := signIn(t, vm, authorizing(with)); u.Query().Has("resource") || !u.Query().Has("code_challenge") {
		t.Errorf("location %v", u)
	}
	post(vm, "/token", formType, form(with))
	post(vm, "/token", formType, url.Values{"grant_type": {"refresh_token"}, "client_id": {proxyClient}, "refresh_token": {refreshToken("r")}, "resource": {resource}}.Encode())
	p.run(h, time.Second)
	if len(p.forms) != 2 || strings.Contains(string(p.forms[0].Body)+string(p.forms[1].Body), "resource") {
		t.Errorf("%d forms: %v", len(p.forms), p.forms)
	}
}

func TestProxyExchangeRefuses(t *testing.T) {
	_, vm, p := proxyVM(t, nil)
	for _, tt := range []struct {
		contentType, body string
		status            int
		code              string
	}{
		{formType, form(url.Values{"client_id": {"x"}}), 400, "invalid_client"},
		{formType, form(url.Values{"redirect_uri": {"https://evil.example/cb"}}), 400, "invalid_grant"},
		{formType, form(url.Values{"code_verifier": nil}), 400, "invalid_request"},
		{formType, form(url.Values{"code": {"a", "b"}}), 400, "invalid_request"},
		{formType, form(url.Values{"grant_type": {"client_credentials"}}), 400, "unsupported_grant_type"},
		{"application/json", `{}`, 400, "invalid_request"},
	} {
		wantError(t, post(vm, "/token", tt.contentType, tt.body), tt.status, tt.code)
	}
	wantStatus(t, post(vm, "/token", formType, form(url.Values{"code": {strings.Repeat("a", 70_000)}})), 413)
	wantError(t, vm.Request(request("POST", "/token", [2]string{"content-type", formType})), 400, "invalid_client")
	wantError(t, vm.Request(request("GET", "/token?"+form(nil))), 405, "method_not_allowed")
	s := vm.Request(request("OPTIONS", "/token", [2]string{"origin", "https://app.example"}, [2]string{"access-control-request-method", "POST"}))
	wantStatus(t, s, 204)
	if s.Local().Headers.Get("access-control-allow-origin") != "*" || s.Local().Headers.Get("access-control-allow-methods") != "POST, OPTIONS" {
		t.Errorf("%v", s.Local().Headers)
	}
	if len(p.forms) != 0 {
		t.Errorf("%d forms have reached the provider", len(p.forms))
	}
}

// Errors of the client are passed back; what is no fault of it is 503.
func TestProxyProviderFails(t *testing.T) {
	h, vm, p := proxyVM(t, nil)
	exchange := func() *Stream {
		s := post(vm, "/token", formType, form(nil))
		p.run(h, time.Second)
		return s
	}
	p.status, p.body = "400", `{"error":"invalid_grant","error_description":"old"}`
	wantError(t, exchange(), 400, "invalid_grant")
	p.status, p.body = "200", `{"error":"bad_verification_code"}`
	wantError(t, exchange(), 400, "invalid_grant")
	h.Run(2*time.Second, nil)
	if got := h.Counter("mcpauth_requests_total.result=oauth_proxy.reason=denied"); got != 2 {
		t.Errorf("denied: %d, want 2", got)
	}
	for status, body := range map[string]string{"401": `{"error":"invalid_client"}`, "500": `{}`, "302": ``, "200": `<html>`} {
		p.status, p.body = status, body
		s := exchange()
		wantUnavailable(t, s)
		if s.Local().Headers.Get("retry-after") == "" {
			t.Errorf("%v", s.Local().Headers)
		}
	}
	s := post(vm, "/token", formType, form(nil))
	h.Run(time.Second, func() {
		for _, c := range h.Callouts() {
			c.TimeOut()
		}
	})
	wantUnavailable(t, s)
	if n := strings.Count(h.LogText(), "codes and refresh tokens cannot be exchanged"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, h.LogText())
	}
	// A client that has left is nobody to answer.
	s = post(vm, "/token", formType, form(nil))
	s.Close()
	p.status, p.body = "200", `{"access_token":"t"}`
	p.run(h, time.Second)
	wantStatus(t, exchange(), 200)
}

// Without a provider nothing is guessed.
func TestProxyWithoutMetadata(t *testing.T) {
	h := newHost(t, Options{HeadersStopIteration: true})
	vm := start(t, h, proxying(nil, nil))
	streams := []*Stream{
		vm.Request(request("GET", asMetadata)), vm.Request(request("GET", authorizing(nil))), post(vm, "/token", formType, form(nil)),
		post(vm, "/revoke", formType, "client_id="+proxyClient+"&token="+refreshToken("r")),
	}
	p := newUpstreamServer()
	p.documents = nil
	p.run(h, 3*time.Second)
	for _, s := range streams {
		wantUnavailable(t, s)
	}
	p = newUpstreamServer()
	p.documents[asMetadata] = metadata(object{"authorization_endpoint": issuer + "/authorize", "token_endpoint": "http://auth.example.com/token"})
	p.run(h, 30*time.Second)
	wantUnavailable(t, post(vm, "/token", formType, form(nil)))
	if len(p.forms) != 0 || !strings.Contains(h.LogText(), "token_endpoint") {
		t.Errorf("%d forms, log:\n%s", len(p.forms), h.LogText())
	}
}

// A code can be exchanged once: its form is not sent where there is no room to
// wait for the answer. Forms have places of their own.
func TestProxyWithoutRoom(t *testing.T) {
	h := newHost(t, Options{HeadersStopIteration: true})
	vm := start(t, h, proxying(object{"authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token"}, nil))
	token := rsaKey.bearer(claims(h, nil))
	for range 1024 {
		if s := vm.Request(rpc("/notes", token)); s.State() != Held {
			t.Fatal(describe(s))
		}
	}
	var held []*Stream
	for range 64 {
		held = append(held, post(vm, "/token", formType, form(nil)))
	}
	wantUnavailable(t, post(vm, "/token", formType, form(nil)))
	p := newUpstreamServer()
	p.run(h, 5*time.Second)
	if len(p.forms) != len(held) {
		t.Errorf("%d forms were sent, want %d", len(p.forms), len(held))
	}
	for _, s := range append(held, post(vm, "/token", formType, form(nil))) {
		p.run(h, 10*time.Millisecond)
		wantStatus(t, s, 200)
	}
}

// The provider knows one redirect URI and may name itself.
func TestProxyCallback(t *testing.T) {
	h := newHost(t, Options{HeadersStopIteration: true})
	vm := start(t, h, proxying(object{"callback": true}, nil))
	p := newUpstreamServer()
	p.documents[asMetadata] = strings.Replace(p.documents[asMetadata], "{", `{"authorization_response_iss_parameter_supported":true,`, 1)
	early := vm.Request(request("GET", authorizing(nil)))
	p.run(h, 2*time.Second)
	user := &person{vm: vm}
	u := user.agree(t, early)
	if u.Query().Get("redirect_uri") != "https://mcp.example.com/callback" {
		t.Fatal(u)
	}
	back := url.Values{"code": {"c"}, "state": {u.Query().Get("state")}, "iss": {issuer}}
	// It promises its name, so that what has none is not from it.
	wantPage(t, user.get("/callback?"+url.Values{"code": {"c"}, "state": back["state"]}.Encode()), 400, "another issuer")
	for name, value := range map[string]string{"iss": "https://evil.example", "state": "https://evil.example/cb s"} {
		bad := maps.Clone(back)
		bad.Set(name, value)
		wantPage(t, user.get("/callback?"+bad.Encode()), 400, "cannot go on")
	}
	s := user.get("/callback?" + back.Encode())
	wantStatus(t, s, 302)
	to, err := url.Parse(s.Local().Headers.Get("location"))
	if err != nil || unsealed(t, to.Query().Get("code")) != "c" {
		t.Fatal(to, err)
	}
	wantHeaders(t, s, map[string]string{"location": callback + "?code=" + to.Query().Get("code") + "&state=s&iss=https%3A%2F%2Fmcp.example.com", "cache-control": "no-store", "referrer-policy": "no-referrer"})
	wantError(t, vm.Request(request("POST", "/callback")), 405, "method_not_allowed")
	s = post(vm, "/token", formType, form(nil))
	p.run(h, time.Second)
	wantStatus(t, s, 200)
	if got, _ := url.ParseQuery(string(p.forms[0].Body)); got.Get("redirect_uri") != "https://mcp.example.com/callback" {
		t.Errorf("%v", got)
	}
	if s = vm.Request(request("GET", asMetadata)); !strings.Contains(string(s.Local().Body), `"authorization_response_iss_parameter_supported":true`) {
		t.Errorf("%s", s.Local().Body)
	}
	h.Run(2*time.Second, nil)
	if got := h.Counter("mcpauth_requests_total.result=oauth_proxy.reason=returned"); got != 1 || strings.Contains(h.LogText(), "cannot be accepted") {
		t.Errorf("returned: %d, log:\n%s", got, h.LogText())
	}
}

// At the root of a host the endpoints come before the resource; readings of a
// path that lead to them are no way past the token.
func TestProxyPaths(t *testing.T) {
	h := newHost(t, Options{HeadersStopIteration: true})
	c := proxying(nil, nil)
	c["resources"] = []object{notes(object{"resource": "https://mcp.example.com"})}
	vm := start(t, h, c)
	newUpstreamServer().run(h, 2*time.Second)
	wantStatus(t, vm.Request(request("GET", authorizing(nil))), 200)
	wantStatus(t, post(vm, "/register", "application/json", `{"redirect_uris":["`+callback+`"]}`), 201)
	wantStatus(t, post(vm, "/register/", "application/json", `{"redirect_uris":["`+callback+`"]}`), 201)
	for _, path := range []string{"/token/x", "/authorized", "/x/token"} {
		wantError(t, vm.Request(rpc(path, "")), 401, "unauthorized")
	}
	for _, path := range []string{"/TOKEN", "/Register", "//token", "/x/../token", "/%74oken", "/token;x", "/token%2f"} {
		s := vm.Request(request("POST", path, [2]string{"content-type", formType}))
		if s.State() == Forwarded || s.State() == Held {
			t.Errorf("%s: %s", path, describe(s))
		}
		s.Close()
	}
}

// What the gateway is on any host, by a resource that names none, it is not on a
// host that a resource has to itself: there that one's metadata would be another's.
func TestProxyIsNotOnHostsOfOthers(t *testing.T) {
	h := newHost(t, Options{HeadersStopIteration: true})
	c := proxying(nil, nil)
	other := object{"issuer": "https://other.example", "cluster": "auth", "jwks_uri": issuer + "/keys"}
	c["authorization_servers"] = append(c["authorization_servers"].([]object), other)
	on := func(host, path string) object {
		return notes(object{"resource": "https://" + host + path, "authorization_servers": []string{"https://other.example"}, "match": object{"hosts": []string{host}}})
	}
	c["resources"] = []object{notes(object{"authorization_servers": []string{issuer}}), on("files.example.com", ""), on("tokens.example.com", "/token")}
	vm := start(t, h, c)
	newUpstreamServer().run(h, 2*time.Second)
	for _, tt := range []struct {
		authority, method, path string
		status                  int
	}{
		{"files.example.com", "GET", asMetadata, 404},
		{"files.example.com", "GET", "/authorize", 401},
		{"files.example.com", "POST", "/token", 401},
		{"files.example.com", "GET", prm, 200},
		{"tokens.example.com", "POST", "/token", 401},
		{"files.example.com", "GET", prm + "/notes", 200}, // as /notes is
		{"files.example.com", "POST", "/notes", 401},
		{"tokens.example.com", "GET", asMetadata, 200},
		{"mcp.example.com", "GET", asMetadata, 200},
		{"mcp.example.com", "POST", "/token", 400},
		{"other.example.com", "GET", asMetadata, 200},
	} {
		headers := request(tt.method, tt.path)
		for i := range headers {
			if headers[i][0] == ":authority" {
				headers[i][1] = tt.authority
			}
		}
		s := vm.Request(headers)
		if wantStatus(t, s, tt.status); t.Failed() {
			t.Fatalf("%s %s%s", tt.method, tt.authority, tt.path)
		}
	}
}

// A path_prefix that begins as a well-known place does is none.
func TestProxyBesideTheWellKnownPlaces(t *testing.T) {
	for _, prefix := range []string{asMetadata + "s", prm + "s", "/.well-known"} {
		_, vm, _ := proxyVM(t, object{"path_prefix": prefix})
		wantError(t, post(vm, prefix+"/token", formType, "x=y"), 400, "invalid_client")
		if u := signIn(t, vm, prefix+authorizing(nil)); u.Query().Get("redirect_uri") != "https://mcp.example.com"+prefix+"/callback" {
			t.Error(u)
		}
	}
}

// The secret goes to the provider and nowhere else.
func TestProxySecretStaysInside(t *testing.T) {
	h, vm, p := proxyVM(t, nil)
	var seen strings.Builder
	for _, body := range []string{`{"access_token":"t"}`, `{"error":"x","error_description":` + toJSON(clientSecret) + `}`, `<` + clientSecret} {
		p.body = body
		for _, s := range []*Stream{post(vm, "/token", formType, form(nil)), post(vm, "/token", formType, form(url.Values{"code": nil})), vm.Request(request("GET", authorizing(nil))),
			vm.Request(request("GET", asMetadata)), post(vm, "/register", "application/json", `{"redirect_uris":["`+callback+`"]}`)} {
			p.run(h, time.Second)
			seen.WriteString(toJSON(s.Local()))
			s.Close()
		}
	}
	seen.WriteString(h.LogText() + strings.Join(h.MetricNames(), "\n"))
	for _, name := range h.SharedData().Keys() {
		value, _ := h.SharedData().Get(name)
		seen.WriteString(name + string(value))
	}
	if strings.Contains(seen.String(), clientSecret) || strings.Contains(seen.String(), strings.Trim(toJSON(clientSecret), `"`)) {
		t.Error("the secret is seen")
	}
	for reason, want := range map[string]uint64{"registered": 3, "asked": 3, "exchanged": 1, "refused": 3} {
		if got := h.Counter("mcpauth_requests_total.result=oauth_proxy.reason=" + reason); got != want {
			t.Errorf("%s: %d, want %d", reason, got, want)
		}
	}
}

// The configuration in the documentation is one that works.
func TestDocumentedProxy(t *testing.T) {
	b, err := os.ReadFile("../docs/oauth-proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "```json\n")
	text, _, ok2 := strings.Cut(text, "```\n")
	if !ok || !ok2 {
		t.Fatal("no configuration in the page")
	}
	h := newHost(t, Options{HeadersStopIteration: true, Environment: map[string]string{"GITHUB_SECRET": clientSecret, "MCPAUTH_SIGNING_KEY": signingKey}})
	vm := start(t, h, text)
	user, client := &person{vm: vm}, clientWith("x", "http://127.0.0.1:33418/")
	to := user.agree(t, user.get("/authorize?response_type=code&client_id="+client+"&redirect_uri=http%3A%2F%2F127.0.0.1%3A33418%2F&state=s&code_challenge_method=S256&code_challenge="+codeChallenge))
	if got := to.String(); !strings.HasPrefix(got, "https://github.com/login/oauth/authorize?response_type=code&client_id=Iv1.0123456789abcdef&") || !strings.Contains(got, "&redirect_uri=https%3A%2F%2Fmcp.example.com%2Fcallback&") || !strings.HasSuffix(got, "&scope=read%3Auser") {
		t.Errorf("location %q", got)
	}
	s := user.get("/callback?" + url.Values{"code": {"c"}, "state": {to.Query().Get("state")}}.Encode())
	wantStatus(t, s, 302)
	back, _ := url.Parse(s.Local().Headers.Get("location"))
	s = post(vm, "/token", formType, url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {"http://127.0.0.1:33418/"},
		"code": {back.Query().Get("code")}, "code_verifier": {codeVerifier}}.Encode())
	h.Run(time.Second, func() {
		for _, c := range h.Callouts() {
			if c.Cluster != "github" || c.Headers.Get(":authority") != "github.com" || c.Path() != "/login/oauth/access_token" {
				t.Errorf("%s: %v", c.Cluster, c.Headers)
			}
			c.Answer("200", Headers{{"content-type", "application/json; charset=utf-8"}}, []byte(`{"access_token":"gho_x","scope":"read:user","token_type":"bearer"}`))
		}
	})
	wantStatus(t, s, 200)
}
