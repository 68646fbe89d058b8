package oauthproxy

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
)

// fakeHost keeps what is sent, and has a clock.
type fakeHost struct {
	now     callout.UnixMilli
	data    map[string][]byte
	cas     map[string]uint32
	noData  bool // the host shares no values
	log     []string
	refuses bool
	sent    []sent
}

type sent struct {
	cluster string
	headers [][2]string
	body    string
	done    func(callout.Response)
}

func (h *fakeHost) Now() callout.UnixMilli { return h.now }
func (h *fakeHost) Load(name string) ([]byte, uint32) {
	if v, ok := h.data[name]; ok {
		return slices.Clone(v), h.cas[name]
	}
	return nil, 0
}
func (h *fakeHost) Store(name string, value []byte, cas uint32) bool {
	if _, ok := h.data[name]; ok && cas != 0 && cas != h.cas[name] || h.noData {
		return false
	}
	h.data[name] = value
	h.cas[name]++
	return true
}
func (h *fakeHost) Info(m string) { h.log = append(h.log, m) }
func (h *fakeHost) Warn(m string) { h.log = append(h.log, m) }
func (h *fakeHost) Send(cluster string, r callout.Request, done func(*callout.Response)) error {
	if h.refuses {
		return errors.New("bad argument")
	}
	h.sent = append(h.sent, sent{cluster, r.Headers, string(r.Body), func(r callout.Response) { done(&r) }})
	return nil
}

const (
	secret     = "s3cr3t:&+ü"
	signingKey = "0123456789abcdef0123456789abcdef"
	provider   = "https://login.example.com"
	start      = 1_700_000_000_000
)

// What the gateway has given to a client, at the start: its ID, a code, a refresh token.
var (
	signer     = &Proxy{sealer: sealer{[]string{signingKey}, provider}, host: &fakeHost{now: start}}
	testClient = newTestClient("a client", "http://localhost:3000/callback", "https://app.example.com/cb?x=1", "com.example.app:/cb")
	testCode   = signer.sealCode("c+o/d e", &state{client: testClient.hash(), redirectURI: "http://localhost:3000/callback", challenge: challenge}, gateway)
	testToken  = signer.sealRefreshToken("r", &Call{client: testClient.hash(), issuer: gateway, agreed: agreed{scopes: "a b admin"}})
)

func newTestClient(name string, uris ...string) *client {
	c := &client{name: name, issued: start, redirectURIs: uris}
	c.id = signer.sealClient(gateway, c)
	return c
}

// A visitor is a browser with its cookie.
type visitor struct {
	p      *Proxy
	cookie string
}

func (v *visitor) keep(r *Response) *Response {
	if r.Cookie != "" {
		v.cookie, _, _ = strings.Cut(r.Cookie, ";")
	}
	return r
}

func (v *visitor) authorize(query string) *Response {
	return v.keep(one(v.p.Authorize(&BrowserRequest{Query: query, Cookies: v.cookie, Issuer: gateway})))
}

// press sends the form of a page.
func (v *visitor) press(t testing.TB, page *Response, decision string) *Response {
	t.Helper()
	return v.keep(one(v.p.Decide(&FormRequest{ContentType: formType, Body: formOf(t, page, decision), Issuer: gateway}, v.cookie, "null")))
}

// one returns a response that needs no document.
func one(r *Response, wait *Fetch) *Response {
	if wait != nil {
		panic("the request waits for a document")
	}
	return r
}

func formOf(t testing.TB, page *Response, decision string) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(page.HTML), `name="request" value="`)
	sealed, _, _ := strings.Cut(rest, `"`)
	if !ok || page.Status != 200 {
		t.Fatalf("no page with a form: %+v %s", page, page.HTML)
	}
	return url.Values{"request": {sealed}, "decision": {decision}}.Encode()
}

// signIn agrees to a request, and returns where the provider is asked.
func (v *visitor) signIn(t testing.TB, query string) *url.URL {
	t.Helper()
	r := v.authorize(query)
	if r.Location == "" {
		r = v.press(t, r, "agree")
	}
	u, err := url.Parse(r.Location)
	if err != nil || r.Status/100 != 3 || r.Outcome != metrics.ProxyRedirected {
		t.Fatalf("%+v %s", r, r.HTML)
	}
	return u
}

func (v *visitor) callback(response url.Values) *Response {
	return v.keep(v.p.Callback(&BrowserRequest{Query: response.Encode(), Cookies: v.cookie, Issuer: gateway}))
}

// wantPage checks that a response is a page with a text, and no redirect.
func wantPage(t *testing.T, name string, r *Response, text config.Text, o metrics.Outcome) {
	t.Helper()
	if r.Location != "" || r.Status != 400 || r.Outcome != o || !strings.Contains(string(r.HTML), ">"+html.EscapeString(text.Default())+"<") {
		t.Errorf("%s: %d %q, outcome %d, %s", name, r.Status, r.Location, r.Outcome, r.HTML)
	}
}

func newProxy(t testing.TB, change func(*config.OAuthProxy)) (*Proxy, *fakeHost) {
	t.Helper()
	parse := func(s string) *config.URL {
		u, err := config.ParseURL(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	how := &config.OAuthProxy{
		ClientID: "gate:way", Secret: secret,
		RedirectURIs: []string{
			"https://app.example.com/cb?x=1", "http://127.0.0.1:9999/callback", "http://localhost/callback", "http://[::1]/callback",
			"http://127.0.0.1", "com.example.app:/cb",
		},
		AuthorizationEndpoint: parse("https://login.example.com/authorize"),
		TokenEndpoint:         parse("https://login.example.com/token"),
		RevocationEndpoint:    parse("https://login.example.com/revoke"),
		Cluster:               "login",
		SigningKeys:           []string{signingKey},
		ClientMaxAge:          24 * time.Hour,
		ConsentMaxAge:         time.Hour,
	}
	if change != nil {
		change(how)
	}
	h := &fakeHost{now: start, data: map[string][]byte{}, cas: map[string]uint32{}}
	p := New(&config.AuthorizationServer{Issuer: "https://login.example.com", OAuthProxy: how}, nil, false, h, func(b []byte) bool {
		rand.Read(b)
		return true
	})
	if !p.Ready() {
		t.Fatal("not ready")
	}
	return p, h
}

// Whoever is sent back to another place than the client's own may steal a code,
// so that a URI must be one that is configured, but for a loopback port.
func TestRedirectURIs(t *testing.T) {
	p, _ := newProxy(t, nil)
	for _, uri := range []string{
		"https://app.example.com/cb?x=1", "http://127.0.0.1:9999/callback", "http://127.0.0.1/callback", "http://127.0.0.1:1/callback",
		"http://127.0.0.1:65535/callback", "http://localhost:3000/callback", "http://localhost/callback", "http://[::1]:80/callback", "http://[::1]/callback",
		"http://127.0.0.1", "http://127.0.0.1:80", "com.example.app:/cb",
	} {
		if !p.allowsRedirectURI(uri) {
			t.Errorf("%s is refused", uri)
		}
	}
	for _, uri := range []string{
		"", "*", "/callback", "//app.example.com/cb?x=1",
		// https is compared whole.
		"https://app.example.com/cb", "https://app.example.com/cb?x=1&y=2", "https://app.example.com/cb?x=1#f", "https://app.example.com:443/cb?x=1",
		"https://app.example.com:8443/cb?x=1", "http://app.example.com/cb?x=1", "HTTPS://app.example.com/cb?x=1", "https://APP.example.com/cb?x=1",
		"https://app.example.com./cb?x=1", "https://app.example.com/%63b?x=1", "https://app.example.com/./cb?x=1", "https://app.example.com/a/../cb?x=1",
		"https://app.example.com//cb?x=1", "https://app.example.com/cb/?x=1", "https://app.example.com/CB?x=1", "https://app.example.com\\cb?x=1",
		"https://app.example.com@evil.example/cb?x=1", "https://evil.example/https://app.example.com/cb?x=1", "https://app.example.com.evil.example/cb?x=1",
		" https://app.example.com/cb?x=1", "https://app.example.com/cb?x=1 ", "https://app.example.com/cb?x=1\n", "https://app.example.com/cb?x=1\x00",
		// Of loopback only the port is free.
		"http://127.0.0.1:/callback", "http://127.0.0.1:0/callback", "http://127.0.0.1:080/callback", "http://127.0.0.1:65536/callback", "http://127.0.0.1:+80/callback",
		"http://127.0.0.1:80:80/callback", "http://127.0.0.1:8x/callback", "http://127.0.0.1:99999999999999999999/callback", "http://127.0.0.1:-1/callback",
		"http://127.0.0.1:80@evil.example/callback", "http://127.0.0.1@evil.example/callback", "http://user@127.0.0.1/callback", "http://127.0.0.1:pw@evil.example:80/callback",
		"http://127.0.0.1.evil.example/callback", "http://127.0.0.1:80.evil.example/callback", "http://127.0.0.1:80\\@evil.example/callback", "http://127.0.0.1:80#@evil.example/callback",
		"http://127.0.0.2/callback", "http://127.1/callback", "http://0x7f.0.0.1/callback", "http://0.0.0.0/callback", "http://[::]/callback", "http://[0:0:0:0:0:0:0:1]/callback",
		"http://[::1%25lo]/callback", "http://localhost.evil.example/callback", "http://LOCALHOST/callback", "HTTP://localhost/callback", "https://localhost/callback",
		"http://localhost:3000/callback?x=1", "http://localhost:3000/callback#f", "http://localhost:3000/callback/", "http://localhost:3000/callback/..", "http://localhost:3000//callback",
		"http://localhost:3000/%63allback", "http://localhost:3000", "http://localhost:3000/", "http://127.0.0.1/", "http://127.0.0.1:80/other",
		// Private-use schemes have no port.
		"com.example.app:/cb:80", "com.example.app:80/cb", "com.example.app://cb", "com.example.app:/CB", "COM.example.app:/cb", "com.example.app.evil:/cb",
		"javascript:alert(1)//http://127.0.0.1/callback",
	} {
		if p.allowsRedirectURI(uri) {
			t.Errorf("%q is allowed", uri)
		}
	}
}

// A URI behind a configured "/*" may differ in what every parser reads as one path
// below it, and in nothing else.
func TestRedirectURIsBelowAPath(t *testing.T) {
	p, _ := newProxy(t, func(how *config.OAuthProxy) { how.RedirectURIs = []string{"https://chatgpt.com/connector/oauth/*"} })
	const below = "https://chatgpt.com/connector/oauth/"
	for _, uri := range []string{below + "a", below + "eaQ3-._~x9", below + "a/b", below + "...", below + "a..b"} {
		if !p.allowsRedirectURI(uri) {
			t.Errorf("%s is refused", uri)
		}
	}
	for _, uri := range []string{
		below, below + "*", below[:len(below)-1], below + "/", below + "/a", below + "a/", below + "a//b", below + ".", below + "..", below + "../x", below + "a/../..", below + "a/./b",
		below + "%2e%2e", below + "%2E./x", below + ".%2e/x", below + "a%2fb", below + "a%5cb", below + "a\\b", below + "..\\x", below + "a?x", below + "a?code=1", below + "a#x", below + "a;x", below + "a@b", below + "a:b",
		below + "a b", below + "a+b", below + "a,b", below + "a&b", below + "a\x00", below + "a\n", below + "ü", below + "a\tb", below + "$", below + strings.Repeat("a", 2048),
		"https://chatgpt.com/connector/oauthx/a", "https://chatgpt.com/connector/OAUTH/a", "https://chatgpt.com/a", "https://chatgpt.com:443/connector/oauth/a",
		"https://chatgpt.com./connector/oauth/a", "http://chatgpt.com/connector/oauth/a", "https://evil.example/connector/oauth/a", "https://chatgpt.com@evil.example/connector/oauth/a",
		"https://chatgpt.com/connector/oauth/../oauth/a", "https://chatgpt.com/connector/x/../oauth/a",
	} {
		if p.allowsRedirectURI(uri) {
			t.Errorf("%q is allowed", uri)
		}
	}
	a := p.Register("application/json", []byte(`{"redirect_uris":["`+below+`abc"]}`), gateway)
	if a.Status != 201 || !strings.Contains(string(a.Body), `"redirect_uris":["`+below+`abc"]`) {
		t.Errorf("%+v", a)
	}
}

// What is allowed is one of the configured URIs, or one of the loopback ones with
// a port, however it is read.
func FuzzRedirectURIs(f *testing.F) {
	f.Add("http://127.0.0.1:80@evil.example/callback")
	f.Add("http://localhost:3000/callback")
	f.Fuzz(func(t *testing.T, uri string) {
		p, _ := newProxy(t, nil)
		if !p.allowsRedirectURI(uri) || slices.Contains(p.cfg.RedirectURIs, uri) {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" || u.User != nil || u.Fragment != "" || u.RawQuery != "" ||
			!slices.Contains([]string{"127.0.0.1", "localhost", "::1"}, u.Hostname()) || u.Path != "/callback" && u.Path != "" {
			t.Errorf("%q is allowed", uri)
		}
	})
}

func TestForms(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string // nil: malformed
	}{
		{"", []string{"", ""}},
		{"a=1", []string{"1", ""}},
		{"a=1&b+c=%2B+x", []string{"1", "+ x"}},
		{"%61=1&b%20c", []string{"1", ""}},
		{"a=1=2&&x=3&x=4", []string{"1=2", ""}},
		{"a=%00%fF%0a", []string{"\x00\xff\n", ""}},
		{"a=", []string{"", ""}},
		{"a=1&a=1", nil},
		{"a=1&%61=2", nil},
		{"a=&a=", nil},
		{"a=%", nil},
		{"a=%2", nil},
		{"a=%2g", nil},
		{"%zz=1", nil},
		{"x=%zz", nil},
	} {
		got := make([]string, 2)
		ok := parse(tt.text, []parameter{{name: "a", value: &got[0]}, {name: "b c", value: &got[1]}})
		if ok != (tt.want != nil) || ok && !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, %v, want %q", tt.text, got, ok, tt.want)
		}
	}
}

// What is read here is what another parser reads, but for what is refused.
func FuzzForms(f *testing.F) {
	f.Add("a=1&b+c=%2B+x")
	f.Fuzz(func(t *testing.T, text string) {
		v := make([]string, 2)
		ok := parse(text, []parameter{{name: "a", value: &v[0]}, {name: "b", value: &v[1]}})
		if !ok || strings.Contains(text, ";") { // which net/url refuses
			return
		}
		want, err := url.ParseQuery(text)
		if err != nil || v[0] != want.Get("a") || v[1] != want.Get("b") || len(want["a"]) > 1 || len(want["b"]) > 1 {
			t.Errorf("%q: %q, want %v, %v", text, v, want, err)
		}
	})
}

const (
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	gateway   = "https://mcp.example.com"
)

func asking(members url.Values) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {testClient.id}, "redirect_uri": {"http://localhost:3000/callback"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}, "state": {"s t&a=te"},
	}
	for name, values := range members {
		if q[name] = values; values == nil {
			delete(q, name)
		}
	}
	return q.Encode()
}

func TestAuthorize(t *testing.T) {
	p, _ := newProxy(t, nil)
	v := &visitor{p: p}
	u := v.signIn(t, asking(url.Values{
		"scope": {"a b"}, "resource": {gateway + "/notes"}, "prompt": {"login"}, "login_hint": {"ü@x"},
		"response_mode": {"fragment"}, "request": {"ey"}, "request_uri": {"urn:x"}, "client_secret": {"x"}, "nonce": {"n"}, "audience": {"other"},
	}))
	if u.Scheme+"://"+u.Host+u.Path != "https://login.example.com/authorize" {
		t.Fatal(u)
	}
	got, want := u.Query(), url.Values{
		"response_type": {"code"}, "client_id": {"gate:way"}, "redirect_uri": {gateway + "/callback"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
		"scope": {"a b"}, "resource": {gateway + "/notes"}, "prompt": {"login"}, "login_hint": {"ü@x"},
	}
	if state := got.Get("state"); state == "" || strings.Contains(state, "s t&a=te") {
		t.Errorf("the state is %q", state)
	}
	if got.Del("state"); got.Encode() != want.Encode() {
		t.Errorf("got  %v\nwant %v", got, want)
	}

	// What is in the endpoint's own query goes before what clients send, and a
	// client that asks for no scope gets the configured ones.
	p, _ = newProxy(t, func(how *config.OAuthProxy) {
		how.AuthorizationEndpoint, _ = config.ParseURL("https://login.example.com/a?prompt=consent&x=y")
		how.Scopes = []string{"repo", "offline_access"}
	})
	u = (&visitor{p: p}).signIn(t, asking(url.Values{"prompt": {"login"}}))
	if q := u.Query(); !slices.Equal(q["prompt"], []string{"consent"}) || q.Get("x") != "y" || q.Get("scope") != "repo offline_access" || q.Get("client_id") != "gate:way" {
		t.Errorf("%v", q)
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	p, _ := newProxy(t, nil)
	for name, query := range map[string]string{
		"nothing":                  "",
		"another client":           asking(url.Values{"client_id": {"other"}}),
		"no client":                asking(url.Values{"client_id": nil}),
		"no redirect URI":          asking(url.Values{"redirect_uri": nil}),
		"another redirect URI":     asking(url.Values{"redirect_uri": {"https://evil.example/cb"}}),
		"a redirect URI twice":     asking(url.Values{"redirect_uri": {"http://localhost:3000/callback", "https://evil.example/cb"}}),
		"a state twice":            asking(url.Values{"state": {"a", "b"}}),
		"a challenge twice":        asking(nil) + "&code_challenge=" + challenge,
		"a name encoded":           asking(nil) + "&redirect%5furi=https://evil.example/cb",
		"a percent-encoding":       asking(nil) + "&scope=%",
		"a query that is too long": asking(url.Values{"state": {strings.Repeat("a", maxQuery)}}),
	} {
		if a := (&visitor{p: p}).authorize(query); a.Status != 400 || a.Location != "" || a.HTML == nil || a.Cookie != "" ||
			a.Outcome != metrics.ProxyRefused && a.Outcome != metrics.ProxyWrongClient {
			t.Errorf("%s: %+v", name, a)
		}
	}
	// The client is known: it is told.
	for name, tt := range map[string]struct{ query, code string }{
		"another response type":   {asking(url.Values{"response_type": {"token"}}), "unsupported_response_type"},
		"no response type":        {asking(url.Values{"response_type": nil}), "unsupported_response_type"},
		"no challenge":            {asking(url.Values{"code_challenge": nil}), "invalid_request"},
		"a short challenge":       {asking(url.Values{"code_challenge": {challenge[1:]}}), "invalid_request"},
		"a long challenge":        {asking(url.Values{"code_challenge": {challenge + "a"}}), "invalid_request"},
		"no challenge at all":     {asking(url.Values{"code_challenge": {strings.Repeat(" ", 43)}}), "invalid_request"},
		"plain":                   {asking(url.Values{"code_challenge_method": {"plain"}}), "invalid_request"},
		"no method":               {asking(url.Values{"code_challenge_method": nil}), "invalid_request"},
		"a resource that is none": {asking(url.Values{"resource": {"https://a\u202e"}}), "invalid_target"},
		"scopes without end":      {asking(url.Values{"scope": {strings.Repeat("a ", 65)}}), "invalid_scope"},
		"no question":             {asking(url.Values{"prompt": {"none"}}), "consent_required"},
		"NONE":                    {asking(url.Values{"prompt": {"NONE"}}), "consent_required"},
		"none with a space":       {asking(url.Values{"prompt": {" none\t"}}), "consent_required"},
		"none or consent":         {asking(url.Values{"prompt": {"nOnE consent"}}), "consent_required"},
		"a question or none":      {asking(url.Values{"prompt": {"login none"}}), "consent_required"},
		"s256":                    {asking(url.Values{"code_challenge_method": {"s256"}}), "invalid_request"},
	} {
		a := (&visitor{p: p}).authorize(tt.query)
		u, err := url.Parse(a.Location)
		if err != nil || a.Status != 302 || u.Scheme+"://"+u.Host+u.Path != "http://localhost:3000/callback" {
			t.Fatalf("%s: %+v, %v", name, a, err)
		}
		q := u.Query()
		if q.Get("error") != tt.code || q.Get("error_description") == "" || q.Get("state") != "s t&a=te" || q.Get("iss") != gateway || len(q) != 4 {
			t.Errorf("%s: %v", name, q)
		}
	}
	// A redirect URI keeps its own query.
	a := (&visitor{p: p}).authorize(asking(url.Values{"redirect_uri": {"https://app.example.com/cb?x=1"}, "response_type": {"token"}}))
	if !strings.HasPrefix(a.Location, "https://app.example.com/cb?x=1&error=unsupported_response_type&") {
		t.Error(a.Location)
	}
}

func TestRegister(t *testing.T) {
	p, _ := newProxy(t, nil)
	const media = "Application/JSON; charset=utf-8"
	a := p.Register(media, []byte(`{"client_name":"x","redirect_uris":["http:\/\/localhost:1\/callback","com.example.app:/cb"],"token_endpoint_auth_method":"client_secret_post"}`), gateway)
	var got struct {
		ClientID     string   `json:"client_id"`
		Secret       *string  `json:"client_secret"`
		RedirectURIs []string `json:"redirect_uris"`
		Method       string   `json:"token_endpoint_auth_method"`
	}
	if err := json.Unmarshal(a.Body, &got); err != nil || a.Status != 201 || a.Outcome != metrics.ProxyRegistered {
		t.Fatalf("%+v, %v", a, err)
	}
	if c, ok := p.registeredClient(got.ClientID, gateway); !ok || c.name != "x" || !slices.Equal(c.redirectURIs, got.RedirectURIs) {
		t.Errorf("%+v of %s", c, got.ClientID)
	}
	if got.Secret != nil || got.Method != "none" || !slices.Equal(got.RedirectURIs, []string{"http://localhost:1/callback", "com.example.app:/cb"}) {
		t.Errorf("%s", a.Body)
	}
	// Clients send every URI that one of their versions uses.
	for list, want := range map[string]string{
		`["cursor://x/cb","https://www.cursor.com/cb","com.example.app:/cb","http://localhost:8787/callback","http://localhost:8787/callback"]`: `["com.example.app:/cb","http://localhost:8787/callback","http://localhost:8787/callback"]`,
		`["com.example.app:/cb","https://evil.example/cb"]`: `["com.example.app:/cb"]`,
	} {
		if a := p.Register(media, []byte(`{"redirect_uris":`+list+`}`), gateway); a.Status != 201 || !strings.Contains(string(a.Body), `"redirect_uris":`+want+`,`) {
			t.Errorf("%s: %+v, %s", list, a, a.Body)
		}
	}
	if a := p.Register(media, []byte(`{"redirect_uris":[`+strings.Repeat(`"com.example.app:/cb",`, 15)+`"com.example.app:/cb"]}`), gateway); a.Status != 201 {
		t.Errorf("16 redirect URIs: %+v", a)
	}
	for _, tt := range []struct{ media, body, code string }{
		{media, `{"redirect_uris":["https://evil.example/cb"]}`, "invalid_redirect_uri"},
		{media, `{"redirect_uris":["https://evil.example/cb","https://evil.example/2"]}`, "invalid_redirect_uri"},
		{media, `{"redirect_uris":["com.example.app:/cb",1]}`, "invalid_redirect_uri"},
		{media, `{"redirect_uris":[null,"com.example.app:/cb"]}`, "invalid_redirect_uri"},
		{media, `{"redirect_uris":["com.example.app:\/cb\u0000"]}`, "invalid_redirect_uri"},
		{media, `{"redirect_uris":[]}`, "invalid_redirect_uri"},
		{media, `{"redirect_uris":"com.example.app:/cb"}`, "invalid_redirect_uri"},
		{media, `{"redirect_uris":[["com.example.app:/cb"]]}`, "invalid_redirect_uri"},
		{media, `{"redirect_uris":[` + strings.Repeat(`"com.example.app:/cb",`, 16) + `"com.example.app:/cb"]}`, "invalid_redirect_uri"},
		{media, `{}`, "invalid_redirect_uri"},
		{media, ``, "invalid_client_metadata"},
		{media, `[]`, "invalid_client_metadata"},
		{media, `{"redirect_uris":["com.example.app:/cb"]`, "invalid_client_metadata"},
		{media, strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "invalid_client_metadata"},
		{"text/plain", `{"redirect_uris":["com.example.app:/cb"]}`, "invalid_client_metadata"},
		{"", `{"redirect_uris":["com.example.app:/cb"]}`, "invalid_client_metadata"},
	} {
		if a := p.Register(tt.media, []byte(tt.body), gateway); a.Status != 400 || a.Code != tt.code || a.Body != nil {
			t.Errorf("%s: %+v, want %s", tt.body, a, tt.code)
		}
	}
}

const formType = "application/x-www-form-urlencoded"

func exchanging(members url.Values) string {
	q := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {testClient.id}, "redirect_uri": {"http://localhost:3000/callback"},
		"code": {testCode}, "code_verifier": {verifier},
	}
	for name, values := range members {
		if q[name] = values; values == nil {
			delete(q, name)
		}
	}
	return q.Encode()
}

func TestExchange(t *testing.T) {
	for _, auth := range []config.ClientAuth{config.ClientSecretBasic, config.ClientSecretPost} {
		p, h := newProxy(t, func(how *config.OAuthProxy) { how.Auth = auth })
		for body, want := range map[string]url.Values{
			exchanging(url.Values{"resource": {gateway}, "client_secret": {"x"}, "scope": {"more"}}): {
				"grant_type": {"authorization_code"}, "redirect_uri": {gateway + "/callback"},
				"code": {"c+o/d e"}, "code_verifier": {verifier}, "resource": {gateway}},
			url.Values{"grant_type": {"refresh_token"}, "client_id": {testClient.id}, "refresh_token": {testToken}, "scope": {"a"}, "code": {"c"}, "username": {"u"}}.Encode(): {
				"grant_type": {"refresh_token"}, "refresh_token": {"r"}, "scope": {"a"}},
		} {
			h.sent = nil
			a, c := p.Exchange(&FormRequest{ContentType: formType + "; charset=UTF-8", Body: body, Issuer: gateway})
			if a != nil || c == nil || !c.Waiting() || c.Ended() != 0 || !p.Pending() || len(h.sent) != 0 {
				t.Fatalf("%+v, %+v", a, c)
			}
			p.Tick()
			if len(h.sent) != 1 || p.Pending() {
				t.Fatalf("%d sent", len(h.sent))
			}
			s := h.sent[0]
			headers := map[string]string{}
			for _, kv := range s.headers {
				headers[kv[0]] = kv[1]
			}
			if s.cluster != "login" || headers[":path"] != "/token" || headers[":authority"] != "login.example.com" || headers[":method"] != "POST" ||
				headers["accept"] != "application/json" || headers["content-type"] != formType {
				t.Errorf("%+v", s)
			}
			form, err := url.ParseQuery(s.body)
			if auth == config.ClientSecretPost {
				want = url.Values(mapsWith(want, "client_id", "gate:way", "client_secret", secret))
			} else if headers["authorization"] != "Basic Z2F0ZSUzQXdheTpzM2NyM3QlM0ElMjYlMkIlQzMlQkM=" {
				t.Errorf("authorization %q", headers["authorization"])
			}
			if err != nil || form.Encode() != want.Encode() {
				t.Errorf("got  %v\nwant %v", form, want)
			}
			s.done(answer(200, `{"access_token":"t","token_type":"Bearer"}`))
			if a := c.Response(); a.Status != 200 || string(a.Body) != `{"access_token":"t","token_type":"Bearer"}` || a.Outcome != metrics.ProxyExchanged || c.Waiting() || c.Ended() != 1 {
				t.Errorf("%+v", a)
			}
		}
		if len(p.calls) != 0 || len(h.log) != 0 {
			t.Errorf("%d calls, log %q", len(p.calls), h.log)
		}
	}
}

func mapsWith(m map[string][]string, pairs ...string) map[string][]string {
	n := map[string][]string{}
	for k, v := range m {
		n[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		n[pairs[i]] = []string{pairs[i+1]}
	}
	return n
}

func answer(status int, body string) callout.Response {
	return callout.Response{
		Status: status, Size: len(body), Body: []byte(body),
		Headers: [][2]string{{":status", ""}, {"content-type", "application/json;charset=UTF-8"}},
	}
}

func TestExchangeRefuses(t *testing.T) {
	p, h := newProxy(t, nil)
	for _, tt := range []struct{ media, body, code string }{
		{"application/json", exchanging(nil), "invalid_request"},
		{"", exchanging(nil), "invalid_request"},
		{formType, "", "invalid_client"},
		{formType, exchanging(url.Values{"client_id": {"other"}}), "invalid_client"},
		{formType, exchanging(url.Values{"client_id": nil}), "invalid_client"},
		{formType, exchanging(url.Values{"client_id": {testClient.id, testClient.id}}), "invalid_request"},
		{formType, exchanging(url.Values{"code": {"a", "b"}}), "invalid_request"},
		{formType, exchanging(nil) + "&x=%", "invalid_request"},
		{formType, exchanging(url.Values{"code": nil}), "invalid_request"},
		{formType, exchanging(url.Values{"redirect_uri": {"https://evil.example/cb"}}), "invalid_grant"},
		{formType, exchanging(url.Values{"code_verifier": nil}), "invalid_request"},
		{formType, exchanging(url.Values{"code_verifier": {verifier[1:]}}), "invalid_request"},
		{formType, exchanging(url.Values{"code_verifier": {strings.Repeat("a", 129)}}), "invalid_request"},
		{formType, exchanging(url.Values{"code_verifier": {verifier + "ü"}}), "invalid_request"},
		{formType, exchanging(url.Values{"grant_type": nil}), "unsupported_grant_type"},
		{formType, exchanging(url.Values{"grant_type": {"client_credentials"}}), "unsupported_grant_type"},
		{formType, exchanging(url.Values{"grant_type": {"password"}}), "unsupported_grant_type"},
		{formType, exchanging(url.Values{"grant_type": {"refresh_token"}}), "invalid_request"},
	} {
		a, c := p.Exchange(&FormRequest{ContentType: tt.media, Body: tt.body, Issuer: gateway})
		if a == nil || c != nil || a.Status != 400 || a.Code != tt.code || a.Description == "" || a.Outcome < metrics.ProxyRefused || a.Outcome > metrics.ProxyWrongGrant {
			t.Errorf("%s: %+v, want %s", tt.body, a, tt.code)
		}
	}
	for _, body := range []string{"", "client_id=" + testClient.id, "client_id=gate%3Away&token=t", "client_id=" + testClient.id + "&token=a&token=b"} {
		if a, c := p.Revoke(&FormRequest{ContentType: formType, Body: body, Issuer: gateway}); a == nil || c != nil || a.Status != 400 {
			t.Errorf("%s: %+v", body, a)
		}
	}
	if p.Tick(); len(h.sent) != 0 {
		t.Errorf("%d sent", len(h.sent))
	}
}

// What the provider says of the client's own mistakes is passed back, all else is
// a fault of which clients are told nothing, lest they throw away what is good.
func TestAnswersOfTheProvider(t *testing.T) {
	large := answer(200, `{"access_token":"t"}`)
	large.Size, large.Body = callout.MaxDocument+1, nil
	text := answer(200, `access_token=t&token_type=bearer`)
	text.Headers = [][2]string{{"content-type", formType}}
	plain := answer(200, `{"access_token":"t"}`)
	plain.Headers = [][2]string{{"content-type", "text/html"}}
	untyped := answer(400, `{"error":"invalid_grant"}`)
	untyped.Headers = nil
	for name, tt := range map[string]struct {
		r       callout.Response
		status  uint32
		body    string
		code    string
		outcome metrics.Outcome
		log     string
	}{
		"an invalid grant":         {r: answer(400, `{"error":"invalid_grant"}`), status: 400, body: `{"error":"invalid_grant"}`, outcome: metrics.ProxyDenied},
		"an invalid grant, 403":    {r: answer(403, `{"error":"invalid_grant"}`), status: 403, body: `{"error":"invalid_grant"}`, outcome: metrics.ProxyDenied},
		"an invalid grant, 401":    {r: answer(401, `{"error":"invalid_grant"}`), status: 400, body: `{"error":"invalid_grant"}`, outcome: metrics.ProxyDenied},
		"a 401 of another kind":    {r: answer(401, `<html>`), log: "refuses the client of the gateway"},
		"no object":                {r: answer(200, `["t"]`), log: "no answer of a token endpoint"},
		"too many":                 {r: answer(429, `{"error":"slow_down"}`), status: 429, body: `{"error":"slow_down"}`, outcome: metrics.ProxyDenied, log: "status 429"},
		"an error that is a 200":   {r: answer(200, `{"error":"redirect_uri_mismatch"}`), status: 400, body: `{"error":"redirect_uri_mismatch"}`, outcome: metrics.ProxyDenied},
		"too many, in HTML":        {r: withHeader(answer(429, `<html>`), "retry-after", "7"), status: 429, code: "temporarily_unavailable", outcome: metrics.ProxyDenied, log: "status 429: too many requests"},
		"too many, and no error":   {r: answer(429, `{"message":"x"}`), status: 429, code: "temporarily_unavailable", outcome: metrics.ProxyDenied, log: "status 429: too many requests"},
		"created":                  {r: answer(201, `{"access_token":"t"}`), status: 200, body: `{"access_token":"t"}`, outcome: metrics.ProxyExchanged},
		"an error that is no code": {r: answer(400, `{"error":{"message":"x"}}`), log: "status 400"},
		"another with a token":     {r: answer(200, `{"error":{"message":"x"},"access_token":"t"}`), log: "status 200"},
		"too many, and no code":    {r: answer(429, `{"error":{"message":"x"}}`), status: 429, code: "temporarily_unavailable", outcome: metrics.ProxyDenied, log: "status 429"},
		"an error that is null":    {r: answer(200, `{"error":null,"access_token":"t"}`), status: 200, body: `{"access_token":"t"}`, outcome: metrics.ProxyExchanged},
		"no token":                 {r: answer(200, `{"token_type":"Bearer"}`), log: "status 200, with no access_token"},
		"a token of another type":  {r: answer(200, `{"access_token":["t"]}`), log: "status 200, with no access_token"},
		"members that nobody knows": {r: answer(200, `{"access_token":"t\/","x":"y","expires_in":60,"scope":null,"user":{"a":"b"},"refresh_token_expires_in":5,"id_token":["i"],"access_token":"u","expires_in access_token":1}`),
			status: 200, body: `{"access_token":"t/","expires_in":60,"refresh_token_expires_in":5}`, outcome: metrics.ProxyExchanged},
		"members of an error": {r: answer(400, `{"error":"invalid_scope","error_description":"d","error_uri":"u","trace_id":"x","access_token":"t"}`),
			status: 400, body: `{"error":"invalid_scope","error_description":"d","error_uri":"u"}`, outcome: metrics.ProxyDenied},
		"a code of GitHub":     {r: answer(200, `{"error":"bad_verification_code"}`), status: 400, code: "invalid_grant", outcome: metrics.ProxyDenied},
		"the gateway's client": {r: answer(401, `{"error":"invalid_client"}`), log: "refuses the client of the gateway"},
		"the same with 400":    {r: answer(400, `{"error":"invalid_client"}`), log: "refuses the client of the gateway"},
		"the same of GitHub":   {r: answer(200, `{"error":"incorrect_client_credentials"}`), log: "refuses the client of the gateway"},
		"no error":             {r: answer(404, `{"message":"Not Found"}`), log: "status 404"},
		"no JSON":              {r: answer(200, `<html>`), log: "no answer of a token endpoint"},
		"JSON as HTML":         {r: plain, status: 200, body: `{"access_token":"t"}`, outcome: metrics.ProxyExchanged},
		"JSON as nothing":      {r: untyped, status: 400, body: `{"error":"invalid_grant"}`, outcome: metrics.ProxyDenied},
		"another type":         {r: text, log: "no answer of a token endpoint"},
		"too large":            {r: large, log: "too large"},
		"a redirect":           {r: answer(302, `{}`), log: "status 302"},
		"a fault":              {r: answer(500, `{"error":"server_error"}`), log: "status 500"},
		"none":                 {r: callout.Response{Err: errors.New("no answer")}, log: "no answer"},
		"the secret":           {r: answer(400, `{"error":"x","y":"`+secret+`"}`), log: "has the client's secret"},
	} {
		p, h := newProxy(t, nil)
		_, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(nil), Issuer: gateway})
		p.Tick()
		h.sent[0].done(tt.r)
		a := c.Response()
		if tt.log != "" && tt.status == 0 {
			tt.status, tt.code, tt.outcome = 503, "temporarily_unavailable", metrics.NoAnswer
		}
		if a.Status != tt.status || string(a.Body) != tt.body || a.Code != tt.code || a.Outcome != tt.outcome {
			t.Errorf("%s: %+v", name, a)
		}
		if log := strings.Join(h.log, "\n"); (tt.log == "") != (log == "") || !strings.Contains(log, tt.log) || strings.Contains(log, secret) {
			t.Errorf("%s: log %q", name, log)
		}
	}
}

func withHeader(r callout.Response, name, value string) callout.Response {
	r.Headers = append(r.Headers, [2]string{name, value})
	return r
}

// Clients hear when to come again, in whatever form the provider says it.
func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		r    callout.Response
		want string
	}{
		{withHeader(answer(429, `{"error":"slow_down"}`), "retry-after", "120"), "120"},
		{withHeader(answer(429, ``), "retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), "Sun, 06 Nov 1994 08:49:37 GMT"},
		{withHeader(answer(429, ``), "retry-after", "1\r\nx: y"), "5"},
		{withHeader(answer(429, ``), "retry-after", strings.Repeat("1", 100)), "5"},
		{answer(429, ``), "5"},
		{withHeader(answer(503, ``), "retry-after", "30"), "30"},
		{withHeader(answer(503, ``), "retry-after", "99999999999"), "60"},
		{withHeader(answer(503, ``), "retry-after", "soon"), ""},
		{answer(503, ``), ""},
	} {
		p, h := newProxy(t, nil)
		_, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(nil), Issuer: gateway})
		p.Tick()
		h.sent[0].done(tt.r)
		if got := c.Response().RetryAfter; got != tt.want {
			t.Errorf("%d %q: %q, want %q", tt.r.Status, tt.r.Headers, got, tt.want)
		}
	}
}

// RFC 8707 lets a client ask for several resources, and no other parameter twice.
func TestSeveralResources(t *testing.T) {
	several := url.Values{"resource": {gateway + "/b", gateway + "/a", gateway + "/b"}}
	p, h := newProxy(t, nil)
	u := (&visitor{p: p}).signIn(t, asking(several))
	if got := u.Query()["resource"]; !slices.Equal(got, several["resource"]) {
		t.Errorf("%q", got)
	}
	p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(several), Issuer: gateway})
	p.Exchange(&FormRequest{ContentType: formType, Body: "grant_type=refresh_token&client_id=" + testClient.id + "&refresh_token=" + testToken + "&resource=" + gateway + "&resource=&resource=" + gateway + "/", Issuer: gateway})
	p.Tick()
	for i, want := range [][]string{several["resource"], {gateway, gateway + "/"}} {
		if form, err := url.ParseQuery(h.sent[i].body); err != nil || !slices.Equal(form["resource"], want) {
			t.Errorf("%q, want %q", h.sent[i].body, want)
		}
	}
	many := url.Values{"resource": slices.Repeat([]string{"x"}, maxResources+1)}
	if a := (&visitor{p: p}).authorize(asking(many)); a.Status != 400 || a.Location != "" {
		t.Errorf("%+v", a)
	}
	if a, _ := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(many), Issuer: gateway}); a == nil || a.Status != 400 {
		t.Errorf("%+v", a)
	}
	p, h = newProxy(t, func(how *config.OAuthProxy) { how.OmitResource = true })
	p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(several), Issuer: gateway})
	p.Tick()
	if u := (&visitor{p: p}).signIn(t, asking(several)); u.Query().Has("resource") || strings.Contains(h.sent[0].body, "resource") {
		t.Errorf("%s, %s", u, h.sent[0].body)
	}
}

// A client that authenticates in another way than it was registered with learns
// how (RFC 6749, section 5.2).
func TestBasic(t *testing.T) {
	p, _ := newProxy(t, nil)
	for _, body := range []string{exchanging(url.Values{"client_id": nil}), exchanging(url.Values{"client_id": {"other"}})} {
		for _, basic := range []bool{true, false} {
			f := &FormRequest{ContentType: formType, Body: body, Issuer: gateway, Basic: basic}
			a, _ := p.Exchange(f)
			r, _ := p.Revoke(f)
			for _, a := range []*Response{a, r} {
				if a == nil || a.Code != "invalid_client" || (a.Status == 401) != basic || (a.Challenge != "") != basic {
					t.Errorf("basic %v: %+v", basic, a)
				}
			}
		}
	}
	if a, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(nil), Issuer: gateway, Basic: true}); a != nil || c == nil {
		t.Errorf("%+v", a)
	}
}

// The secret is in no answer, in whatever form the provider gives it back.
func TestSecretInAnswers(t *testing.T) {
	basic := base64.StdEncoding.EncodeToString([]byte("gate%3Away:" + url.PathEscape(secret)))
	for name, text := range map[string]string{
		"form":           url.QueryEscape(secret),
		"lower case":     strings.ToLower(url.QueryEscape(secret)),
		"twice":          url.QueryEscape(url.QueryEscape(secret)),
		"HTML":           html.EscapeString(secret),
		"Basic":          basic,
		"base64":         base64.RawURLEncoding.EncodeToString([]byte("x" + secret)),
		"JSON of JSON":   `\\u0073` + secret[1:],
		"as it is":       secret,
		"JSON":           `\u0073` + secret[1:],
		"JSON, a number": `s\u0033cr3t:\u0026+\u00fc`,
	} {
		for _, r := range []callout.Response{
			answer(200, `{"access_token":"t","scope":"`+text+`"}`), answer(400, `{"error":"x","error_description":"`+text+`"}`),
			answer(200, `{"access_token":"`+text+`"}`), answer(400, `{"error":"`+text+`"}`), answer(429, `{"error":"`+text+`"}`),
			answer(200, `{"access_token":"t","`+text+`":1}`),
		} {
			p, h := newProxy(t, nil)
			_, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(nil), Issuer: gateway})
			p.Tick()
			h.sent[0].done(r)
			if a := c.Response(); a.Status != 503 || a.Body != nil || !strings.Contains(strings.Join(h.log, ""), "has the client's secret") {
				t.Errorf("%s: %+v, log %q", name, a, h.log)
			}
		}
		p, _ := newProxy(t, nil)
		v := &visitor{p: p}
		state := v.signIn(t, asking(nil)).Query().Get("state")
		var decoded string
		if err := json.Unmarshal([]byte(`"`+text+`"`), &decoded); err != nil {
			t.Fatal(err)
		}
		for _, parameter := range new(authorizationResponse).parameters() {
			q := url.Values{"code": {"c"}, "state": {state}}
			q.Set(parameter.name, q.Get(parameter.name)+decoded)
			if a := v.callback(q); a.Status != 400 || a.Location != "" {
				t.Errorf("%s in %s: %+v", name, parameter.name, a)
			}
		}
	}
}

// The log has one line a minute on redirect URIs that are refused, in which
// nothing can be forged.
func TestRefusedRedirectURIsAreTold(t *testing.T) {
	for name, refuse := range map[string]func(p *Proxy, uri string){
		"authorization": func(p *Proxy, uri string) { (&visitor{p: p}).authorize(asking(url.Values{"redirect_uri": {uri}})) },
		"registration": func(p *Proxy, uri string) {
			b, _ := json.Marshal(map[string]any{"redirect_uris": []string{uri, "https://evil.example/second"}})
			a := p.Register("application/json", b, gateway)
			if !strings.Contains(a.Description, "https://evil.example/cb") || strings.ContainsAny(a.Description, "\"\\\r\nü") || len(a.Description) > 300 {
				t.Errorf("%q", a.Description)
			}
		},
	} {
		p, h := newProxy(t, nil)
		uri := "https://evil.example/cb\r\n\"forged\\ü" + strings.Repeat("x", 1000)
		for range 3 {
			refuse(p, uri)
			h.now += 10_000
		}
		if len(h.log) != 1 || !strings.Contains(h.log[0], `the redirect URI "https://evil.example/cb\r\n\"forged\\\u00fc`) || len(h.log[0]) > 400 || strings.ContainsAny(h.log[0], "\r\nü") {
			t.Errorf("%s: %q", name, h.log)
		}
		h.now += 60_000
		if refuse(p, uri); len(h.log) != 2 {
			t.Errorf("%s: %q", name, h.log)
		}
	}
}

func TestRevoke(t *testing.T) {
	p, h := newProxy(t, nil)
	_, c := p.Revoke(&FormRequest{ContentType: formType, Body: "client_id=" + testClient.id + "&token=" + testToken + "&token_type_hint=refresh_token&x=y", Issuer: gateway})
	p.Tick()
	if s := h.sent[0]; s.body != "token=r&token_type_hint=refresh_token" {
		t.Errorf("%q", s.body)
	}
	h.sent[0].done(answer(200, ``))
	if a := c.Response(); a.Status != 200 || a.Body != nil || a.Code != "" {
		t.Errorf("%+v", a)
	}
}

func TestLimits(t *testing.T) {
	p, h := newProxy(t, nil)
	begin := func() (*Response, *Call) {
		return p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(nil), Issuer: gateway})
	}
	_, first := begin()
	for range maxCalls - 1 {
		begin()
	}
	if a, c := begin(); c != nil || a.Status != 503 || a.Outcome != metrics.NoRoom {
		t.Errorf("%+v", a)
	}
	p.Tick()
	// A call that the host has lost makes room in the end, and what comes later
	// is dropped.
	h.now += callout.UnixMilli(callout.LostAfter.Milliseconds())
	if a, c := begin(); a != nil || c == nil {
		t.Errorf("%+v", a)
	}
	if first.Waiting() || len(p.calls) != 1 {
		t.Errorf("%d calls", len(p.calls))
	}
	h.sent[0].done(answer(200, `{"access_token":"t"}`))
	if first.Response().Status != 503 {
		t.Errorf("%+v", first.Response())
	}
	h.refuses = true
	_, c := begin()
	p.Tick()
	if c.Response().Status != 503 || !strings.Contains(strings.Join(h.log, "\n"), `the cluster "login" cannot be called`) {
		t.Errorf("%+v, %q", c.Response(), h.log)
	}
}
