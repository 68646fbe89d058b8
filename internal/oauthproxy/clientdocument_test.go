package oauthproxy

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
)

const (
	appURL      = "https://clients.example.com/app.json"
	appRedirect = "https://clients.example.com/callback"
)

// newDocumentProxy returns a Proxy that accepts the document at appURL, and all below
// https://apps.example.com/mcp/.
func newDocumentProxy(t testing.TB) (*Proxy, *fakeHost) {
	return newProxy(t, func(how *config.OAuthProxy) {
		how.ClientDocuments = []config.ClientDocument{{URL: appURL, Cluster: "clients"}, {URL: "https://apps.example.com/mcp/*", Cluster: "apps"}}
	})
}

// appDocument is the document at appURL, with other members; nil removes one.
func appDocument(members map[string]any) string {
	d := map[string]any{
		"client_id": appURL, "client_name": "An App", "redirect_uris": []string{appRedirect, "http://localhost/callback"},
		"token_endpoint_auth_method": "none", "grant_types": []string{"authorization_code"}, "logo_uri": "https://evil.example/logo.png",
	}
	for name, value := range members {
		if d[name] = value; value == nil {
			delete(d, name)
		}
	}
	text, _ := json.Marshal(d)
	return string(text)
}

func askingAs(id, redirectURI string) string {
	return asking(url.Values{"client_id": {id}, "redirect_uri": {redirectURI}})
}

// authorizeAs has a document be fetched, if it must be, and returns the response.
func (v *visitor) authorizeAs(t testing.TB, h *fakeHost, query string, document callout.Response) *Response {
	t.Helper()
	b := &BrowserRequest{Query: query, Cookies: v.cookie, Issuer: gateway}
	r, wait := v.p.Authorize(b)
	if wait != nil {
		if r != nil || !wait.Waiting() || !v.p.Pending() {
			t.Fatalf("%+v, %+v", r, wait)
		}
		before := wait.Ended()
		v.p.Tick()
		for i := len(h.sent) - 1; wait.Waiting(); i-- { // there may be a form too
			if h.sent[i].body == "" {
				h.sent[i].done(document)
			}
		}
		if wait.Waiting() || wait.Ended() == before || v.p.Pending() {
			t.Fatalf("%+v", wait)
		}
		r, wait = v.p.Authorize(b)
	}
	if wait != nil {
		t.Fatal("the request still waits")
	}
	return v.keep(r)
}

// A client whose ID is the URL of its document signs in without a registration.
func TestClientDocument(t *testing.T) {
	p, h := newDocumentProxy(t)
	v := &visitor{p: p}
	query := askingAs(appURL, appRedirect)
	page := v.authorizeAs(t, h, query, answer(200, appDocument(nil)))
	text := string(page.HTML)
	if page.Status != 200 || !strings.Contains(text, `<bdi>An App</bdi>`) || !strings.Contains(text, config.TextPublisher.Default()+` <strong><bdi dir="ltr">clients.example.com</bdi></strong>`) ||
		strings.Contains(text, config.TextUnverified.Default()) || strings.Contains(text, config.TextLoopbackWarning.Default()) || strings.Contains(text, "logo.png") {
		t.Errorf("%+v %s", page, text)
	}
	s := h.sent[0]
	if s.cluster != "clients" || s.body != "" || len(h.sent) != 1 {
		t.Errorf("%+v", h.sent)
	}
	for _, want := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "clients.example.com"}, {":path", "/app.json"}, {"accept", "application/json"}} {
		found := false
		for _, header := range s.headers {
			found = found || header == want
		}
		if !found {
			t.Errorf("%q lacks %q", s.headers, want)
		}
	}
	to := v.press(t, page, "agree")
	u, err := url.Parse(to.Location)
	if err != nil || u.Query().Get("client_id") != "gate:way" || u.Query().Get("redirect_uri") != gateway+"/callback" {
		t.Fatalf("%+v", to)
	}
	back := v.callback(url.Values{"code": {"c"}, "state": {u.Query().Get("state")}})
	if !strings.HasPrefix(back.Location, appRedirect+"?") || back.Outcome != metrics.ProxyReturned {
		t.Fatalf("%+v", back)
	}
	got, _ := url.Parse(back.Location)
	body := exchanging(url.Values{"client_id": {appURL}, "redirect_uri": {appRedirect}, "code": {got.Query().Get("code")}})
	if a, c := p.Exchange(&FormRequest{ContentType: formType, Body: body, Issuer: gateway}); a != nil || c == nil {
		t.Errorf("%+v", a)
	}
	p.Tick()
	exchange := h.sent[len(h.sent)-1]
	if form, err := url.ParseQuery(exchange.body); err != nil || form.Get("code") != "c" || strings.Contains(exchange.body, "clients.example.com") {
		t.Errorf("%s", exchange.body)
	}
	// The user has agreed, and the document is fresh: neither is asked for again.
	if again := v.authorizeAs(t, h, query, callout.Response{}); again.Location == "" || len(h.sent) != 2 {
		t.Errorf("%+v, %d sent", again, len(h.sent))
	}
	if log := strings.Join(h.log, "\n"); !strings.Contains(log, `a user has agreed to the client "https://clients.example.com/app.json" (`) {
		t.Errorf("log %q", log)
	}
}

// What a document says that the gateway must not accept, and how a document is served that
// it does not read.
func TestClientDocumentRefused(t *testing.T) {
	large := answer(200, appDocument(map[string]any{"x": strings.Repeat("x", maxClientDocument)}))
	huge := answer(200, "")
	huge.Size, huge.Body = 10<<20, nil
	many := make([]string, maxDocumentURIs+1)
	for i := range many {
		many[i] = "http://localhost/" + strconv.Itoa(i)
	}
	compressed := answer(200, appDocument(nil))
	compressed.ContentEncoding = "gzip"
	plain, html := answer(200, appDocument(nil)), answer(200, appDocument(nil))
	plain.Headers, html.Headers = nil, [][2]string{{"content-type", "text/html"}}
	with := func(name string, value any) callout.Response {
		return answer(200, appDocument(map[string]any{name: value}))
	}
	for name, tt := range map[string]struct {
		r    callout.Response
		want string
	}{
		"another client":           {with("client_id", "https://clients.example.com/other.json"), "its client_id is not its URL, byte for byte"},
		"another case":             {with("client_id", "https://clients.example.com/App.json"), "its client_id is not its URL, byte for byte"},
		"a slash more":             {with("client_id", appURL+"/"), "its client_id is not its URL, byte for byte"},
		"port 443":                 {with("client_id", "https://clients.example.com:443/app.json"), "its client_id is not its URL, byte for byte"},
		"no client_id":             {with("client_id", nil), "its client_id is not its URL, byte for byte"},
		"a list of clients":        {with("client_id", []string{appURL}), "its client_id is not its URL, byte for byte"},
		"client_id in capitals":    {answer(200, strings.Replace(appDocument(nil), "client_id", "CLIENT_ID", 1)), "its client_id is not its URL, byte for byte"},
		"two client_ids":           {answer(200, `{"client_id":"https://evil.example/c",`+appDocument(nil)[1:]), "it is no JSON object whose members all have different names"},
		"two, one of them escaped": {answer(200, `{"client_\u0069d":"https://evil.example/c",`+appDocument(nil)[1:]), "it is no JSON object whose members all have different names"},
		"two redirect_uris":        {answer(200, `{"redirect_uris":["https://evil.example/cb"],`+appDocument(nil)[1:]), "it is no JSON object whose members all have different names"},
		"two members within":       {answer(200, `{"x":{"y":1,"y":2},`+appDocument(nil)[1:]), "it is no JSON object whose members all have different names"},
		"an array":                 {answer(200, "["+appDocument(nil)+"]"), "it is no JSON object whose members all have different names"},
		"text after it":            {answer(200, appDocument(nil)+"{}"), "it is no JSON object whose members all have different names"},
		"HTML":                     {answer(200, "<html>"), "it is no JSON object whose members all have different names"},
		"nothing":                  {answer(200, ""), "it is no JSON object whose members all have different names"},
		"deep":                     {answer(200, `{"x":`+strings.Repeat("[", 2000)+strings.Repeat("]", 2000)+`,`+appDocument(nil)[1:]), "it is no JSON object whose members all have different names"},
		"no UTF-8":                 {answer(200, strings.Replace(appDocument(nil), "An App", "An\xff", 1)), "it is no JSON object whose members all have different names"},
		"half a surrogate pair":    {answer(200, strings.Replace(appDocument(nil), "An App", `\ud800`, 1)), "it is no JSON object whose members all have different names"},
		"no name":                  {with("client_name", nil), "it has no client_name"},
		"a name that is no text":   {with("client_name", 1), "it has no client_name"},
		"no redirect URIs":         {with("redirect_uris", nil), "its redirect_uris is not an array of 1 to 64 strings"},
		"a redirect URI":           {with("redirect_uris", appRedirect), "its redirect_uris is not an array of 1 to 64 strings"},
		"an empty list":            {with("redirect_uris", []string{}), "its redirect_uris is not an array of 1 to 64 strings"},
		"a list with a number":     {with("redirect_uris", []any{appRedirect, 1}), "its redirect_uris is not an array of 1 to 64 strings"},
		"too many redirect URIs":   {with("redirect_uris", many), "its redirect_uris is not an array of 1 to 64 strings"},
		"no allowed redirect URI":  {with("redirect_uris", []string{"https://evil.example/cb"}), "none of its redirect_uris is allowed: they are neither on loopback, nor at the host of the document, nor in oauth_proxy.redirect_uris"},
		"private_key_jwt":          {with("token_endpoint_auth_method", "private_key_jwt"), "its token_endpoint_auth_method is not none, the only one that the gateway supports"},
		"client_secret_basic":      {with("token_endpoint_auth_method", "client_secret_basic"), "its token_endpoint_auth_method is not none, the only one that the gateway supports"},
		"null as method":           {answer(200, strings.Replace(appDocument(nil), `"none"`, `null`, 1)), "its token_endpoint_auth_method is not none, the only one that the gateway supports"},
		"a secret":                 {with("client_secret", "s"), "it has a client secret, which everyone could read"},
		"a secret's time":          {with("client_secret_expires_at", 0), "it has a client secret, which everyone could read"},
		"more than 5 kB":           {large, "it has more than 5 kB"},
		"10 MB":                    {huge, "the document is too large: 10485760 bytes"},
		"a redirect":               {withHeader(answer(302, ""), "location", "http://169.254.169.254/"), "status 302: redirects are not followed"},
		"not found":                {answer(404, appDocument(nil)), "status 404"},
		"created":                  {answer(201, appDocument(nil)), "status 201"},
		"compressed":               {compressed, "the answer is compressed: content-encoding gzip"},
		"as text":                  {html, "it is not served as application/json"},
		"as nothing":               {plain, "it is not served as application/json"},
		"no answer":                {callout.Response{Err: errLate}, "too late"},
	} {
		p, h := newDocumentProxy(t)
		v := &visitor{p: p}
		page := v.authorizeAs(t, h, askingAs(appURL, appRedirect), tt.r)
		wantPage(t, name, page, config.TextErrorDocument, metrics.ProxyWrongClient)
		if want := "<small>invalid_client: the client ID metadata document cannot be used: " + tt.want; !strings.Contains(string(page.HTML), want) {
			t.Errorf("%s: %s, want %s", name, page.HTML, want)
		}
		if log := strings.Join(h.log, "\n"); !strings.Contains(log, `the client ID metadata document "`+appURL+`" cannot be used: `+tt.want) {
			t.Errorf("%s: log %q", name, log)
		}
	}
	// What is left out means the same as what must be there.
	for name, r := range map[string]callout.Response{
		"no method":    with("token_endpoint_auth_method", nil),
		"another type": {Status: 200, Body: []byte(appDocument(nil)), Headers: [][2]string{{"content-type", "application/oauth-client+json; charset=utf-8"}}},
	} {
		p, h := newDocumentProxy(t)
		if page := (&visitor{p: p}).authorizeAs(t, h, askingAs(appURL, appRedirect), r); page.Status != 200 {
			t.Errorf("%s: %s", name, page.HTML)
		}
	}
}

type late struct{}

func (late) Error() string { return "too late" }

var errLate = late{}

// No URL is fetched but those that the configuration names, byte for byte.
func TestClientDocumentsOfOthers(t *testing.T) {
	p, h := newDocumentProxy(t)
	v := &visitor{p: p}
	for _, id := range []string{
		"https://evil.example/app.json", "https://clients.example.com/other.json", appURL + "/", appURL + "?x", appURL + "?", appURL + "#x", appURL + "%20", "https://clients.example.com/./app.json",
		"https://clients.example.com//app.json", "https://clients.example.com/a/../app.json", "https://clients.example.com:443/app.json", "https://clients.example.com:8443/app.json",
		"https://CLIENTS.example.com/app.json", "HTTPS://clients.example.com/app.json", "http://clients.example.com/app.json", "https://u@clients.example.com/app.json", "https://u:p@clients.example.com/app.json",
		"https://clients.example.com.evil.example/app.json", "https://clients.example.com./app.json", "https://clients.example.com", "https:clients.example.com/app.json", "https:/clients.example.com/app.json", "https:\\\\clients.example.com/app.json",
		" " + appURL, appURL + " ", appURL + "\x00", appURL + "\n",
		"https://apps.example.com/mcp/", "https://apps.example.com/mcp", "https://apps.example.com/mcp/*", "https://apps.example.com/mcp/../x", "https://apps.example.com/mcp/a/../../x", "https://apps.example.com/mcp/./a",
		"https://apps.example.com/mcp/%2e%2e/x", "https://apps.example.com/mcp/a?x=1", "https://apps.example.com/mcp/a#x", "https://apps.example.com/mcp//a", "https://apps.example.com/mcp/a//b", "https://apps.example.com/mcp/a\\b",
		"https://apps.example.com/mcp/a;x", "https://apps.example.com/mcp/a@b", "https://apps.example.com/mcp/ü", "https://apps.example.com/mcpx/a", "https://apps.example.com/mcp/" + strings.Repeat("a", 2048),
		"https://169.254.169.254/latest", "https://localhost/app.json",
	} {
		page, wait := p.Authorize(&BrowserRequest{Query: askingAs(id, appRedirect), Issuer: gateway})
		if wait != nil {
			t.Errorf("%s is fetched", id)
			continue
		}
		wantPage(t, id, page, config.TextErrorClient, metrics.ProxyWrongClient)
		a, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(url.Values{"client_id": {id}}), Issuer: gateway})
		if c != nil || a.Code != "invalid_client" {
			t.Errorf("%s: %+v", id, a)
		}
	}
	if p.Pending() || len(h.sent) != 0 {
		t.Error("something is sent")
	}
	const below = "https://apps.example.com/mcp/a-b_c.d~/e.json"
	document := appDocument(map[string]any{"client_id": below})
	if page := v.authorizeAs(t, h, askingAs(below, "http://localhost:1/callback"), answer(200, document)); page.Status != 200 || h.sent[0].cluster != "apps" {
		t.Errorf("%+v", page)
	}
	// Without such documents in the configuration, no URL is a client ID.
	p, _ = newProxy(t, nil)
	page, _ := p.Authorize(&BrowserRequest{Query: askingAs(appURL, appRedirect), Issuer: gateway})
	wantPage(t, "no documents", page, config.TextErrorClient, metrics.ProxyWrongClient)
}

// A code goes where the document says and the configuration allows, and nowhere else.
func TestClientDocumentRedirectURIs(t *testing.T) {
	document := appDocument(map[string]any{"redirect_uris": []string{
		appRedirect, "http://localhost/callback", "http://127.0.0.1:4000/x", "https://app.example.com/cb?x=1", "com.example.app:/cb",
		"https://evil.example/cb", "http://evil.example/cb", "http://clients.example.com/cb", "https://clients.example.com:8443/cb", "https://clients.example.com/cb#x", "https://clients.example.com@evil.example/cb",
		"com.evil.app:/cb", "javascript:alert(1)", "https://clients.example.com/cb?code=1", "https://clients.example.com/*", "http://localhost.evil.example/cb", "",
	}})
	for uri, allowed := range map[string]bool{
		appRedirect: true, "http://localhost:3000/callback": true, "http://localhost/callback": true, "http://127.0.0.1:1/x": true, "https://app.example.com/cb?x=1": true, "com.example.app:/cb": true,
		"": false, appRedirect + "/": false, appRedirect + "?x=1": false, "https://clients.example.com:443/callback": false, "https://evil.example/cb": false, "http://evil.example/cb": false, "http://evil.example:80/cb": false,
		"http://clients.example.com/cb": false, "https://clients.example.com:8443/cb": false, "https://clients.example.com/cb#x": false, "https://clients.example.com@evil.example/cb": false, "com.evil.app:/cb": false,
		"javascript:alert(1)": false, "https://clients.example.com/cb?code=1": false, "https://clients.example.com/*": false, "https://clients.example.com/x": false, "http://localhost.evil.example/cb": false,
		// The configuration allows these, and the document does not have them.
		"http://[::1]/callback": false, "http://127.0.0.1:9999/callback": false,
	} {
		p, h := newDocumentProxy(t)
		page := (&visitor{p: p}).authorizeAs(t, h, askingAs(appURL, uri), answer(200, document))
		if allowed && page.Status != 200 {
			t.Errorf("%s: %s", uri, page.HTML)
		} else if !allowed {
			wantPage(t, uri, page, config.TextErrorRedirect, metrics.ProxyRefused)
		}
	}
}

// Everyone knows the ID of such a client, and any program can listen on loopback: the user
// is warned, and asked each time.
func TestClientDocumentOnLoopback(t *testing.T) {
	for _, uri := range []string{"http://localhost:3000/callback", "com.example.app:/cb"} {
		p, h := newDocumentProxy(t)
		v := &visitor{p: p}
		document := answer(200, appDocument(map[string]any{"redirect_uris": []string{"http://localhost/callback", "com.example.app:/cb"}}))
		page := v.authorizeAs(t, h, askingAs(appURL, uri), document)
		if !strings.Contains(string(page.HTML), "<strong>"+config.TextLoopbackWarning.Default()+"</strong>") {
			t.Errorf("%s: %s", uri, page.HTML)
		}
		if r := v.press(t, page, "agree"); r.Location == "" {
			t.Fatalf("%+v", r)
		}
		w := p.readCookie(&BrowserRequest{Cookies: v.cookie, Issuer: gateway})
		if len(w.agreements) != 0 {
			t.Errorf("%s: %d agreements are remembered", uri, len(w.agreements))
		}
		if again := v.authorizeAs(t, h, askingAs(appURL, uri), document); again.Location != "" || again.Outcome != metrics.ProxyAsked {
			t.Errorf("%s: %+v", uri, again)
		}
		w.agree(p.agreementKey(&authorizationRequest{ClientID: appURL, RedirectURI: uri}), h.now)
		v.keep(&Response{Cookie: p.setCookie(&w, gateway)})
		if again := v.authorizeAs(t, h, askingAs(appURL, uri), document); again.Outcome != metrics.ProxyAsked {
			t.Errorf("%s: an agreement counts: %+v", uri, again)
		}
	}
}

// A document that changes counts from its next fetch on. What the user has agreed to before
// leads where it led then: the code is bound to that.
func TestClientDocumentChanges(t *testing.T) {
	p, h := newDocumentProxy(t)
	v := &visitor{p: p}
	moved := answer(200, appDocument(map[string]any{"redirect_uris": []string{"https://clients.example.com/moved"}}))
	page := v.authorizeAs(t, h, askingAs(appURL, appRedirect), answer(200, appDocument(nil)))
	u, _ := url.Parse(v.press(t, page, "agree").Location)
	back := v.callback(url.Values{"code": {"c"}, "state": {u.Query().Get("state")}})
	got, _ := url.Parse(back.Location)
	second := v.authorizeAs(t, h, askingAs(appURL, "http://localhost:3000/callback"), callout.Response{})

	h.now = h.now.Add(documentAge)
	wantPage(t, "the old redirect URI", v.authorizeAs(t, h, askingAs(appURL, appRedirect), moved), config.TextErrorRedirect, metrics.ProxyRefused)
	r, wait := p.Decide(&FormRequest{ContentType: formType, Body: formOf(t, second, "agree"), Issuer: gateway}, v.cookie, "null")
	if wait != nil {
		t.Fatal("the form waits")
	}
	wantPage(t, "a form with an old redirect URI", r, config.TextErrorRedirect, metrics.ProxyRefused)
	exchange := func(redirectURI string) (*Response, *Call) {
		return p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(url.Values{"client_id": {appURL}, "redirect_uri": {redirectURI}, "code": {got.Query().Get("code")}}), Issuer: gateway})
	}
	if a, c := exchange("https://clients.example.com/moved"); c != nil || a.Code != "invalid_grant" {
		t.Errorf("the new redirect URI: %+v", a)
	}
	if a, c := exchange(appRedirect); c == nil {
		t.Errorf("the old redirect URI: %+v", a)
	}
	if again := v.authorizeAs(t, h, askingAs(appURL, "https://clients.example.com/moved"), moved); again.Outcome != metrics.ProxyAsked {
		t.Errorf("the new redirect URI: %+v", again)
	}
	// The configuration counts at each step, for redirect URIs from its list too.
	h.now = h.now.Add(documentAge)
	listed := answer(200, appDocument(map[string]any{"redirect_uris": []string{"https://clients.example.com/moved", "https://app.example.com/cb?x=1"}}))
	var states []string
	for _, uri := range []string{"https://clients.example.com/moved", "https://app.example.com/cb?x=1"} {
		page = v.authorizeAs(t, h, askingAs(appURL, uri), listed)
		u, _ = url.Parse(v.press(t, page, "agree").Location)
		states = append(states, u.Query().Get("state"))
	}
	p.sources = p.sources[1:]
	for _, state := range states {
		wantPage(t, "no longer configured", v.callback(url.Values{"code": {"c"}, "state": {state}}), config.TextErrorRedirect, metrics.ProxyRefused)
	}
	if a, c := exchange(appRedirect); c != nil || a.Code != "invalid_client" {
		t.Errorf("no longer configured: %+v", a)
	}
}

// What one client got is of no use to another, however each got its ID.
func TestClientDocumentsAreClientsOfTheirOwn(t *testing.T) {
	p, h := newDocumentProxy(t)
	const other = "https://apps.example.com/mcp/other.json"
	v := &visitor{p: p}
	page := v.authorizeAs(t, h, askingAs(appURL, appRedirect), answer(200, appDocument(nil)))
	v.press(t, page, "agree")
	// The other client calls itself the same, and has the same redirect URI from the list.
	document := answer(200, appDocument(map[string]any{"client_id": other, "redirect_uris": []string{"https://apps.example.com/cb"}}))
	if page := v.authorizeAs(t, h, askingAs(other, "https://apps.example.com/cb"), document); page.Outcome != metrics.ProxyAsked {
		t.Errorf("%+v", page)
	}
	code := p.sealCode("c", &state{client: (&client{id: appURL}).hash(), redirectURI: appRedirect, challenge: challenge}, gateway)
	token := p.sealRefreshToken("r", &Call{client: (&client{id: appURL}).hash(), issuer: gateway})
	for _, id := range []string{other, testClient.id} {
		for _, body := range []string{
			exchanging(url.Values{"client_id": {id}, "redirect_uri": nil, "code": {code}}),
			url.Values{"grant_type": {"refresh_token"}, "client_id": {id}, "refresh_token": {token}}.Encode(),
		} {
			if a, c := p.Exchange(&FormRequest{ContentType: formType, Body: body, Issuer: gateway}); c != nil || a.Code != "invalid_grant" {
				t.Errorf("%s: %+v", body, a)
			}
		}
		if a, c := p.Revoke(&FormRequest{ContentType: formType, Body: url.Values{"client_id": {id}, "token": {token}}.Encode(), Issuer: gateway}); c != nil || a.Code != "invalid_grant" {
			t.Errorf("%+v", a)
		}
	}
	// The client itself needs no document for that: it may be out of reach.
	h.now = h.now.Add(time.Hour)
	if a, c := p.Exchange(&FormRequest{ContentType: formType, Body: url.Values{"grant_type": {"refresh_token"}, "client_id": {appURL}, "refresh_token": {token}}.Encode(), Issuer: gateway}); c == nil {
		t.Errorf("%+v", a)
	}
}

// Requests with one ID share a request for its document, which is used while it is fresh.
func TestClientDocumentsAreCached(t *testing.T) {
	for name, tt := range map[string]struct {
		headers [][2]string
		want    time.Duration
	}{
		"nothing said": {nil, documentAge},
		"two minutes":  {[][2]string{{"cache-control", "max-age=120"}}, 2 * time.Minute},
		"no-store":     {[][2]string{{"cache-control", "no-store"}}, callout.MinFresh},
		"a second":     {[][2]string{{"cache-control", "max-age=1"}}, callout.MinFresh},
		"a year":       {[][2]string{{"cache-control", "public, max-age=31536000"}}, callout.MaxFresh},
	} {
		p, h := newDocumentProxy(t)
		ask := func() (*Response, *Fetch) {
			return p.Authorize(&BrowserRequest{Query: askingAs(appURL, appRedirect), Issuer: gateway})
		}
		_, first := ask()
		h.now++
		if _, second := ask(); first == nil || second != first {
			t.Fatalf("%s: %v, %v", name, first, second)
		}
		p.Tick()
		p.Tick()
		if len(h.sent) != 1 {
			t.Fatalf("%s: %d sent", name, len(h.sent))
		}
		r := callout.NewResponse(append(tt.headers, [2]string{":status", "200"}, [2]string{"content-type", "application/json"}), len(appDocument(nil)))
		r.Body = []byte(appDocument(nil))
		h.sent[0].done(r)
		h.now = h.now.Add(tt.want - 1)
		if a, wait := ask(); wait != nil || a.Status != 200 {
			t.Errorf("%s: fetched again too early", name)
		}
		h.now++
		if _, wait := ask(); wait == nil {
			t.Errorf("%s: not fetched again", name)
		}
		p.Tick()
		h.sent[1].done(r)
		h.now = h.now.Add(-time.Hour) // the clock may take long to reach that time again
		if _, wait := ask(); wait == nil {
			t.Errorf("%s: not fetched again with the clock set back", name)
		}
	}
}

// A document that cannot be had is not asked for with each request.
func TestClientDocumentBackoff(t *testing.T) {
	p, h := newDocumentProxy(t)
	ask := func() (*Response, *Fetch) {
		return p.Authorize(&BrowserRequest{Query: askingAs(appURL, appRedirect), Issuer: gateway})
	}
	for i, want := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute} {
		if _, wait := ask(); wait == nil {
			t.Fatalf("%d: not fetched", i)
		}
		p.Tick()
		h.sent[i].done(answer(500, ""))
		for _, passed := range []time.Duration{0, want - 1e6} {
			h.now = h.now.Add(passed)
			if a, wait := ask(); wait != nil {
				t.Fatalf("%d: fetched again", i)
			} else {
				wantPage(t, "backoff", a, config.TextErrorDocument, metrics.ProxyWrongClient)
			}
		}
		h.now = h.now.Add(1e6)
	}
	ask()
	p.Tick()
	h.sent[6].done(withHeader(answer(503, ""), "retry-after", "60"))
	h.now = h.now.Add(time.Minute)
	ask()
	p.Tick()
	h.sent[7].done(answer(200, appDocument(nil)))
	h.now = h.now.Add(documentAge)
	ask() // the failures before do not count any more
	p.Tick()
	h.sent[8].done(answer(500, ""))
	h.now = h.now.Add(5 * time.Second)
	if _, wait := ask(); wait == nil {
		t.Error("not fetched")
	}
	// A cluster that does not exist, and a response that never comes.
	p, h = newDocumentProxy(t)
	h.refuses = true
	_, wait := ask()
	if p.Tick(); wait.Waiting() || !strings.Contains(h.log[0], `the cluster "clients" cannot be called: bad argument`) {
		t.Errorf("log %q", h.log)
	}
	p, h = newDocumentProxy(t)
	_, lost := ask()
	p.Tick()
	h.now = h.now.Add(callout.LostAfter)
	if a, wait := ask(); wait != nil || lost.Waiting() {
		t.Error("a lost request goes on")
	} else {
		wantPage(t, "lost", a, config.TextErrorDocument, metrics.ProxyWrongClient)
	}
	h.sent[0].done(answer(200, appDocument(nil))) // too late
	if a, _ := ask(); a == nil || a.Status != 400 {
		t.Errorf("%+v", a)
	}
}

// Made-up URLs below a configured path cause a bounded number of requests and entries, and
// push out no document that is used.
func TestClientDocumentFlood(t *testing.T) {
	p, h := newDocumentProxy(t)
	v := &visitor{p: p}
	const good = "https://apps.example.com/mcp/good.json"
	query := askingAs(good, "http://localhost:1/callback")
	v.authorizeAs(t, h, query, withHeader(answer(200, appDocument(map[string]any{"client_id": good})), "", ""))
	sent := len(h.sent)
	busy := 0
	for i := range 1000 {
		a, wait := p.Authorize(&BrowserRequest{Query: askingAs("https://apps.example.com/mcp/"+strconv.Itoa(i), appRedirect), Issuer: gateway})
		if wait == nil {
			if busy++; a.Status != 503 || a.Outcome != metrics.NoRoom {
				t.Fatalf("%+v", a)
			}
		}
	}
	if p.Tick(); len(h.sent)-sent != documentBurst-1 || busy != 1000-documentBurst+1 {
		t.Errorf("%d sent, %d busy", len(h.sent)-sent, busy)
	}
	// The other source has its own budget, and the known document its place.
	if page := v.authorizeAs(t, h, askingAs(appURL, appRedirect), answer(200, appDocument(nil))); page.Status != 200 {
		t.Errorf("%+v", page)
	}
	for _, s := range h.sent[sent:] {
		s.done(answer(404, ""))
	}
	for i := range 200 {
		h.now = h.now.Add(documentInterval)
		_, wait := p.Authorize(&BrowserRequest{Query: askingAs("https://apps.example.com/mcp/x"+strconv.Itoa(i), appRedirect), Issuer: gateway})
		if wait == nil {
			t.Fatal(i)
		}
		p.Tick()
		h.sent[len(h.sent)-1].done(answer(404, ""))
	}
	if n := len(p.sources[1].known); n != maxDocuments {
		t.Errorf("%d known", n)
	}
	sent = len(h.sent)
	if page := v.authorizeAs(t, h, query, callout.Response{}); page.Status != 200 || len(h.sent) != sent {
		t.Errorf("the known document was fetched again: %+v", page)
	}
	// All places taken by requests under way: no more.
	for i := range maxDocuments + 8 {
		h.now = h.now.Add(documentInterval / 8)
		p.Authorize(&BrowserRequest{Query: askingAs("https://apps.example.com/mcp/y"+strconv.Itoa(i), appRedirect), Issuer: gateway})
	}
	if n := len(p.sources[1].known); n != maxDocuments {
		t.Errorf("%d known", n)
	}
}

// The page shows nothing of a document as HTML.
func TestClientDocumentIsEscaped(t *testing.T) {
	p, h := newDocumentProxy(t)
	document := answer(200, appDocument(map[string]any{"client_name": "<script>alert(1)</script>\u202e\n" + strings.Repeat("x", 100)}))
	page := (&visitor{p: p}).authorizeAs(t, h, askingAs(appURL, appRedirect), document)
	if text := string(page.HTML); strings.Contains(text, "<script>") || !strings.Contains(text, "&lt;script&gt;") || strings.Contains(text, "\u202e") || !strings.Contains(text, "…") {
		t.Error(text)
	}
}

// Whatever a document holds, its client sends codes only where it may.
func FuzzClientDocument(f *testing.F) {
	p, _ := newDocumentProxy(f)
	f.Add(appDocument(nil))
	f.Add(`{"client_id":"` + appURL + `","client_name":"\u0041","redirect_uris":["http://127.0.0.1:80@evil.example/"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		r := answer(200, text)
		c, problem := p.readDocument(appURL, &r)
		if problem != "" {
			return
		}
		var d map[string]any
		if err := json.Unmarshal([]byte(text), &d); err != nil || d["client_id"] != appURL {
			t.Fatalf("%q is accepted: %v", text, err)
		}
		for _, uri := range c.redirectURIs {
			u, err := url.Parse(strings.ToLower(uri))
			if p.allowsRedirectURI(uri) {
				continue
			}
			if err != nil || u.User != nil || u.Fragment != "" || !(u.Scheme == "https" && u.Host == "clients.example.com" ||
				u.Scheme == "http" && (u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost") || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1")) {
				t.Errorf("%q is allowed", uri)
			}
		}
	})
}
