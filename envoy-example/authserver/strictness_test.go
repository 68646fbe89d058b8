package authserver

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const callback = "http://127.0.0.1:1/callback"

// publicClient registers a client without a secret.
func publicClient(t *testing.T, s *Server, scope string) registration {
	t.Helper()
	body, err := json.Marshal(registration{
		RedirectURIs: []string{callback}, TokenEndpointAuthMethod: "none", Scope: scope, GrantTypes: []string{"authorization_code", "refresh_token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	reg, status := register(t, s, string(body))
	if status != http.StatusCreated {
		t.Fatalf("registration: %d", status)
	}
	return reg
}

func asking(clientID, scope string) url.Values {
	q := authorizationRequest(clientID)
	q.Set("scope", scope)
	return q
}

// signIn goes through the flow and returns the answer of the token endpoint.
func signIn(t *testing.T, s *Server, clientID, scope string) tokenAnswer {
	t.Helper()
	back := authorize(t, s, asking(clientID, scope))
	a, status := s.exchange(t, codeExchange(clientID, back.Get("code")))
	if status != http.StatusOK {
		t.Fatalf("%v, then %d %+v", back, status, a)
	}
	return a
}

func codeExchange(clientID, code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "client_id": {clientID},
		"redirect_uri": {callback}, "code_verifier": {verifier}, "resource": {resource},
	}
}

// Clients get the scopes that they registered and no others, unless the server is
// lenient; the answer says which these are.
func TestClientsAreHeldToTheScopesThatTheyRegistered(t *testing.T) {
	for name, lenient := range map[string]bool{"held to them": false, "lenient": true} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{LenientScopes: lenient})
			for _, c := range []struct {
				registered, told, ask string
				refused               bool // unless the server is lenient
			}{
				{"read:notes", "read:notes", "read:notes", false},
				{"read:notes", "read:notes", "write:notes", true},
				{"read:notes", "read:notes", "read:notes write:notes", true},
				{"write:notes read:notes", "write:notes read:notes", "read:notes", false},
				{"write:notes read:notes", "write:notes read:notes", "read:notes write:notes", false},
				{"", "read:notes write:notes", "read:notes write:notes", false},
				{"read:notes", "read:notes", "", false},
			} {
				reg := publicClient(t, s, c.registered)
				told := c.told
				if lenient {
					told = "read:notes write:notes"
				}
				if reg.Scope != told {
					t.Errorf("registered with %q, told %q, want %q", c.registered, reg.Scope, told)
				}
				q := asking(reg.ClientID, c.ask)
				q.Set("state", "the state")
				back := authorize(t, s, q)
				if !c.refused || lenient {
					if back.Get("code") == "" {
						t.Errorf("registered with %q, asking for %q: %v", c.registered, c.ask, back)
					} else if a := signIn(t, s, reg.ClientID, c.ask); a.Scope != c.ask {
						t.Errorf("asking for %q: granted %q", c.ask, a.Scope)
					}
					continue
				}
				if back.Get("error") != "invalid_scope" || back.Has("code") || back.Get("state") != "the state" || back.Get("iss") != s.Issuer() {
					t.Errorf("registered with %q, asking for %q: %v", c.registered, c.ask, back)
				}
			}
		})
	}
}

// The user may hold scopes back.
func TestConsent(t *testing.T) {
	s := start(t, Options{Consent: func(a Authorization) []string { return a.Scopes[:1] }})
	reg := publicClient(t, s, "read:notes write:notes")
	a := signIn(t, s, reg.ClientID, "read:notes write:notes")
	if _, claims := checkToken(t, s, a.AccessToken); a.Scope != "read:notes" || claims["scope"] != "read:notes" {
		t.Errorf("granted %q, claims %v", a.Scope, claims)
	}
}

// A refresh token is good once, for what was granted with it; a second use ends
// all that came of it.
func TestRefreshTokensRotate(t *testing.T) {
	s := start(t, Options{})
	reg := publicClient(t, s, "read:notes write:notes")
	refresh := func(token, clientID, scope string) (tokenAnswer, int) {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {clientID}}
		if scope != "" {
			form.Set("scope", scope)
		}
		return s.exchange(t, form)
	}
	first := signIn(t, s, reg.ClientID, "read:notes")
	if a, status := refresh(first.RefreshToken, reg.ClientID, "read:notes write:notes"); status != http.StatusBadRequest || a.Error != "invalid_scope" {
		t.Errorf("more scope: %d %+v", status, a)
	}
	if a, status := refresh(first.RefreshToken, publicClient(t, s, "").ClientID, ""); status != http.StatusBadRequest || a.Error != "invalid_grant" {
		t.Errorf("another client: %d %+v", status, a)
	}
	second, status := refresh(first.RefreshToken, reg.ClientID, "read:notes")
	if status != http.StatusOK || second.RefreshToken == "" || second.RefreshToken == first.RefreshToken || second.Scope != "read:notes" {
		t.Fatalf("refresh: %d %+v", status, second)
	}
	if a, status := refresh(first.RefreshToken, reg.ClientID, ""); status != http.StatusBadRequest || a.Error != "invalid_grant" {
		t.Errorf("used before: %d %+v", status, a)
	}
	if a, status := refresh(second.RefreshToken, reg.ClientID, ""); status != http.StatusBadRequest || a.Error != "invalid_grant" {
		t.Errorf("after a second use of its predecessor: %d %+v", status, a)
	}
}

// Who gets refresh tokens is the server's choice.
func TestWhoGetsRefreshTokens(t *testing.T) {
	offline := []string{"read:notes", "offline_access"}
	for _, c := range []struct {
		name            string
		options         Options
		register, ask   string
		refresh, listed bool
	}{
		{"all that registered the grant", Options{}, "read:notes", "read:notes", true, true},
		{"who asks for offline_access", Options{Scopes: offline}, "read:notes offline_access", "read:notes offline_access", true, true},
		{"who does not", Options{Scopes: offline}, "read:notes offline_access", "read:notes", false, true},
		{"nobody", Options{NoRefreshTokens: true}, "read:notes", "read:notes", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, c.options)
			reg := publicClient(t, s, c.register)
			if got := len(reg.GrantTypes) == 2; got != c.listed {
				t.Errorf("grant types %q", reg.GrantTypes)
			}
			if a := signIn(t, s, reg.ClientID, c.ask); (a.RefreshToken != "") != c.refresh {
				t.Errorf("refresh token %q", a.RefreshToken)
			}
			var m metadata
			res, err := http.Get(s.Issuer() + "/.well-known/openid-configuration")
			read(t, res, err, &m)
			if got := strings.Contains(strings.Join(m.GrantTypesSupported, " "), "refresh_token"); got != c.listed {
				t.Errorf("grant types in the metadata %q", m.GrantTypesSupported)
			}
		})
	}
}

// Redirect URIs are compared byte for byte, but for the port of a loopback address
// (RFC 8252 section 7.3). Nothing is sent to one that does not match.
func TestRedirectURIs(t *testing.T) {
	s := start(t, Options{})
	reg, _ := register(t, s, `{"redirect_uris":["http://127.0.0.1:1/callback","http://localhost:1/callback","https://app.example.com/cb?a=b"],"token_endpoint_auth_method":"none"}`)
	only := publicClient(t, s, "")
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for uri, want := range map[string]bool{
		"http://127.0.0.1:1/callback": true, "http://127.0.0.1:5/callback": true, "http://localhost:1/callback": true, "https://app.example.com/cb?a=b": true,
		"http://127.0.0.1:1/callback/": false, "http://127.0.0.1:1/other": false, "http://127.0.0.1:1/callback?x=y": false, "http://[::1]:1/callback": false,
		"http://localhost:5/callback": false, "https://127.0.0.1:1/callback": false, "https://app.example.com/cb": false, "https://app.example.com:444/cb?a=b": false,
		"https://evil.example.com/": false, "": false,
	} {
		for _, id := range []string{reg.ClientID, only.ClientID} {
			if uri != "" && id == only.ClientID {
				continue
			}
			q := authorizationRequest(id)
			q.Set("redirect_uri", uri)
			res, err := c.Get(s.Endpoint("authorize") + "?" + q.Encode())
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if got := res.Header.Get("Location") != ""; got != want || !want && res.StatusCode != http.StatusBadRequest {
				t.Errorf("%q: status %d, Location %q", uri, res.StatusCode, res.Header.Get("Location"))
			}
		}
	}
}

// A code is good for its client, its redirect URI, its verifier and once.
func TestExchangesRefused(t *testing.T) {
	s := start(t, Options{})
	reg, other := publicClient(t, s, ""), publicClient(t, s, "")
	for name, change := range map[string]func(url.Values){
		"another verifier":     func(f url.Values) { f.Set("code_verifier", verifier+"x") },
		"no verifier":          func(f url.Values) { f.Del("code_verifier") },
		"another redirect URI": func(f url.Values) { f.Set("redirect_uri", "http://127.0.0.1:2/callback") },
		"no redirect URI":      func(f url.Values) { f.Del("redirect_uri") },
		"another client":       func(f url.Values) { f.Set("client_id", other.ClientID) },
		"another code":         func(f url.Values) { f.Set("code", f.Get("code")+"x") },
	} {
		form := codeExchange(reg.ClientID, authorize(t, s, asking(reg.ClientID, "read:notes")).Get("code"))
		change(form)
		if a, status := s.exchange(t, form); status != http.StatusBadRequest || a.Error != "invalid_grant" {
			t.Errorf("%s: %d %+v", name, status, a)
		}
	}
}

// A client authenticates in the way that it is registered with, and no other.
func TestClientAuthenticationMethods(t *testing.T) {
	s := start(t, Options{Clients: []Client{{ID: "basic", Secret: "secret"}, {ID: "post", Secret: "secret", AuthMethod: "client_secret_post"}}})
	public := publicClient(t, s, "")
	form := func(id string) url.Values {
		f := url.Values{"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {"read:notes"}}
		if id != "" {
			f.Set("client_id", id)
			f.Set("client_secret", "secret")
		}
		return f
	}
	for _, c := range []struct {
		id          string
		basic, post bool // what it may use
	}{{"basic", true, false}, {"post", false, true}, {public.ClientID, false, false}} {
		if a, status := s.exchangeWith(t, c.id, "secret", form("")); (status == http.StatusOK) != c.basic {
			t.Errorf("%s with client_secret_basic: %d %+v", c.id, status, a)
		}
		if a, status := s.exchange(t, form(c.id)); (status == http.StatusOK) != c.post {
			t.Errorf("%s with client_secret_post: %d %+v", c.id, status, a)
		}
	}
}

// Tokens are for resources that the server knows, byte for byte.
func TestKnownResources(t *testing.T) {
	s := start(t, Options{Resources: []string{resource}, Clients: []Client{{ID: "demo", Secret: "secret"}}})
	reg := publicClient(t, s, "")
	for _, other := range []string{resource + "/", "https://other.example.com", strings.ToUpper(resource)} {
		q := asking(reg.ClientID, "read:notes")
		q.Set("resource", other)
		if back := authorize(t, s, q); back.Get("error") != "invalid_target" {
			t.Errorf("%s: %v", other, back)
		}
		q.Add("resource", resource)
		if back := authorize(t, s, q); back.Get("error") != "invalid_target" {
			t.Errorf("%s and a good one: %v", other, back)
		}
		if a, status := s.exchangeWith(t, "demo", "secret", url.Values{"grant_type": {"client_credentials"}, "resource": {other}}); a.Error != "invalid_target" {
			t.Errorf("%s: %d %+v", other, status, a)
		}
	}
	if a := signIn(t, s, reg.ClientID, "read:notes"); a.AccessToken == "" {
		t.Error("no token for the resource that is known")
	}
}
