package wasmtest

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

// gitHubAndGoogle is a configuration with both behind the gateway, at one origin.
func gitHubAndGoogle() object {
	proxy := func(members object) object {
		return with(object{"client_id": "the gateway", "client_secret": clientSecret, "signing_key": signingKey, "redirect_uris": []string{"http://127.0.0.1/callback"}}, members)
	}
	return object{
		"allow_on_headers_stop_iteration": true,
		"authorization_servers": []object{
			{
				"issuer": "https://github.com/login/oauth",
				"userinfo": object{"endpoint": "https://api.github.com/user", "cluster": "github-api", "claims": object{"subject": "id"},
					"scopes_header": "X-OAuth-Scopes", "audience_unchecked": true},
				"oauth_proxy": proxy(object{"issuer_path": "/github", "cluster": "github", "scopes": []string{"read:user", "repo"},
					"authorization_endpoint": "https://github.com/login/oauth/authorize", "token_endpoint": "https://github.com/login/oauth/access_token"}),
			},
			{
				"issuer": "https://accounts.google.com",
				"userinfo": object{"endpoint": "https://oauth2.googleapis.com/tokeninfo", "cluster": "google",
					"claims": object{"subject": "sub", "client_id": "azp", "scopes": "scope", "audience": "aud", "expires": "exp"}},
				"oauth_proxy": proxy(object{"issuer_path": "/google", "cluster": "google", "omit_resource": true, "scopes": []string{"openid", "email"},
					"authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent",
					"token_endpoint":         "https://oauth2.googleapis.com/token", "revocation_endpoint": "https://oauth2.googleapis.com/revoke"}),
			},
		},
		"resources": []object{
			{"resource": "https://mcp.example.com/code", "authorization_servers": []string{"https://github.com/login/oauth"}, "required_scopes": []string{"read:user"}},
			{"resource": "https://mcp.example.com/mail", "authorization_servers": []string{"https://accounts.google.com"}, "required_scopes": []string{"openid"}, "audiences": []string{"the gateway"}},
		},
	}
}

// answerAsGitHubAndGoogle answers callouts as the documentation of both says.
func answerAsGitHubAndGoogle(t *testing.T, h *Host) {
	t.Helper()
	jsonType := Headers{{"content-type", "application/json; charset=utf-8"}}
	h.Run(time.Second, func() {
		for len(h.Callouts()) > 0 {
			c := h.Callouts()[0]
			body, _ := url.ParseQuery(string(c.Body))
			switch at := c.Cluster + " " + c.Headers.Get(":authority") + c.Path(); at {
			case "github github.com/login/oauth/access_token":
				// Without this header GitHub sends a form. A mistake has status 200.
				switch {
				case c.Headers.Get("accept") != "application/json":
					c.Answer("200", Headers{{"content-type", formType}}, []byte("access_token=gho_x&scope=read%3Auser%2Crepo&token_type=bearer"))
				case body.Get("code") == "c":
					c.Answer("200", jsonType, []byte(`{"access_token":"gho_x","token_type":"bearer","scope":"read:user,repo"}`))
				default:
					c.Answer("200", jsonType, []byte(`{"error":"bad_verification_code","error_description":"The code passed is incorrect or expired.","error_uri":"https://docs.github.com/x"}`))
				}
			case "github-api api.github.com/user":
				if c.Headers.Get("authorization") != "Bearer gho_x" || c.Headers.Get("user-agent") == "" {
					c.Answer("401", jsonType, []byte(`{"message":"Bad credentials"}`))
				} else {
					c.Answer("200", append(Headers{{"x-oauth-scopes", "read:user, repo"}}, jsonType...), []byte(`{"login":"octocat","id":583231}`))
				}
			case "google oauth2.googleapis.com/token":
				switch {
				case body.Get("code") == "c":
					c.Answer("200", jsonType, []byte(`{"access_token":"ya29.x","expires_in":3599,"refresh_token":"1//x","scope":"openid https://www.googleapis.com/auth/userinfo.email","token_type":"Bearer","id_token":"e30.e30.x"}`))
				case body.Get("refresh_token") == "1//x": // with no new refresh token
					c.Answer("200", jsonType, []byte(`{"access_token":"ya29.x","expires_in":3599,"scope":"openid","token_type":"Bearer"}`))
				default:
					c.Answer("400", jsonType, []byte(`{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`))
				}
			case "google oauth2.googleapis.com/tokeninfo":
				if c.Headers.Get("authorization") != "Bearer ya29.x" {
					c.Answer("400", jsonType, []byte(`{"error":"invalid_token","error_description":"Invalid Value"}`))
				} else {
					c.Answer("200", jsonType, []byte(`{"azp":"the gateway","aud":"the gateway","sub":"110169484474386276334","scope":"openid https://www.googleapis.com/auth/userinfo.email","exp":"1893456000","expires_in":"3599","access_type":"offline"}`))
				}
			default:
				t.Errorf("a callout to %s", at)
				c.Answer("404", nil, nil)
			}
		}
	})
}

// GitHub and Google, each an issuer of the gateway's at one origin: users sign in, tokens pass
// at the resource that they are for, and Google's refresh tokens are of use.
func TestGitHubAndGoogle(t *testing.T) {
	h := newHost(t, Options{HeadersStopIteration: true})
	vm := start(t, h, gitHubAndGoogle())
	for name, tt := range map[string]struct {
		resource, authorize, scope, subject, token string
		refreshes                                  bool
	}{
		"github": {"/code", "https://github.com/login/oauth/authorize?response_type=code&", "read:user repo", "583231", "gho_x", false},
		"google": {"/mail", "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent&response_type=code&", "openid email", "110169484474386276334", "ya29.x", true},
	} {
		prefix := "/" + name
		user, client := &person{vm: vm, prefix: prefix}, register(t, vm, prefix)
		request := url.Values{"client_id": {client}, "resource": {gatewayOrigin + tt.resource}, "prompt": {"login"}}
		u := user.agree(t, user.get(prefix+authorizing(request)))
		q := u.Query()
		if !strings.HasPrefix(u.String(), tt.authorize) || q.Get("scope") != tt.scope || q.Get("redirect_uri") != gatewayOrigin+prefix+"/callback" || q.Has("resource") == (name == "google") {
			t.Errorf("%s", u)
		}
		back := user.get(prefix + "/callback?" + url.Values{"code": {"c"}, "state": {q.Get("state")}, "scope": {tt.scope}, "authuser": {"0"}}.Encode())
		wantStatus(t, back, 302)
		returned, _ := url.Parse(back.Local().Headers.Get("location"))
		exchange := func(members url.Values) *Stream {
			s := post(vm, prefix+"/token", formType, members.Encode())
			answerAsGitHubAndGoogle(t, h)
			return s
		}
		s := exchange(url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {callback}, "code": {returned.Query().Get("code")}, "code_verifier": {codeVerifier}})
		wantStatus(t, s, 200)
		var tokens struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		if err := json.Unmarshal(s.Local().Body, &tokens); err != nil || tokens.Access != tt.token || (tokens.Refresh != "") != tt.refreshes {
			t.Errorf("%s: %s", name, s.Local().Body)
		}
		if tt.refreshes {
			s = exchange(url.Values{"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {tokens.Refresh}})
			if wantStatus(t, s, 200); strings.Contains(string(s.Local().Body), "refresh_token") {
				t.Errorf("%s: %s", name, s.Local().Body)
			}
		}
		for resource, own := range map[string]bool{"/code": name == "github", "/mail": name == "google"} {
			s := vm.Request(rpc(resource, "Bearer "+tokens.Access))
			answerAsGitHubAndGoogle(t, h)
			if !own {
				wantStatus(t, s, 401)
				continue
			}
			wantForwarded(t, s)
			if got := s.Upstream().Get("x-mcpauth-subject"); got != tt.subject {
				t.Errorf("%s: subject %q", name, got)
			}
		}
		// What the provider says of a code that it does not know.
		wrong := sealedAt(prefix, "code", nowOf(h), clientHash(client), callback, codeChallenge, "other")
		s = exchange(url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {callback}, "code": {wrong}, "code_verifier": {codeVerifier}})
		wantError(t, s, 400, "invalid_grant")
	}
}
