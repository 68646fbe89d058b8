package wasmtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
)

const signingKey = "the key of the tests has 32 bytes"

// sealed is what the gateway at gatewayOrigin gives away: see internal/oauthproxy.
func sealed(purpose string, fields ...string) string { return sealedAt("", purpose, fields...) }

// sealedAt is what the gateway gives away as the issuer with a path.
func sealedAt(path, purpose string, fields ...string) string {
	var b []byte
	for _, f := range fields {
		b = append(binary.AppendUvarint(b, uint64(len(f))), f...)
	}
	sum := func(key, text string) string {
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(text))
		return string(m.Sum(nil))
	}
	encode := base64.RawURLEncoding.EncodeToString
	text, context := encode(b), purpose+" "+gatewayOrigin+path
	if purpose != "client" {
		context += " " + issuer
	}
	return text + "." + encode([]byte(sum(sum(signingKey, "mcpauth 1 "+context), text)))
}

const gatewayOrigin = "https://mcp.example.com"

// What a client was given when the host's clock began: its ID for some redirect URIs, a code
// and a refresh token in place of the provider's.
var (
	begin       = strconv.FormatInt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), 10)
	proxyClient = clientWith("the client", callback, "https://app.example.com/cb")
	codeOfProxy = codeAt(begin, "c")
)

func clientWith(name string, uris ...string) string {
	return sealed("client", append([]string{begin, name}, uris...)...)
}

// nowOf returns the host's time in seconds.
func nowOf(h *Host) string { return strconv.FormatInt(h.Clock().Now().Unix(), 10) }

func clientWithAt(h *Host, name string, uris ...string) string {
	return sealed("client", append([]string{nowOf(h), name}, uris...)...)
}

func clientHash(id string) string {
	sum := sha256.Sum256(append(binary.AppendUvarint(nil, uint64(len(id))), id...))
	return string(sum[:])
}

func codeAt(seconds, code string) string {
	return sealed("code", seconds, clientHash(proxyClient), callback, codeChallenge, code, "")
}

// refreshToken is the refresh token that stands for one of the provider.
func refreshToken(token string) string { return sealed("refresh", clientHash(proxyClient), token, "") }

// unsealed returns the code of the provider in a sealed code: the fifth field.
func unsealed(t *testing.T, value string) string {
	t.Helper()
	text, _, _ := strings.Cut(value, ".")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	code := ""
	for range 5 {
		n, used := binary.Uvarint(b)
		if used <= 0 || int(n) > len(b)-used {
			t.Fatalf("%q has fewer than five fields", text)
		}
		code, b = string(b[used:used+int(n)]), b[used+int(n):]
	}
	return code
}

// A person is a browser, with its cookie, and who presses the button of the page.
type person struct {
	vm     *VM
	prefix string // path_prefix
	cookie string
}

func (p *person) keep(s *Stream) *Stream {
	if s.Local() == nil {
		return s
	}
	if set := s.Local().Headers.Get("set-cookie"); set != "" {
		p.cookie, _, _ = strings.Cut(set, ";")
	}
	return s
}

func (p *person) get(path string) *Stream {
	more := [][2]string{}
	if p.cookie != "" {
		more = append(more, [2]string{"cookie", p.cookie})
	}
	return p.keep(p.vm.Request(request("GET", path, more...)))
}

// press sends the form of a page.
func (p *person) press(t *testing.T, page *Stream, decision string) *Stream {
	t.Helper()
	if p.keep(page).Local() == nil {
		t.Fatal(describe(page))
	}
	wantStatus(t, page, 200)
	return p.keep(post(p.vm, p.prefix+"/authorize", formType, pageForm(t, page, decision), [2]string{"cookie", p.cookie}, [2]string{"origin", "null"}))
}

func pageForm(t *testing.T, page *Stream, decision string) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(page.Local().Body), `name="request" value="`)
	value, _, _ := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no form in %s", page.Local().Body)
	}
	return url.Values{"request": {value}, "decision": {decision}}.Encode()
}

// agree presses the button that agrees, and returns where the provider is asked.
func (p *person) agree(t *testing.T, page *Stream) *url.URL {
	t.Helper()
	s := page
	if page.Local() == nil || page.Local().Status == 200 {
		s = p.press(t, page, "agree")
		wantStatus(t, s, 303)
	} else {
		wantStatus(t, s, 302)
	}
	u, err := url.Parse(s.Local().Headers.Get("location"))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// signIn goes to the gateway and agrees.
func signIn(t *testing.T, vm *VM, path string) *url.URL {
	t.Helper()
	prefix, _, _ := strings.Cut(path, "/authorize")
	p := &person{vm: vm, prefix: prefix}
	return p.agree(t, p.get(path))
}

// wantPage checks a page for users: nothing of another site is in it, no site may show it in
// a frame, and no cache keeps it.
func wantPage(t *testing.T, s *Stream, status int, text string) {
	t.Helper()
	wantStatus(t, s, status)
	wantCSP := "default-src 'none'; style-src 'sha256-"
	h := s.Local().Headers
	for name, want := range map[string]string{"content-type": "text/html; charset=utf-8", "cache-control": "no-store", "x-frame-options": "DENY",
		"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "access-control-allow-origin": ""} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	body := string(s.Local().Body)
	_, style, _ := strings.Cut(body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	wantCSP += base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
	if got := h.Get("content-security-policy"); got != wantCSP {
		t.Errorf("content-security-policy %q, want %q", got, wantCSP)
	}
	if !strings.Contains(body, text) || strings.Contains(body, "<script") || h.Has("location") {
		t.Errorf("no %q, or a script, in %v %s", text, h, body)
	}
}

// The way of a user through the built file, and what is refused on it.
func TestConsent(t *testing.T) {
	h, vm, p := proxyVM(t, object{"consent_page": object{"title": "Example & Co."}})
	user := &person{vm: vm}
	page := user.get(authorizing(url.Values{"scope": {"read:notes"}, "resource": {resource}}))
	wantPage(t, page, 200, "<bdi>the client</bdi>")
	for _, want := range []string{"Example &amp; Co.", "an application on this computer", "<li><bdi dir=\"ltr\">read:notes</bdi></li>", resource} {
		if !strings.Contains(string(page.Local().Body), want) {
			t.Errorf("no %s in %s", want, page.Local().Body)
		}
	}
	if set := page.Local().Headers.Get("set-cookie"); !strings.HasPrefix(set, "__Host-mcpauth-") || !strings.HasSuffix(set, "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure") {
		t.Errorf("set-cookie %q", set)
	}
	to := user.agree(t, page)
	back := "/callback?" + url.Values{"code": {"c"}, "state": {to.Query().Get("state")}}.Encode()
	stranger := &person{vm: vm}
	wantPage(t, stranger.get(back), 400, "another browser")
	stranger.get(authorizing(nil))
	wantPage(t, stranger.get(back), 400, "another browser")
	wantPage(t, user.get(strings.Replace(back, "state=", "state=A", 1)), 400, "changed or cut off")
	s := user.get(back)
	wantStatus(t, s, 302)
	if got := s.Local().Headers.Get("location"); !strings.HasPrefix(got, callback+"?code=") || !strings.HasSuffix(got, "&state=s&iss=https%3A%2F%2Fmcp.example.com") {
		t.Fatal(got)
	}
	wantPage(t, user.get(back), 400, "completed before")
	code, _ := url.Parse(s.Local().Headers.Get("location"))
	s = post(vm, "/token", formType, form(url.Values{"code": {code.Query().Get("code")}}))
	p.run(h, time.Second)
	wantStatus(t, s, 200)

	// The user has agreed: no page. HTTP/2 may split the cookies.
	if got := user.get(authorizing(url.Values{"scope": {"read:notes"}, "resource": {resource}})); got.Local().Status != 302 {
		t.Error(describe(got))
	}
	s = vm.Request(request("GET", authorizing(url.Values{"scope": {"read:notes"}, "resource": {resource}}), [2]string{"cookie", "a=b"}, [2]string{"cookie", user.cookie}))
	wantStatus(t, s, 302)
	wantPage(t, user.get(authorizing(nil)), 200, "the client") // other scopes

	page = stranger.get(authorizing(nil))
	s = stranger.press(t, page, "deny")
	wantStatus(t, s, 303)
	if got := s.Local().Headers.Get("location"); !strings.HasPrefix(got, callback+"?error=access_denied&") || !strings.HasSuffix(got, "&state=s&iss=https%3A%2F%2Fmcp.example.com") {
		t.Error(got)
	}
	wantPage(t, post(vm, "/authorize", formType, pageForm(t, page, "agree")), 400, "another browser")
	wantPage(t, post(vm, "/authorize", formType, pageForm(t, page, "agree"), [2]string{"cookie", stranger.cookie}, [2]string{"origin", "https://evil.example"}), 400, "changed")
	wantPage(t, post(vm, "/authorize", formType, pageForm(t, page, "agree"), [2]string{"cookie", stranger.cookie}, [2]string{"origin", "null"}, [2]string{"origin", "null"}), 400, "changed")
	wantStatus(t, post(vm, "/authorize", formType, strings.Repeat("x", 70_000)), 413)
	wantPage(t, vm.Request(request("POST", "/authorize", [2]string{"content-type", formType})), 400, "changed")
	h.Run(10*time.Minute, nil)
	wantPage(t, post(vm, "/authorize", formType, pageForm(t, page, "agree"), [2]string{"cookie", stranger.cookie}), 400, "too long")

	h.Run(2*time.Second, nil)
	for reason, want := range map[string]uint64{"asked": 4, "declined": 1, "redirected": 3, "returned": 1, "wrong_state": 7} {
		if got := h.Counter("mcpauth_requests_total.result=oauth_proxy.reason=" + reason); got != want {
			t.Errorf("%s: %d, want %d", reason, got, want)
		}
	}
	for _, secret := range []string{user.cookie, to.Query().Get("state"), code.Query().Get("code"), signingKey} {
		if strings.Contains(h.LogText(), secret) {
			t.Errorf("the log has %s", secret)
		}
	}
}

// A state counts once in all workers, which share nothing but the host's memory.
func TestStateCountsOnceInAllWorkers(t *testing.T) {
	h := newHost(t, Options{HeadersStopIteration: true})
	first, second := start(t, h, proxying(nil, nil)), start(t, h, proxying(nil, nil))
	newUpstreamServer().run(h, 2*time.Second)
	user := &person{vm: first}
	page := user.get(authorizing(nil))
	user.vm = second // the page of one worker, the answer in another
	to := user.agree(t, page)
	back := "/callback?" + url.Values{"code": {"c"}, "state": {to.Query().Get("state")}}.Encode()
	wantStatus(t, user.get(back), 302)
	user.vm = first
	wantPage(t, user.get(back), 400, "completed before")
}

// A link of an attacker, whose client bears a name that the user knows, and a provider that
// does not ask: no code reaches the attacker.
func TestConfusedDeputyInTheBuiltFile(t *testing.T) {
	_, vm, _ := proxyVM(t, object{"redirect_uris": []string{"http://127.0.0.1/callback", "https://shared.example/apps/*"}})
	victim, attacker := &person{vm: vm}, &person{vm: vm}
	first := victim.agree(t, victim.get(authorizing(nil)))
	wantStatus(t, victim.get("/callback?"+url.Values{"code": {"c"}, "state": {first.Query().Get("state")}}.Encode()), 302)
	s := post(vm, "/register", "application/json", `{"client_name":"the client","redirect_uris":["https://shared.example/apps/attacker"]}`)
	wantStatus(t, s, 201)
	evil := gjson.GetBytes(s.Local().Body, "client_id").String()
	link := authorizing(url.Values{"client_id": {evil}, "redirect_uri": {"https://shared.example/apps/attacker"}})
	wantPage(t, victim.get(link), 200, `<dd class="large"><bdi dir="ltr">shared.example</bdi></dd>`)
	state := attacker.agree(t, attacker.get(link)).Query().Get("state")
	wantPage(t, victim.get("/callback?"+url.Values{"code": {"stolen"}, "state": {state}}.Encode()), 400, "another browser")
}

// Registrations and requests are kept nowhere: eight thousand leave the memory where it was.
func TestRegistrationsTakeNoMemory(t *testing.T) {
	h, vm, _ := proxyVM(t, nil)
	user := &person{vm: vm}
	round := func(n int) {
		for i := range n {
			s := post(vm, "/register", "application/json", `{"client_name":"`+strconv.Itoa(i)+`","redirect_uris":["`+callback+`"]}`)
			wantStatus(t, s, 201)
			id := gjson.GetBytes(s.Local().Body, "client_id").String()
			s.Close()
			page := user.get(authorizing(url.Values{"client_id": {id}}))
			if s = user.press(t, page, "agree"); s.Local().Status != 303 {
				t.Fatal(describe(s))
			}
			page.Close()
			s.Close()
		}
		h.Run(time.Second, nil)
	}
	shared := func() (n int) {
		for _, name := range h.SharedData().Keys() {
			value, _ := h.SharedData().Get(name)
			n += len(name) + len(value)
		}
		return n
	}
	round(4000) // until the collector has found its pace
	memory, data := vm.MemorySize(), shared()
	round(8000)
	if got := vm.MemorySize(); got != memory {
		t.Errorf("%d bytes of memory, %d before", got, memory)
	}
	if got := shared(); got != data {
		t.Errorf("%d bytes of shared data, %d before", got, data)
	}
}
