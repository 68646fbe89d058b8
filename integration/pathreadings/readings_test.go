package pathreadings

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"mcpauth/config"
	"mcpauth/integration/program"
	"mcpauth/internal/route"
)

// The programs that read paths. All of them must be there: a server in any of
// these languages may stand behind the gateway.
var programs = map[string][]string{
	"Node.js": {"node", "readings.mjs"},
	"Python":  {"python3", "readings.py"},
	"Java":    {"java", "Readings.java"},
}

// read returns the readings of a path.
func read(t testing.TB, p *program.Program, path string) (list []string) {
	t.Helper()
	for _, text := range strings.Fields(p.Ask(t, path)) {
		reading, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(reading))
	}
	return list
}

// A gateway is a table of the resources with these path prefixes.
type gateway struct {
	table    *route.Table
	prefixes []string
}

func newGateway(t testing.TB, unmatched config.Unmatched, prefixes ...string) *gateway {
	c := &config.Config{Unmatched: unmatched}
	for _, prefix := range prefixes {
		u, err := config.ParseURL("https://gateway.example" + prefix)
		if err != nil {
			t.Fatal(err)
		}
		c.Resources = append(c.Resources, &config.Resource{Resource: u, Match: config.Match{PathPrefixes: []string{prefix}}})
	}
	return &gateway{route.New(c), prefixes}
}

// resource returns the resource that a server has at a path, -1 for none.
func (g *gateway) resource(path string) int {
	found, longest := -1, -1
	path = strings.ToLower(path)
	for i, prefix := range g.prefixes {
		prefix = strings.TrimSuffix(strings.ToLower(prefix), "/")
		if len(prefix) > longest && strings.HasPrefix(path+"/", prefix+"/") {
			found, longest = i, len(prefix)
		}
	}
	return found
}

// check fails if the gateway lets a path on that a reading takes for one of
// another resource.
func (g *gateway) check(t testing.TB, who, path string, readings []string) {
	t.Helper()
	m, err := g.table.Find("gateway.example", path)
	if err != nil || m.Kind != route.Protected && m.Kind != route.Unmatched {
		return
	}
	decided := -1
	if m.Kind == route.Protected {
		decided = m.Resource
	}
	for _, reading := range readings {
		if r := g.resource(reading); r >= 0 && r != decided {
			t.Fatalf("%s with the resources %q: %q goes to %d, but reads as %q of %d", who, g.prefixes, path, decided, reading, r)
		}
	}
}

// parts are what paths are made of.
var parts = []string{
	"notes", "z", "other", "x", "y", "..", ".", "", "", "%2e%2e", "%2e", ".%2E", "%252e%252e", "..;a", ";", "%3b", "%6eotes", "NOTES", "o%74her",
	"notes;v", "notes.", "notes%20", "..%20", "...", "%2fnotes", "%252fnotes", "x%252f..", "%5cnotes", "%255cother", "..%255c", "notes%3f", "notes%253fa", "a%23",
	"%c0%ae", "%C3%A9", "%C5%BF", "%E2%84%AA", "%00", "%2500", "%09", "%2509", "%", "%25", "%2", "note%73", "gateway.example", "u@h:80", "+", "a+b", "%2b", "~", "*",
}

func randomPath(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(7) {
		b.WriteString("/" + parts[r.IntN(len(parts))])
	}
	return b.String()
}

// The paths that were once read as two resources.
var known = []string{
	"/y/../notes/z/%2e%2e/../secret", "//notes/admin", "/x/%252e%252e/notes", "/x%252f..%252fnotes", "/notes%253fx", "/notes%2f..%2fother/x",
}

// No path reaches a resource but by the check that it asks for, whoever serves
// it: whatever the URL and path functions of four languages make of a path, before
// and after it is decoded, is what the gateway decided on, or it is refused.
func TestReadingsOfFourLanguages(t *testing.T) {
	gateways := []*gateway{
		newGateway(t, config.UnmatchedAllow, "/notes", "/other/x"),
		newGateway(t, config.UnmatchedAllow, "/", "/notes", "/notes/z"),
	}
	for name, command := range programs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := program.Start(t, "Node.js, Python 3 and a JDK of version 17 or newer", command)
			random := rand.New(rand.NewPCG(1, 2))
			passed := 0
			for i := range 3000 {
				path := randomPath(random)
				if i < len(known) {
					path = known[i]
				}
				readings := read(t, p, path)
				for _, g := range gateways {
					g.check(t, name, path, readings)
					if m, err := g.table.Find("gateway.example", path); err == nil && m.Kind == route.Protected {
						passed++
					}
				}
			}
			if passed < 500 {
				t.Errorf("only %d paths were let on", passed)
			}
		})
	}
}

// FuzzReadings does the same with paths of the fuzzer's.
func FuzzReadings(f *testing.F) {
	for _, path := range known {
		f.Add(path)
	}
	gateways := []*gateway{
		newGateway(f, config.UnmatchedAllow, "/notes", "/other/x"),
		newGateway(f, config.UnmatchedAllow, "/", "/notes", "/notes/z"),
	}
	running := map[string]*program.Program{}
	for name, command := range programs {
		running[name] = program.Start(f, "Node.js, Python 3 and a JDK of version 17 or newer", command)
		read(f, running[name], "/") // it runs: an input of the fuzzer has ten seconds
	}
	f.Fuzz(func(t *testing.T, target string) {
		path, _, _ := strings.Cut(target, "?")
		for name, p := range running {
			readings := read(t, p, path)
			for _, g := range gateways {
				g.check(t, name, path, readings)
			}
		}
	})
}
