package config_test

import (
	"net/url"
	"strings"
	"testing"

	"mcpauth/config"
)

// FuzzMatchesOrigin: an origin that a pattern allows is the one that it names, or that of a
// host below the one that it names, as net/url reads it.
func FuzzMatchesOrigin(f *testing.F) {
	for _, s := range []string{"https://app.example.com", "https://a.b.example.com", "https://example.com", "https://evil.example/.example.com", "https://u@x.example.com", "https://x.example.com:443",
		"https://x.example.com/", "https://evil.example?.example.com", "https://evil.example#.example.com", "https://[::1].example.com", "null", "https://.example.com", "https://a\\.example.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		if config.MatchesOrigin("https://app.example.com", origin) != (origin == "https://app.example.com") {
			t.Errorf("%q", origin)
		}
		if !config.MatchesOrigin("https://*.example.com", origin) {
			return
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" || u.Path+u.RawQuery+u.Fragment != "" || !strings.HasSuffix(u.Host, ".example.com") || origin != "https://"+u.Host {
			t.Errorf("%q is allowed: %+v, %v", origin, u, err)
		}
	})
}
