package wasmtest

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The list of docs/oauth-proxy.md for popular clients is the one that
// TestProxyRegistersPopularClients tests, and its table has each of them.
func TestDocumentedPopularClients(t *testing.T) {
	b, err := os.ReadFile("../docs/oauth-proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(b), "\n### Popular clients\n")
	m := regexp.MustCompile("(?ms)^```json\n(.*?)^```$").FindStringSubmatch(section)
	if m == nil {
		t.Fatal("no configuration")
	}
	var c struct {
		AuthorizationServers []struct {
			OAuthProxy struct {
				RedirectURIs []string `json:"redirect_uris"`
			} `json:"oauth_proxy"`
		} `json:"authorization_servers"`
	}
	if err := json.Unmarshal([]byte(m[1]), &c); err != nil {
		t.Fatal(err)
	}
	if got := c.AuthorizationServers[0].OAuthProxy.RedirectURIs; !slices.Equal(got, popularURIs) {
		t.Errorf("the page has\n%q, tested is\n%q", got, popularURIs)
	}
	table, _, _ := strings.Cut(section, "```json")
	for _, uri := range popularURIs {
		if !strings.Contains(table, "`"+uri+"`") {
			t.Errorf("the table lacks %s", uri)
		}
	}
	for name := range popularClients {
		if !strings.Contains(table, "\n| "+strings.TrimPrefix(name, "MCP ")) && !strings.Contains(table, name) {
			t.Errorf("the table lacks %s", name)
		}
	}
}
