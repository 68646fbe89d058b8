package oauthproxy

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"mcpauth/internal/callout"
)

// FuzzAuthorizationRequest: a user who agrees goes to the provider with the gateway's client,
// its callback and a state, as net/url reads it; a mistake leads back to a redirect URI that
// the client has registered, or nowhere.
func FuzzAuthorizationRequest(f *testing.F) {
	f.Add(asking(nil))
	f.Add(asking(url.Values{"prompt": {"none"}}))
	f.Add(asking(url.Values{"state": {"https://evil.example/cb x"}}))
	f.Add(asking(nil) + "&redirect%5furi=https://evil.example/cb")
	f.Add(asking(url.Values{"redirect_uri": {"http://localhost:1@evil.example/callback"}}))
	p, _ := newProxy(f, nil)
	f.Fuzz(func(t *testing.T, query string) {
		v := &visitor{p: p}
		a := v.authorize(query)
		asked, err := url.ParseQuery(query)
		agreed := len(a.HTML) > 0 && a.Status == 200
		if agreed {
			a = v.press(t, a, "agree")
		}
		if a.Location == "" {
			if agreed {
				t.Errorf("%q: a page whose form does not count: %+v %s", query, a, a.HTML)
			}
			return
		}
		u, problem := url.Parse(a.Location)
		if err != nil && !strings.Contains(query, ";") || problem != nil || strings.ContainsAny(a.Location, " \r\n\x00\\") {
			t.Fatalf("%q redirects to %q: %v", query, a.Location, problem)
		}
		q := u.Query()
		if agreed {
			if u.Host != "login.example.com" || len(q["redirect_uri"]) != 1 || q.Get("redirect_uri") != gateway+"/callback" || len(q["state"]) != 1 ||
				q.Get("client_id") != "gate:way" || q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" {
				t.Errorf("%q redirects to %q", query, a.Location)
			}
		} else if uri := asked.Get("redirect_uri"); !strings.HasPrefix(a.Location, uri) || !testClient.allows(uri) || asked.Get("client_id") != testClient.id || q.Get("error") == "" || q.Get("code") != "" {
			t.Errorf("%q redirects to %q", query, a.Location)
		}
	})
}

// FuzzAuthorizationResponse: a response of the provider goes to the redirect URI of the request
// to which the user of this browser has agreed, or nowhere. The state is made of one that
// counts, with some bytes changed.
func FuzzAuthorizationResponse(f *testing.F) {
	f.Add("c", "", "", 0, byte(0))
	f.Add("", "access_denied", "https://login.example.com", 10, byte(1))
	f.Add("c&state=x", "", "https://evil.example", 0, byte(0))
	p, _ := newProxy(f, nil)
	f.Fuzz(func(t *testing.T, code, problem, issuer string, at int, change byte) {
		v := &visitor{p: p}
		state := []byte(v.signIn(t, asking(nil)).Query().Get("state"))
		state[max(at, -at-1)%len(state)] ^= change
		response := url.Values{"state": {string(state)}}
		for name, value := range map[string]string{"code": code, "error": problem, "iss": issuer} {
			if value != "" {
				response.Set(name, value)
			}
		}
		a := v.callback(response)
		if a.Location == "" {
			return
		}
		u, err := url.Parse(a.Location)
		if err != nil || change != 0 || !strings.HasPrefix(a.Location, "http://localhost:3000/callback?") || u.Query().Get("iss") != gateway || issuer != "" && issuer != "https://login.example.com" {
			t.Errorf("%q, changed by %d at %d, redirects to %q: %v", response, change, at, a.Location, err)
		}
	})
}

// FuzzRegistration: a registration lists only redirect URIs that are allowed and that the
// client has sent, and no secret.
func FuzzRegistration(f *testing.F) {
	for _, s := range []string{`{"redirect_uris":["http://localhost:3000/callback"]}`, `{"redirect_uris":["https://evil.example/","com.example.app:/cb"]}`, `{"redirect_uris":[7]}`, `[]`, `{"redirect_uris":["a\u0000"]}`} {
		f.Add(s)
	}
	p, _ := newProxy(f, nil)
	f.Fuzz(func(t *testing.T, body string) {
		a := p.Register("application/json", []byte(body), gateway)
		if a.Status != 201 {
			return
		}
		var asked, got struct {
			RedirectURIs []string `json:"redirect_uris"`
		}
		if err := json.Unmarshal(a.Body, &got); err != nil || strings.Contains(string(a.Body), "s3cr3t") || len(got.RedirectURIs) == 0 {
			t.Fatalf("%q: %s, %v", body, a.Body, err)
		}
		json.Unmarshal([]byte(body), &asked)
		for _, uri := range got.RedirectURIs {
			if !p.allowsRedirectURI(uri) || !slices.Contains(asked.RedirectURIs, uri) && strings.Count(body, "{")+strings.Count(strings.ToLower(body), "redirect_uris") == 2 {
				t.Errorf("%q: %q", body, uri)
			}
		}
	})
}

// FuzzTokenResponse: what a client gets of the provider's response is a flat object of known
// members, each once, and never the secret.
func FuzzTokenResponse(f *testing.F) {
	for _, s := range []string{`{"access_token":"a","token_type":"bearer","x":1}`, `{"error":"invalid_grant"}`, `{"access_token":"a","access_token":"b"}`, `{"access_token":{"a":1}}`, `{"error":7,"access_token":"a"}`, `{"access_token":"\ud800","scope":null}`} {
		f.Add(200, s)
		f.Add(400, s)
	}
	p, _ := newProxy(f, nil)
	f.Fuzz(func(t *testing.T, status int, body string) {
		r := callout.Response{Status: status, Size: len(body)}
		r.SetBody([]byte(body))
		response, _ := p.readResponse(&Call{}, &r)
		if response == nil || response.Body == nil {
			return
		}
		var object map[string]any
		if err := json.Unmarshal(response.Body, &object); err != nil {
			t.Fatalf("%q became %q: %v", body, response.Body, err)
		}
		for name, value := range object {
			if !strings.Contains(tokenMembers+errorMembers, " "+name+" ") || strings.Count(string(response.Body), `"`+name+`":`) < 1 {
				t.Errorf("%q became %q", body, response.Body)
			}
			switch value.(type) {
			case map[string]any, []any:
				t.Errorf("%q became %q", body, response.Body)
			}
		}
		if token, ok := object["access_token"].(string); response.Status == 200 && (!ok || token == "" || object["error"] != nil) {
			t.Errorf("%q became %q", body, response.Body)
		}
		if p.secret.in(string(response.Body)) {
			t.Errorf("%q became %q", body, response.Body)
		}
	})
}
