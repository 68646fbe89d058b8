package gate

import (
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/metrics"
	"mcpauth/jwtlite"
)

// binding returns a "cnf" whose digests begin with the given letters, which must differ
// from "A". An empty one is left out.
func binding(key, certificate string) string {
	var members []string
	for name, first := range map[string]string{"jkt": key, "x5t#S256": certificate} {
		if first != "" {
			members = append(members, `"`+name+`":"`+first+strings.Repeat("A", 42)+`"`)
		}
	}
	return `{` + strings.Join(members, ",") + `}`
}

func confirmationOf(t *testing.T, cnf string) *confirmation {
	t.Helper()
	var token jwtlite.Token
	if err := token.ParseClaims([]byte(`{"cnf":` + cnf + `}`)); err != nil {
		t.Fatal(err)
	}
	return newConfirmation(&token.Claims().Confirmation)
}

// A token and the response about it may both say to what the token is bound. All of it
// counts.
func TestConfirmationsAdd(t *testing.T) {
	for _, test := range []struct{ own, response, want string }{
		{"null", "null", "null"},
		{binding("B", ""), "null", binding("B", "")},
		{"null", binding("", "C"), binding("", "C")},
		{binding("B", "C"), binding("B", "C"), binding("B", "C")},
		{binding("B", ""), binding("", "C"), binding("B", "C")},
		{binding("", "C"), binding("B", ""), binding("B", "C")},
		{binding("B", "C"), binding("B", ""), binding("B", "C")},
		{binding("B", ""), binding("D", ""), ""},
		{binding("", "B"), binding("", "D"), ""},
		{binding("B", "C"), binding("B", "D"), ""},
	} {
		got, err := confirmationOf(t, test.own).and(confirmationOf(t, test.response))
		if test.want == "" {
			if err != jwtlite.ErrBoundToken || got != nil {
				t.Errorf("%s and %s: %v, %v", test.own, test.response, got, err)
			}
			continue
		}
		want := confirmationOf(t, test.want)
		if err != nil || (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s and %s: %v, %v, want %v", test.own, test.response, got, err, want)
		}
	}
}

// A bound token that has passed all other checks still lets nothing on, now and from the
// cache. What is public lets it on no more than what is not.
func TestBoundTokenIsNoBearerToken(t *testing.T) {
	for _, members := range []string{"", `, "required_scopes": ["read"], "public": {"tools": ["look"]}`} {
		c, err := config.Parse([]byte(`{"authorization_servers": [{"issuer": "https://a", "cluster": "a"}], "resources": [{"resource": "https://h/n"` + members + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		g := New(c, []AuthServer{{Config: c.AuthorizationServers[0]}}, nil)
		p, now := g.resources[0], time.Unix(1_000_000, 0)
		for _, test := range []struct {
			cnf  string
			want metrics.Outcome
		}{{"null", metrics.CacheHit}, {`{}`, metrics.Bound}, {`""`, metrics.Bound}, {binding("B", ""), metrics.Bound}, {binding("B", "C"), metrics.Bound}} {
			for _, scope := range []string{"read", "other"} {
				token := "t" + test.cnf + scope
				if err := g.token.ParseClaims([]byte(`{"scope":"` + scope + `","cnf":` + test.cnf + `}`)); err != nil {
					t.Fatal(err)
				}
				first := test.want
				switch {
				case first == metrics.CacheHit && scope == "other" && members != "":
					continue
				case first == metrics.CacheHit:
					first = metrics.CacheMiss
				}
				r := &Request{Method: "POST", Authority: "h", Path: "/n", Authorization: "Bearer " + token, Authorizations: 1}
				window := (&jwtlite.Policy{}).Window(g.token.Claims()).Clip(now, now.Add(time.Hour))
				if v := g.accept(p, r, &p.servers[0], token, cachedToken{window: window, confirmation: newConfirmation(&g.token.Claims().Confirmation)}); v.Outcome() != first {
					t.Errorf("%s, %s: %d, want %d", members, test.cnf, v.Outcome(), first)
				}
				if scope == "other" && members != "" {
					continue // not cached
				}
				if v, ok := g.cached(p, r, token, now); !ok || v.Outcome() != test.want {
					t.Errorf("%s, %s, cached: %v, %d, want %d", members, test.cnf, ok, v.Outcome(), test.want)
				}
			}
		}
	}
}
