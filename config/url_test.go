package config_test

import (
	"net/netip"
	"strings"
	"testing"

	"mcpauth/config"
)

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		want                 config.URL
		authority, pathQuery string
		loopback             bool
	}{
		{want: config.URL{Raw: "https://h", Scheme: "https", Host: "h"}, authority: "h", pathQuery: "/"},
		{want: config.URL{Raw: "HTTPS://Mcp.Example.COM:443/A%2f?B=/?c", Scheme: "https", Host: "mcp.example.com", Path: "/A%2f", Query: "B=/?c"}, authority: "mcp.example.com", pathQuery: "/A%2f?B=/?c"},
		{want: config.URL{Raw: "http://h:80/", Scheme: "http", Host: "h", Path: "/"}, authority: "h", pathQuery: "/"},
		{want: config.URL{Raw: "http://h:443?a", Scheme: "http", Host: "h", Port: "443", Query: "a"}, authority: "h:443", pathQuery: "/?a"},
		{want: config.URL{Raw: "https://localhost:8443/x", Scheme: "https", Host: "localhost", Port: "8443", Path: "/x"}, authority: "localhost:8443", pathQuery: "/x", loopback: true},
		{want: config.URL{Raw: "http://a.localhost", Scheme: "http", Host: "a.localhost"}, authority: "a.localhost", pathQuery: "/", loopback: true},
		{want: config.URL{Raw: "http://127.1.2.3", Scheme: "http", Host: "127.1.2.3"}, authority: "127.1.2.3", pathQuery: "/", loopback: true},
		{want: config.URL{Raw: "http://[::1]:81", Scheme: "http", Host: "[::1]", Port: "81"}, authority: "[::1]:81", pathQuery: "/", loopback: true},
		{want: config.URL{Raw: "http://[2001:DB8::1]", Scheme: "http", Host: "[2001:db8::1]"}, authority: "[2001:db8::1]", pathQuery: "/"},
		// Hosts that only look like loopback.
		{want: config.URL{Raw: "http://127.0.0.1.example.com", Scheme: "http", Host: "127.0.0.1.example.com"}, authority: "127.0.0.1.example.com", pathQuery: "/"},
		{want: config.URL{Raw: "http://notlocalhost", Scheme: "http", Host: "notlocalhost"}, authority: "notlocalhost", pathQuery: "/"},
		{want: config.URL{Raw: "http://128.0.0.1", Scheme: "http", Host: "128.0.0.1"}, authority: "128.0.0.1", pathQuery: "/"},
	} {
		u, err := config.ParseURL(c.want.Raw)
		if err != nil {
			t.Errorf("%s: %v", c.want.Raw, err)
			continue
		}
		if *u != c.want {
			t.Errorf("got %+v, want %+v", *u, c.want)
		}
		if u.Authority() != c.authority || u.PathQuery() != c.pathQuery || u.IsLoopback() != c.loopback {
			t.Errorf("%s: got %s, %s, %v", u.Raw, u.Authority(), u.PathQuery(), u.IsLoopback())
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	const (
		absolute = "must be an absolute URL that starts with https://"
		ascii    = "must be a URL without spaces, control characters and non-ASCII characters"
		text     = "must be a URL with valid percent-encoding and no character that needs it"
		port     = "must have a port from 1 to 65535, or none"
		host     = "must have a host name of letters, digits, dots, hyphens and underscores, an IPv4 address or an IPv6 address in brackets"
		ipv4     = "must have an IPv4 address of four decimal numbers from 0 to 255"
		ipv6     = "must have an IPv6 address of hexadecimal groups in brackets, without a zone"
		long     = "must have a host name of at most 253 bytes, with at most 63 between two dots"
	)
	label := strings.Repeat("a", 63)
	for in, want := range map[string]string{
		"":                       absolute,
		"h":                      absolute,
		"https:h":                absolute,
		"https:/h":               absolute,
		"//h":                    absolute,
		"ftp://h":                absolute,
		"https ://h":             ascii,
		" https://h":             ascii,
		"https://h\n":            ascii,
		"https://h/\x00":         ascii,
		"https://h/é":            ascii,
		"https://h/\x7f":         ascii,
		"https://":               "must have a host",
		"https:///a":             "must have a host",
		"https://:443":           "must have a host",
		"https://h#":             "must be a URL without a fragment (#)",
		"https://h/a?b#c":        "must be a URL without a fragment (#)",
		"https://h?":             "must be a URL without an empty query (?)",
		"https://u@h":            "must be a URL without user information (@)",
		"https://u:p@h":          "must be a URL without user information (@)",
		"https://h\\@i":          "must be a URL without user information (@)",
		"https://h\\i":           host,
		"https://h/%":            text,
		"https://h/%4":           text,
		"https://h/%zz":          text,
		"https://h/a\\b":         text,
		"https://h/<":            text,
		"https://h/?a=\"":        text,
		"https://h/?[":           text,
		"https://h:":             port,
		"https://h:0":            port,
		"https://h:65536":        port,
		"https://h:0443":         port,
		"https://h:+1":           port,
		"https://h:a":            port,
		"https://h:1:2":          host,
		"https://h.":             host,
		"https://.h":             host,
		"https://a..b":           host,
		"https://a%2eb":          host,
		"https://a,b":            host,
		"https://1":              ipv4,
		"https://127.1":          ipv4,
		"https://0x7f.0.0.1":     ipv4,
		"https://h.0x1":          ipv4,
		"https://127.0.0.256":    ipv4,
		"https://127.0.0.01":     ipv4,
		"https://1.2.3.4.5":      ipv4,
		"https://]":              host,
		"https://::1":            host,
		"https://[::1]:":         port,
		"https://[::1]:x":        port,
		"https://[":              ipv6,
		"https://[]":             ipv6,
		"https://[::1":           ipv6,
		"https://[::1]a":         ipv6,
		"https://[::1%25lo]":     ipv6,
		"https://[1:2]":          ipv6,
		"https://[::1::]":        ipv6,
		"https://[12345::]":      ipv6,
		"https://[::1.2.3.4]":    ipv6,
		"https://[0:0::1]":       "must have the IPv6 address in its shortest form, [::1]",
		"https://" + label + "a": long,
		"https://" + strings.Repeat(label+".", 4) + "a":       long,
		"https://h/" + strings.Repeat("a", 2048-9):            "must be a URL of at most 2048 bytes",
		"https://h/" + strings.Repeat("a", 2048-10) + "\x80b": "must be a URL of at most 2048 bytes",
	} {
		if _, err := config.ParseURL(in); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
}

// The IPv6 code is our own, since net/netip would cost size in the Wasm file:
// net/netip says whether it is right.
func FuzzIPv6(f *testing.F) {
	for _, s := range []string{"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:0:0:2:0:0:0:3", "0:0:1::", "1:0:2:3:4:5:6:7", "::2:3:4:5:6:7:8", "FE80::1", "1:2:3:4:5:6:7::", "1:0:0:2:3:0:0:4", "::ffff:102:304"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, ".%/?#@[]") {
			return // not an address to us, or no longer the host
		}
		u, err := config.ParseURL("https://[" + s + "]")
		addr, wantErr := netip.ParseAddr(s)
		valid := wantErr == nil && addr.Is6()
		// netip writes ::ffff:0:0/96 with dots, which are refused here.
		canonical := valid && (addr.Is4In6() || strings.EqualFold(addr.String(), s))
		if err == nil && !valid || err != nil && canonical && !addr.Is4In6() {
			t.Fatalf("%q: got %v, %v; netip %v, %v", s, u, err, addr, wantErr)
		}
		if err == nil && !canonical {
			t.Fatalf("%q: not canonical, which is %v", s, addr)
		}
		if err == nil && u.IsLoopback() != addr.IsLoopback() {
			t.Fatalf("%q: loopback is %v", s, u.IsLoopback())
		}
	})
}
