package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"mcpauth/envoy-example/authserver"
)

// Two resources at one path, of which Envoy serves one in a virtual host of its
// own and the other in "*". Whatever a client says about the host, the token of
// the one does not get to the server of the other.
func TestHostsReachTheirOwnServer(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		own, other := keyStage(t, s, authserver.Options{}), keyStage(t, s, authserver.Options{})
		const bank, any = "https://bank.example.com/mcp", "https://any.example.com/mcp"
		o := own.options(toJSON(object{
			"authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
			"resources": []object{
				{"resource": bank, "forward": true, "match": object{"hosts": []string{"bank.example.com"}}},
				{"resource": any, "forward": true},
			},
		}))
		for _, c := range other.options("").Clusters {
			if c.Name == "mcp" {
				c.Name = "bank"
				o.Clusters = append(o.Clusters, c)
			}
		}
		o.Hosts = map[string]string{"bank.example.com": "bank"}
		g := own.start(t, o)
		tokens := map[string]string{bank: own.auth.Mint(authserver.Token{Resource: bank}), any: own.auth.Mint(authserver.Token{Resource: any})}
		eventually(t, recovery, func() string {
			r := toolCall(http1, "/mcp", bearer(tokens[bank]))
			r.host = "bank.example.com"
			a, err := g.send(r)
			if err != nil || a.status == 401 || a.status == 503 {
				return fmt.Sprintf("%v, %+v", err, a)
			}
			return ""
		})

		// reached returns whose servers a request reached.
		reached := func(send func()) string {
			before, before2 := own.mcp.Requests(), other.mcp.Requests()
			send()
			var list []string
			if own.mcp.Requests() != before {
				list = append(list, any)
			}
			if other.mcp.Requests() != before2 {
				list = append(list, bank)
			}
			return strings.Join(list, " ")
		}
		for aud, token := range tokens {
			for _, host := range []string{
				"bank.example.com", "BANK.example.com", "bank.example.com:8443", "bank.example.com:443", "bank.example.com.", "bank.example.com.:443",
				"user@bank.example.com", "bank.example.com:", "bank.example.com:0443", "any.example.com", "any.example.com:8443",
			} {
				want := ""
				switch {
				case strings.EqualFold(host, "bank.example.com") && aud == bank:
					want = bank
				case strings.HasPrefix(host, "any.") && aud == any:
					want = any
				}
				for _, text := range []string{
					"GET /mcp HTTP/1.1\r\nHost: " + host,
					"GET http://" + host + "/mcp HTTP/1.1\r\nHost: bank.example.com",
					"GET http://" + host + "/mcp HTTP/1.1\r\nHost: any.example.com",
				} {
					got := reached(func() {
						g.raw(t, text+"\r\nAuthorization: Bearer "+token+"\r\nConnection: close\r\n\r\n")
					})
					// Envoy takes user information off an absolute URL.
					if got != want && !(got == aud && strings.Contains(text, "http://user@")) {
						t.Errorf("%q with the token of %s reached %q, want %q", text, aud, got, want)
					}
				}
				if got := reached(func() {
					r := request{proto: http2, path: "/mcp", host: host, header: bearer(token)}
					g.send(r) // the client may refuse such a host
				}); got != want && !strings.ContainsAny(host, "@") {
					t.Errorf("%s over HTTP/2 with the token of %s reached %q, want %q", host, aud, got, want)
				}
			}
		}

		// However a client spells its token, the server gets it in one form.
		for _, p := range protocols {
			for _, spelled := range []string{"bearer TOKEN", "Bearer   TOKEN", "Bearer TOKEN \t", "BEARER\tTOKEN"} {
				h := http.Header{"Authorization": {strings.ReplaceAll(spelled, "TOKEN", tokens[any])}}
				a, err := g.send(toolCall(p, "/mcp", h))
				if err != nil || a.status == 401 {
					t.Errorf("%s, %q: %v, %+v", p, spelled, err, a)
					continue
				}
				if got := own.mcp.Last().Header.Get("Authorization"); got != "Bearer "+tokens[any] {
					t.Errorf("%s, %q: the server got %q", p, spelled, got)
				}
			}
		}
	})
}
