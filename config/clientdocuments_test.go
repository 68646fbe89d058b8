package config_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"mcpauth/config"
)

// Whatever matches is read alike by another parser: the same host, below the same path.
func FuzzClientDocumentMatches(f *testing.F) {
	for _, id := range []string{"https://a.example.com/x/b", "https://a.example.com/x/../b", "https://a.example.com/x/%2e%2e/b", "https://a.example.com/x/b?c", "https://a.example.com@b/x/c", "https://a.example.com/x/b/"} {
		f.Add(id)
	}
	whole, below := config.ClientDocument{URL: "https://a.example.com/x/b"}, config.ClientDocument{URL: "https://a.example.com/x/*"}
	f.Fuzz(func(t *testing.T, id string) {
		if whole.Matches(id) != (id == whole.URL) {
			t.Errorf("%q", id)
		}
		if !below.Matches(id) {
			return
		}
		u, err := url.Parse(id)
		if err != nil || u.Scheme != "https" || u.Host != "a.example.com" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
			!strings.HasPrefix(u.Path, "/x/") || path.Clean(u.Path) != u.Path || u.EscapedPath() != u.Path {
			t.Errorf("%q matches: %v, %v", id, u, err)
		}
	})
}
