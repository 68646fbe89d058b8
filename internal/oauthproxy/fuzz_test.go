package oauthproxy

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"mcpauth/config"
	"mcpauth/internal/callout"
)

// FuzzAuthorizationRequest: a redirection goes to the provider with the gateway's client and an
// allowed redirect URI, as net/url reads it, or back to an allowed redirect URI.
func FuzzAuthorizationRequest(f *testing.F) {
	f.Add(asking(nil))
	f.Add(asking(url.Values{"prompt": {"none"}}))
	f.Add(asking(nil) + "&redirect%5furi=https://evil.example/cb")
	f.Add(asking(url.Values{"redirect_uri": {"http://localhost:1@evil.example/callback"}}))
	for _, callback := range []bool{false, true} {
		p, _ := newProxy(f, func(how *config.OAuthProxy) { how.Callback = callback })
		query := asking(url.Values{"state": {"https://evil.example/cb x"}})
		if u, err := url.Parse(p.Authorize(query, gateway).Location); err == nil {
			f.Add(u.RawQuery)
		}
	}
	plain, _ := newProxy(f, nil)
	back, _ := newProxy(f, func(how *config.OAuthProxy) { how.Callback = true })
	f.Fuzz(func(t *testing.T, query string) {
		for _, p := range []*Proxy{plain, back} {
			a := p.Authorize(query, gateway)
			if a.Location == "" {
				continue
			}
			asked, err := url.ParseQuery(query)
			if err != nil && !strings.Contains(query, ";") {
				t.Fatalf("%q redirects to %q", query, a.Location)
			}
			u, err := url.Parse(a.Location)
			if err != nil || strings.ContainsAny(a.Location, " \r\n\x00\\") {
				t.Fatalf("%q redirects to %q: %v", query, a.Location, err)
			}
			q := u.Query()
			if u.Host == "login.example.com" {
				uri := q.Get("redirect_uri")
				if p == back && uri == gateway+"/callback" {
					uri, _, _ = strings.Cut(q.Get("state"), " ")
				}
				if !p.allowsRedirectURI(uri) || len(q["redirect_uri"]) != 1 || q.Get("client_id") != "gate:way" || q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" {
					t.Errorf("%q redirects to %q", query, a.Location)
				}
			} else if uri := asked.Get("redirect_uri"); !strings.HasPrefix(a.Location, uri) || !p.allowsRedirectURI(uri) || q.Get("error") == "" {
				t.Errorf("%q redirects to %q", query, a.Location)
			}
		}
	})
}

// FuzzAuthorizationResponse: a response of the provider goes to an allowed redirect URI alone.
func FuzzAuthorizationResponse(f *testing.F) {
	f.Add("code=c&state=http%3A%2F%2Flocalhost%3A3000%2Fcallback+s")
	f.Add("code=c&state=https%3A%2F%2Fevil.example%2F+s&iss=https://login.example.com")
	p, _ := newProxy(f, func(how *config.OAuthProxy) { how.Callback = true })
	f.Fuzz(func(t *testing.T, query string) {
		a := p.Callback(query, gateway)
		if a.Location == "" {
			return
		}
		got, err := url.ParseQuery(query)
		if err != nil && !strings.Contains(query, ";") {
			t.Fatalf("%q redirects to %q", query, a.Location)
		}
		uri, _, _ := strings.Cut(got.Get("state"), " ")
		u, err := url.Parse(a.Location)
		if err != nil || !p.allowsRedirectURI(uri) || !strings.HasPrefix(a.Location, uri) || u.Query().Get("iss") != gateway || u.Query().Get("code") != got.Get("code") {
			t.Errorf("%q redirects to %q", query, a.Location)
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
		a := p.Register("application/json", []byte(body))
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
