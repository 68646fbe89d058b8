package route

import (
	"strings"
	"testing"

	"mcpauth/config"
)

// A path is public if all of its readings are, at the resource that it leads to, also when
// the table remembers it.
func TestPublicPaths(t *testing.T) {
	c := resources(t, "|/", "h|/notes", "h|/other")
	c.Resources[0].Public.Paths = []string{"/docs/*", "/favicon.ico"}
	c.Resources[1].Public.Paths = []string{"/notes/about"}
	table := New(c)
	for target, want := range map[string]bool{
		"/docs/": true, "/docs/a": true, "/docs/a/b?c": true, "/docs/A.txt": true, "/docs/%41": true, "/docs/a%20b": true, "/docs/./a": true, "/docs/x/../a": true, "/docs//a": true, "/favicon.ico": true, "/favicon.ico?a": true,
		"/docs/caf%C3%A9": true, "/docs/Caf%c3%a9": true, "/notes/about": true,
		"/": false, "/docs": false, "/docsa": false, "/DOCS/a": false, "/favicon.ico/": false, "/favicon.ico/a": false, "/notes": false, "/notes/": false, "/notes/about/": false, "/notes/about/a": false, "/notes/About": false,
		"/docs/../a": false, "/docs/%2e%2e/a": false, "/docs/x/../../a": false, "/docs/..": false, "/docs/%252e%252e/a": false, "/a/../docs/b": false, "//docs/a": false, "/%64ocs/a": false, "/docs/a/.. /../b": false, "/docs/(S(a))/../../b": false,
		"/other/docs/a": false, "/a?/docs/a": false, "/other": false,
	} {
		for range 2 {
			m, err := table.Find("h", target)
			if public := err == nil && m.Public; public != want {
				t.Errorf("%s: public %v, want %v (%+v, %v)", target, public, want, m, err)
			}
		}
	}
	for _, target := range []string{"/docs/../notes", "/docs/..%2fnotes", "/docs/..;/notes", "/docs/..\\notes"} {
		if m, err := table.Find("h", target); err == nil && m.Public {
			t.Errorf("%s: %+v", target, m)
		}
	}
	if m, _ := table.Find("h", "/.well-known/oauth-protected-resource/docs"); m.Public {
		t.Errorf("metadata: %+v", m)
	}
	if m, _ := New(resources(t, "|/")).Find("h", "/docs/a"); m.Public {
		t.Errorf("nothing is public: %+v", m)
	}
}

// No path is public that a reading leads away from what is public.
func FuzzPublicPaths(f *testing.F) {
	for _, path := range []string{"/docs/a", "/docs/../mcp", "/docs/%2e%2e/mcp", "/docs//..//mcp", "/docs/..;a/mcp", "/x/../docs/a", "/docs/a%2f..%2f..%2fmcp"} {
		f.Add(path)
	}
	u, err := config.ParseURL("https://h/mcp")
	if err != nil {
		f.Fatal(err)
	}
	table := New(&config.Config{Resources: []*config.Resource{{Resource: u, Match: config.Match{PathPrefixes: []string{"/"}}, Public: config.Public{Paths: []string{"/docs/*"}}}}})
	f.Fuzz(func(t *testing.T, path string) {
		m, err := table.Find("h", path)
		if err != nil || !m.Public {
			return
		}
		text, _, _ := strings.Cut(path, "?")
		_, list, err := readingsOf(text, table.depth)
		if err != nil {
			t.Fatal(path, err)
		}
		for _, r := range list {
			if !strings.HasPrefix(r.path, "/docs/") {
				t.Fatalf("%q is public, and has the reading %q", path, r.path)
			}
		}
	})
}
