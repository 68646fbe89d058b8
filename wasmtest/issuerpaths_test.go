package wasmtest

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

// twoProviders is a configuration with two providers at one origin, for a resource each.
func twoProviders() object {
	server := func(name string, proxy object) object {
		at := "https://" + name + ".example.com"
		return object{"issuer": at, "cluster": name, "jwks": keySet(rsaKey), "oauth_proxy": with(object{
			"client_id": "gateway at " + name, "client_secret": clientSecret, "signing_key": signingKey, "issuer_path": "/" + name,
			"authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "revocation_endpoint": at + "/revoke",
			"redirect_uris": []string{"http://127.0.0.1/callback"}, "client_id_metadata_documents": []object{{"url": appURL, "cluster": "clients"}},
		}, proxy)}
	}
	at := func(name string) object {
		return object{"resource": "https://mcp.example.com/" + name, "authorization_servers": []string{"https://" + name + ".example.com"}}
	}
	return object{
		"allow_on_headers_stop_iteration": true,
		"authorization_servers":           []object{server("one", nil), server("two", object{"path_prefix": "/oauth"})},
		"resources":                       []object{at("one"), at("two")},
	}
}

// Each of two providers at one origin has its issuer, its metadata at each place where
// clients look for it (RFC 8414, sections 3.1 and 5), and its endpoints.
func TestIssuersWithPaths(t *testing.T) {
	h := newHost(t, Options{HeadersStopIteration: true})
	vm := start(t, h, twoProviders())
	for name, prefix := range map[string]string{"one": "/one", "two": "/two/oauth"} {
		issuer := gatewayOrigin + "/" + name
		s := vm.Request(request("GET", "/.well-known/oauth-protected-resource/"+name))
		if wantStatus(t, s, 200); !strings.Contains(string(s.Local().Body), `"authorization_servers":["`+issuer+`"]`) {
			t.Errorf("%s", s.Local().Body)
		}
		var documents []string
		for _, place := range []string{"/.well-known/oauth-authorization-server/" + name, "/.well-known/openid-configuration/" + name, "/" + name + "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/" + name + "/"} {
			s := vm.Request(request("GET", place))
			wantStatus(t, s, 200)
			documents = append(documents, string(s.Local().Body))
		}
		var d map[string]any
		if err := json.Unmarshal([]byte(documents[0]), &d); err != nil {
			t.Fatal(err)
		}
		for _, other := range documents[1:] {
			if other != documents[0] {
				t.Errorf("%s, want %s", other, documents[0])
			}
		}
		for member, want := range map[string]string{"issuer": issuer, "authorization_endpoint": gatewayOrigin + prefix + "/authorize", "token_endpoint": gatewayOrigin + prefix + "/token",
			"registration_endpoint": gatewayOrigin + prefix + "/register", "revocation_endpoint": gatewayOrigin + prefix + "/revoke"} {
			if d[member] != want {
				t.Errorf("%s: %v, want %s", member, d[member], want)
			}
		}
		user, client := &person{vm: vm, prefix: prefix}, register(t, vm, prefix)
		page := user.get(prefix + authorizing(url.Values{"client_id": {client}}))
		if wantStatus(t, page, 200); !strings.Contains(string(page.Local().Body), `<form method="post" action="`+prefix+`/authorize">`) {
			t.Errorf("%s", page.Local().Body)
		}
		form := post(vm, prefix+"/authorize", formType, pageForm(t, page, "agree"), [2]string{"cookie", user.cookie}, [2]string{"origin", gatewayOrigin})
		wantStatus(t, form, 303)
		u, err := url.Parse(form.Local().Headers.Get("location"))
		if err != nil || u.Host != name+".example.com" || u.Query().Get("redirect_uri") != gatewayOrigin+prefix+"/callback" || u.Query().Get("client_id") != "gateway at "+name {
			t.Errorf("%s", form.Local().Headers.Get("location"))
		}
		back := user.get(prefix + "/callback?" + url.Values{"code": {"c"}, "state": {u.Query().Get("state")}}.Encode())
		wantStatus(t, back, 302)
		if got := back.Local().Headers.Get("location"); !strings.HasPrefix(got, callback+"?") || !strings.HasSuffix(got, "&iss="+url.QueryEscape(issuer)) {
			t.Errorf("%s", got)
		}
	}
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/three", "/authorize", "/two/authorize", "/.well-known/openid-configuration/one/x", "/one/x/.well-known/openid-configuration"} {
		s := vm.Request(request("GET", path))
		if s.Local() == nil || s.Local().Status != 404 && s.Local().Status != 401 {
			t.Errorf("%s: %s", path, describe(s))
		}
	}
}

// register returns the ID of a new client.
func register(t *testing.T, vm *VM, prefix string) string {
	t.Helper()
	s := post(vm, prefix+"/register", "application/json", toJSON(object{"client_name": "the client", "redirect_uris": []string{callback}}))
	wantStatus(t, s, 201)
	var d struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal(s.Local().Body, &d); err != nil {
		t.Fatal(err)
	}
	return d.ID
}

// Nothing that one issuer has given away passes at the other, though both have one signing
// key: no client ID, no cookie, no form, no state, no code and no refresh token.
func TestValuesOfAnotherIssuer(t *testing.T) {
	h := newHost(t, Options{HeadersStopIteration: true})
	vm := start(t, h, twoProviders())
	answerForms := func() {
		h.Run(time.Second, func() {
			for len(h.Callouts()) > 0 {
				c := h.Callouts()[0]
				if c.Cluster != "two" && c.Headers.Get(":path") == "/token" {
					t.Errorf("the cluster %s was asked", c.Cluster)
				}
				if c.Cluster == "clients" {
					c.Answer("200", jsonHeaders, documentOf(nil))
					continue
				}
				c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(`{"access_token":"t","token_type":"Bearer","refresh_token":"r"}`))
			}
		})
	}
	const one, two = "/one", "/two/oauth"
	client := register(t, vm, two)
	wantStatus(t, vm.Request(request("GET", one+authorizing(url.Values{"client_id": {client}}))), 400)

	// Both know the client by its document.
	query := authorizing(url.Values{"client_id": {appURL}, "redirect_uri": {appRedirect}})
	user := &person{vm: vm, prefix: two}
	page, elsewhere := user.get(two+query), (&person{vm: vm}).get(one+query)
	answerForms()
	user.keep(page)
	wantStatus(t, elsewhere, 200)
	// The form, with the cookie under the name that the other issuer reads too.
	own, _, _ := strings.Cut(elsewhere.Local().Headers.Get("set-cookie"), "=")
	_, value, _ := strings.Cut(user.cookie, "=")
	both := [2]string{"cookie", user.cookie + "; " + own + "=" + value}
	wantStatus(t, post(vm, one+"/authorize", formType, pageForm(t, page, "agree"), both), 400)
	to := user.press(t, page, "agree")
	wantStatus(t, to, 303)
	u, _ := url.Parse(to.Local().Headers.Get("location"))
	_, value, _ = strings.Cut(user.cookie, "=")
	both[1] = user.cookie + "; " + own + "=" + value
	// The agreement.
	if s := vm.Request(request("GET", one+query, both)); s.Local() == nil || s.Local().Status != 200 {
		t.Errorf("an agreement at another issuer: %s", describe(s))
	}
	callback := "/callback?" + url.Values{"code": {"c"}, "state": {u.Query().Get("state")}}.Encode()
	wantStatus(t, vm.Request(request("GET", one+callback, both)), 400)
	back := user.get(two + callback)
	wantStatus(t, back, 302)
	returned, _ := url.Parse(back.Local().Headers.Get("location"))
	exchange := form(url.Values{"client_id": {appURL}, "redirect_uri": {appRedirect}, "code": {returned.Query().Get("code")}})
	wantError(t, post(vm, one+"/token", formType, exchange), 400, "invalid_grant")
	s := post(vm, two+"/token", formType, exchange)
	answerForms()
	wantStatus(t, s, 200)
	var tokens struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(s.Local().Body, &tokens); err != nil {
		t.Fatal(err)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {appURL}, "refresh_token": {tokens.Refresh}}.Encode()
	wantError(t, post(vm, one+"/token", formType, refresh), 400, "invalid_grant")
	s = post(vm, two+"/token", formType, refresh)
	answerForms()
	wantStatus(t, s, 200)
}
