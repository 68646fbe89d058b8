package route

import (
	"fmt"
	"strings"
	"testing"

	"mcpauth/config"
)

// resources builds a Config from "host host|prefix prefix" lines; the path of
// a resource is its first prefix.
func resources(t testing.TB, lines ...string) *config.Config {
	c := &config.Config{}
	for _, line := range lines {
		hosts, prefixes, _ := strings.Cut(line, "|")
		m := config.Match{Hosts: strings.Fields(hosts), PathPrefixes: strings.Fields(prefixes)}
		u, err := config.ParseURL("https://mcp.example.com" + m.PathPrefixes[0])
		if err != nil {
			t.Fatal(err)
		}
		c.Resources = append(c.Resources, &config.Resource{Resource: u, Match: m})
	}
	return c
}

func TestFind(t *testing.T) {
	const metadata = "/.well-known/oauth-protected-resource"
	paths := New(resources(t, "|/notes", "|/notes/admin", "|/a/b/c /d"))
	hosts := New(resources(t, "a.example.com|/mcp", "b.example.com b.example.com:8443|/mcp", "|/mcp2", "c.example.com:81|/mcp", "d.example.com:443|/mcp"))
	odd := New(resources(t, "|/notes", "|/notes/@ops", "|/v:1", "|/caf%C3%A9", "|/Upper"))
	root := New(resources(t, "|/"))
	for _, test := range []struct {
		table     *Table
		authority string
		path      string
		want      Match
	}{
		{paths, "h", "/notes", Match{Protected, 0}},
		{paths, "h", "/notes/", Match{Protected, 0}},
		{paths, "h", "/notes?x=/other", Match{Protected, 0}},
		{paths, "h", "/notes/1/2/3/4/5", Match{Protected, 0}},
		{paths, "h", "/notesx", Match{}},
		{paths, "h", "/note", Match{}},
		{paths, "h", "/", Match{}},
		{paths, "h", "/notes/admin", Match{Protected, 1}},
		{paths, "h", "/notes/admin/x", Match{Protected, 1}},
		{paths, "h", "/notes/administrator", Match{Protected, 0}},
		{paths, "h", "/a/b", Match{}},
		{paths, "h", "/a/b/c/d/e", Match{Protected, 2}},
		{paths, "h", "/d/e", Match{Protected, 2}},

		{paths, "h", "/%6Eotes", Match{Protected, 0}},
		{paths, "h", "/%6eotes/%61dmin", Match{Protected, 1}},
		{paths, "h", "//notes", Match{Protected, 0}},
		{paths, "h", "/notes//1", Match{Protected, 0}},
		{paths, "h", "/./notes", Match{Protected, 0}},
		{paths, "h", "/notes/./1", Match{Protected, 0}},
		{paths, "h", "/notes/%2e/1", Match{Protected, 0}},
		{paths, "h", "/x/../notes", Match{Protected, 0}},
		{paths, "h", "/../notes", Match{Protected, 0}},
		{paths, "h", "/%2e%2E/notes", Match{Protected, 0}},
		{paths, "h", "/notes/x/../1", Match{Protected, 0}},
		{paths, "h", "/notes/1/2/3;v=4", Match{Protected, 0}},
		{paths, "h", "/notes/%20x", Match{Protected, 0}},
		{paths, "h", "/notes/%c3%a4", Match{Protected, 0}},
		{paths, "h", "/notes/100%25", Match{Protected, 0}},
		{paths, "h", "/other/%252e%252e/notes", Match{}},

		{paths, "h", metadata + "/notes", Match{Metadata, 0}},
		{paths, "h", metadata + "/notes/", Match{Metadata, 0}},
		{paths, "h", metadata + "/notes?x", Match{Metadata, 0}},
		{paths, "h", metadata + "/notes/admin", Match{Metadata, 1}},
		{paths, "h", metadata + "/%6eotes", Match{Metadata, 0}},
		{paths, "h", metadata + "/notes/x", Match{}},
		{paths, "h", metadata + "/d", Match{}}, // a prefix is no resource
		{paths, "h", metadata, Match{}},

		{hosts, "a.example.com", "/mcp", Match{Protected, 0}},
		{hosts, "A.Example.COM", "/mcp", Match{Protected, 0}},
		{hosts, "a.example.com.", "/mcp", Match{Protected, 0}},
		{hosts, "a.example.com:1234", "/mcp", Match{Protected, 0}},
		{hosts, "b.example.com:8443", "/mcp", Match{Protected, 1}},
		{hosts, "c.example.com:81", "/mcp", Match{Protected, 3}},
		{hosts, "c.example.com", "/mcp", Match{}},
		{hosts, "d.example.com:443", "/mcp", Match{Protected, 4}},
		{hosts, "d.example.com", "/mcp", Match{Protected, 4}},
		{hosts, "d.example.com:80", "/mcp", Match{}},

		{odd, "h", "/notes/@ops", Match{Protected, 1}},
		{odd, "h", "/v:1", Match{Protected, 2}},
		{odd, "h", "/v%3A1", Match{Protected, 2}},
		{odd, "h", "/caf%C3%A9", Match{Protected, 3}},
		{odd, "h", "/caf%c3%a9", Match{Protected, 3}},
		{odd, "h", "/caf\xc3\xa9", Match{Protected, 3}},
		{odd, "h", "/Upper/x", Match{Protected, 4}},
		{odd, "h", "/notes/Item{1}|^", Match{Protected, 0}},
		{odd, "h", metadata + "/Upper", Match{Metadata, 4}},
		{hosts, "other.example.com", "/mcp", Match{}},
		{hosts, "other.example.com", "/mcp2", Match{Protected, 2}},
		{hosts, "[::1]:80", "/mcp2", Match{Protected, 2}},
		{hosts, "", "/mcp2", Match{Protected, 2}},
		{hosts, "b.example.com", metadata + "/mcp", Match{Metadata, 1}},

		{root, "h", "/", Match{Protected, 0}},
		{root, "h", "/x/y", Match{Protected, 0}},
		{root, "h", "//x/..//y", Match{Protected, 0}},
		{root, "h", metadata, Match{Metadata, 0}},
		{root, "h", metadata + "/", Match{Metadata, 0}},
		{root, "h", metadata + "/x", Match{Kind: Absent}},
		{root, "h", "/.well-known/oauth-authorization-server", Match{Kind: Absent}},
		{root, "h", "/.well-known/oauth-authorization-server/x", Match{Kind: Absent}},
		{root, "h", "/.well-known/openid-configuration", Match{Kind: Absent}},
		{root, "h", "/.well-known/openid-configurations", Match{Protected, 0}},
		{root, "h", "/.well-known/other", Match{Protected, 0}},
		{paths, "h", "/notes/.well-known/openid-configuration", Match{Kind: Absent}},
		{paths, "h", "/other/.well-known/openid-configuration", Match{}},
	} {
		got, err := test.table.Find(test.authority, test.path)
		if err != nil || got != test.want {
			t.Errorf("%s%s: %+v, %v, want %+v", test.authority, test.path, got, err, test.want)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	table := New(resources(t, "|/notes", "|/notes/admin", "|/other"))
	for _, path := range []string{
		"", "*", "notes", "http://h/notes",
		"/notes%2Fadmin", "/notes/%2fadmin", `/notes\admin`, "/notes/%5cadmin", "/x%2f..%2fnotes",
		"/notes/%00", "/notes/%0a", "/notes/\x01", "/notes/\x7f", "/notes/%7F",
		"/notes/%", "/notes/%4", "/notes/%zz", "/%", "/notes#x",
		"/Notes", "/NOTES/admin", "/notes/ADMIN", "/notes/x/..//Admin", "/" + strings.Repeat("/", maxOddPath),
		"/a/b/../../notes;x=1", "////notes;x=1", "/notes////admin;x=1", "/notes/a/b/../../admin;x=1",
		// Each of these, only one of the partial readings refuses.
		"/%6eotes//admin/../../admin", "/notes/admin/./..//admin", "/notes//admin/notes/../..",
		"/notes;x", "/notes;/admin", "/notes/admin;x=1", "/notes%3bx", ";", "/;/notes",
		"/x/y/z/..;/notes", "/notes/1/2/..;x/y", "/notes/1/2/;x/y",
		// One server would read another resource than the next.
		"/notes/../other", "/notes/%2e%2e/other", "/notes/x/../admin", "/notes/../", "/notes/..",
		"//x/notes", "///x/notes", "//notes/other", "/%2fx/notes", "//x//other/..//notes",
		"/notes//admin", "/notes//../other", "/notes/./admin", "/notes/%61dmin/../..//other",
	} {
		if m, err := table.Find("h", path); err != ErrPath {
			t.Errorf("%q: %+v, %v, want ErrPath", path, m, err)
		}
	}
}

// A server that routes by the bytes as sent reads this as below /notes.
func TestFindRefusesAnEncodedResourceBelowAnother(t *testing.T) {
	table := New(resources(t, "|/notes", "|/notes/@ops"))
	if m, err := table.Find("h", "/notes/%40ops"); err != ErrPath {
		t.Errorf("%+v, %v", m, err)
	}
}

// A gateway may serve thousands of resources: a look-up must not grow with
// their number, so it may not allocate for a plain path either.
func TestFindAllocatesNothing(t *testing.T) {
	table := New(resources(t, "|/notes", "|/notes/admin"))
	if n := testing.AllocsPerRun(100, func() { table.Find("mcp.example.com", "/notes/1?x=y") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever the spelling, a path that some server reads as one below a resource
// is never found to be unmatched.
func FuzzFind(f *testing.F) {
	table := New(resources(f, "|/notes", "|/other/x"))
	for _, s := range []string{"/notes", "/n%6ftes/..", "//notes/./x", "/a/../notes", "/..;/notes", "/other//x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		m, err := table.Find("h", target)
		if err != nil || m.Kind != Unmatched {
			return
		}
		path, _, _ := strings.Cut(target, "?")
		for range 3 {
			for _, spelling := range []string{strings.ToLower(path), path, removeDots(path), mergeSlashes(path), removeDots(mergeSlashes(path)), mergeSlashes(removeDots(path))} {
				for _, p := range []string{"/notes", "/other/x"} {
					if spelling == p || strings.HasPrefix(spelling, p+"/") {
						t.Fatalf("%q is unmatched but reads as %q", target, spelling)
					}
				}
			}
			if path, err = decode(path); err != nil {
				return
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	table := New(resources(b, "|/notes", "|/notes/admin"))
	b.ReportAllocs()
	for b.Loop() {
		table.Find("mcp.example.com", "/notes/1?x=y")
	}
}

// What is remembered of a target is never said of another one, not even of one
// that falls into the same slot.
func TestRecent(t *testing.T) {
	table := New(resources(t, "|/notes", "|/files"))
	var targets []string
	for i := range 40 {
		targets = append(targets, "/notes/"+strings.Repeat("n", i), "/files/"+strings.Repeat("f", i), "/other/"+strings.Repeat("o", i),
			"/./notes/"+strings.Repeat("n", i), "/notes/../files/"+strings.Repeat("f", i), "/NOTES/"+strings.Repeat("n", i))
	}
	want := map[string]string{}
	for range 3 {
		for _, target := range targets {
			m, err := table.Find("a.example.com", target)
			got := fmt.Sprint(m, err)
			if want[target] == "" {
				fresh := New(resources(t, "|/notes", "|/files"))
				m, err := fresh.Find("a.example.com", target)
				want[target] = fmt.Sprint(m, err)
			}
			if got != want[target] {
				t.Fatalf("%s: %s, want %s", target, got, want[target])
			}
		}
	}
	long := "/notes/" + strings.Repeat("x", maxRecent)
	for range 2 {
		if m, err := table.Find("a.example.com", long); err != nil || m.Kind != Protected {
			t.Errorf("a long target: %v, %v", m, err)
		}
	}
}
