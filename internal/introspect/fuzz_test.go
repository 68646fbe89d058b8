package introspect

import (
	"encoding/json"
	"strings"
	"testing"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/discovery"
)

// response returns a response as the plugin makes it.
func response(status int, contentType, body string) *callout.Response {
	r := callout.Response{Status: status, Headers: [][2]string{{"content-type", contentType}}, Size: len(body)}
	r.SetBody([]byte(body))
	return &r
}

// vouched returns what encoding/json reads in an answer for which read vouches, and checks
// what holds for each.
func vouched(t *testing.T, status int, contentType, body string, result *Result, problem string) map[string]any {
	t.Helper()
	if problem != "" && result != nil && result.Claims != nil && result.Err == nil {
		return nil // receive drops the result
	}
	if problem != "" || result.Err != nil {
		return nil
	}
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	if status != 200 || !strings.HasSuffix(strings.TrimSpace(media), "json") {
		t.Fatalf("status %d and %q vouch", status, contentType)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "\ufeff")), &answer); err != nil || answer == nil {
		t.Fatalf("%q vouches: %v", body, err)
	}
	return answer
}

// FuzzIntrospectionResponse: a server vouches for a token only by a JSON object that says
// that it is active, and nothing that says otherwise.
func FuzzIntrospectionResponse(f *testing.F) {
	for _, body := range []string{
		`{"active":true,"sub":"a","exp":1800000300}`, `{"active":false}`, `{"active":"true"}`, `{"active":true,"token_type":"bearer"}`, `{"active":true,"active":false}`,
		`{"active":true,"aud":[]}`, "\ufeff{\"active\":true}", `{"active":true,"token_use":"refresh"}`, `{"\u0061ctive":true}`, `{"Active":true}`, `null`,
	} {
		f.Add(200, "application/json", body)
	}
	f.Add(200, "text/html", `{"active":true}`)
	f.Add(401, "application/json", `{"active":true}`)
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		c, _ := newClient(t, "")
		result, problem := c.read(response(status, contentType, body))
		answer := vouched(t, status, contentType, body, result, problem)
		if answer == nil {
			return
		}
		typ, hasType := answer["token_type"].(string)
		use, hasUse := answer["token_use"].(string)
		if answer["active"] != true || hasType && !strings.EqualFold(typ, "Bearer") || hasUse && use != "access" && use != "access_token" ||
			answer["token_type"] != nil && !hasType || answer["token_use"] != nil && !hasUse {
			t.Errorf("%q vouches", body)
		}
		if list, ok := answer["aud"].([]any); ok && len(list) == 0 {
			t.Errorf("%q vouches for nobody", body)
		}
	})
}

// FuzzUserinfoResponse: the subject and the scopes are those of the members that the
// configuration names, and what restricts the token stays.
func FuzzUserinfoResponse(f *testing.F) {
	for _, body := range []string{
		`{"id":"alice","scope":"a b,c","for":"https://r"}`, `{"id":7,"sub":"root","scp":"admin"}`, `{"id":"a","id":"b"}`, `{"id":1e3,"aud":"x","for":"y"}`, `{"id":"a","exp":"1800000300"}`,
		`{"id":"\ud800"}`, `{"id":{"id":"a"}}`, `{"id":"a","active":false}`, `{"id":"a","cnf":{}}`, `[]`, `{"id":"a","scope":["x"]}`,
	} {
		f.Add(200, "application/json", body)
	}
	f.Add(403, "application/json", `{"error":"insufficient_scope"}`)
	c, err := userinfoClient()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		result, problem := c.read(response(status, contentType, body))
		answer := vouched(t, status, contentType, body, result, problem)
		if answer == nil {
			return
		}
		var claims map[string]any
		if err := json.Unmarshal(result.Claims, &claims); err != nil {
			t.Fatalf("%q became %q: %v", body, result.Claims, err)
		}
		subject, ok := claims["sub"].(string)
		switch id := answer["id"].(type) {
		case string:
			ok = ok && subject == id
		case float64:
			var number map[string]json.RawMessage
			json.Unmarshal([]byte(strings.TrimPrefix(body, "\ufeff")), &number)
			ok = ok && subject == string(number["id"])
		default:
			ok = false
		}
		if !ok || subject == "" {
			t.Errorf("%q became %q", body, result.Claims)
		}
		for _, name := range []string{"azp", "cid", "scp", "scopes", "client_id", "jti"} {
			if claims[name] != nil {
				t.Errorf("%q kept %s: %q", body, name, result.Claims)
			}
		}
		if answer["active"] != nil && answer["active"] != true || answer["cnf"] != nil && claims["cnf"] == nil {
			t.Errorf("%q became %q", body, result.Claims)
		}
	})
}

func userinfoClient() (*Client, error) {
	c, err := config.Parse([]byte(`{"authorization_servers":[{"issuer":"https://a","cluster":"a","userinfo":{"endpoint":"https://a/u","claims":{"subject":"id","scopes":"scope","audience":"for"}}}],` +
		`"resources":[{"resource":"https://r"}]}`))
	if err != nil {
		return nil, err
	}
	p := &process{now: 1_800_000_000_000, data: map[string][]byte{}}
	server := c.AuthorizationServers[0]
	return New(server, discovery.New(server, false, p), p), nil
}
