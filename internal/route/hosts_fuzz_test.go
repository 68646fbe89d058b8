package route

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"mcpauth/config"
)

// FuzzHosts: if Envoy or a server reads an authority as a host of a resource, Find does not
// return another resource, or none.
func FuzzHosts(f *testing.F) {
	lines := [][]string{
		{"bank.example.com|/mcp", "*.example.com|/mcp", "|/mcp"},
		{"bank.example.com:8443|/mcp", "|/mcp"},
		{"bank.example.com|/mcp"},
	}
	var tables []*Table
	for _, l := range lines {
		c := resources(f, l...)
		c.Unmatched = config.UnmatchedAllow
		tables = append(tables, New(c))
	}
	for _, s := range []string{"bank.example.com", "BANK.example.com:443", "bank.example.com.", "u@bank.example.com", "bank.example.com:", "bank.example.com:08443", "[::1]:8443", "x@y@bank.example.com",
		"bank.example.com\\@evil", "a.bank.example.com", ".example.com", "bank.example.com#", "bank.example.com/x", "ban\u212a.example.com", "bank.example.com:8443"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, authority string) {
		for i, table := range tables {
			m, err := table.Find(authority, "/mcp")
			if err != nil {
				continue
			}
			for _, host := range hostsOf(authority) {
				for r, line := range lines[i] {
					named, _, _ := strings.Cut(line, "|")
					named, _, _ = strings.Cut(named, ":")
					// The exact name of a resource without a port, or the one with a port
					// where the host has none other.
					if named != "" && named == host && (m.Kind != Protected || m.Resource != r) {
						t.Fatalf("%q with the resources %q is %+v, but reads as %q of %d", authority, lines[i], m, host, r)
					}
				}
			}
		}
	})
}

// hostsOf returns the hosts that a server may read in an authority.
func hostsOf(authority string) (list []string) {
	add := func(host string) {
		list = append(list, strings.TrimSuffix(strings.ToLower(host), "."))
	}
	add(authority)
	if host, _, err := net.SplitHostPort(authority); err == nil {
		add(host)
	}
	if u, err := url.Parse("http://" + authority); err == nil {
		add(u.Hostname())
	}
	return list
}
