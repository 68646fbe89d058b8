package route

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"mcpauth/config"
)

// resources builds a Config from lines of the form "host host|prefix prefix". The
// path of a resource is its first prefix.
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
		{paths, "h", "/notes", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes?x=/other", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/1/2/3/4/5", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notesx", Match{}},
		{paths, "h", "/note", Match{}},
		{paths, "h", "/", Match{}},
		{paths, "h", "/notes/admin", Match{Kind: Protected, Resource: 1}},
		{paths, "h", "/notes/admin/x", Match{Kind: Protected, Resource: 1}},
		{paths, "h", "/notes/administrator", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/a/b", Match{}},
		{paths, "h", "/a/b/c/d/e", Match{Kind: Protected, Resource: 2}},
		{paths, "h", "/d/e", Match{Kind: Protected, Resource: 2}},

		{paths, "h", "/%6Eotes", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/%6eotes/%61dmin", Match{Kind: Protected, Resource: 1}},
		{paths, "h", "//notes", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes//1", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/./notes", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/./1", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/%2e/1", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/x/../notes", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/../notes", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/%2e%2E/notes", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/x/../1", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/1/2/3;v=4", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/%20x", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/%c3%a4", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/100%25", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/%252e%252e/%252F/%255c/x", Match{Kind: Protected, Resource: 0}},

		{paths, "h", metadata + "/notes", Match{Kind: Metadata, Resource: 0}},
		{paths, "h", metadata + "/notes/", Match{Kind: Metadata, Resource: 0}},
		{paths, "h", metadata + "/notes?x", Match{Kind: Metadata, Resource: 0}},
		{paths, "h", metadata + "/notes/admin", Match{Kind: Metadata, Resource: 1}},
		{paths, "h", metadata + "/%6eotes", Match{Kind: Metadata, Resource: 0}},
		{paths, "h", metadata + "/notes/x", Match{}},
		{paths, "h", metadata + "/d", Match{}}, // a prefix is no resource
		{paths, "h", metadata, Match{}},

		{hosts, "a.example.com", "/mcp", Match{Kind: Protected, Resource: 0}},
		{hosts, "A.Example.COM", "/mcp", Match{Kind: Protected, Resource: 0}},
		{hosts, "a.example.com.", "/mcp", Match{Kind: Protected, Resource: 0}},
		{hosts, "a.example.com:1234", "/mcp", Match{Kind: Protected, Resource: 0}},
		{hosts, "b.example.com:8443", "/mcp", Match{Kind: Protected, Resource: 1}},
		{hosts, "c.example.com:81", "/mcp", Match{Kind: Protected, Resource: 3}},
		{hosts, "c.example.com", "/mcp", Match{}},
		{hosts, "d.example.com:443", "/mcp", Match{Kind: Protected, Resource: 4}},
		{hosts, "d.example.com", "/mcp", Match{Kind: Protected, Resource: 4}},
		{hosts, "d.example.com:80", "/mcp", Match{}},

		{odd, "h", "/notes/@ops", Match{Kind: Protected, Resource: 1}},
		{odd, "h", "/v:1", Match{Kind: Protected, Resource: 2}},
		{odd, "h", "/v%3A1", Match{Kind: Protected, Resource: 2}},
		{odd, "h", "/caf%C3%A9", Match{Kind: Protected, Resource: 3}},
		{odd, "h", "/caf%c3%a9", Match{Kind: Protected, Resource: 3}},
		{odd, "h", "/caf\xc3\xa9", Match{Kind: Protected, Resource: 3}},
		{odd, "h", "/Upper/x", Match{Kind: Protected, Resource: 4}},
		{odd, "h", "/notes/Item{1}|^", Match{Kind: Protected, Resource: 0}},
		{odd, "h", metadata + "/Upper", Match{Kind: Metadata, Resource: 4}},
		{hosts, "other.example.com", "/mcp", Match{}},
		{hosts, "other.example.com", "/mcp2", Match{Kind: Protected, Resource: 2}},
		{hosts, "[::1]:80", "/mcp2", Match{Kind: Protected, Resource: 2}},
		{hosts, "", "/mcp2", Match{Kind: Protected, Resource: 2}},
		{hosts, "b.example.com", metadata + "/mcp", Match{Kind: Metadata, Resource: 1}},

		{root, "h", "/", Match{Kind: Protected, Resource: 0}},
		{root, "h", "/x/y", Match{Kind: Protected, Resource: 0}},
		{root, "h", "//x/..//y", Match{Kind: Protected, Resource: 0}},
		{root, "h", metadata, Match{Kind: Metadata, Resource: 0}},
		{root, "h", metadata + "/", Match{Kind: Metadata, Resource: 0}},
		{root, "h", metadata + "/x", Match{Kind: NotPublished}},
		{root, "h", "/.well-known/oauth-authorization-server", Match{Kind: NotPublished}},
		{root, "h", "/.well-known/oauth-authorization-server/x", Match{Kind: NotPublished}},
		{root, "h", "/.well-known/openid-configuration", Match{Kind: NotPublished}},
		{root, "h", "/.well-known/openid-configurations", Match{Kind: Protected, Resource: 0}},
		{root, "h", "/.well-known/other", Match{Kind: Protected, Resource: 0}},
		{paths, "h", "/notes/.well-known/openid-configuration", Match{Kind: NotPublished}},
		{paths, "h", "/other/.well-known/openid-configuration", Match{}},
	} {
		got, err := test.table.Find(test.authority, test.path)
		if err != nil || got != test.want {
			t.Errorf("%s%s: %+v, %v, want %+v", test.authority, test.path, got, err, test.want)
		}
	}
}

// Two providers at one origin, each an issuer of the gateway, and a resource at the path of one.
func TestFindEndpointsOfIssuers(t *testing.T) {
	c := resources(t, "|/one", "|/")
	for i, proxy := range []*config.OAuthProxy{{IssuerPath: "/one"}, {IssuerPath: "/two/x", PathPrefix: "/oauth"}} {
		c.Resources[i].AuthorizationServers = []*config.AuthorizationServer{{OAuthProxy: proxy}}
	}
	table := New(c)
	for path, want := range map[string]Match{
		"/.well-known/oauth-authorization-server/one":   {Kind: ServerMetadata},
		"/.well-known/openid-configuration/one":         {Kind: ServerMetadata},
		"/one/.well-known/openid-configuration":         {Kind: ServerMetadata},
		"/one/.well-known/openid-configuration/":        {Kind: ServerMetadata},
		"/.well-known/oauth-authorization-server/two/x": {Kind: ServerMetadata, Resource: 1},
		"/.well-known/openid-configuration/two/x":       {Kind: ServerMetadata, Resource: 1},
		"/two/x/.well-known/openid-configuration":       {Kind: ServerMetadata, Resource: 1},
		"/.well-known/oauth-authorization-server":       {Kind: NotPublished},
		"/.well-known/openid-configuration":             {Kind: NotPublished},
		"/.well-known/oauth-authorization-server/two":   {Kind: NotPublished},
		"/one/authorize":         {Kind: AuthorizationEndpoint},
		"/one/token":             {Kind: TokenEndpoint},
		"/one/register":          {Kind: RegistrationEndpoint},
		"/one/revoke":            {Kind: RevocationEndpoint},
		"/one/callback":          {Kind: CallbackEndpoint},
		"/one/oauth/callback":    {Kind: Protected},
		"/one":                   {Kind: Protected},
		"/two/x/oauth/authorize": {Kind: AuthorizationEndpoint, Resource: 1},
		"/two/x/oauth/callback":  {Kind: CallbackEndpoint, Resource: 1},
		"/two/x/authorize":       {Kind: Protected, Resource: 1},
		"/authorize":             {Kind: Protected, Resource: 1},
	} {
		if got, err := table.Find("h", path); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", path, got, err, want)
		}
	}
}

// The longest prefix decides, then the most specific host.
func TestFindTheNearest(t *testing.T) {
	const metadata = "/.well-known/oauth-protected-resource"
	table := New(resources(t,
		"|/mcp",                       // 0
		"a.example.com|/mcp",          // 1
		"a.example.com:8443|/mcp",     // 2
		"*.example.com|/mcp",          // 3
		"*.b.example.com *.c:81|/mcp", // 4
		"*.b.example.com:8443|/mcp",   // 5
		"|/mcp/deep",                  // 6
		"e.example.com:443|/mcp",      // 7
		"*.example.com|/only",         // 8
	))
	for _, test := range []struct {
		authority, path string
		want            Match
	}{
		{"h", "/mcp", Match{Kind: Protected, Resource: 0}},
		{"a.example.com", "/mcp", Match{Kind: Protected, Resource: 1}},
		{"a.example.com:8443", "/mcp", Match{Kind: Protected, Resource: 2}},
		{"A.example.com", "/mcp", Match{Kind: Protected, Resource: 1}},
		{"A.example.com:8443", "/mcp", Match{Kind: Protected, Resource: 2}},
		{"a.example.com:1", "/mcp/deep", Match{Kind: Protected, Resource: 6}},
		{"a.example.com.:1", "/mcp/deep", Match{Kind: Protected, Resource: 6}},
		{"user@a.example.com", "/mcp/deep", Match{Kind: Protected, Resource: 6}},
		{"x.example.com", "/mcp", Match{Kind: Protected, Resource: 3}},
		{"x.a.example.com", "/mcp", Match{Kind: Protected, Resource: 3}},
		{"b.example.com", "/mcp", Match{Kind: Protected, Resource: 3}},
		{"x.y.b.example.com", "/mcp", Match{Kind: Protected, Resource: 4}},
		{"x.b.example.com:8443", "/mcp", Match{Kind: Protected, Resource: 5}},
		{"x.c:81", "/mcp", Match{Kind: Protected, Resource: 4}},
		{"example.com", "/mcp", Match{Kind: Protected, Resource: 0}},
		{"xexample.com", "/mcp", Match{Kind: Protected, Resource: 0}},
		{"x.example.com.evil", "/mcp", Match{Kind: Protected, Resource: 0}},
		{strings.Repeat("xyz.", 50) + "example.com", "/mcp", Match{Kind: Protected, Resource: 3}},
		{"e.example.com", "/mcp", Match{Kind: Protected, Resource: 7}},
		{"e.example.com:443", "/mcp", Match{Kind: Protected, Resource: 7}},
		{"a.example.com", "/mcp/deep/x", Match{Kind: Protected, Resource: 6}},
		{"x.example.com", "/only", Match{Kind: Protected, Resource: 8}},
		{"h", "/only", Match{}},
		{".example.com", "/only", Match{}},
		{"a.example.com", metadata + "/mcp", Match{Kind: Metadata, Resource: 1}},
		{"x.b.example.com", metadata + "/mcp", Match{Kind: Metadata, Resource: 4}},
		{"x.example.com", "/%6dcp", Match{Kind: Protected, Resource: 3}},
	} {
		got, err := table.Find(test.authority, test.path)
		if err != nil || got != test.want {
			t.Errorf("%s%s: %+v, %v, want %+v", test.authority, test.path, got, err, test.want)
		}
	}
}

func TestFindMetadataAtTheRoot(t *testing.T) {
	const metadata = "/.well-known/oauth-protected-resource"
	c := resources(t, "|/a", "|/b", "*.example.com|/c", "x.example.com|/")
	c.Resources[1].RootMetadata, c.Resources[2].RootMetadata = true, true
	table := New(c)
	for authority, want := range map[string]int{"h": 1, "y.example.com": 2, "x.example.com": 3} {
		for _, path := range []string{metadata, metadata + "/", metadata + "?x"} {
			if m, err := table.Find(authority, path); err != nil || m != (Match{Kind: Metadata, Resource: want}) {
				t.Errorf("%s%s: %+v, %v", authority, path, m, err)
			}
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
		"/Notes", "/NOTES/admin", "/notes/ADMIN", "/notes/x/..//Admin", "/" + strings.Repeat("/", maxPath),
		"/a/b/../../notes;x=1", "////notes;x=1", "/notes////admin;x=1", "/notes/a/b/../../admin;x=1",
		// Each of these, only one of the partial readings refuses.
		"/%6eotes//admin/../../admin", "/notes/admin/./..//admin", "/notes//admin/notes/../..",
		"/notes;x", "/notes;/admin", "/notes/admin;x=1", "/notes%3bx", ";", "/;/notes",
		"/x/y/z/..;/notes", "/notes/1/2/..;x/y", "/notes/1/2/;x/y",
		"/notes x", "/notes/ x", "/notes/%c0%ae", "/notes/%C0%AF", "/notes/%e0%80%af", "/notes/%f0%80%80%af", "/notes/%250a",
		// One server would read another resource than the next.
		"/y/../notes/z/%2e%2e/../other", "/other/%252e%252e/notes",
		"/notes/x/../..;/../other", "/notes/%253b/../admin", "/notes/admin%253bx", "/notes/admin%253Fx", "/notes/admin%3Fx", "/notes/admin%23x",
		"/notes/admin.", "/notes/admin%20", "/notes/admin%20.%20/x", "/notes/..%20/other", "/notes/admin%255cx", "/note%C5%BF",
		"/notes/%" + strings.Repeat("25", 100) + "2e",
		"/notes/../other", "/notes/%2e%2e/other", "/notes/x/../admin", "/notes/../", "/notes/..",
		"//x/notes", "///x/notes", "//notes/other", "/%2fx/notes", "//x//other/..//notes",
		"/notes//admin", "/notes//../other", "/notes/./admin", "/notes/%61dmin/../..//other",
	} {
		if m, err := table.Find("h", path); err != ErrPath {
			t.Errorf("%q: %+v, %v, want ErrPath", path, m, err)
		}
	}
}

// A server that routes by the bytes of the path finds this below /notes.
func TestFindRefusesAnEncodedResourceBelowAnother(t *testing.T) {
	table := New(resources(t, "|/notes", "|/notes/@ops"))
	if m, err := table.Find("h", "/notes/%40ops"); err != ErrPath {
		t.Errorf("%+v, %v", m, err)
	}
}

// A lookup of a plain path allocates nothing.
func TestFindAllocatesNothing(t *testing.T) {
	table := New(resources(t, "|/notes", "|/notes/admin"))
	if n := testing.AllocsPerRun(100, func() { table.Find("mcp.example.com", "/notes/1?x=y") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// readAs returns the readings of p by Go's packages path and net/url, applied in any
// order, up to four times.
func readAs(p string) []string {
	steps := []func(string) string{
		path.Clean,
		func(p string) string {
			if decoded, err := url.PathUnescape(p); err == nil {
				return decoded
			}
			return p
		},
		func(p string) string {
			base := url.URL{Scheme: "http", Host: "h", Path: "/"}
			if u, err := base.Parse(p); err == nil {
				return u.EscapedPath()
			}
			return p
		},
		func(p string) string { return "/" + strings.TrimLeft(p, "/") },
		strings.ToLower,
	}
	all, last := []string{p}, []string{p}
	for range 4 {
		var next []string
		for _, p := range last {
			for _, step := range steps {
				if q := step(p); !slices.Contains(all, q) {
					all, next = append(all, q), append(next, q)
				}
			}
		}
		last = next
	}
	return all
}

// If some server reads a path as a path of a resource, Find does not return another
// resource, or none.
func FuzzFind(f *testing.F) {
	lines := [][]string{{"|/notes", "|/other/x"}, {"|/", "|/notes", "|/notes/z"}}
	var tables []*Table
	for _, lines := range lines {
		c := resources(f, lines...)
		c.Unmatched = config.UnmatchedAllow
		tables = append(tables, New(c))
	}
	for _, s := range []string{"/notes", "/n%6ftes/..", "//notes/./x", "/a/../notes", "/..;/notes", "/other//x", "/y/../notes/z/%2e%2e/../secret", "/x/%252e%252e/notes", "//h/notes"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		sent, _, _ := strings.Cut(target, "?")
		for i, table := range tables {
			m, err := table.Find("h", target)
			if err != nil || m.Kind != Unmatched && m.Kind != Protected {
				continue
			}
			for _, p := range readAs(sent) {
				found, longest := Match{}, -1
				for r, line := range lines[i] {
					if prefix := strings.TrimSuffix(line[1:], "/"); len(prefix) > longest && strings.HasPrefix(p+"/", prefix+"/") {
						found, longest = Match{Kind: Protected, Resource: r}, len(prefix)
					}
				}
				if found.Kind == Protected && found != m {
					t.Fatalf("%q is %+v but reads as %q of %+v", target, m, p, found)
				}
			}
		}
	})
}

// thousand has a thousand resources: half of them on one host, the others at one
// path on a host each.
func thousand(t testing.TB) *config.Config {
	var lines []string
	for i := range 500 {
		lines = append(lines, fmt.Sprintf("|/servers/mcp%03d", i), fmt.Sprintf("tenant%03d.example.com|/mcp", i))
	}
	return resources(t, append(lines, "*.example.com|/mcp", "|/mcp")...)
}

func TestFindAmongAThousand(t *testing.T) {
	table := New(thousand(t))
	for i := range 500 {
		for _, test := range []struct {
			authority, path string
			want            int
		}{
			{"h", fmt.Sprintf("/servers/mcp%03d/x", i), 2 * i},
			{fmt.Sprintf("tenant%03d.example.com", i), "/mcp", 2*i + 1},
			{fmt.Sprintf("x.tenant%03d.example.com", i), "/mcp", 1000},
			{fmt.Sprintf("tenant%03d.example.net", i), "/mcp", 1001},
		} {
			if m, err := table.Find(test.authority, test.path); err != nil || m != (Match{Kind: Protected, Resource: test.want}) {
				t.Errorf("%s%s: %+v, %v", test.authority, test.path, m, err)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { table.exact.find(&query{host: "x.y.tenant001.example.com"}, "/mcp/x/y", table.depth) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The time of a lookup does not depend on the number of resources in the table, nor
// on the number of resources to which consecutive requests go.
func BenchmarkFindNew(b *testing.B) {
	for name, c := range map[string]*config.Config{"2": resources(b, "|/servers/mcp000", "tenant000.example.com|/mcp"), "1002": thousand(b)} {
		table := New(c)
		for _, target := range [][2]string{{"h", "/servers/mcp000/x"}, {"tenant000.example.com", "/mcp"}, {"x.y.tenant000.example.com", "/mcp"}} {
			b.Run(name+"/"+target[0], func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					table.exact.find(&query{host: target[0]}, target[1], table.depth)
				}
			})
		}
	}
}

func BenchmarkNew(b *testing.B) {
	c := thousand(b)
	b.ReportAllocs()
	for b.Loop() {
		New(c)
	}
}

func BenchmarkFind(b *testing.B) {
	table := New(resources(b, "|/notes", "|/notes/admin"))
	b.ReportAllocs()
	for b.Loop() {
		table.Find("mcp.example.com", "/notes/1?x=y")
	}
}

// Find never returns the remembered match of another target, even if both have the
// same slot.
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
	long := "/notes/" + strings.Repeat("x", maxRecentBytes)
	for range 2 {
		if m, err := table.Find("a.example.com", long); err != nil || m.Kind != Protected {
			t.Errorf("a long target: %v, %v", m, err)
		}
	}
}

// A gateway with many endpoints makes no garbage, whether their lookups are remembered or
// share a slot, and remembers most of them.
func TestRecentOfAThousand(t *testing.T) {
	table := New(thousand(t))
	type request struct{ authority, target string }
	var requests []request
	for i := range 500 {
		requests = append(requests, request{"h", fmt.Sprintf("/servers/mcp%03d", i)}, request{fmt.Sprintf("tenant%03d.example.com", i), "/mcp"})
	}
	slots := map[*lookup]bool{}
	next := func() {
		for _, r := range requests {
			if m, err := table.Find(r.authority, r.target); err != nil || m.Kind != Protected {
				t.Fatal(r, m, err)
			}
			slots[table.slot(r.authority, r.target)] = true
		}
	}
	if next(); len(slots) < len(requests)*3/4 {
		t.Errorf("%d slots for %d endpoints", len(slots), len(requests))
	}
	if n := testing.AllocsPerRun(10, next); n != 0 {
		t.Errorf("%v allocations in %d lookups", n, len(requests))
	}
}

// A lookup is not taken for one whose authority and target are the same text.
func TestRecentKeepsAuthorityAndTargetApart(t *testing.T) {
	var l lookup
	l.set("h", "/a/b", Match{Kind: Protected})
	for _, test := range []struct {
		authority, target string
		want              bool
	}{{"h", "/a/b", true}, {"h/a", "/b", false}, {"", "h/a/b", false}, {"h/a/b", "", false}, {"h", "/a/c", false}, {"g", "/a/b", false}, {"h", "/a", false}} {
		if got := l.is(test.authority, test.target); got != test.want {
			t.Errorf("%q, %q: %v", test.authority, test.target, got)
		}
	}
	if (&lookup{}).is("", "") {
		t.Error("the empty lookup is one of an empty target")
	}
}
