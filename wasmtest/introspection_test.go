package wasmtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// clientSecret must never be seen but by the authorization server.
const clientSecret = "s3cr3t-Of:The gateway/ü%+"

// opaque is the authorization server that is asked about every token.
func opaque(members object) object {
	return fetching(object{"introspection": with(object{
		"endpoint": issuer + "/introspect", "client_id": "gate:way", "client_secret": clientSecret,
	}, members)})
}

// asked is an introspection endpoint: what it says about the tokens it knows,
// and how often it was asked about each.
type asked struct {
	known map[string]object
	count map[string]int
	total int
}

func newAsked(known map[string]object) *asked { return &asked{known, map[string]int{}, 0} }

// answer answers all callouts that are pending.
func (a *asked) answer(h *Host) {
	for len(h.Callouts()) > 0 {
		c := h.Callouts()[0]
		form, _ := url.ParseQuery(string(c.Body))
		token := form.Get("token")
		a.count[token]++
		a.total++
		what, ok := a.known[token]
		if !ok {
			what = object{"active": false}
		}
		c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(toJSON(what)))
	}
}

func (a *asked) run(h *Host, d time.Duration) {
	a.answer(h)
	h.Run(d, func() { a.answer(h) })
}

// aboutToken is what a server says about a token that the usual resource takes.
func aboutToken(h *Host, members object) object {
	return with(claims(h, members), object{"active": true, "token_type": "Bearer", "username": "alice@example.com"})
}

// decided sends a request and lets the server answer.
func (a *asked) decided(h *Host, vm *VM, token string) *Stream {
	s := vm.Request(rpc("/notes", "Bearer "+token))
	a.run(h, 10*time.Millisecond)
	return s
}

func TestOpaqueTokenGoesOn(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(object{
		"forward_payload_header": "x-payload", "claim_to_headers": []object{{"claim_name": "username", "header_name": "x-user"}},
	}), nil))
	about := aboutToken(h, nil)
	a := newAsked(map[string]object{"opaque-1": about, "opaque-2": with(about, object{"iss": nil, "exp": nil, "sub": nil})})
	s := vm.Request(rpc("/notes", "Bearer opaque-1", [2]string{"x-mcpauth-subject", "mallory"}))
	if s.State() != Held {
		t.Fatalf("%s, want held", describe(s))
	}
	a.run(h, 10*time.Millisecond)
	up := s.Upstream()
	for name, want := range map[string]string{
		"x-mcpauth-subject": "alice", "x-mcpauth-client": "client-1", "x-mcpauth-scope": "read:notes write:notes",
		"x-mcpauth-issuer": issuer, "x-mcpauth-expires": fmt.Sprint(about["exp"]), "x-user": "alice@example.com",
		"x-payload": b64([]byte(toJSON(about))), "authorization": "",
	} {
		if got := up.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	wantForwarded(t, s)
	s = a.decided(h, vm, "opaque-2")
	if up := s.Upstream(); up.Get("x-mcpauth-issuer") != issuer || up.Has("x-mcpauth-expires") || up.Has("x-mcpauth-subject") {
		t.Errorf("headers %v", up)
	}
	wantForwarded(t, s)
}

// What the server says is judged as the claims of a JWT are.
func TestIntrospectionResponses(t *testing.T) {
	now := newHost(t, Options{}).Clock().Now().Unix()
	for _, tt := range []struct {
		name    string
		members object
		want    string // of error_description; empty: it goes on
	}{
		{"aud is an array", object{"aud": []string{"x", resource}}, ""},
		{"token_type in lower case", object{"token_type": "bearer"}, ""},
		{"no token_type", object{"token_type": nil}, ""},
		{"token_use of an access token", object{"token_use": "access_token"}, ""},
		{"no iat, no jti", object{"iat": nil, "jti": nil}, ""},
		{"expired within the clock skew", object{"exp": now - 30}, ""},
		{"members that are null", object{"token_type": json.RawMessage("null"), "token_use": json.RawMessage("null"), "typ": json.RawMessage("null")}, ""},
		{"typ of Keycloak", object{"typ": "Bearer"}, ""},
		{"typ of RFC 9068", object{"typ": "application/at+jwt"}, ""},
		{"typ of a refresh token", object{"typ": "Refresh"}, "token type"},
		{"typ of an ID token", object{"typ": "ID"}, "ID token"},
		{"typ of another type", object{"typ": []string{"Bearer"}}, "token type"},
		{"active is null", object{"active": json.RawMessage("null")}, "^the token is not active"},
		{"token_use of another type", object{"token_use": true}, "bearer access token"},
		{"no audience in a list", object{"aud": []string{}}, "audience"},
		{"exp as a string", object{"exp": "9999999999"}, "cannot be read"},
		{"nbf as a string", object{"nbf": "1"}, "cannot be read"},
		{"scope of another type", object{"scope": 1}, "cannot be read"},
		{"a duplicate member", object{"x": json.RawMessage(`{"y":1,"y":2}`)}, "cannot be read"},
		{"inactive", object{"active": false}, "^the token is not active"},
		{"another audience", object{"aud": "https://mcp.example.com/other"}, "audience"},
		{"no audience", object{"aud": nil}, "audience"},
		{"another issuer", object{"iss": issuer + "/"}, "issuer"},
		{"no text in the issuer", object{"iss": ""}, "issuer"},
		{"expired", object{"exp": now - 61}, "expired"},
		{"not yet valid", object{"nbf": now + 100}, "not yet valid"},
		{"issued in the future", object{"iat": now + 100}, "issued in the future"},
		{"bound by DPoP", object{"cnf": object{"jkt": "x"}}, "bound"},
		{"bound by mutual TLS", object{"cnf": object{"x5t#S256": "x"}}, "bound"},
		{"token_type DPoP", object{"token_type": "DPoP"}, "bearer access token"},
		{"token_type of another type", object{"token_type": 1}, "bearer access token"},
		{"a refresh token", object{"token_use": "refresh_token"}, "bearer access token"},
		{"an ID token", object{"nonce": "n"}, "ID token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(opaque(nil), notes(nil), nil))
			a := newAsked(map[string]object{"opaque": with(aboutToken(h, nil), tt.members)})
			asked := 1
			if exp, ok := tt.members["exp"].(int64); ok && exp <= now && tt.want == "" {
				asked = 2 // an answer that lets a token pass is not kept beyond exp
			}
			for range 2 { // the second time it is known
				s := a.decided(h, vm, "opaque")
				if tt.want == "" {
					wantForwarded(t, s)
				} else {
					wantInvalid(t, s, tt.want)
				}
			}
			if a.total != asked {
				t.Errorf("asked %d times, want %d", a.total, asked)
			}
		})
	}
	t.Run("scope", func(t *testing.T) {
		h := newHost(t, Options{})
		vm := start(t, h, config(opaque(nil), notes(nil), nil))
		a := newAsked(map[string]object{"opaque": aboutToken(h, object{"scope": "write:notes"})})
		wantError(t, a.decided(h, vm, "opaque"), 403, "insufficient_scope")
	})
	t.Run("lifetime", func(t *testing.T) {
		h := newHost(t, Options{})
		vm := start(t, h, config(with(opaque(nil), object{"max_token_lifetime_seconds": 60}), notes(nil), nil))
		a := newAsked(map[string]object{"long": aboutToken(h, nil), "endless": aboutToken(h, object{"exp": nil})})
		wantInvalid(t, a.decided(h, vm, "long"), "lifetime")
		wantInvalid(t, a.decided(h, vm, "endless"), "expiry")
	})
}

// Where the operator says that nobody checks the audience, none need be there;
// one that is there must be right all the same.
func TestAudienceUnchecked(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(object{"audience_unchecked": true}), notes(nil), nil))
	a := newAsked(map[string]object{
		"none": aboutToken(h, object{"aud": nil}), "ours": aboutToken(h, nil), "other": aboutToken(h, object{"aud": "https://other.example.com"}),
		"nobody": aboutToken(h, object{"aud": []string{}}), "empty": aboutToken(h, object{"aud": ""}),
	})
	wantForwarded(t, a.decided(h, vm, "none"))
	wantForwarded(t, a.decided(h, vm, "ours"))
	wantInvalid(t, a.decided(h, vm, "other"), "audience")
	wantInvalid(t, a.decided(h, vm, "nobody"), "audience")
	wantInvalid(t, a.decided(h, vm, "empty"), "audience")
}

// The question is that of RFC 7662, section 2.1, in each way to authenticate.
func TestIntrospectionRequest(t *testing.T) {
	environment := map[string]string{"GATEWAY_SECRET": clientSecret, "GATEWAY_TOKEN": "gateway.token=", "OTHER": "x"}
	// RFC 6749, section 2.3.1: encoded, then joined, then in base64.
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape("gate:way")+":"+strings.ReplaceAll(url.QueryEscape(clientSecret), "+", "%20")))
	for _, tt := range []struct {
		name          string
		members       object
		authorization string
		parameters    url.Values
	}{
		{"basic", nil, basic, nil},
		{"basic, from the environment", object{"client_secret": nil, "client_secret_env": "GATEWAY_SECRET"}, basic, nil},
		{"basic, of two bytes in base64", object{"client_id": "a", "client_secret": "b"}, "Basic " + base64.StdEncoding.EncodeToString([]byte("a:b")), nil},
		{"basic, of four", object{"client_id": "ab", "client_secret": "c"}, "Basic " + base64.StdEncoding.EncodeToString([]byte("ab:c")), nil},
		{"post", object{"auth": "client_secret_post"}, "", url.Values{"client_id": {"gate:way"}, "client_secret": {clientSecret}}},
		{"bearer", object{"auth": "bearer", "client_id": nil, "client_secret": nil, "token": "gateway.token="}, "Bearer gateway.token=", nil},
		{"bearer, from the environment", object{"auth": "bearer", "client_id": nil, "client_secret": nil, "token_env": "GATEWAY_TOKEN"}, "Bearer gateway.token=", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{Environment: environment})
			server := opaque(object{"cluster": "other", "endpoint": "https://auth.example.com:8443/introspect?tenant=1"})
			server["introspection"] = with(server["introspection"].(object), tt.members)
			vm := start(t, h, config(server, notes(nil), nil))
			token := "opaque-._~+/=="
			vm.Request(rpc("/notes", "Bearer "+token))
			h.Run(10*time.Millisecond, nil)
			if len(h.Callouts()) != 1 {
				t.Fatalf("%d callouts\n%s", len(h.Callouts()), h.LogText())
			}
			c := h.Callouts()[0]
			want := map[string]string{
				":method": "POST", ":scheme": "https", ":authority": "auth.example.com:8443", ":path": "/introspect?tenant=1",
				"accept": "application/json", "content-type": "application/x-www-form-urlencoded", "user-agent": "mcpauth",
				"accept-encoding": "identity",
			}
			if tt.authorization != "" {
				want["authorization"] = tt.authorization
			}
			for _, kv := range c.Headers {
				if want[kv[0]] != kv[1] {
					t.Errorf("%s: %q, want %q", kv[0], kv[1], want[kv[0]])
				}
				delete(want, kv[0])
			}
			if len(want) != 0 {
				t.Errorf("missing: %v", want)
			}
			form, err := url.ParseQuery(string(c.Body))
			parameters := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
			for name, value := range tt.parameters {
				parameters[name] = value
			}
			if err != nil || form.Encode() != parameters.Encode() {
				t.Errorf("body %s: %v, want %v", c.Body, err, parameters)
			}
			if c.Cluster != "other" || c.Timeout != 5*time.Second {
				t.Errorf("cluster %s, timeout %v", c.Cluster, c.Timeout)
			}
		})
	}
}

// Tokens that look like JWTs are verified by keys, and the server is not asked
// about them, whatever is wrong with them.
func TestJWTsAreNotIntrospected(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(with(opaque(nil), object{"jwks": keySet(rsaKey)}), notes(nil), nil))
	good := rsaKey.token(claims(h, nil))
	wantForwarded(t, vm.Request(rpc("/notes", "Bearer "+good)))
	parts := strings.Split(good, ".")
	for _, token := range []string{
		good + "x", parts[0] + "." + parts[1] + ".", parts[0] + "..", parts[0] + "." + parts[1] + "." + parts[2] + "." + parts[2] + "." + parts[2],
		b64([]byte("{\n}")) + ".a.b", b64([]byte("{}")) + ".a.b", impostorRSA.token(claims(h, nil)), rsaKey.token(claims(h, object{"iss": "https://other.example.com"})),
	} {
		wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+token)), "")
	}
	if h.Run(time.Second, nil); h.Dispatched() != 0 {
		t.Error("the server is asked about a JWT")
	}
	// Others go to it, at the same resource.
	a := newAsked(map[string]object{"opaque.1": aboutToken(h, nil)})
	wantForwarded(t, a.decided(h, vm, "opaque.1"))
}

// A server that has no keys here issues no JWTs, unless it is to be asked about
// those too.
func TestJWTsOfAServerWithoutKeys(t *testing.T) {
	h := newHost(t, Options{})
	other := server(object{"issuer": "https://other.example.com"})
	two := func(first object) object {
		return object{"authorization_servers": []object{first, other}, "resources": []object{notes(nil)}}
	}
	jwt := rsaKey.token(claims(h, nil))
	vm := start(t, h, two(opaque(nil)))
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+jwt)), "JWTs of this issuer")
	wantForwarded(t, vm.Request(rpc("/notes", rsaKey.bearer(claims(h, object{"iss": "https://other.example.com"})))))
	if n := h.Dispatched(); n != 0 {
		t.Errorf("%d callouts", n)
	}

	vm = start(t, h, two(opaque(object{"jwt": true})))
	forged := impostorRSA.token(claims(h, nil))
	jwe := strings.Repeat(strings.Split(jwt, ".")[0]+".", 4) + "x"
	a := newAsked(map[string]object{jwt: aboutToken(h, object{"sub": "bob"}), jwe: aboutToken(h, nil), "opaque": aboutToken(h, nil)})
	s := a.decided(h, vm, jwt)
	if up := s.Upstream(); up.Get("x-mcpauth-subject") != "bob" {
		t.Errorf("the token was believed, not the answer: %v", up)
	}
	wantForwarded(t, s)
	wantForwarded(t, a.decided(h, vm, jwe))
	wantForwarded(t, a.decided(h, vm, "opaque"))
	wantInvalid(t, a.decided(h, vm, forged), "not active")
	asked := a.total
	wantForwarded(t, a.decided(h, vm, rsaKey.token(claims(h, object{"iss": "https://other.example.com"}))))
	wantInvalid(t, a.decided(h, vm, impostorRSA.token(claims(h, object{"iss": "https://other.example.com"}))), "signature")
	wantInvalid(t, a.decided(h, vm, rsaKey.token(claims(h, object{"iss": "https://third.example.com"}))), "issuer")
	if a.total != asked {
		t.Error("asked about a token of another issuer")
	}
}

func TestOpaqueTokenWithoutIntrospection(t *testing.T) {
	vm := usualVM(t)
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer opaque")), "malformed")
	if vm.host.Run(time.Second, nil); vm.host.Dispatched() != 0 {
		t.Error("somebody is asked")
	}
}

// A token that would not fit where it is sent is not sent.
func TestTokensThatAreNotIntrospected(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(nil), nil))
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer opaque\x80")), "characters")
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer opaque&client_id=x")), "characters")
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+strings.Repeat("x", 16<<10+1))), "too large")
	if h.Run(time.Second, nil); h.Dispatched() != 0 {
		t.Error("the server is asked")
	}
}

// A JWT that says of itself that it is no bearer access token is none, whatever
// its server says: it may look at less than the token holds.
func TestJWTsThatContradictThemselves(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(object{"jwt": true}), notes(nil), nil))
	sign := func(header, members object) string {
		return rsaKey.sign(toJSON(with(rsaKey.header(), header)), toJSON(claims(h, members)))
	}
	bound, assertion, id := sign(nil, object{"cnf": object{"jkt": "x"}}), sign(object{"typ": "oauth-id-jag+jwt"}, nil), sign(nil, object{"nonce": "x"})
	plain := sign(nil, nil)
	a := newAsked(map[string]object{bound: aboutToken(h, nil), assertion: aboutToken(h, nil), id: aboutToken(h, nil), plain: aboutToken(h, nil)})
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+bound)), "bound")
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+assertion)), "type")
	wantInvalid(t, vm.Request(rpc("/notes", "Bearer "+id)), "ID token")
	if a.total != 0 || h.Dispatched() != 0 {
		t.Error("the server is asked about them")
	}
	wantForwarded(t, a.decided(h, vm, plain))
}
