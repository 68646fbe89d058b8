package wasmtest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// userinfo is the authorization server that is asked with the token itself.
func userinfo(members object) object {
	return fetching(object{"userinfo": with(object{"endpoint": "https://api.example.com/user?v=1", "audience_unchecked": true}, members)})
}

// TestUserinfo goes through what an answer may look like and what it means.
func TestUserinfo(t *testing.T) {
	type outcome struct {
		invalid string // error_description; "503" for that status, empty if it goes on
		want    map[string]string
	}
	json := Headers{{"content-type", "application/json; charset=utf-8"}}
	mapped := object{"audience_unchecked": nil, "claims": object{
		"subject": "user.id", "client_id": "app.client", "scopes": "scope", "audience": "aud", "expires": "exp",
	}}
	mappedElsewhere := object{"audience_unchecked": nil, "claims": object{"audience": "app", "expires": "until"}}
	mappedUnchecked := object{"claims": object{"audience": "app"}}
	goes := func(headers ...string) outcome {
		want := map[string]string{}
		for i := 0; i < len(headers); i += 2 {
			want[headers[i]] = headers[i+1]
		}
		return outcome{want: want}
	}
	refused := func(text string) outcome { return outcome{invalid: text} }
	for _, tt := range []struct {
		name    string
		members object
		status  string
		headers Headers
		body    string
		want    outcome
	}{
		{"sub", nil, "200", json, `{"sub":"alice"}`, goes("x-mcpauth-subject", "alice", "x-mcpauth-client", "", "x-mcpauth-scope", "", "x-mcpauth-issuer", issuer, "x-mcpauth-expires", "")},
		{"a number", object{"claims": object{"subject": "id"}}, "200", json, `{"id":583231,"sub":"mallory"}`, goes("x-mcpauth-subject", "583231")},
		{"all claims", mapped, "200", json, `{"user":{"id":"u"},"app":{"client":"c"},"scope":"a,b  c","aud":["x","` + resource + `"],"exp":"9999999999"}`,
			goes("x-mcpauth-subject", "u", "x-mcpauth-client", "c", "x-mcpauth-scope", "a b c", "x-mcpauth-expires", "9999999999")},
		{"a list of scopes", mapped, "200", json, `{"user":{"id":1},"app":{"client":2},"scope":["a","b"],"aud":"` + resource + `","exp":9999999999}`,
			goes("x-mcpauth-subject", "1", "x-mcpauth-client", "2", "x-mcpauth-scope", "a b")},
		{"members that look like claims", object{"claims": object{"subject": "id"}}, "200", json,
			`{"id":"u","sub":1,"scope":"admin","scp":"admin","scopes":["admin"],"client_id":"root","azp":1,"cid":"root","jti":1}`,
			goes("x-mcpauth-subject", "u", "x-mcpauth-scope", "", "x-mcpauth-client", "", "x-mcpauth-expires", "")},
		{"scopes in a header", object{"scopes_header": "X-OAuth-Scopes"}, "200", append(json, [2]string{"x-oauth-scopes", "repo, user"}, [2]string{"x-oauth-scopes", "gist"}), `{"sub":"alice","scope":"admin"}`,
			goes("x-mcpauth-scope", "repo user gist")},
		{"no scopes in a header", object{"scopes_header": "X-OAuth-Scopes"}, "200", append(json, [2]string{"x-oauth-scopes", ""}), `{"sub":"alice"}`, goes("x-mcpauth-scope", "")},
		{"another JSON", nil, "200", Headers{{"content-type", "application/vnd.github+json"}}, `{"sub":"alice"}`, goes()},
		{"the right issuer", nil, "200", json, `{"sub":"alice","iss":"` + issuer + `"}`, goes()},

		{"members that restrict nothing", nil, "200", json, `{"sub":"alice","active":true,"token_type":"bearer","token_use":"access","typ":"Bearer","aud":"` + resource + `","exp":9999999999,"nbf":"1","iat":1}`,
			goes("x-mcpauth-expires", "9999999999")},
		{"members that are null", nil, "200", json, `{"sub":"alice","active":null,"token_type":null,"token_use":null,"typ":null,"aud":null,"exp":null,"nbf":null,"iat":null}`, goes()},
		{"the same audience twice", mappedElsewhere, "200", json, `{"sub":"alice","aud":"` + resource + `","app":"` + resource + `"}`, goes()},
		{"the earlier of two times", mappedElsewhere, "200", json, `{"sub":"alice","app":"` + resource + `","until":9999999999,"exp":"9999999998"}`, goes("x-mcpauth-expires", "9999999998")},
		{"the earlier of two times, the other way round", mappedElsewhere, "200", json, `{"sub":"alice","app":"` + resource + `","until":9999999998,"exp":9999999999}`, goes("x-mcpauth-expires", "9999999998")},
		{"a path that is an array", object{"claims": object{"subject": []string{"kubernetes.io", "user/name", "a b"}}}, "200", json, `{"kubernetes.io":{"user/name":{"a b":"u"}},"sub":"alice"}`,
			goes("x-mcpauth-subject", "u")},
		{"a path of one name with a dot", object{"claims": object{"subject": []string{"user.id"}}}, "200", json, `{"user.id":"u","user":{"id":"v"}}`, goes("x-mcpauth-subject", "u")},

		{"another audience that is not mapped", nil, "200", json, `{"sub":"alice","aud":"https://other.example.com"}`, refused("audience")},
		{"audiences that are not mapped", nil, "200", json, `{"sub":"alice","aud":["https://other.example.com"]}`, refused("audience")},
		{"no audience in a list", nil, "200", json, `{"sub":"alice","aud":[]}`, refused("audience")},
		{"an empty audience", nil, "200", json, `{"sub":"alice","aud":""}`, refused("audience")},
		{"an audience of another type", nil, "200", json, `{"sub":"alice","aud":{"x":1}}`, refused("cannot be read")},
		{"a mapped audience of another type", mappedUnchecked, "200", json, `{"sub":"alice","app":true}`, refused("cannot be read")},
		{"two audiences", mappedElsewhere, "200", json, `{"sub":"alice","aud":"https://other.example.com","app":"` + resource + `"}`, refused("audience")},
		{"two audiences, the other way round", mappedElsewhere, "200", json, `{"sub":"alice","app":"https://other.example.com","aud":"` + resource + `"}`, refused("audience")},
		{"two audiences, unchecked", mappedUnchecked, "200", json, `{"sub":"alice","app":"x","aud":"y"}`, refused("audience")},
		{"expired, not mapped", nil, "200", json, `{"sub":"alice","exp":1}`, refused("expired")},
		{"expired as a string, not mapped", nil, "200", json, `{"sub":"alice","exp":"1"}`, refused("expired")},
		{"expired at one of two places", mappedElsewhere, "200", json, `{"sub":"alice","app":"` + resource + `","until":9999999999,"exp":1}`, refused("expired")},
		{"exp of another type, not mapped", nil, "200", json, `{"sub":"alice","exp":"soon"}`, refused("cannot be read")},
		{"exp that is null in a string", nil, "200", json, `{"sub":"alice","exp":"null"}`, refused("cannot be read")},
		{"exp of another type beside a good one", mappedElsewhere, "200", json, `{"sub":"alice","app":"` + resource + `","until":9999999999,"exp":true}`, refused("cannot be read")},
		{"a good exp beside one of another type", mappedElsewhere, "200", json, `{"sub":"alice","app":"` + resource + `","until":[],"exp":9999999999}`, refused("cannot be read")},
		{"not yet valid", nil, "200", json, `{"sub":"alice","nbf":9999999999}`, refused("not yet valid")},
		{"not yet valid, as a string", nil, "200", json, `{"sub":"alice","nbf":"9999999999"}`, refused("not yet valid")},
		{"nbf of another type", nil, "200", json, `{"sub":"alice","nbf":{}}`, refused("cannot be read")},
		{"issued in the future", nil, "200", json, `{"sub":"alice","iat":9999999999}`, refused("issued in the future")},
		{"not active", nil, "200", json, `{"sub":"alice","active":false}`, refused("not active")},
		{"active of another type", nil, "200", json, `{"sub":"alice","active":"true"}`, refused("not active")},
		{"another token_type", nil, "200", json, `{"sub":"alice","token_type":"DPoP"}`, refused("bearer access token")},
		{"a refresh token", nil, "200", json, `{"sub":"alice","token_use":"refresh"}`, refused("bearer access token")},
		{"a refresh token, as Keycloak says it", nil, "200", json, `{"sub":"alice","typ":"Refresh"}`, refused("token type")},
		{"typ of another type", nil, "200", json, `{"sub":"alice","typ":1}`, refused("token type")},
		{"another issuer", nil, "200", json, `{"sub":"alice","iss":"https://other.example.com"}`, refused("issuer")},
		{"another audience", mapped, "200", json, `{"user":{"id":"u"},"aud":"` + resource + `,x"}`, refused("audience")},
		{"no audience", mapped, "200", json, `{"user":{"id":"u"}}`, refused("audience")},
		{"expired", mapped, "200", json, `{"user":{"id":"u"},"aud":"` + resource + `","exp":"1"}`, refused("expired")},
		{"bound", nil, "200", json, `{"sub":"alice","cnf":{"jkt":"x"}}`, refused("bound")},
		{"401", nil, "401", json, `{"sub":"alice"}`, refused("not active")},
		{"400", nil, "400", json, `{"sub":"alice"}`, refused("not active")},
		{"403", nil, "403", json, `{"sub":"alice"}`, refused("not active")},
		{"403 for too many requests", nil, "403", append(json, [2]string{"retry-after", "60"}), `{"sub":"alice"}`, refused("503")},
		{"403 for too many requests, as GitHub says it", nil, "403", append(json, [2]string{"x-ratelimit-remaining", "0"}), `{"sub":"alice"}`, refused("503")},
		{"404", nil, "404", json, `{"sub":"alice"}`, refused("503")},
		{"429", nil, "429", json, `{"sub":"alice"}`, refused("503")},
		{"302", nil, "302", json, `{"sub":"alice"}`, refused("503")},
		{"204", nil, "204", nil, ``, refused("503")},
		{"HTML", nil, "200", Headers{{"content-type", "text/html"}}, `{"sub":"alice"}`, refused("503")},
		{"no user", nil, "200", json, `{"sub":null}`, refused("names no user")},
		{"an empty user", nil, "200", json, `{"sub":""}`, refused("names no user")},
		{"a user that is an object", nil, "200", json, `{"sub":{}}`, refused("names no user")},
		{"an array", nil, "200", json, `[{"sub":"alice"}]`, refused("503")},
		{"no JSON", nil, "200", json, `{"sub":"alice"`, refused("503")},
		{"two users", nil, "200", json, `{"sub":"alice","x":{"y":1,"y":2}}`, refused("cannot be read")},
		{"two users where one is read", mapped, "200", json, `{"user":{"id":"u","id":"v"},"aud":"` + resource + `"}`, refused("cannot be read")},
		{"two objects of users", mapped, "200", json, `{"user":{"id":"u"},"us\u0065r":{"id":"v"},"aud":"` + resource + `"}`, refused("cannot be read")},
		{"a name that is escaped", mapped, "200", json, `{"us\u0065r":{"\u0069d":"u"},"aud":"` + resource + `"}`, goes("x-mcpauth-subject", "u")},
		{"a list of users", mapped, "200", json, `{"user":[{"id":"u"}],"aud":"` + resource + `"}`, refused("names no user")},
		{"a member with dots in its name", mapped, "200", json, `{"user.id":"u","aud":"` + resource + `"}`, refused("names no user")},
		{"deep", nil, "200", json, `{"sub":"alice","x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, refused("503")},
		{"scopes of another type", mapped, "200", json, `{"user":{"id":"u"},"aud":"` + resource + `","scope":[1]}`, refused("cannot be read")},
		{"two times, the first of them null", nil, "200", json, `{"sub":"alice","exp":null,"exp":1}`, refused("cannot be read")},
		{"two audiences, the first of them null", nil, "200", json, `{"sub":"alice","aud":null,"a\u0075d":"https://other.example.com"}`, refused("cannot be read")},
		{"two clients", nil, "200", json, `{"sub":"alice","azp":"a","azp":"b"}`, refused("cannot be read")},
		{"a time that is none", mapped, "200", json, `{"user":{"id":"u"},"aud":"` + resource + `","exp":"{}"}`, refused("cannot be read")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, Options{})
			vm := start(t, h, config(userinfo(tt.members), notes(object{"required_scopes": []string{}}), nil))
			for range 2 {
				s := vm.Request(rpc("/notes", "Bearer gho_opaque"))
				h.Run(10e6, func() {
					for _, c := range h.Callouts() {
						c.Answer(tt.status, tt.headers, []byte(tt.body))
					}
				})
				switch tt.want.invalid {
				case "":
					up := s.Upstream()
					for name, want := range tt.want.want {
						if got := up.Get(name); got != want {
							t.Errorf("%s: %q, want %q", name, got, want)
						}
					}
					wantForwarded(t, s)
				case "503":
					wantUnavailable(t, s)
				default:
					wantInvalid(t, s, tt.want.invalid)
				}
			}
			if h.Dispatched() != 1 {
				t.Errorf("asked %d times", h.Dispatched())
			}
		})
	}
}

func TestUserinfoRequest(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(userinfo(object{"cluster": "api", "headers": object{"Accept": "application/vnd.github+json", "User-Agent": "notes", "X-Version": "1"}}), notes(nil), nil))
	vm.Request(rpc("/notes", "Bearer gho_opaque"))
	h.Run(10e6, nil)
	if len(h.Callouts()) != 1 {
		t.Fatalf("%d callouts\n%s", len(h.Callouts()), h.LogText())
	}
	c := h.Callouts()[0]
	want := map[string]string{
		":method": "GET", ":scheme": "https", ":authority": "api.example.com", ":path": "/user?v=1",
		"accept": "application/vnd.github+json", "user-agent": "notes", "x-version": "1", "authorization": "Bearer gho_opaque",
		"accept-encoding": "identity",
	}
	for _, kv := range c.Headers {
		if want[kv[0]] != kv[1] {
			t.Errorf("%s: %q, want %q", kv[0], kv[1], want[kv[0]])
		}
		delete(want, kv[0])
	}
	if len(want) != 0 || len(c.Body) != 0 || c.Cluster != "api" {
		t.Errorf("missing %v, body %q, cluster %s", want, c.Body, c.Cluster)
	}
}

// A 403 with insufficient_scope is about the scopes of one token: the client may
// ask for more.
func TestUserinfoWantsAScope(t *testing.T) {
	for name, answer := range map[string]func(c *Callout){
		"a challenge": func(c *Callout) {
			c.Answer("403", Headers{{"www-authenticate", `Bearer error="insufficient_scope", scope="openid"`}}, nil)
		},
		"JSON": func(c *Callout) {
			c.Answer("403", Headers{{"content-type", "application/json"}}, []byte(`{"error":"insufficient_scope"}`))
		},
	} {
		h := newHost(t, Options{})
		vm := start(t, h, config(userinfo(nil), notes(nil), nil))
		for range 2 {
			s := vm.Request(rpc("/notes", "Bearer gho_opaque"))
			h.Run(10e6, func() {
				for _, c := range h.Callouts() {
					answer(c)
				}
			})
			if wantError(t, s, 403, "insufficient_scope"); t.Failed() {
				t.Fatal(name)
			}
		}
	}
}

// What is wrong with one token is no outage: others go on, and the log has a line
// a minute that says what to look at.
func TestOneTokenIsNoOutage(t *testing.T) {
	for body, line := range map[string]string{
		`{"id":1}`:                              `the answer about a token has no user at "user.id"`,
		`{"user":{"id":"u"},"x":{"y":1,"y":2}}`: "the answer about a token cannot be read",
	} {
		h := newHost(t, Options{})
		c := config(userinfo(object{"claims": object{"subject": "user.id"}}), notes(object{"required_scopes": []string{}}), nil)
		vms := []*VM{start(t, h, c), start(t, h, c)}
		ask := func(vm *VM, token, body string) *Stream {
			s := vm.Request(rpc("/notes", "Bearer "+token))
			h.Run(10*time.Millisecond, func() {
				for _, c := range h.Callouts() {
					c.Answer("200", Headers{{"content-type", "application/json"}}, []byte(body))
				}
			})
			return s
		}
		for i := range 10 {
			for _, vm := range vms {
				wantInvalid(t, ask(vm, "bad-"+fmt.Sprint(i), body), "")
				wantForwarded(t, ask(vm, "good-"+fmt.Sprint(i), `{"user":{"id":"u"}}`))
			}
		}
		if n := strings.Count(h.LogText(), line); n != 1 || strings.Contains(h.LogText(), "tokens cannot be checked") || strings.Contains(h.LogText(), "bad-") {
			t.Errorf("%d lines with %q:\n%s", n, line, h.LogText())
		}
		h.Run(61*time.Second, nil)
		wantInvalid(t, ask(vms[0], "bad-again", body), "")
		if n := strings.Count(h.LogText(), line); n != 2 {
			t.Errorf("%d lines after a minute:\n%s", n, h.LogText())
		}
	}
}

// A server that wants fewer requests is not asked about the token before the time
// that it says, which clients hear.
func TestRetryAfterOfUserinfo(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(userinfo(nil), notes(nil), nil))
	for range 3 {
		s := vm.Request(rpc("/notes", "Bearer gho_opaque"))
		h.Run(time.Second, func() {
			for _, c := range h.Callouts() {
				c.Answer("429", Headers{{"retry-after", "17"}}, nil)
			}
		})
		wantUnavailable(t, s)
		if got := s.Local().Headers.Get("retry-after"); got != "17" {
			t.Errorf("retry-after %q", got)
		}
	}
	if h.Dispatched() != 1 {
		t.Errorf("asked %d times", h.Dispatched())
	}
}
