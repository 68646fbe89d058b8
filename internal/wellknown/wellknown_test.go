package wellknown

import (
	"encoding/json"
	"strings"
	"testing"

	"mcpauth/config"
)

func parse(t *testing.T, s string) *config.URL {
	t.Helper()
	u, err := config.ParseURL(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// RFC 9728 section 3.1.
func TestProtectedResourceURL(t *testing.T) {
	for resource, want := range map[string]string{
		"https://h":           "https://h/.well-known/oauth-protected-resource",
		"https://h/":          "https://h/.well-known/oauth-protected-resource",
		"https://h/a/b":       "https://h/.well-known/oauth-protected-resource/a/b",
		"HTTPS://H:8443/a":    "https://h:8443/.well-known/oauth-protected-resource/a",
		"https://h:443/a":     "https://h/.well-known/oauth-protected-resource/a",
		"http://[::1]:8080/a": "http://[::1]:8080/.well-known/oauth-protected-resource/a",
	} {
		if got := ProtectedResourceURL(parse(t, resource)); got != want {
			t.Errorf("%s: %s, want %s", resource, got, want)
		}
	}
}

func TestAuthorizationServerURLs(t *testing.T) {
	for _, test := range []struct {
		issuer string
		mode   config.DiscoveryMode
		want   string
	}{
		{"https://h", config.Auto, "https://h/.well-known/oauth-authorization-server https://h/.well-known/openid-configuration"},
		{"https://h/", config.OIDC, "https://h/.well-known/openid-configuration"},
		{"https://h/p/", config.OAuth, "https://h/.well-known/oauth-authorization-server/p"},
		{"https://h:8443/p", config.Auto, "https://h:8443/.well-known/oauth-authorization-server/p https://h:8443/.well-known/openid-configuration/p https://h:8443/p/.well-known/openid-configuration"},
	} {
		var got []string
		for _, u := range AuthorizationServerURLs(parse(t, test.issuer), test.mode) {
			got = append(got, u.Raw)
			if again := parse(t, u.Raw); again.PathQuery() != u.PathQuery() || again.Authority() != u.Authority() {
				t.Errorf("%s: the parts do not fit", u.Raw)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %q, want %s", test.issuer, got, test.want)
		}
	}
}

// Whatever the configuration holds, the document is JSON and says just that.
func TestDocument(t *testing.T) {
	r := &config.Resource{
		Resource:             parse(t, "https://h/a'b&c"),
		AuthorizationServers: []*config.AuthorizationServer{{Issuer: "https://one/"}, {Issuer: "HTTPS://Two"}},
		ScopesSupported:      []string{"a", "<b>&'c"},
		Metadata:             []config.Member{{Name: `resource_name#de"`, Raw: `"Ärger"`}, {Name: "x", Raw: `{"y":[1]}`}},
	}
	var got map[string]any
	if err := json.Unmarshal(Document(r), &got); err != nil {
		t.Fatalf("%v: %s", err, Document(r))
	}
	text, _ := json.Marshal(got)
	want, _ := json.Marshal(map[string]any{
		"resource": "https://h/a'b&c", "authorization_servers": []string{"https://one/", "HTTPS://Two"},
		"scopes_supported": []string{"a", "<b>&'c"}, "bearer_methods_supported": []string{"header"},
		`resource_name#de"`: "Ärger", "x": map[string]any{"y": []int{1}},
	})
	if string(text) != string(want) {
		t.Errorf("%s, want %s", text, want)
	}
	r.ScopesSupported = nil
	if strings.Contains(string(Document(r)), "scopes_supported") {
		t.Error("a member with no value") // RFC 9728 section 2
	}
}

func TestEntityTag(t *testing.T) {
	// The test vectors of FNV-1a, halved.
	for text, want := range map[string]string{"": `"65f94e7242111192"`, "a": `"57b1ee264300f646"`, "foobar": `"42ca20b8fb9cb3f4"`} {
		if got := EntityTag([]byte(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
