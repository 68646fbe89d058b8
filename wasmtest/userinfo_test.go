package wasmtest

import (
	"strings"
	"testing"
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
			`{"id":"u","sub":1,"scope":"admin","scp":"admin","scopes":["admin"],"client_id":"root","azp":1,"exp":"soon","nbf":{},"iat":[],"jti":1}`,
			goes("x-mcpauth-subject", "u", "x-mcpauth-scope", "", "x-mcpauth-client", "", "x-mcpauth-expires", "")},
		{"scopes in a header", object{"scopes_header": "X-OAuth-Scopes"}, "200", append(json, [2]string{"x-oauth-scopes", "repo, user"}, [2]string{"x-oauth-scopes", "gist"}), `{"sub":"alice","scope":"admin"}`,
			goes("x-mcpauth-scope", "repo user gist")},
		{"no scopes in a header", object{"scopes_header": "X-OAuth-Scopes"}, "200", append(json, [2]string{"x-oauth-scopes", ""}), `{"sub":"alice"}`, goes("x-mcpauth-scope", "")},
		{"another JSON", nil, "200", Headers{{"content-type", "application/vnd.github+json"}}, `{"sub":"alice"}`, goes()},
		{"the right issuer", nil, "200", json, `{"sub":"alice","iss":"` + issuer + `"}`, goes()},

		{"another issuer", nil, "200", json, `{"sub":"alice","iss":"https://other.example.com"}`, refused("issuer")},
		{"another audience", mapped, "200", json, `{"user":{"id":"u"},"aud":"` + resource + `,x"}`, refused("audience")},
		{"no audience", mapped, "200", json, `{"user":{"id":"u"}}`, refused("audience")},
		{"expired", mapped, "200", json, `{"user":{"id":"u"},"aud":"` + resource + `","exp":"1"}`, refused("expired")},
		{"bound", nil, "200", json, `{"sub":"alice","cnf":{"jkt":"x"}}`, refused("bound")},
		{"401", nil, "401", json, `{"sub":"alice"}`, refused("not active")},
		{"400", nil, "400", json, `{"sub":"alice"}`, refused("not active")},
		{"403", nil, "403", json, `{"sub":"alice"}`, refused("503")},
		{"302", nil, "302", json, `{"sub":"alice"}`, refused("503")},
		{"204", nil, "204", nil, ``, refused("503")},
		{"HTML", nil, "200", Headers{{"content-type", "text/html"}}, `{"sub":"alice"}`, refused("503")},
		{"no user", nil, "200", json, `{"sub":null}`, refused("503")},
		{"an empty user", nil, "200", json, `{"sub":""}`, refused("503")},
		{"a user that is an object", nil, "200", json, `{"sub":{}}`, refused("503")},
		{"an array", nil, "200", json, `[{"sub":"alice"}]`, refused("503")},
		{"no JSON", nil, "200", json, `{"sub":"alice"`, refused("503")},
		{"two users", nil, "200", json, `{"sub":"alice","x":{"y":1,"y":2}}`, refused("503")},
		{"two users where one is read", mapped, "200", json, `{"user":{"id":"u","id":"v"},"aud":"` + resource + `"}`, refused("503")},
		{"two objects of users", mapped, "200", json, `{"user":{"id":"u"},"us\u0065r":{"id":"v"},"aud":"` + resource + `"}`, refused("503")},
		{"a name that is escaped", mapped, "200", json, `{"us\u0065r":{"\u0069d":"u"},"aud":"` + resource + `"}`, goes("x-mcpauth-subject", "u")},
		{"a list of users", mapped, "200", json, `{"user":[{"id":"u"}],"aud":"` + resource + `"}`, refused("503")},
		{"a member with dots in its name", mapped, "200", json, `{"user.id":"u","aud":"` + resource + `"}`, refused("503")},
		{"deep", nil, "200", json, `{"sub":"alice","x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, refused("503")},
		{"scopes of another type", mapped, "200", json, `{"user":{"id":"u"},"aud":"` + resource + `","scope":[1]}`, refused("503")},
		{"a time that is none", mapped, "200", json, `{"user":{"id":"u"},"aud":"` + resource + `","exp":"{}"}`, refused("503")},
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
