package gate

import (
	"slices"
	"strings"
	"testing"

	"mcpauth/config"
	"mcpauth/jwtlite"
)

// No claim ends a header, and each value decodes to the claim.
func FuzzHeaderValue(f *testing.F) {
	f.Add("plain value")
	f.Add(" x\r\nx-evil: 1\x00ü%41 ")
	f.Fuzz(func(t *testing.T, s string) {
		v := string(appendValue(nil, s))
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) || strings.TrimSpace(v) != v {
			t.Fatalf("%q is no header value", v)
		}
		if back := unescape(t, v); back != s {
			t.Fatalf("%q reads back as %q, was %q", v, back, s)
		}
	})
}

func unescape(t *testing.T, s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		const digits = "0123456789ABCDEF"
		b.WriteByte(byte(strings.IndexByte(digits, s[i+1])<<4 | strings.IndexByte(digits, s[i+2])))
		i += 2
	}
	return b.String()
}

// Next returns each header that was encoded, whatever its size and number.
func TestIdentity(t *testing.T) {
	want := [][2]string{{"a", "1"}, {"c", strings.Repeat("long", 1<<15)}, {"d", "x y z"}}
	var b []byte
	b = appendHeader(b, 0, "1")
	b = appendHeader(b, 1, "")
	b = appendHeader(b, 2, want[1][1])
	b = appendHeader(b, 300, "", "x", "", "y", "z", "")
	headers := make([]identityHeader, 301)
	headers[0].name, headers[1].name, headers[2].name, headers[300].name = "a", "b", "c", "d"
	identity := Identity{headers, string(b)}
	for _, w := range want {
		if h, ok := identity.Next(); !ok || h.Name != w[0] || h.Value != w[1] {
			t.Errorf("%.20q, %v, want %.20q", h, ok, w)
		}
	}
	if h, ok := identity.Next(); ok {
		t.Errorf("another one: %q", h)
	}
}

// The headers that every resource has are those that the configuration knows by
// name, each with the value that its name promises.
func TestCallerHeaders(t *testing.T) {
	want := map[string]string{"subject": "s", "client": "c", "scope": "x y", "issuer": "i", "expires": "1700000000"}
	if len(config.IdentityNames) != len(callerHeaders) || len(want) != len(callerHeaders) {
		t.Fatalf("%d names, %d headers", len(config.IdentityNames), len(callerHeaders))
	}
	p := &resource{Resource: &config.Resource{FilterState: []string{config.IdentityHeaderPrefix + "client"}}}
	for _, name := range config.IdentityNames {
		p.IdentityHeaders = append(p.IdentityHeaders, config.IdentityHeaderPrefix+name)
	}
	p.identity = identityHeaders(p.Resource, false)
	var token jwtlite.Token
	if err := token.ParseClaims([]byte(`{"sub":"s","client_id":"c","scope":"x y","exp":1700000000}`)); err != nil {
		t.Fatal(err)
	}
	identity := Identity{p.identity, string(p.appendIdentity(nil, &token, "i", token.Claims().AppendScopes(nil)))}
	for range config.IdentityNames {
		h, _ := identity.Next()
		name := strings.TrimPrefix(h.Name, config.IdentityHeaderPrefix)
		if !slices.Contains(config.IdentityNames, name) || h.Value != want[name] || want[name] == "" {
			t.Errorf("%q", h)
		}
		if (h.FilterState == "mcpauth-client") != (name == "client") || h.FilterState != "" && name != "client" {
			t.Errorf("filter state of %s: %q", name, h.FilterState)
		}
		delete(want, name)
	}
}

// Of the headers that every resource has, those that the configuration names are set. A
// value may be for the filter state alone.
func TestIdentityHeadersByChoice(t *testing.T) {
	p := &resource{Resource: &config.Resource{
		IdentityHeaders: []string{config.IdentityHeaderPrefix + "scope"},
		FilterState:     []string{config.IdentityHeaderPrefix + "subject"},
		ClaimToHeaders:  []config.ClaimToHeader{{Claim: config.Claim{Name: "n"}, HeaderName: "x-n"}},
	}}
	p.identity = identityHeaders(p.Resource, false)
	var token jwtlite.Token
	if err := token.ParseClaims([]byte(`{"sub":"s","client_id":"c","exp":1700000000,"n":"v"}`)); err != nil {
		t.Fatal(err)
	}
	p.readClaims()
	p.claims.read(payloadText(&token))
	identity := Identity{p.identity, string(p.appendIdentity(nil, &token, "i", []string{"a"}))}
	for _, want := range []IdentityHeader{{"", "s", "mcpauth-subject"}, {"x-mcpauth-scope", "a", ""}, {"x-n", "v", ""}, {}} {
		if h, _ := identity.Next(); h != want {
			t.Errorf("%q, want %q", h, want)
		}
	}
}
