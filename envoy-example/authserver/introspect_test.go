package authserver

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// An opaque token is worth what the introspection endpoint says, which speaks
// to clients alone.
func TestIntrospection(t *testing.T) {
	s := start(t, Options{Opaque: true, Clients: []Client{{ID: "gateway", Secret: "a secret: %"}}})
	issued, status := s.exchangeWith(t, "gateway", "a secret: %", url.Values{
		"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {"read:notes"},
	})
	if status != 200 || issued.AccessToken == "" || strings.Count(issued.AccessToken, ".") == 2 {
		t.Fatalf("status %d, token %q", status, issued.AccessToken)
	}
	send := func(token string, authenticate func(*http.Request)) (status int, answer map[string]any) {
		req, err := http.NewRequest("POST", s.Endpoint("introspect"), strings.NewReader(url.Values{"token": {token}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		authenticate(req)
		res, err := http.DefaultClient.Do(req)
		return read(t, res, err, &answer), answer
	}
	introspect := func(token, secret string) (int, map[string]any) {
		return send(token, func(r *http.Request) { r.SetBasicAuth("gateway", url.QueryEscape(secret)) }) // RFC 6749 section 2.3.1
	}
	if status, a := introspect(issued.AccessToken, "a secret: %"); status != 200 || a["active"] != true || a["sub"] != "gateway" || a["scope"] != "read:notes" || a["exp"] == nil {
		t.Errorf("a good token: %d %v", status, a)
	}
	if status, a := introspect("x"+issued.AccessToken, "a secret: %"); status != 200 || a["active"] != false {
		t.Errorf("another token: %d %v", status, a)
	}
	if status, a := introspect(issued.AccessToken, "another secret"); status != 401 || a["active"] != nil {
		t.Errorf("another secret: %d %v", status, a)
	}
	another, _ := s.exchangeWith(t, "gateway", "a secret: %", url.Values{"grant_type": {"client_credentials"}, "resource": {resource}})
	if status, a := send(issued.AccessToken, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+another.AccessToken) }); status != 401 || a["active"] != nil {
		t.Errorf("an access token in the place of a client's secret: %d %v", status, a)
	}
}
