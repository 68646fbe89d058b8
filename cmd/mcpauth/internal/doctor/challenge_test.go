package doctor

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestParseChallenge(t *testing.T) {
	const plain = `Bearer resource_metadata="https://h/.well-known/x"`
	for _, test := range []struct {
		headers              []string
		schemes, metadata    string
		typescript, theScope string
	}{
		{nil, "[]", "", "", ""},
		{[]string{plain}, "[Bearer]", "https://h/.well-known/x", "https://h/.well-known/x", ""},
		{[]string{`bearer scope="a b", resource_metadata="https://h/x"`}, "[bearer]", "https://h/x", "https://h/x", "a b"},
		{[]string{`Bearer resource_metadata=https://h/x, scope=a`}, "[Bearer]", "https://h/x", "https://h/x", "a"},
		{[]string{`Basic realm="a, Bearer b"`}, "[Basic]", "", "", ""},
		{[]string{`Basic realm="x"`, plain}, "[Basic Bearer]", "https://h/.well-known/x", "", ""},
		{[]string{`Basic realm="x", ` + plain}, "[Basic Bearer]", "https://h/.well-known/x", "", ""},
		{[]string{`Negotiate`, plain}, "[Negotiate Bearer]", "https://h/.well-known/x", "", ""},
		{[]string{`Bearer`}, "[Bearer]", "", "", ""},
		{[]string{`Bearer error_description="say \"hi\", resource_metadata=\"no\"", resource_metadata="https://h/x"`}, "[Bearer]", "https://h/x", `\"no\"",`, ""},
		{[]string{plain, `DPoP algs="ES256 RS256"`}, "[Bearer DPoP]", "https://h/.well-known/x", "https://h/.well-known/x", ""},
		{[]string{`DPoP algs="ES256", scope="a", resource_metadata="https://h/x"`}, "[DPoP]", "https://h/x", "", "a"},
		{[]string{plain, `Bearer resource_metadata="https://other/"`}, "[Bearer Bearer]", "https://h/.well-known/x", "https://h/.well-known/x", ""},
	} {
		c := parseChallenge(test.headers)
		if got := fmt.Sprint(c.schemes); got != test.schemes || c.metadataURL() != test.metadata || c.params["scope"] != test.theScope {
			t.Errorf("%q: schemes %s, %v", test.headers, got, c.params)
		}
		if len(test.headers) != 1 || !strings.Contains(test.headers[0], "say") {
			if c.typescript != test.typescript {
				t.Errorf("%q: for the TypeScript SDK %q, want %q", test.headers, c.typescript, test.typescript)
			}
		}
	}
}

// A challenge of DPoP beside that of Bearer is no mistake. One alone shuts most clients out.
func TestChallengesOfDPoP(t *testing.T) {
	bearer, dpop := `Bearer resource_metadata="https://h/x"`, `DPoP algs="ES256"`
	for _, test := range []struct {
		headers []string
		want    string
	}{
		{[]string{bearer, dpop}, "every SDK can read it"},
		{[]string{bearer, bearer, dpop}, "several WWW-Authenticate headers"},
		{[]string{dpop + `, resource_metadata="https://h/x"`}, "for clients with DPoP only"},
		{[]string{dpop}, "names no resource_metadata"},
	} {
		got := checkChallenge(&Observation{challenge: parseChallenge(test.headers)})
		if len(got) != 1 || !strings.Contains(got[0].Message, test.want) {
			t.Errorf("%q: %+v", test.headers, got)
		}
	}
}

// Which clients accept which resource for a URL.
func TestComparisons(t *testing.T) {
	for _, test := range []struct{ given, named, refused string }{
		{"https://h/notes", "https://h/notes", ""},
		{"https://h/notes", "https://h/notes/", "VS Code, the Go SDK"},
		{"https://h/notes/deep", "https://h/notes", "VS Code, the Go SDK"},
		{"https://h", "https://h/", "the Go SDK"},
		{"https://H:443/notes", "https://h/notes", "the Go SDK"},
		{"https://h/notes", "https://h/note", "the TypeScript SDK, the Python SDK, VS Code, the Go SDK"},
		{"https://h/notes", "http://h/notes", "the TypeScript SDK, the Python SDK, VS Code, the Go SDK"},
		{"http://localhost:1/notes", "http://127.0.0.1:1/notes", "the TypeScript SDK, the Python SDK, VS Code, the Go SDK"},
	} {
		g, _ := url.Parse(test.given)
		n, _ := url.Parse(test.named)
		var refused []string
		for _, c := range comparisons {
			if !c.accepts(g, n, test.given, test.named) {
				refused = append(refused, c.client)
			}
		}
		if got := strings.Join(refused, ", "); got != test.refused {
			t.Errorf("%s for %s: refused by %q, want %q", test.named, test.given, got, test.refused)
		}
	}
}
