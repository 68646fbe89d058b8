package wellknown

import (
	"strings"
	"testing"

	"mcpauth/config"
)

// Documents have scopes as clients request them.
func TestScopePrefixInDocuments(t *testing.T) {
	u, err := config.ParseURL("https://mcp.example.com/notes")
	if err != nil {
		t.Fatal(err)
	}
	r := &config.Resource{Resource: u, ScopesSupported: []string{"openid", "Read"}, ScopePrefix: "api://1/"}
	for name, document := range map[string][]byte{"resource": Document(r), "proxy": ProxyDocument(r, &config.OAuthProxy{}, false)} {
		if want := `"scopes_supported":["openid","api://1/Read"]`; !strings.Contains(string(document), want) {
			t.Errorf("%s: %s, want %s", name, document, want)
		}
	}
	if document := ProxyDocument(r, &config.OAuthProxy{Scopes: []string{"x"}}, false); !strings.Contains(string(document), `"scopes_supported":["x"]`) {
		t.Errorf("scopes of the proxy: %s", document)
	}
}
