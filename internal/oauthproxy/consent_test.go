package oauthproxy

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
	"mcpauth/internal/once"
)

// The attacks of MCP's security best practices ("Confused Deputy Problem"): a user has
// consented to one client before, the provider does not ask again, and an attacker has a
// client and a link of their own.
func TestConfusedDeputy(t *testing.T) {
	p, h := newProxy(t, func(how *config.OAuthProxy) { how.RedirectURIs = append(how.RedirectURIs, "https://evil.example/*") })
	victim, attacker := &visitor{p: p}, &visitor{p: p}
	agreed := victim.signIn(t, asking(nil))
	if a := victim.callback(url.Values{"code": {"first"}, "state": {agreed.Query().Get("state")}}); a.Status != 302 {
		t.Fatalf("%+v", a)
	}
	// The worst case: the attacker's redirect URI is one that the operator allows, and the
	// attacker's client bears the name of the one to which the user has agreed.
	evil := newTestClient("a client", "https://evil.example/cb")
	link := asking(url.Values{"client_id": {evil.id}, "redirect_uri": {"https://evil.example/cb"}})
	if a := victim.authorize(link); a.Status != 200 || a.Location != "" || a.Outcome != metrics.ProxyAsked || !strings.Contains(string(a.HTML), `<bdi dir="ltr">evil.example</bdi>`) {
		t.Errorf("the link of the attacker: %+v %s", a, a.HTML)
	}
	// The attacker agrees in a browser of their own, and sends the victim to the provider.
	state := attacker.signIn(t, link).Query().Get("state")
	wantPage(t, "the provider's link of the attacker", victim.callback(url.Values{"code": {"stolen"}, "state": {state}}), config.TextErrorOtherBrowser, metrics.ProxyWrongState)
	// The attacker's page sends the form of the attacker's browser, or one without a page.
	page := attacker.authorize(asking(url.Values{"client_id": {evil.id}, "redirect_uri": {"https://evil.example/cb"}, "prompt": {"consent"}}))
	for name, body := range map[string]string{"the attacker's form": formOf(t, page, "agree"), "no request": "decision=agree", "a request unsealed": link + "&decision=agree"} {
		a := one(p.Decide(&FormRequest{ContentType: formType, Body: body, Issuer: gateway}, victim.cookie, ""))
		if a.Location != "" || a.Status != 400 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	// No other way leads to the attacker's redirect URI with the client of the victim.
	wantPage(t, "the victim's client with the attacker's URI", victim.authorize(asking(url.Values{"redirect_uri": {"https://evil.example/cb"}})), config.TextErrorRedirect, metrics.ProxyRefused)
	wantPage(t, "the attacker's client with another URI", victim.authorize(asking(url.Values{"client_id": {evil.id}, "redirect_uri": {"https://evil.example/other"}})), config.TextErrorRedirect, metrics.ProxyRefused)
	// A code that has leaked is of no use to the attacker's client.
	stolen := exchanging(url.Values{"client_id": {evil.id}})
	if a, c := p.Exchange(&FormRequest{ContentType: formType, Body: stolen, Issuer: gateway}); c != nil || a.Code != "invalid_grant" || a.Outcome != metrics.ProxyWrongGrant {
		t.Errorf("a stolen code: %+v", a)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {evil.id}, "refresh_token": {testToken}}.Encode()
	if a, c := p.Exchange(&FormRequest{ContentType: formType, Body: refresh, Issuer: gateway}); c != nil || a.Code != "invalid_grant" || a.Outcome != metrics.ProxyWrongGrant {
		t.Errorf("a stolen refresh token: %+v", a)
	}
	if p.Tick(); len(h.sent) != 0 {
		t.Errorf("%d forms have reached the provider", len(h.sent))
	}
}

// Users see who asks, where the code goes, for what, and how far; nothing that a client
// sends becomes markup.
func TestConsentPage(t *testing.T) {
	p, _ := newProxy(t, func(how *config.OAuthProxy) { how.ExtraScopes = []string{"openid"} })
	const script = `<script>alert("1")</script>&'`
	for name, tt := range map[string]struct {
		client *client
		uri    string
		has    []string
	}{
		"https":            {testClient, "https://app.example.com/cb?x=1", []string{`<bdi>a client</bdi>`, `<dd class="large"><bdi dir="ltr">app.example.com</bdi></dd>`, `<bdi dir="ltr">https://app.example.com/cb?x=1</bdi>`}},
		"loopback":         {testClient, "http://localhost:3000/callback", []string{">" + config.TextLoopback.Default() + " <", "http://localhost:3000/callback"}},
		"a private scheme": {testClient, "com.example.app:/cb", []string{">" + config.TextPrivateScheme.Default() + ` <bdi dir="ltr">com.example.app:</bdi>`}},
		"no name":          {newTestClient("", "com.example.app:/cb"), "com.example.app:/cb", []string{">" + config.TextUnnamed.Default() + "<"}},
		"markup":           {newTestClient(script, "com.example.app:/cb"), "com.example.app:/cb", []string{html.EscapeString(script)[:20]}},
	} {
		query := asking(url.Values{"client_id": {tt.client.id}, "redirect_uri": {tt.uri}, "scope": {"read:x " + `"><script>`}, "resource": {gateway + "/notes", `"><script>`}})
		a := (&visitor{p: p}).authorize(query)
		text := string(a.HTML)
		for _, want := range append(tt.has, "<li><bdi dir=\"ltr\">read:x</bdi></li>", "<li><bdi dir=\"ltr\">openid</bdi></li>", "<dd><bdi dir=\"ltr\">"+gateway+"/notes</bdi></dd>", `&quot;&gt;&lt;script&gt;`) {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in %s", name, want, text)
			}
		}
		if a.Status != 200 || strings.Contains(strings.ToLower(text), "<script") || strings.Contains(text, "javascript:") || strings.Contains(text, "//cdn") {
			t.Errorf("%s: %d %s", name, a.Status, text)
		}
		// The button that agrees comes first, so that Enter means it too.
		if yes, no := strings.Index(text, `value="agree"`), strings.Index(text, `value="deny"`); yes < 0 || no < yes {
			t.Errorf("%s: buttons at %d and %d", name, yes, no)
		}
		if got := regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(text, -1); len(got) != 2 || got[0][1] != "data:," || got[1][1] != "/authorize" {
			t.Errorf("%s: references %v", name, got)
		}
	}
}

// The policy allows the style of the pages: CSP 3, section 8.4.
func TestContentSecurityPolicy(t *testing.T) {
	sum := sha256.Sum256([]byte(style))
	if want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.Contains(ContentSecurityPolicy, want) {
		t.Errorf("%s has no %s", ContentSecurityPolicy, want)
	}
}

// Where the provider does not get the client's resource, the page does not promise it.
func TestConsentPageWithoutResource(t *testing.T) {
	p, _ := newProxy(t, func(how *config.OAuthProxy) { how.OmitResource = true })
	a := (&visitor{p: p}).authorize(asking(url.Values{"resource": {gateway + "/notes"}}))
	if text := string(a.HTML); strings.Contains(text, gateway+"/notes") || !strings.Contains(text, `<dd><bdi dir="ltr">`+gateway+"</bdi></dd>") {
		t.Error(text)
	}
}

// The texts, the title, the logo and the language are the operator's.
func TestConsentPageTexts(t *testing.T) {
	p, _ := newProxy(t, func(how *config.OAuthProxy) {
		how.Page = config.ConsentPage{Title: `Bücher & "Co."`, Logo: "data:image/gif;base64,R0lGODlh", Language: "de"}
		for i := range config.TextCount {
			how.Page.Texts[i] = "<" + config.Text(i).Name() + ">"
		}
		how.PathPrefix = "/oauth"
	})
	v := &visitor{p: p}
	pages := string(v.authorize(asking(nil)).HTML) + string(v.authorize(asking(url.Values{"redirect_uri": {"com.example.app:/cb"}})).HTML) +
		string(v.authorize(asking(url.Values{"client_id": {newTestClient("", "com.example.app:/cb").id}, "redirect_uri": {"com.example.app:/cb"}})).HTML) +
		string(v.authorize("").HTML) + string(v.callback(nil).HTML)
	for _, want := range []string{`<html lang="de">`, `<img alt="" src="data:image/gif;base64,R0lGODlh">`, `<span>Bücher &amp; &quot;Co.&quot;</span>`, `action="/oauth/authorize"`} {
		if !strings.Contains(pages, want) {
			t.Errorf("no %s in %s", want, pages)
		}
	}
	for i := range config.TextCount {
		text := config.Text(i)
		if strings.Contains(pages, ">"+html.EscapeString(text.Default())+"<") {
			t.Errorf("%s is not replaced", text.Name())
		}
	}
	for _, text := range []config.Text{config.TextHeading, config.TextAgree, config.TextDeny, config.TextWarning, config.TextUnnamed, config.TextErrorClient, config.TextErrorAltered} {
		if !strings.Contains(pages, "&lt;"+text.Name()+"&gt;") {
			t.Errorf("no %s in %s", text.Name(), pages)
		}
	}
}

// altered returns a text with another character at i.
func altered(text string, i int) string {
	other := "A"
	if text[i] == 'A' {
		other = "B"
	}
	return text[:i] + other + text[i+1:]
}

func TestClientNames(t *testing.T) {
	for name, want := range map[string]string{
		"":                           "",
		"Visual Studio Code":         "Visual Studio Code",
		" a \t\r\n b\u00a0\u2003c ":  "a b c",
		"a\u202egpj.exe\u202c":       "agpj.exe",
		"a\u200b\u200d\u2066b\u2069": "ab",
		"Z\u0351\u036f\u0489algo":    "Zalgo",
		"\x00\x1b[31mred\x7f\u0085":  "[31mred",
		"Büchér 日本語 😀":               "Büchér 日本語 😀",
		"\ufeff\U000e0041\ue000x":    "x",
		"a\xffb":                     "ab",
		strings.Repeat("x", 100):     strings.Repeat("x", 64) + "…",
	} {
		if got := cleanName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// A user who has agreed is asked again about what they have not agreed to, and after a time.
func TestAgreementIsRemembered(t *testing.T) {
	p, h := newProxy(t, nil)
	v := &visitor{p: p}
	v.signIn(t, asking(nil))
	if a := v.authorize(asking(nil)); a.Status != 302 || a.Outcome != metrics.ProxyRedirected {
		t.Fatalf("%+v", a)
	}
	// Another port of loopback is the same application (RFC 8252).
	if a := v.authorize(asking(url.Values{"redirect_uri": {"http://localhost:4000/callback"}})); a.Status != 302 {
		t.Errorf("another port: %+v", a)
	}
	for name, members := range map[string]url.Values{
		"another client of the same name": {"client_id": {newTestClient("a client", "http://localhost:3000/callback", "https://app.example.com/cb?x=2").id}},
		"another redirect URI":            {"redirect_uri": {"https://app.example.com/cb?x=1"}},
		"more scopes":                     {"scope": {"admin"}},
		"another resource":                {"resource": {gateway + "/admin"}},
		"a client that wants it":          {"prompt": {"login consent"}},
	} {
		if a := v.authorize(asking(members)); a.Status != 200 || a.Outcome != metrics.ProxyAsked {
			t.Errorf("%s: %+v", name, a)
		}
	}
	cookie := v.cookie
	for name, changed := range map[string]string{
		"no cookie": "", "a cookie of another name": "x" + cookie, "an altered cookie": altered(cookie, len(cookie)-1), "two cookies": cookie + "; " + cookie,
		"a cookie cut off": strings.SplitN(cookie, ".", 2)[0], "a cookie in quotes": strings.Replace(cookie, "=", `="`, 1) + `"`,
	} {
		v.cookie = changed
		if a := v.authorize(asking(nil)); a.Status != 200 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	v.cookie = "a=b; " + cookie + " ;c=d"
	if a := v.authorize(asking(nil)); a.Status != 302 {
		t.Errorf("among other cookies: %+v", a)
	}
	v.cookie = cookie
	h.now = h.now.Add(p.cfg.ConsentMaxAge)
	if a := v.authorize(asking(nil)); a.Status != 200 {
		t.Errorf("after consent_max_age_seconds: %+v", a)
	}
	// The cookie has room for the newest agreements.
	for i := range maxAgreements + 1 {
		v.signIn(t, asking(url.Values{"scope": {"s" + strconv.Itoa(i)}}))
	}
	for i, want := range map[int]uint32{0: 200, 1: 302, maxAgreements: 302} {
		if a := v.authorize(asking(url.Values{"scope": {"s" + strconv.Itoa(i)}})); a.Status != want {
			t.Errorf("agreement %d: %d, want %d", i, a.Status, want)
		}
	}
	if len(v.cookie) > 1500 {
		t.Errorf("the cookie has %d bytes", len(v.cookie))
	}
	// With 0 the gateway asks each time.
	p.cfg.ConsentMaxAge = 0
	v.signIn(t, asking(nil))
	if a := v.authorize(asking(nil)); a.Status != 200 {
		t.Errorf("consent_max_age_seconds 0: %+v", a)
	}
}

// The attributes that MCP's security best practices demand ("Consent Cookie Security").
func TestConsentCookie(t *testing.T) {
	p, _ := newProxy(t, nil)
	v := &visitor{p: p}
	page := v.authorize(asking(nil))
	want := regexp.MustCompile(`^__Host-mcpauth-[A-Za-z0-9_-]{8}=[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure$`)
	if !want.MatchString(page.Cookie) {
		t.Error(page.Cookie)
	}
	// The browser keeps its cookie, whose time begins anew: it must last until the callback.
	if again := v.authorize(asking(nil)); again.Cookie != page.Cookie {
		t.Errorf("a new cookie for a browser that has one: %s", again.Cookie)
	}
	p.cfg.ConsentMaxAge = 30 * 24 * time.Hour
	if a := v.press(t, page, "agree"); !strings.Contains(a.Cookie, "; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure") {
		t.Error(a.Cookie)
	}
	const local = "http://127.0.0.1:8080"
	c := &client{name: "x", issued: start, redirectURIs: []string{"http://localhost/callback"}}
	a := one(p.Authorize(&BrowserRequest{Query: asking(url.Values{"client_id": {signer.sealClient(local, c)}}), Issuer: local}))
	if !strings.HasPrefix(a.Cookie, "mcpauth-") || strings.Contains(a.Cookie, "Secure") || !strings.HasSuffix(a.Cookie, "; HttpOnly; SameSite=Lax") {
		t.Errorf("%q", a.Cookie)
	}
	// The cookie has no text of which a URL has a copy.
	if state := v.signIn(t, asking(nil)).Query().Get("state"); strings.Contains(v.cookie, state) {
		t.Error(v.cookie)
	}
}

// The form counts from the page, in the browser and in the minutes for which it was made.
func TestDecide(t *testing.T) {
	p, h := newProxy(t, nil)
	v := &visitor{p: p}
	page := v.authorize(asking(nil))
	a := v.press(t, page, "deny")
	u, err := url.Parse(a.Location)
	if err != nil || a.Status != 303 || a.Outcome != metrics.ProxyDeclined || a.Cookie != "" || !strings.HasPrefix(a.Location, "http://localhost:3000/callback?") {
		t.Fatalf("%+v", a)
	}
	if q := u.Query(); q.Get("error") != "access_denied" || q.Get("state") != "s t&a=te" || q.Get("iss") != gateway || len(q) != 4 {
		t.Errorf("%v", q)
	}
	if again := v.authorize(asking(nil)); again.Status != 200 {
		t.Errorf("after a cancellation: %+v", again)
	}
	decide := func(body, cookies, origin, contentType string) *Response {
		return one(p.Decide(&FormRequest{ContentType: contentType, Body: body, Issuer: gateway}, cookies, origin))
	}
	form := formOf(t, page, "agree")
	other := &visitor{p: p}
	other.authorize(asking(nil))
	for name, tt := range map[string]struct {
		a    *Response
		text config.Text
		o    metrics.Outcome
	}{
		"no cookie":           {decide(form, "", "null", formType), config.TextErrorOtherBrowser, metrics.ProxyWrongState},
		"another browser":     {decide(form, other.cookie, "null", formType), config.TextErrorOtherBrowser, metrics.ProxyWrongState},
		"another site":        {decide(form, v.cookie, "https://evil.example", formType), config.TextErrorAltered, metrics.ProxyRefused},
		"another port":        {decide(form, v.cookie, gateway+":8443", formType), config.TextErrorAltered, metrics.ProxyRefused},
		"another type":        {decide(form, v.cookie, "", "text/plain"), config.TextErrorAltered, metrics.ProxyRefused},
		"no decision":         {decide(strings.Replace(form, "decision=agree", "", 1), v.cookie, "", formType), config.TextErrorAltered, metrics.ProxyRefused},
		"another decision":    {decide(form+"x", v.cookie, "", formType), config.TextErrorAltered, metrics.ProxyWrongState},
		"two decisions":       {decide(form+"&decision=deny", v.cookie, "", formType), config.TextErrorAltered, metrics.ProxyRefused},
		"nothing":             {decide("", v.cookie, "", formType), config.TextErrorAltered, metrics.ProxyWrongState},
		"a state":             {decide(url.Values{"decision": {"agree"}, "request": {other.signIn(t, asking(nil)).Query().Get("state")}}.Encode(), v.cookie, "", formType), config.TextErrorAltered, metrics.ProxyWrongState},
		"a request by itself": {decide(url.Values{"decision": {"agree"}, "request": {asking(nil)}}.Encode(), v.cookie, "", formType), config.TextErrorAltered, metrics.ProxyWrongState},
	} {
		wantPage(t, name, tt.a, tt.text, tt.o)
	}
	for _, origin := range []string{"", "null", gateway} {
		if a := decide(form, v.cookie, origin, formType); a.Status != 303 || a.Outcome != metrics.ProxyRedirected {
			t.Errorf("origin %q: %+v", origin, a)
		}
	}
	h.now = h.now.Add(maxPageAge)
	wantPage(t, "late", decide(form, v.cookie, "", formType), config.TextErrorExpired, metrics.ProxyWrongState)
	// The configuration may have changed since.
	page = v.authorize(asking(nil))
	p.cfg.RedirectURIs = []string{"https://app.example.com/cb?x=1"}
	wantPage(t, "a redirect URI that is allowed no more", v.press(t, page, "agree"), config.TextErrorRedirect, metrics.ProxyRefused)
	if log := strings.Join(h.log, "\n"); !strings.Contains(log, `a user has cancelled the request of the client "a client"`) || !strings.Contains(log, `for the client "a client" (`+label(testClient.hash())+`) the redirect URI "http://localhost:3000/callback" was refused`) {
		t.Errorf("log:\n%s", log)
	}
}

// A provider's response counts once, in the browser of the user who has agreed, in the
// minutes after that.
func TestCallback(t *testing.T) {
	p, h := newProxy(t, func(how *config.OAuthProxy) { how.PathPrefix = "/oauth" })
	v, other := &visitor{p: p}, &visitor{p: p}
	other.signIn(t, asking(nil))
	state := func() string {
		u := v.signIn(t, asking(nil))
		if q := u.Query(); q.Get("redirect_uri") != gateway+"/oauth/callback" {
			t.Fatal(q)
		}
		return u.Query().Get("state")
	}
	for name, tt := range map[string]struct{ response, want url.Values }{
		"a code":        {url.Values{"code": {"c&d"}, "scope": {"x"}}, url.Values{"code": {"c&d"}}},
		"and an issuer": {url.Values{"code": {"c"}, "iss": {"https://login.example.com"}}, url.Values{"code": {"c"}}},
		"an error":      {url.Values{"error": {"access_denied"}, "error_description": {"no"}}, url.Values{"error": {"access_denied"}, "error_description": {"no"}}},
		"both":          {url.Values{"error": {"server_error"}, "code": {"c"}}, url.Values{"error": {"server_error"}}},
	} {
		tt.response.Set("state", state())
		a := v.callback(tt.response)
		u, err := url.Parse(a.Location)
		if err != nil || a.Status != 302 || a.Outcome != metrics.ProxyReturned || u.Scheme+"://"+u.Host+u.Path != "http://localhost:3000/callback" {
			t.Errorf("%s: %+v %s", name, a, a.HTML)
			continue
		}
		got := u.Query()
		if sealed := got.Get("code"); sealed != "" {
			code, problem := p.openCode(&tokenRequest{Code: sealed, CodeVerifier: verifier}, testClient, gateway)
			if got.Set("code", code.text); problem != "" {
				t.Errorf("%s: %s", name, problem)
			}
		}
		tt.want.Set("state", "s t&a=te")
		tt.want.Set("iss", gateway)
		if got.Encode() != tt.want.Encode() {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		wantPage(t, name+", twice", v.callback(tt.response), config.TextErrorUsed, metrics.ProxyWrongState)
	}
	good := state()
	for name, tt := range map[string]struct {
		by       *visitor
		response url.Values
		text     config.Text
		o        metrics.Outcome
	}{
		"another browser": {other, url.Values{"code": {"c"}, "state": {good}}, config.TextErrorOtherBrowser, metrics.ProxyWrongState},
		"no cookie":       {&visitor{p: p}, url.Values{"code": {"c"}, "state": {good}}, config.TextErrorOtherBrowser, metrics.ProxyWrongState},
		"nothing":         {v, url.Values{}, config.TextErrorAltered, metrics.ProxyWrongState},
		"no state":        {v, url.Values{"code": {"c"}}, config.TextErrorAltered, metrics.ProxyWrongState},
		"an altered one":  {v, url.Values{"code": {"c"}, "state": {altered(good, 20)}}, config.TextErrorAltered, metrics.ProxyWrongState},
		"the old form":    {v, url.Values{"code": {"c"}, "state": {"http://localhost:3000/callback s"}}, config.TextErrorAltered, metrics.ProxyWrongState},
		"the secret":      {v, url.Values{"code": {secret}}, config.TextErrorAltered, metrics.ProxyWrongState}, // nobody can guess at it for nothing
		"two states":      {v, url.Values{"code": {"c"}, "state": {good, good}}, config.TextErrorAltered, metrics.ProxyWrongState},
		"two codes":       {v, url.Values{"code": {"c", "d"}, "state": {good}}, config.TextErrorAltered, metrics.ProxyWrongState},
		"too long":        {v, url.Values{"code": {strings.Repeat("c", maxResponse)}, "state": {good}}, config.TextErrorAltered, metrics.ProxyWrongState},
		"neither":         {v, url.Values{"state": {good}}, config.TextErrorResponse, metrics.ProxyRefused},
		"another issuer":  {v, url.Values{"code": {"c"}, "state": {good}, "iss": {"https://evil.example"}}, config.TextErrorResponse, metrics.ProxyRefused},
		"another's slash": {v, url.Values{"code": {"c"}, "state": {good}, "iss": {"https://login.example.com/"}}, config.TextErrorResponse, metrics.ProxyRefused},
		"a cookie":        {v, url.Values{"code": {"c"}, "state": {strings.SplitN(v.cookie, "=", 2)[1]}}, config.TextErrorAltered, metrics.ProxyWrongState},
	} {
		wantPage(t, name, tt.by.callback(tt.response), tt.text, tt.o)
	}
	// None of these has used it up.
	if a := v.callback(url.Values{"code": {"c"}, "state": {good}}); a.Status != 302 {
		t.Errorf("%+v", a)
	}
	good = state()
	p.cfg.RedirectURIs = p.cfg.RedirectURIs[:1] // a reload in between
	wantPage(t, "a redirect URI that is allowed no more", v.callback(url.Values{"code": {"c"}, "state": {good}}), config.TextErrorRedirect, metrics.ProxyRefused)
	p.cfg.RedirectURIs = append(p.cfg.RedirectURIs, "http://localhost/callback")
	late := state()
	h.now = h.now.Add(maxStateAge)
	wantPage(t, "late", v.callback(url.Values{"code": {"c"}, "state": {late}}), config.TextErrorExpired, metrics.ProxyWrongState)
	if log := strings.Join(h.log, "\n"); !strings.Contains(log, "for the client "+label(testClient.hash())+" was not good") {
		t.Errorf("log:\n%s", log)
	}
}

// A state counts once in all workers together, which share memory that is bounded.
func TestStateIsUsedOnce(t *testing.T) {
	p, h := newProxy(t, nil)
	worker := New(p.server, nil, false, h, p.random)
	worker.Ready()
	v := &visitor{p: p}
	response := url.Values{"code": {"c"}, "state": {v.signIn(t, asking(nil)).Query().Get("state")}}
	if a := v.callback(response); a.Status != 302 {
		t.Fatalf("%+v", a)
	}
	v.p = worker
	wantPage(t, "in another worker", v.callback(response), config.TextErrorUsed, metrics.ProxyWrongState)

	p, h = newProxy(t, nil)
	nonce := func(i int) string { return "\x00" + strconv.Itoa(1_000_000+i) + "12345678" }
	first := &state{nonce: nonce(0), issued: h.now}
	for i := range usedRecords {
		if got := p.useState(&state{nonce: nonce(i), issued: h.now}); got != nil {
			t.Fatalf("use %d: %v", i, got)
		}
	}
	if a, b := p.useState(&state{nonce: nonce(usedRecords), issued: h.now}), p.useState(first); a != once.ErrFull || b != once.ErrUsed {
		t.Errorf("%v, %v", a, b)
	}
	size := 0
	for name, value := range h.data {
		if size += len(value); len(value) > usedRecords*usedSize {
			t.Errorf("%s has %d bytes", name, len(value))
		}
	}
	// A record is kept for as long as its state may come, and then gives its place back.
	h.now = h.now.Add(maxStateAge - time.Second)
	if got := p.useState(first); got != once.ErrUsed {
		t.Errorf("just before it expires: %v", got)
	}
	h.now = h.now.Add(2 * time.Minute)
	if got := p.useState(&state{nonce: nonce(usedRecords), issued: h.now}); got != nil {
		t.Errorf("after the others have expired: %v", got)
	}
	h.data, h.noData = map[string][]byte{}, true
	v.p = p
	if a := v.callback(url.Values{"code": {"c"}, "state": {v.signIn(t, asking(nil)).Query().Get("state")}}); a.Status != 503 || a.Location != "" || a.Outcome != metrics.NoRoom {
		t.Errorf("without shared values: %+v", a)
	}
}

// A visitor who signs in eighty times a second, for as long as states last, keeps nobody out.
func TestManyStates(t *testing.T) {
	p, h := newProxy(t, nil)
	for i := range 80 * int((maxStateAge+time.Minute)/time.Second) {
		if got := p.useState(&state{nonce: p.newRandom(), issued: h.now}); got != nil {
			t.Fatalf("use %d: %v", i, got)
		}
	}
}

// Two workers that use one state at the same moment: the second finds the number of the
// value changed, and looks again.
func TestStateIsUsedOnceAtOneMoment(t *testing.T) {
	p, h := newProxy(t, nil)
	s := &state{nonce: "\x01234567812345678", issued: h.now}
	if got := p.useState(&state{nonce: "\x01another345678", issued: h.now}); got != nil { // the value exists
		t.Fatal(got)
	}
	race := &racingHost{fakeHost: h}
	other := New(p.server, nil, false, race, p.random)
	race.between = func() {
		if got := p.useState(s); got != nil {
			t.Errorf("the first: %v", got)
		}
	}
	if got := other.useState(s); got != once.ErrUsed {
		t.Errorf("the second: %v", got)
	}
}

// racingHost calls between after the first value is loaded that exists.
type racingHost struct {
	*fakeHost
	between func()
}

func (h *racingHost) Load(name string) ([]byte, uint32) {
	value, cas := h.fakeHost.Load(name)
	if f := h.between; f != nil && cas != 0 {
		h.between = nil
		f()
	}
	return value, cas
}

// Without random numbers nothing goes on.
func TestNoRandomNumbers(t *testing.T) {
	p, _ := newProxy(t, nil)
	v := &visitor{p: p}
	page := v.authorize(asking(nil))
	p.random = func([]byte) bool { return false }
	for name, a := range map[string]*Response{"the page": (&visitor{p: p}).authorize(asking(nil)), "the state": v.press(t, page, "agree")} {
		if a.Status != 500 || a.Location != "" || a.Cookie != "" || a.Outcome != metrics.HostFault {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// A sealed value is of one purpose, one issuer and a key that is in use.
func TestSealed(t *testing.T) {
	s := sealer{[]string{signingKey}, provider}
	value := s.seal(forState, gateway, "a", "", "b\x00\xff")
	if got, ok := s.open(forState, gateway, value, 3); !ok || !slices.Equal(got, []string{"a", "", "b\x00\xff"}) {
		t.Errorf("%q, %v", got, ok)
	}
	if value == s.seal(forState, gateway, "a", "b\x00\xff", "") || s.seal(forState, gateway, "ab", "") == s.seal(forState, gateway, "a", "b") {
		t.Error("other fields give the same value")
	}
	rotated := sealer{[]string{"fedcba9876543210fedcba9876543210", signingKey}, provider}
	if _, ok := rotated.open(forState, gateway, value, 3); !ok {
		t.Error("the second key does not verify")
	}
	if _, ok := s.open(forState, gateway, rotated.seal(forState, gateway, "a"), 1); ok {
		t.Error("the second key signs")
	}
	text, mac, _ := strings.Cut(value, ".")
	for name, tt := range map[string]struct {
		s      sealer
		p      purpose
		issuer string
		value  string
		n      int
	}{
		"another purpose":          {s, forConsent, gateway, value, 3},
		"another issuer":           {s, forState, gateway + "/a", value, 3},
		"another provider":         {sealer{s.keys, "https://other.example.com"}, forState, gateway, value, 3},
		"another key":              {sealer{rotated.keys[:1], provider}, forState, gateway, value, 3},
		"another number of fields": {s, forState, gateway, value, 2},
		"another text":             {s, forState, gateway, text + "A." + mac, 3},
		"padding":                  {s, forState, gateway, text + "=." + mac, 3},
		"a line break":             {s, forState, gateway, text + "\n." + mac, 3},
		"another code":             {s, forState, gateway, text + "." + mac[:42] + "A", 3},
		"a longer code":            {s, forState, gateway, value + "A", 3},
		"a third part":             {s, forState, gateway, value + ".A", 3},
		"no code":                  {s, forState, gateway, text + ".", 3},
		"no dot":                   {s, forState, gateway, text, 3},
		"nothing":                  {s, forState, gateway, "", 3},
	} {
		if got, ok := tt.s.open(tt.p, tt.issuer, tt.value, tt.n); ok {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// What was sealed is read back as it was, and any other text is refused without a fault.
func FuzzSealed(f *testing.F) {
	s := sealer{[]string{signingKey}, provider}
	f.Add("a", "b", s.seal(forCode, gateway, "a", "b"))
	f.Fuzz(func(t *testing.T, a, b, value string) {
		if got, ok := s.open(forCode, gateway, s.seal(forCode, gateway, a, b), 2); !ok || got[0] != a || got[1] != b {
			t.Errorf("%q", got)
		}
		if got, ok := s.open(forCode, gateway, value, -1); ok && s.seal(forCode, gateway, got...) != value {
			t.Errorf("%q is read as %q", value, got)
		}
		splitFields(value, -1)
	})
}

// A registration lasts for a time, for one issuer, and while a key that signed it is in use.
func TestClientIDs(t *testing.T) {
	p, h := newProxy(t, nil)
	valid := func() bool {
		_, ok := p.registeredClient(testClient.id, gateway)
		return ok
	}
	if !valid() {
		t.Fatal("the client is refused")
	}
	if _, ok := p.registeredClient(testClient.id, "https://other.example.com"); ok {
		t.Error("the client of another issuer")
	}
	h.now = start - callout.UnixMilli(2*time.Minute/time.Millisecond)
	if valid() {
		t.Error("a registration of the future")
	}
	h.now = start + callout.UnixMilli(p.cfg.ClientMaxAge/time.Millisecond)
	if valid() {
		t.Error("an old registration")
	}
	wantPage(t, "an old registration", (&visitor{p: p}).authorize(asking(nil)), config.TextErrorClient, metrics.ProxyWrongClient)
	if a, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(nil), Issuer: gateway}); c != nil || a.Code != "invalid_client" || a.Outcome != metrics.ProxyWrongClient {
		t.Errorf("%+v", a)
	}
	h.now = start
	p.sealer.keys = []string{"fedcba9876543210fedcba9876543210", signingKey}
	if !valid() {
		t.Error("a key that was replaced does not count")
	}
	p.sealer.keys = p.sealer.keys[:1]
	if valid() {
		t.Error("a key that was removed counts")
	}
	// The ID is part of every request: it must not grow without end.
	long := `{"redirect_uris":[` + strings.Repeat(`"https://app.example.com/`+strings.Repeat("x", 500)+`",`, 7) + `"com.example.app:/cb"]}`
	p, _ = newProxy(t, func(how *config.OAuthProxy) { how.RedirectURIs = []string{"https://app.example.com/*"} })
	if a := p.Register("application/json", []byte(strings.Replace(long, "com/", "com/a/", -1)), gateway); a.Status != 400 {
		t.Errorf("%+v", a)
	}
}

// A code is bound to the client, its redirect URI and its PKCE challenge, and does not last.
func TestCodes(t *testing.T) {
	other := newTestClient("another", "http://localhost:3000/callback")
	for name, tt := range map[string]struct {
		change url.Values
		after  time.Duration
		want   string
	}{
		"as it was given":           {nil, 0, ""},
		"no redirect URI":           {url.Values{"redirect_uri": nil}, 0, ""},
		"another redirect URI":      {url.Values{"redirect_uri": {"com.example.app:/cb"}}, 0, "redirect_uri is not that"},
		"another port":              {url.Values{"redirect_uri": {"http://localhost:3001/callback"}}, 0, "redirect_uri is not that"},
		"the gateway's own":         {url.Values{"redirect_uri": {gateway + "/callback"}}, 0, "redirect_uri is not that"},
		"another client":            {url.Values{"client_id": {other.id}}, 0, "of another client"},
		"another verifier":          {url.Values{"code_verifier": {verifier + "x"}}, 0, "code_verifier is not that"},
		"a code of the provider":    {url.Values{"code": {"c+o/d e"}}, 0, "not one of this server"},
		"an altered code":           {url.Values{"code": {"A" + testCode[1:]}}, 0, "not one of this server"},
		"a refresh token":           {url.Values{"code": {testToken}}, 0, "not one of this server"},
		"a code that is too old":    {nil, maxCodeAge, "has expired"},
		"a code of the last second": {nil, maxCodeAge - time.Second, ""},
	} {
		p, h := newProxy(t, nil)
		h.now = h.now.Add(tt.after)
		a, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(tt.change), Issuer: gateway})
		if (c != nil) != (tt.want == "") || a != nil && (a.Code != "invalid_grant" || a.Status != 400 || a.Outcome != metrics.ProxyWrongGrant || !strings.Contains(a.Description, tt.want)) {
			t.Errorf("%s: %+v", name, a)
		}
		if log := strings.Join(h.log, "\n"); tt.want != "" && !strings.Contains(log, tt.want) || strings.Contains(log, testCode) || strings.Contains(log, verifier) {
			t.Errorf("%s: log %q", name, log)
		}
	}
}

// A refresh token is of use to the client that got it alone.
func TestRefreshTokens(t *testing.T) {
	p, h := newProxy(t, nil)
	_, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(nil), Issuer: gateway})
	p.Tick()
	h.sent[0].done(answer(200, `{"access_token":"a","refresh_token":"secret-r"}`))
	body := string(c.Response().Body)
	sealed := strings.TrimSuffix(strings.TrimPrefix(body, `{"access_token":"a","refresh_token":"`), `"}`)
	if strings.Contains(body, "secret-r") || sealed == body {
		t.Fatal(body)
	}
	refresh := func(client, token string) (*Response, *Call) {
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {token}}
		return p.Exchange(&FormRequest{ContentType: formType, Body: form.Encode(), Issuer: gateway})
	}
	other := newTestClient("a client", "com.example.app:/cb").id
	for name, bad := range map[string][2]string{"another client": {other, sealed}, "the provider's own": {testClient.id, "secret-r"}, "a code": {testClient.id, testCode}} {
		if a, c := refresh(bad[0], bad[1]); c != nil || a.Code != "invalid_grant" || a.Outcome != metrics.ProxyWrongGrant {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if a, _ := p.Revoke(&FormRequest{ContentType: formType, Body: url.Values{"client_id": {other}, "token": {sealed}}.Encode(), Issuer: gateway}); a == nil || a.Code != "invalid_grant" {
		t.Errorf("another client revokes: %+v", a)
	}
	refresh(testClient.id, sealed)
	p.Revoke(&FormRequest{ContentType: formType, Body: url.Values{"client_id": {testClient.id}, "token": {sealed}}.Encode(), Issuer: gateway})
	p.Revoke(&FormRequest{ContentType: formType, Body: url.Values{"client_id": {testClient.id}, "token": {"a"}}.Encode(), Issuer: gateway})
	p.Tick()
	var got []string
	for _, s := range h.sent[1:] {
		got = append(got, s.body)
	}
	if want := []string{"grant_type=refresh_token&refresh_token=secret-r", "token=secret-r", "token=a"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// What is no text is no refresh token.
	for _, token := range []string{`1`, `true`, `""`, `{}`, `["r"]`} {
		_, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(nil), Issuer: gateway})
		p.Tick()
		h.sent[len(h.sent)-1].done(answer(200, `{"refresh_token":`+token+`,"access_token":"a"}`))
		if got := string(c.Response().Body); got != `{"access_token":"a"}` {
			t.Errorf("%s: %s", token, got)
		}
	}
}

// Clients get scopes of the list alone, and the provider those that it needs.
func TestScopes(t *testing.T) {
	for name, tt := range map[string]struct {
		scopes, extra             []string
		refresh                   string
		asks                      string
		authorization, refreshing string // what the provider gets; "invalid_scope" if it is refused
	}{
		"no list":                {nil, nil, "", "a b", "a b", "a b"},
		"no list and no scope":   {nil, nil, "", "", "", ""},
		"within the list":        {[]string{"a", "b"}, nil, "", "b", "b", "b"},
		"more than the list":     {[]string{"a", "b"}, nil, "", "b admin", "b", "b"},
		"twice":                  {[]string{"a", "b"}, nil, "", "b  b", "b", "b"},
		"none of the list":       {[]string{"a", "b"}, nil, "", "admin", "invalid_scope", "invalid_scope"},
		"no scope":               {[]string{"a", "b"}, nil, "", "", "a b", ""},
		"added":                  {[]string{"a"}, []string{"openid", "a"}, "", "a", "a openid", "a openid"},
		"added to nothing":       {nil, []string{"openid"}, "", "", "openid", ""},
		"a scope that is added":  {[]string{"a"}, []string{"openid"}, "", "openid", "invalid_scope", "invalid_scope"},
		"a scope for refreshing": {[]string{"a"}, nil, "a api", "", "a", "a api"},
		"its own for refreshing": {[]string{"a"}, nil, "a api", "a", "a", "a"},
	} {
		p, h := newProxy(t, func(how *config.OAuthProxy) {
			how.Scopes, how.ExtraScopes, how.RefreshScope = tt.scopes, tt.extra, tt.refresh
		})
		v := &visitor{p: p}
		a := v.authorize(asking(url.Values{"scope": {tt.asks}}))
		got := ""
		if a.Location != "" {
			u, _ := url.Parse(a.Location)
			got = u.Query().Get("error")
		} else {
			got = v.signIn(t, asking(url.Values{"scope": {tt.asks}})).Query().Get("scope")
		}
		if got != tt.authorization {
			t.Errorf("%s: authorization with %q, want %q", name, got, tt.authorization)
		}
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {testClient.id}, "refresh_token": {testToken}, "scope": {tt.asks}}
		refused, _ := p.Exchange(&FormRequest{ContentType: formType, Body: form.Encode(), Issuer: gateway})
		if p.Tick(); refused != nil {
			got = refused.Code
		} else {
			sent, _ := url.ParseQuery(h.sent[0].body)
			got = sent.Get("scope")
		}
		if got != tt.refreshing {
			t.Errorf("%s: refresh with %q, want %q", name, got, tt.refreshing)
		}
	}
}

// When the gateway gets another provider under the same key, what was given out for the one
// before is of no use: the other provider must not see its codes and refresh tokens, and the
// user has not agreed to it. Registrations go on.
func TestAnotherProvider(t *testing.T) {
	before, _ := newProxy(t, nil)
	v := &visitor{p: before}
	state := v.signIn(t, asking(nil)).Query().Get("state")
	v.p, _ = newProxy(t, nil)
	v.p = New(&config.AuthorizationServer{Issuer: "https://other.example.com", OAuthProxy: v.p.cfg}, nil, false, v.p.host, v.p.random)
	wantPage(t, "a state", (&visitor{p: v.p, cookie: v.cookie}).callback(url.Values{"code": {"c"}, "state": {state}}), config.TextErrorAltered, metrics.ProxyWrongState)
	if a := v.authorize(asking(nil)); a.Outcome != metrics.ProxyAsked {
		t.Errorf("the user is not asked: %+v", a)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {testClient.id}, "refresh_token": {testToken}}.Encode()
	for name, body := range map[string]string{"a code": exchanging(nil), "a refresh token": refresh} {
		if a, c := v.p.Exchange(&FormRequest{ContentType: formType, Body: body, Issuer: gateway}); c != nil || a.Code != "invalid_grant" {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// A client gets tokens for the resources that the user has agreed to, with the code as with
// each refresh token after it, whatever the provider would give it.
func TestResourcesOfAgreement(t *testing.T) {
	const notes, bank = gateway + "/notes", "https://bank.example.com"
	for name, tt := range map[string]struct {
		agreed, named []string
		omit, ok      bool
	}{
		"the same":                       {[]string{notes}, []string{notes}, false, true},
		"with a slash":                   {[]string{gateway + "/"}, []string{gateway}, false, true},
		"none":                           {[]string{notes}, nil, false, true},
		"one of two":                     {[]string{notes, bank}, []string{bank}, false, true},
		"another":                        {[]string{notes}, []string{bank}, false, false},
		"another beside it":              {[]string{notes}, []string{notes, bank}, false, false},
		"below it":                       {[]string{notes}, []string{notes + "/x"}, false, false},
		"below the gateway":              {[]string{gateway + "/"}, []string{notes}, false, true},
		"of the gateway, for all":        {nil, []string{notes}, false, true},
		"the gateway, for all":           {nil, []string{gateway}, false, true},
		"another, for all":               {nil, []string{bank}, false, false},
		"a longer host, for all":         {nil, []string{gateway + ".evil.example/x"}, false, false},
		"what the provider does not get": {[]string{notes}, []string{bank}, true, true},
	} {
		p, h := newProxy(t, func(how *config.OAuthProxy) { how.OmitResource = tt.omit })
		v := &visitor{p: p}
		state := v.signIn(t, asking(url.Values{"resource": tt.agreed})).Query().Get("state")
		back, _ := url.Parse(v.callback(url.Values{"code": {"c"}, "state": {state}}).Location)
		exchange := func(members url.Values) *Call {
			t.Helper()
			a, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(members), Issuer: gateway})
			if c == nil && a.Code != "invalid_target" {
				t.Fatalf("%s: %+v", name, a)
			}
			return c
		}
		code := back.Query().Get("code")
		if c := exchange(url.Values{"code": {code}, "resource": tt.named}); (c != nil) != tt.ok {
			t.Errorf("%s: %v", name, c)
		}
		c := exchange(url.Values{"code": {code}})
		for range 2 { // and a refresh token that came for another
			p.Tick()
			h.sent[len(h.sent)-1].done(answer(200, `{"access_token":"a","refresh_token":"r"}`))
			_, token, _ := strings.Cut(string(c.Response().Body), `"refresh_token":"`)
			members := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {strings.TrimSuffix(token, `"}`)}, "code": nil}
			c = exchange(members)
			members["resource"] = tt.named
			if c := exchange(members); (c != nil) != tt.ok {
				t.Errorf("%s, refreshed: %v", name, c)
			}
			p.queue = p.queue[:1]
		}
	}
}

// A client that refreshes gets no scope beside those that the user has agreed to: some
// providers give their client any that it may have.
func TestScopesOfAgreement(t *testing.T) {
	for name, tt := range map[string]struct {
		list               []string
		asked, named, gets string // gets is "invalid_scope" if the request is refused
	}{
		"the same":             {nil, "a b", "a b", "a b openid"},
		"fewer":                {nil, "a b", "b", "b openid"},
		"none":                 {nil, "a", "", ""},
		"another":              {nil, "a", "admin", "invalid_scope"},
		"another beside it":    {nil, "a", "admin a", "a openid"},
		"another of the list":  {[]string{"a", "admin"}, "a", "admin", "invalid_scope"},
		"all of the list":      {[]string{"a", "admin"}, "", "admin", "admin openid"},
		"what was not asked":   {nil, "", "admin", "invalid_scope"},
		"one that is added":    {nil, "a", "openid", "openid"},
		"a part of its name":   {nil, "admin.all", "admin", "invalid_scope"},
		"one of the list gone": {[]string{"a"}, "a gone", "gone", "invalid_scope"},
	} {
		p, h := newProxy(t, func(how *config.OAuthProxy) { how.Scopes, how.ExtraScopes = tt.list, []string{"openid"} })
		v := &visitor{p: p}
		state := v.signIn(t, asking(url.Values{"scope": {tt.asked}})).Query().Get("state")
		back, _ := url.Parse(v.callback(url.Values{"code": {"c"}, "state": {state}}).Location)
		members := url.Values{"code": {back.Query().Get("code")}}
		for round := range 3 {
			refused, c := p.Exchange(&FormRequest{ContentType: formType, Body: exchanging(members), Issuer: gateway})
			got := ""
			if refused != nil {
				got = refused.Code
			} else {
				p.Tick()
				s := h.sent[len(h.sent)-1]
				sent, _ := url.ParseQuery(s.body)
				got = sent.Get("scope")
				s.done(answer(200, `{"access_token":"a","refresh_token":"r"}`))
				_, token, _ := strings.Cut(string(c.Response().Body), `"refresh_token":"`)
				members = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {strings.TrimSuffix(token, `"}`)}, "scope": {tt.named}, "code": nil}
			}
			if round > 0 && got != tt.gets {
				t.Errorf("%s, refresh %d: %q, want %q", name, round, got, tt.gets)
			}
		}
	}
}

// Forms that anybody can send do not take the line from the log that a user has agreed.
func TestAgreementIsLogged(t *testing.T) {
	p, h := newProxy(t, nil)
	p.Decide(&FormRequest{ContentType: formType, Body: "request=x&decision=agree", Issuer: gateway}, "", "")
	(&visitor{p: p}).signIn(t, asking(nil))
	if log := strings.Join(h.log, "\n"); !strings.Contains(log, "a form of the consent page was refused") || !strings.Contains(log, "a user has agreed to the client") {
		t.Error(log)
	}
}

// Without a resource, the page names the origin of the gateway, and the user agrees to all
// below it, also where the gateway is an issuer with a path.
func TestConsentWithoutResourceAtAPath(t *testing.T) {
	p, _ := newProxy(t, func(how *config.OAuthProxy) { how.IssuerPath = "/github" })
	if got := p.originOf(gateway + "/github"); got != gateway {
		t.Fatal(got)
	}
	for _, tt := range []struct {
		agreed, asked []string
		want          bool
	}{
		{nil, nil, true},
		{nil, []string{gateway + "/notes", gateway}, true},
		{nil, []string{gateway + ".evil.example/notes"}, false},
		{nil, []string{"https://other.example/notes"}, false},
		{[]string{gateway + "/notes"}, []string{gateway + "/notes/"}, true},
		{[]string{gateway + "/notes"}, []string{gateway + "/admin"}, false},
		{[]string{gateway + "/notes"}, []string{gateway + "/notes/admin"}, false},
		{[]string{gateway + "/notes"}, []string{gateway}, false},
	} {
		a := agreed{resources: tt.agreed}
		if got := a.covers(tt.asked, p.originOf(gateway+"/github")); got != tt.want {
			t.Errorf("agreed to %q, asked for %q: %v", tt.agreed, tt.asked, got)
		}
	}
}
