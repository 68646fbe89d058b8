package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
)

// says overrides an endpoint of a server with one answer.
func says(s *authserver.Server, path string, status int, body string, headers ...string) {
	s.Override(path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
}

// refreshTokenFor returns what a gateway gives to a client in place of a refresh token of the
// provider: see sealer in internal/oauthproxy.
func refreshTokenFor(origin, provider, client, token string) string {
	field := func(b []byte, text string) []byte { return append(binary.AppendUvarint(b, uint64(len(text))), text...) }
	sum := func(key, text string) string {
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(text))
		return string(m.Sum(nil))
	}
	hash := sha256.Sum256(field(nil, client))
	encode := base64.RawURLEncoding.EncodeToString
	text := encode(field(field(field(nil, string(hash[:])), token), "")) // the user has agreed to no scopes
	return text + "." + encode([]byte(sum(sum(signingKey, "mcpauth 1 refresh "+origin+" "+provider), text)))
}

// TestOAuthProxyAnswers: what the gateway makes of a provider's answers, and of
// clients that register more than is allowed or authenticate as they may not.
func TestOAuthProxyAnswers(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own, g := proxyGateway(t, s, false)
		for _, p := range protocols {
			t.Run(string(p), func(t *testing.T) {
				post := func(path, contentType, body string, header http.Header) *answer {
					h := http.Header{"Origin": {pages}, "Content-Type": {contentType}}
					for name, values := range header {
						h[name] = values
					}
					return g.do(t, request{proto: p, method: "POST", path: path, header: h, body: body})
				}
				a := post("/register", "application/json", `{"redirect_uris":["cursor://anysphere.cursor-mcp/oauth/callback","http://localhost:8787/callback"]}`, nil)
				var registered struct {
					RedirectURIs []string `json:"redirect_uris"`
				}
				if json.Unmarshal([]byte(a.body), &registered); a.status != 201 || !slices.Equal(registered.RedirectURIs, []string{"http://localhost:8787/callback"}) {
					t.Errorf("%d %s", a.status, a.body)
				}
				a = post("/register", "application/json", `{"redirect_uris":["cursor://anysphere.cursor-mcp/oauth/callback"]}`, nil)
				if a.status != 400 || !strings.Contains(a.body, "cursor://anysphere.cursor-mcp/oauth/callback") {
					t.Errorf("%d %s", a.status, a.body)
				}
				// A refresh token that the client got here, in place of the provider's.
				client := registerAt(t, own.port.Origin(), "a client", "http://127.0.0.1:1/callback")
				form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshTokenFor(own.port.Origin(), own.auth.Issuer(), client, "r")}}
				const formType = "application/x-www-form-urlencoded"
				r, _ := http.NewRequest("POST", "/", nil)
				r.SetBasicAuth(url.QueryEscape(providerClient.ID), "")
				a = post("/token", formType, form.Encode(), http.Header{"Authorization": r.Header["Authorization"]})
				if a.status != 401 || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic ") || !strings.Contains(a.body, "invalid_client") {
					t.Errorf("%d %v %s", a.status, a.header, a.body)
				}
				form.Set("client_id", client)
				for _, tt := range []struct {
					status  int
					body    string
					headers []string
					want    int
					has     string
				}{
					{201, `{"access_token":"t","token_type":"Bearer","x":{}}`, []string{"Content-Type", "text/plain"}, 200, `{"access_token":"t","token_type":"Bearer"}`},
					{429, `slow down`, []string{"Content-Type", "text/plain", "Retry-After", "33"}, 429, `"temporarily_unavailable"`},
					{429, `{"error":"slow_down"}`, []string{"Content-Type", "application/json", "Retry-After", "33"}, 429, `{"error":"slow_down"}`},
					{503, `x`, []string{"Retry-After", "33"}, 503, `"temporarily_unavailable"`},
					{400, `{"error":"invalid_grant","error_description":"` + url.QueryEscape(providerClient.Secret) + `"}`, []string{"Content-Type", "application/json"}, 503, `"temporarily_unavailable"`},
					{400, `{"error":"invalid_grant","error_description":"s3cr3t:\u0026+\u00fc"}`, []string{"Content-Type", "application/json"}, 503, `"temporarily_unavailable"`},
				} {
					says(own.auth, "/token", tt.status, tt.body, tt.headers...)
					a = post("/token", formType, form.Encode(), nil)
					if a.status != tt.want || !strings.Contains(a.body, tt.has) || slices.Contains(tt.headers, "33") && a.header.Get("Retry-After") != "33" {
						t.Errorf("%d %s: %d %v %s", tt.status, tt.body, a.status, a.header, a.body)
					}
				}
				own.auth.Override("/token", nil)
			})
		}
		if log := g.Log(); !strings.Contains(log, `at registration the redirect URI "cursor://anysphere.cursor-mcp/oauth/callback" was refused`) || strings.Contains(log, "s3cr3t") {
			t.Errorf("log:\n%s", log)
		}
	})
}

// TestUserinfoAnswers: what a userinfo answer says against its token counts, and
// is no outage; headers that a server could take for the gateway's are removed.
func TestUserinfoAnswers(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own := keyStage(t, s, authserver.Options{})
		g := own.start(t, own.options(toJSON(object{
			"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth", "userinfo": object{
				"endpoint": own.auth.Endpoint("userinfo"), "cluster": "auth", "audience_unchecked": true, "max_cache_seconds": 0,
				"claims": object{"subject": []string{"example.com/user", "id"}, "scopes": "scopes"},
			}}},
			"resources": []object{{"resource": notes, "required_scopes": []string{"read:notes"}, "claim_to_headers": []object{{"claim_name": []string{"example.com/team"}, "header_name": "x-team"}}}},
		})))
		const user = `"example.com/user":{"id":7},"scopes":"read:notes","example.com/team":"blue"`
		for i, tt := range []struct {
			status int
			body   string
			want   int
			has    string
		}{
			{200, `{` + user + `}`, 200, ""},
			{200, `{` + user + `,"aud":"https://other.example.com"}`, 401, "audience"},
			{200, `{` + user + `,"exp":1}`, 401, "expired"},
			{200, `{` + user + `,"nbf":9999999999}`, 401, "not yet valid"},
			{200, `{` + user + `,"active":false}`, 401, "not active"},
			{200, `{` + user + `,"cnf":{"jkt":"x"}}`, 401, "bound"},
			{200, `{` + user + `,"typ":"Refresh"}`, 401, "token type"},
			{200, `{"scopes":"read:notes"}`, 401, "names no user"},
			{200, `{"example.com/user":{"id":7}}`, 403, "insufficient_scope"},
			{403, `{"error":"insufficient_scope"}`, 403, "insufficient_scope"},
			{403, `{}`, 401, "not active"},
			{429, `{}`, 503, ""},
			{500, `{}`, 503, ""},
		} {
			says(own.auth, "/userinfo", tt.status, tt.body, "Content-Type", "application/json")
			for _, p := range protocols {
				r := toolCall(p, "/notes", bearer(fmt.Sprintf("opaque-%s-%d", p, i)))
				for _, name := range []string{"x-team", "x_team", "x.team", "x!team", "x.mcpauth.subject", "X-Mcpauth_subject"} {
					r.header[name] = []string{"forged"}
				}
				if a := g.do(t, r); a.status != tt.want || !strings.Contains(a.challenge(), tt.has) {
					t.Errorf("%s: %d %s: status %d, challenge %s", p, tt.status, tt.body, a.status, a.challenge())
				}
				if tt.want != 200 {
					continue
				}
				last := own.mcp.Last().Header
				if last.Get("X-Team") != "blue" || last.Get("X-Mcpauth-Subject") != "7" || strings.Contains(fmt.Sprint(last), "forged") {
					t.Errorf("%s: headers %v", p, last)
				}
			}
		}
	})
}
