package authserver

import (
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v3"
)

const resource = "https://mcp.example.com/notes"

func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// read decodes a JSON answer and returns its status.
func read(t *testing.T, res *http.Response, err error, into any) int {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("answer %d %q: %v", res.StatusCode, body, err)
	}
	return res.StatusCode
}

type tokenAnswer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	Error        string `json:"error"`
}

func register(t *testing.T, s *Server, body string) (registration, int) {
	t.Helper()
	var reg registration
	res, err := http.Post(s.Endpoint("register"), "application/json", strings.NewReader(body))
	status := read(t, res, err, &reg)
	return reg, status
}

// authorize sends an authorization request and returns the redirect's query.
func authorize(t *testing.T, s *Server, q url.Values) url.Values {
	t.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Get(s.Endpoint("authorize") + "?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	loc, err := res.Location()
	if err != nil {
		body, _ := io.ReadAll(res.Body)
		t.Fatalf("no redirect: %d %s", res.StatusCode, body)
	}
	return loc.Query()
}

const verifier = "a-code-verifier-that-is-longer-than-forty-three-characters"

func authorizationRequest(clientID string) url.Values {
	challenge := sha256.Sum256([]byte(verifier))
	return url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {"http://127.0.0.1:1/callback"},
		"scope": {"read:notes"}, "resource": {resource},
		"code_challenge": {encode(challenge[:])}, "code_challenge_method": {"S256"},
	}
}

func (s *Server) exchange(t *testing.T, form url.Values) (tokenAnswer, int) {
	t.Helper()
	var a tokenAnswer
	res, err := http.PostForm(s.Endpoint("token"), form)
	status := read(t, res, err, &a)
	return a, status
}

// exchangeWith authenticates with client_secret_basic.
func (s *Server) exchangeWith(t *testing.T, clientID, secret string, form url.Values) (tokenAnswer, int) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.Endpoint("token"), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret)) // RFC 6749 section 2.3.1
	var a tokenAnswer
	res, err := http.DefaultClient.Do(req)
	status := read(t, res, err, &a)
	return a, status
}

// checkToken verifies a token as a resource server would, with a JOSE library
// that has no part in signing, and returns header and claims.
func checkToken(t *testing.T, s *Server, token string) (jose.Header, map[string]any) {
	t.Helper()
	var set jose.JSONWebKeySet
	res, err := http.Get(s.Endpoint("jwks"))
	read(t, res, err, &set)
	jws, err := jose.ParseSigned(token)
	if err != nil {
		t.Fatal(err)
	}
	header := jws.Signatures[0].Protected
	keys := set.Key(header.KeyID)
	if len(keys) != 1 {
		t.Fatalf("%d keys with kid %q", len(keys), header.KeyID)
	}
	payload, err := jws.Verify(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return header, claims
}

func TestAuthorizationCodeFlow(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256"} {
		for _, path := range []string{"", "/tenant1"} {
			t.Run(algorithm+path, func(t *testing.T) {
				s := start(t, Options{Algorithm: algorithm, Path: path})
				reg, status := register(t, s, `{"redirect_uris":["http://127.0.0.1:1/callback"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"]}`)
				if status != http.StatusCreated || reg.ClientSecret != "" {
					t.Fatalf("registration: %d %+v", status, reg)
				}
				back := authorize(t, s, authorizationRequest(reg.ClientID))
				if back.Get("iss") != s.Issuer() {
					t.Errorf("iss = %q, want %q", back.Get("iss"), s.Issuer())
				}
				form := url.Values{
					"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "client_id": {reg.ClientID},
					"redirect_uri": {"http://127.0.0.1:1/callback"}, "code_verifier": {verifier}, "resource": {resource},
				}
				a, status := s.exchange(t, form)
				if status != http.StatusOK {
					t.Fatalf("token answer %d %+v", status, a)
				}
				header, claims := checkToken(t, s, a.AccessToken)
				if header.Algorithm != algorithm || header.ExtraHeaders["typ"] != "at+jwt" {
					t.Errorf("header = %+v", header)
				}
				for name, want := range map[string]any{"iss": s.Issuer(), "sub": User, "client_id": reg.ClientID, "scope": "read:notes"} {
					if claims[name] != want {
						t.Errorf("claim %s = %v, want %v", name, claims[name], want)
					}
				}
				if aud, _ := claims["aud"].([]any); len(aud) != 1 || aud[0] != resource {
					t.Errorf("aud = %v", claims["aud"])
				}
				for _, name := range []string{"exp", "iat", "jti"} {
					if claims[name] == nil {
						t.Errorf("no %s claim", name)
					}
				}
				if again, status := s.exchange(t, form); status == http.StatusOK {
					t.Errorf("a code was accepted twice: %+v", again)
				}
			})
		}
	}
}

func TestRefreshKeepsTheAudience(t *testing.T) {
	s := start(t, Options{})
	reg, _ := register(t, s, `{"redirect_uris":["http://127.0.0.1:1/callback"],"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"]}`)
	back := authorize(t, s, authorizationRequest(reg.ClientID))
	a, _ := s.exchange(t, url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "client_id": {reg.ClientID},
		"redirect_uri": {"http://127.0.0.1:1/callback"}, "code_verifier": {verifier},
	})
	b, status := s.exchange(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.RefreshToken}, "client_id": {reg.ClientID}})
	if status != http.StatusOK {
		t.Fatalf("refresh: %d %+v", status, b)
	}
	_, claims := checkToken(t, s, b.AccessToken)
	if aud, _ := claims["aud"].([]any); !slices.Equal(aud, []any{resource}) {
		t.Errorf("aud after a refresh = %v", claims["aud"])
	}
}

func TestAuthorizationRequestsRefused(t *testing.T) {
	s := start(t, Options{})
	reg, _ := register(t, s, `{"redirect_uris":["http://127.0.0.1:1/callback"],"token_endpoint_auth_method":"none"}`)
	for name, c := range map[string]struct {
		change func(url.Values)
		want   string
	}{
		"without PKCE":           {func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }, "invalid_request"},
		"plain PKCE":             {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		"unknown scope":          {func(q url.Values) { q.Set("scope", "root") }, "invalid_scope"},
		"no resource":            {func(q url.Values) { q.Del("resource") }, "invalid_target"},
		"audience, not resource": {func(q url.Values) { q.Del("resource"); q.Set("audience", resource) }, "invalid_target"},
	} {
		t.Run(name, func(t *testing.T) {
			q := authorizationRequest(reg.ClientID)
			c.change(q)
			if back := authorize(t, s, q); back.Get("error") != c.want || back.Get("code") != "" {
				t.Errorf("answer = %v, want error %s", back, c.want)
			}
		})
	}
}

func TestTokenForAnotherResourceRefused(t *testing.T) {
	s := start(t, Options{})
	reg, _ := register(t, s, `{"redirect_uris":["http://127.0.0.1:1/callback"],"token_endpoint_auth_method":"none"}`)
	back := authorize(t, s, authorizationRequest(reg.ClientID))
	a, status := s.exchange(t, url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "client_id": {reg.ClientID},
		"redirect_uri": {"http://127.0.0.1:1/callback"}, "code_verifier": {verifier}, "resource": {"https://other.example.com"},
	})
	if status != http.StatusBadRequest || a.Error != "invalid_target" {
		t.Errorf("answer = %d %+v", status, a)
	}
}

func TestClientCredentials(t *testing.T) {
	s := start(t, Options{Clients: []Client{{ID: "demo", Secret: "demo-secret"}}})
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"read:notes"}, "resource": {resource}}
	a, status := s.exchangeWith(t, "demo", "demo-secret", form)
	if status != http.StatusOK {
		t.Fatalf("answer %d %+v", status, a)
	}
	_, claims := checkToken(t, s, a.AccessToken)
	if claims["sub"] != "demo" || claims["client_id"] != "demo" || claims["scope"] != "read:notes" {
		t.Errorf("claims = %v", claims)
	}
	if a, status := s.exchangeWith(t, "demo", "guess", form); status != http.StatusUnauthorized || a.Error != "invalid_client" {
		t.Errorf("wrong secret: %d %+v", status, a)
	}
}

func TestConfidentialRegistration(t *testing.T) {
	s := start(t, Options{DefaultResource: resource})
	reg, status := register(t, s, `{"redirect_uris":["http://localhost:1/callback"],"token_endpoint_auth_method":"client_secret_post"}`)
	if status != http.StatusCreated || reg.ClientSecret == "" || reg.ClientSecretExpiresAt == nil || *reg.ClientSecretExpiresAt != 0 {
		t.Fatalf("registration: %d %+v", status, reg)
	}
	if want := "read:notes write:notes"; reg.Scope != want {
		t.Errorf("scope = %q, want %q: all, as none was registered", reg.Scope, want)
	}
	q := authorizationRequest(reg.ClientID)
	q.Set("scope", "read:notes write:notes")
	q.Set("redirect_uri", "http://localhost:1/callback")
	q.Del("resource") // the default takes its place
	back := authorize(t, s, q)
	a, status := s.exchange(t, url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")},
		"client_id": {reg.ClientID}, "client_secret": {reg.ClientSecret},
		"redirect_uri": {"http://localhost:1/callback"}, "code_verifier": {verifier}})
	if status != http.StatusOK {
		t.Fatalf("token: %d %+v", status, a)
	}
	if _, claims := checkToken(t, s, a.AccessToken); claims["aud"].([]any)[0] != resource {
		t.Errorf("aud = %v", claims["aud"])
	}
}

func TestRegistrationRefused(t *testing.T) {
	s := start(t, Options{})
	for body, want := range map[string]string{
		`{}`: "invalid_redirect_uri",
		`[`:  "invalid_client_metadata",
		`{"redirect_uris":["http://evil.test/"]}`:                          "invalid_redirect_uri",
		`{"redirect_uris":["https://a.test/#x"]}`:                          "invalid_redirect_uri",
		`{"redirect_uris":["https://a.test/"],"grant_types":["password"]}`: "invalid_client_metadata",
		`{"redirect_uris":["https://a.test/"],"scope":"root"}`:             "invalid_client_metadata",
	} {
		var e struct{ Error string }
		res, err := http.Post(s.Endpoint("register"), "application/json", strings.NewReader(body))
		if status := read(t, res, err, &e); status != http.StatusBadRequest || e.Error != want {
			t.Errorf("%s: %d %q, want %q", body, status, e.Error, want)
		}
	}
}

func TestMetadataAtEveryAddress(t *testing.T) {
	s := start(t, Options{Path: "/tenant1"})
	origin := strings.TrimSuffix(s.Issuer(), "/tenant1")
	for _, u := range []string{
		origin + "/.well-known/oauth-authorization-server/tenant1",
		origin + "/.well-known/openid-configuration/tenant1",
		origin + "/tenant1/.well-known/openid-configuration",
	} {
		var m metadata
		res, err := http.Get(u)
		if status := read(t, res, err, &m); status != http.StatusOK || m.Issuer != s.Issuer() || m.JWKSURI != s.Issuer()+"/jwks" {
			t.Errorf("%s: %d %+v", u, status, m)
		}
		if res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s cannot be read by clients in a browser", u)
		}
	}
}

func TestPreflight(t *testing.T) {
	s := start(t, Options{})
	req, _ := http.NewRequest(http.MethodOptions, s.Endpoint("token"), nil)
	req.Header.Set("Origin", "https://inspector.example.com")
	req.Header.Set("Access-Control-Request-Method", "POST")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("preflight: %d %v", res.StatusCode, res.Header)
	}
}

func TestKnobs(t *testing.T) {
	s := start(t, Options{})
	old := s.Mint(Token{Resource: resource})
	checkToken(t, s, old)
	if err := s.Rotate(false); err != nil {
		t.Fatal(err)
	}
	fresh := s.Mint(Token{Resource: resource, Algorithm: "ES256", Claims: map[string]any{"exp": nil, "aud": []string{"a", "b"}}})
	_, claims := checkToken(t, s, fresh)
	if claims["exp"] != nil || len(claims["aud"].([]any)) != 2 {
		t.Errorf("claims = %v", claims)
	}
	if strings.Contains(string(s.KeySet()), `"kid":"RS256-1-`) {
		t.Error("the old key is still published")
	}
	if s.Requests("/jwks") != 2 {
		t.Errorf("%d requests for /jwks, want 2", s.Requests("/jwks"))
	}
	s.Override("/jwks", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	res, err := http.Get(s.Endpoint("jwks"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusTeapot {
		t.Errorf("override: status %d", res.StatusCode)
	}
}

// A client that was registered by hand gets tokens by its secret where nobody can
// register; a token that is revoked is worth nothing.
func TestClientsRegisteredByHand(t *testing.T) {
	s := start(t, Options{NoRegistration: true, NoIssuerParameter: true, Opaque: true,
		Clients: []Client{{ID: "gateway", Secret: "a secret", RedirectURIs: []string{"http://127.0.0.1/callback"}, AuthMethod: "client_secret_post"}}})
	res, err := http.Post(s.Endpoint("register"), "application/json", strings.NewReader(`{"redirect_uris":["http://127.0.0.1:1/callback"]}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("registration: %d", res.StatusCode)
	}
	back := authorize(t, s, authorizationRequest("gateway"))
	if back.Get("code") == "" || back.Has("iss") {
		t.Fatalf("%v", back)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "client_id": {"gateway"},
		"redirect_uri": {"http://127.0.0.1:1/callback"}, "code_verifier": {verifier}, "resource": {resource},
	}
	if a, status := s.exchange(t, form); status != http.StatusUnauthorized || s.Secrets() != 0 {
		t.Errorf("without the secret: %d %+v", status, a)
	}
	secret := url.Values{"client_id": {"gateway"}, "client_secret": {"a secret"}}
	form.Set("client_secret", "a secret")
	a, status := s.exchange(t, form)
	if status != http.StatusOK || s.Secrets() != 1 {
		t.Fatalf("%d %+v, %d secrets", status, a, s.Secrets())
	}
	secret.Set("token", a.AccessToken)
	if res, err = http.PostForm(s.Endpoint("revoke"), secret); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	req, err := http.NewRequest("POST", s.Endpoint("introspect"), strings.NewReader(url.Values{"token": {a.AccessToken}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("gateway", url.QueryEscape("a secret"))
	var about struct{ Active bool }
	answer, err := http.DefaultClient.Do(req)
	if code := read(t, answer, err, &about); res.StatusCode != http.StatusOK || code != http.StatusOK || about.Active {
		t.Errorf("revoked: %d, then %d %+v", res.StatusCode, code, about)
	}
}
