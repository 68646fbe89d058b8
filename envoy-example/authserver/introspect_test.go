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
	var issued tokenAnswer
	res, err := http.PostForm(s.Endpoint("token"), url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"gateway"}, "client_secret": {"a secret: %"}, "resource": {resource}, "scope": {"read:notes"},
	})
	if status := read(t, res, err, &issued); status != 200 || issued.AccessToken == "" || strings.Count(issued.AccessToken, ".") == 2 {
		t.Fatalf("status %d, token %q", status, issued.AccessToken)
	}
	introspect := func(token, secret string) (status int, answer map[string]any) {
		req, err := http.NewRequest("POST", s.Endpoint("introspect"), strings.NewReader(url.Values{"token": {token}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth("gateway", url.QueryEscape(secret)) // RFC 6749 section 2.3.1
		res, err := http.DefaultClient.Do(req)
		return read(t, res, err, &answer), answer
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
}
