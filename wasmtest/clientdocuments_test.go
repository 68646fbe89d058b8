package wasmtest

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	appURL      = "https://clients.example.com/app.json"
	appRedirect = "https://clients.example.com/callback"
)

func documentOf(members object) []byte {
	text, err := json.Marshal(with(object{"client_id": appURL, "client_name": "An App", "redirect_uris": []string{appRedirect, "http://127.0.0.1/callback"}}, members))
	if err != nil {
		panic(err)
	}
	return text
}

// documentVM starts a plugin that accepts the document at appURL, and those below
// https://apps.example.com/.
func documentVM(t *testing.T) (*Host, *VM, *upstreamServer) {
	t.Helper()
	return proxyVM(t, object{"client_id_metadata_documents": []object{{"url": appURL, "cluster": "clients"}, {"url": "https://apps.example.com/*", "cluster": "apps"}}})
}

// nextFetch returns the request for a document that is under way.
func nextFetch(t *testing.T, h *Host) *Callout {
	t.Helper()
	h.Run(100*time.Millisecond, func() {})
	if len(h.Callouts()) != 1 {
		t.Fatalf("%d callouts", len(h.Callouts()))
	}
	return h.Callouts()[0]
}

var jsonHeaders = Headers{{"content-type", "application/json"}, {"cache-control", "max-age=600"}}

// A client whose ID is the URL of its document: users wait for one request for it, and the
// client signs them in without a registration.
func TestClientIDMetadataDocument(t *testing.T) {
	h, vm, p := documentVM(t)
	metadata := vm.Request(request("GET", "/.well-known/oauth-authorization-server"))
	wantStatus(t, metadata, 200)
	if text := string(metadata.Local().Body); !strings.Contains(text, `"client_id_metadata_document_supported":true`) || !strings.Contains(text, `"registration_endpoint"`) {
		t.Error(text)
	}
	first, second := &person{vm: vm}, &person{vm: vm}
	path := authorizing(url.Values{"client_id": {appURL}, "redirect_uri": {appRedirect}})
	page, other := first.get(path), second.get(path)
	if page.State() != Held || other.State() != Held {
		t.Fatalf("%s, %s", describe(page), describe(other))
	}
	c := nextFetch(t, h)
	if c.Cluster != "clients" || c.Headers.Get(":authority") != "clients.example.com" || c.Path() != "/app.json" || c.Headers.Get(":method") != "GET" || c.Headers.Get("cookie") != "" || c.Headers.Get("authorization") != "" {
		t.Errorf("%+v", c)
	}
	c.Answer("200", jsonHeaders, documentOf(nil))
	wantStatus(t, other, 200)
	if text := string(page.Local().Body); !strings.Contains(text, "An App") || !strings.Contains(text, `<bdi dir="ltr">clients.example.com</bdi></strong>`) {
		t.Error(text)
	}
	u := first.agree(t, page)
	back := first.get("/callback?" + url.Values{"code": {"c"}, "state": {u.Query().Get("state")}}.Encode())
	wantStatus(t, back, 302)
	returned, err := url.Parse(back.Local().Headers.Get("location"))
	if err != nil || !strings.HasPrefix(returned.String(), appRedirect+"?") {
		t.Fatal(returned, err)
	}
	s := post(vm, "/token", formType, form(url.Values{"client_id": {appURL}, "redirect_uri": {appRedirect}, "code": {returned.Query().Get("code")}}))
	p.run(h, time.Second)
	wantStatus(t, s, 200)
	if len(p.forms) != 1 {
		t.Errorf("%d forms", len(p.forms))
	}
	var tokens struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(s.Local().Body, &tokens); err != nil {
		t.Fatal(err)
	}
	s = post(vm, "/token", formType, url.Values{"grant_type": {"refresh_token"}, "client_id": {appURL}, "refresh_token": {tokens.Refresh}}.Encode())
	p.run(h, time.Second)
	wantStatus(t, s, 200)
	s = post(vm, "/token", formType, url.Values{"grant_type": {"refresh_token"}, "client_id": {proxyClient}, "refresh_token": {tokens.Refresh}}.Encode())
	wantStatus(t, s, 400)
}

// The form of the page may come when the document is no longer fresh, or to another worker:
// it waits for the document too.
func TestClientIDMetadataDocumentOfAForm(t *testing.T) {
	h, vm, _ := documentVM(t)
	other := start(t, h, proxying(object{"client_id_metadata_documents": []object{{"url": appURL, "cluster": "clients"}}}, nil))
	user := &person{vm: vm}
	path := authorizing(url.Values{"client_id": {appURL}, "redirect_uri": {appRedirect}})
	page := user.get(path)
	nextFetch(t, h).Answer("200", jsonHeaders, documentOf(nil))
	user.keep(page)
	s := (&person{vm: other, cookie: user.cookie}).press(t, page, "agree")
	if s.State() != Held {
		t.Fatal(describe(s))
	}
	nextFetch(t, h).Answer("200", Headers{{"content-type", "application/json"}, {"cache-control", "max-age=60"}}, documentOf(nil))
	wantStatus(t, s, 303)
	h.Run(time.Minute, func() {})
	s = (&person{vm: other, cookie: user.cookie}).press(t, page, "agree")
	nextFetch(t, h).Answer("200", jsonHeaders, documentOf(object{"redirect_uris": []string{"https://clients.example.com/moved"}}))
	wantStatus(t, s, 400)
}

// What goes wrong with a document ends in a page, and no request is let on.
func TestClientIDMetadataDocumentsThatFail(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(*Callout)
		want   string
	}{
		"of another client": {func(c *Callout) { c.Answer("200", jsonHeaders, documentOf(object{"client_id": appURL + "x"})) }, "its client_id is not its URL"},
		"a redirect":        {func(c *Callout) { c.Answer("302", Headers{{"location", "https://evil.example/"}}, nil) }, "redirects are not followed"},
		"10 MB":             {func(c *Callout) { c.Answer("200", jsonHeaders, make([]byte, 10<<20)) }, "too large"},
		"6 kB":              {func(c *Callout) { c.Answer("200", jsonHeaders, documentOf(object{"x": strings.Repeat("x", 6000)})) }, "more than 5 kB"},
		"a member twice": {func(c *Callout) {
			c.Answer("200", jsonHeaders, append([]byte(`{"client_id":"x",`), documentOf(nil)[1:]...))
		}, "different names"},
		"a slow host": {func(c *Callout) { c.TimeOut() }, "status 504"},
		"no answer":   {func(c *Callout) { c.Fail() }, "no answer"},
		"private_key_jwt": {func(c *Callout) {
			c.Answer("200", jsonHeaders, documentOf(object{"token_endpoint_auth_method": "private_key_jwt"}))
		}, "token_endpoint_auth_method is not none"},
	} {
		h, vm, _ := documentVM(t)
		path := authorizing(url.Values{"client_id": {appURL}, "redirect_uri": {appRedirect}})
		s := (&person{vm: vm}).get(path)
		tt.answer(nextFetch(t, h))
		wantStatus(t, s, 400)
		if text := string(s.Local().Body); !strings.Contains(text, tt.want) || s.Local().Headers.Get("content-type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %s", name, text)
		}
		again := (&person{vm: vm}).get(path)
		if wantStatus(t, again, 400); len(h.Callouts()) != 0 {
			t.Errorf("%s: asked again at once", name)
		}
	}
}

// Users wait for a slow host no longer than for one callout, in a bounded number, and made-up
// URLs cause few requests.
func TestClientIDMetadataDocumentsUnderLoad(t *testing.T) {
	h, vm, _ := documentVM(t)
	held, refused := 0, 0
	for i := range 600 {
		s := vm.Request(request("GET", authorizing(url.Values{"client_id": {"https://apps.example.com/" + strconv.Itoa(i%300)}, "redirect_uri": {callback}})))
		if s.State() == Held {
			held++
		} else if wantStatus(t, s, 503); s.Local().Headers.Get("content-type") == "text/html; charset=utf-8" {
			refused++
		}
	}
	h.Run(100*time.Millisecond, func() {})
	if len(h.Callouts()) != 8 || held != 16 || refused != 600-16 {
		t.Errorf("%d callouts, %d held, %d refused", len(h.Callouts()), held, refused)
	}
	for len(h.Callouts()) > 0 {
		h.Callouts()[0].Answer("404", nil, nil)
	}
	// One document that many wait for: 512 of them.
	held = 0
	var last *Stream
	for range 600 {
		last = vm.Request(request("GET", authorizing(url.Values{"client_id": {appURL}, "redirect_uri": {appRedirect}})))
		if last.State() == Held {
			held++
		}
	}
	if held != 512 {
		t.Errorf("%d held", held)
	}
	wantStatus(t, last, 503)
}

// A user who has waited too long gets a page, whatever becomes of the callout.
func TestClientIDMetadataDocumentsThatNeverCome(t *testing.T) {
	h, vm, _ := documentVM(t)
	s := (&person{vm: vm}).get(authorizing(url.Values{"client_id": {appURL}, "redirect_uri": {appRedirect}}))
	h.Run(11*time.Second, nil)
	wantPage(t, s, 503, "cannot read what the application publishes")
	if s.Local().Headers.Get("retry-after") == "" {
		t.Errorf("%v", s.Local().Headers)
	}
}

// However many documents users and attackers name, and however large they are, a worker
// knows a bounded number.
func TestClientIDMetadataDocumentsTakeBoundedMemory(t *testing.T) {
	h, vm, _ := documentVM(t)
	i := 0
	round := func(n int) {
		for range n {
			i++
			id := "https://apps.example.com/" + strconv.Itoa(i)
			s := vm.Request(request("GET", authorizing(url.Values{"client_id": {id}})))
			h.Run(time.Second, func() {
				for _, c := range h.Callouts() {
					if i%2 == 0 {
						c.Answer("404", nil, nil)
						continue
					}
					c.Answer("200", jsonHeaders, documentOf(object{"client_id": id, "x": strings.Repeat("x", 4000)}))
				}
			})
			if status := s.Local().Status; status != 200 && status != 400 {
				t.Fatal(describe(s))
			}
			s.Close()
		}
	}
	round(1000)
	memory := vm.MemorySize()
	round(3000)
	if got := vm.MemorySize(); got != memory {
		t.Errorf("%d bytes of memory, %d before", got, memory)
	}
}
