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
		{`"clients":["a"]`, ``, []string{"resources[0].clients"}},
		{`"clients":["a"],"required_scopes":["b"]`, ``, nil},
		{`"clients":[]`, `,"typ":"at+jwt"`, nil},
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

// Rules work without allow_on_headers_stop_iteration, in a way that the operator should
// know of: one warning says so, until the document says which way it is.
func TestWarningOfRulesWithoutStoppedHeaders(t *testing.T) {
	const rule = `"tools":{"delete_note":["a"]}`
	for _, tt := range []struct {
		top, resources string
		want           int
	}{
		{``, `{"resource":"https://r/1"},{"resource":"https://r/2",` + rule + `},{"resource":"https://r/3","methods":{"*":["a"]}}`, 1},
		{``, `{"resource":"https://r",` + rule + `,"trust_mcp_headers":true}`, 1},
		{``, `{"resource":"https://r/1","public":{"paths":["/r/1/a"]},"match":{"path_prefixes":["/r"]}},{"resource":"https://r/2","public":{"lists":true}}`, 1},
		{``, `{"resource":"https://r/1","public":{"paths":["/r/a"]},"match":{"path_prefixes":["/r","/1"]}}`, 0},
		{``, `{"resource":"https://r","tools":{}}`, 0},
		{``, `{"resource":"https://r"}`, 0},
		{`"allow_on_headers_stop_iteration":true,`, `{"resource":"https://r",` + rule + `}`, 0},
		{`"allow_on_headers_stop_iteration":false,`, `{"resource":"https://r",` + rule + `}`, 0},
	} {
		c, err := Parse([]byte(`{` + tt.top + `"authorization_servers":[{"issuer":"https://a","cluster":"a"}],"resources":[` + tt.resources + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) != tt.want {
			t.Errorf("%s%s: warnings %q, want %d", tt.top, tt.resources, c.Warnings, tt.want)
		}
		for _, w := range c.Warnings {
			for _, want := range []string{"allow_on_headers_stop_iteration: ", "headers before the decision", "EnvoyFilter", "EnvoyPatchPolicy", "vm_config", "docs/rules.md"} {
				if !strings.Contains(w, want) {
					t.Errorf("%q does not say %q", w, want)
				}
			}
		}
	}
}
