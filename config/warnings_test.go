package config

import (
	"slices"
	"strings"
	"testing"
)

// A client ID among the audiences is allowed, and a reason for a warning where
// nothing else tells access tokens apart.
func TestWarnings(t *testing.T) {
	for _, tt := range []struct {
		resource, server string
		want             []string // paths
	}{
		{`"audiences":["account","api://x","5f0c1f3e"]`, ``, []string{"resources[0].audiences[0]", "resources[0].audiences[2]"}},
		{`"audiences":["account"],"required_scopes":["a"]`, ``, nil},
		{`"audiences":["account"]`, `,"typ":"at+jwt"`, nil},
		{`"audiences":["https://x"]`, ``, nil},
		{`"forward":false`, ``, nil},
	} {
		c, err := Parse([]byte(`{"authorization_servers":[{"issuer":"https://a","cluster":"a"` + tt.server + `}],"resources":[{"resource":"https://r",` + tt.resource + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range c.Warnings {
			path, _, _ := strings.Cut(w, ": ")
			got = append(got, path)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s%s: %q, want warnings for %q", tt.resource, tt.server, c.Warnings, tt.want)
		}
	}
}
