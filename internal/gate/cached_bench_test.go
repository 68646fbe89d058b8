package gate

import (
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/jwtlite"
)

// BenchmarkCachedToken is the decision on a request whose token was seen before.
func BenchmarkCachedToken(b *testing.B) {
	token := strings.Repeat("t", 900)
	for _, test := range []struct{ name, members, claims string }{
		{"plain", ``, `{"sub":"s"}`},
		{"plain, mutual TLS", `, "mutual_tls": "accept"`, `{"sub":"s"}`},
		{"bound", `, "mutual_tls": "required"`, `{"sub":"s","cnf":` + bound(hashA) + `}`},
		{"bound, by a header", `, "mutual_tls": "required", "trust_forwarded_client_cert": true`, `{"sub":"s","cnf":` + bound(hashA) + `}`},
	} {
		b.Run(test.name, func(b *testing.B) {
			c, err := config.Parse([]byte(`{"authorization_servers": [{"issuer": "https://a", "cluster": "a"}], "resources": [{"resource": "https://h/n"` + test.members + `}]}`))
			if err != nil {
				b.Fatal(err)
			}
			g := New(c, []AuthServer{{Config: c.AuthorizationServers[0]}}, nil)
			g.PeerCertificate = func() string { return hashA }
			p, now := g.resources[0], time.Unix(1_000_000, 0)
			if err := g.token.ParseClaims([]byte(test.claims)); err != nil {
				b.Fatal(err)
			}
			r := &Request{Method: "POST", Authority: "h", Path: "/n", Authorization: "Bearer " + token, Authorizations: 1,
				ForwardedClientCert: "By=a;Hash=" + hashA + `;Subject="CN=a";URI=b`, ForwardedClientCerts: 1}
			window := (&jwtlite.Policy{}).Window(g.token.Claims()).Clip(now, now.Add(time.Hour))
			g.accept(p, r, &p.servers[0], token, cachedToken{window: window, confirmation: newConfirmation(&g.token.Claims().Confirmation)})
			b.ReportAllocs()
			for b.Loop() {
				if v := g.Decide(r, now); v.Kind() != KindForward {
					b.Fatalf("%+v", v)
				}
			}
		})
	}
}
