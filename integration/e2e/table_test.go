package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
)

const (
	wellKnown = "/.well-known/oauth-protected-resource"
	notesPRM  = "https://mcp.example.com" + wellKnown + "/notes"
)

// challengeFor is the exact challenge up to the description, for which any text
// will do.
func challengeFor(code, scope, prm string) string {
	c := "Bearer "
	if code != "" {
		c += fmt.Sprintf("error=%q, ", code)
	}
	if scope != "" {
		c += fmt.Sprintf("scope=%q, ", scope)
	}
	return c + fmt.Sprintf("resource_metadata=%q", prm)
}

// row is one line of the table: a request that the gateway answers itself.
type row struct {
	name      string
	request   request
	status    int
	challenge string // without error_description
	describes string // a word of the description; "" = there must be none
	errorCode string // of the body
	header    map[string]string
}

// refusedAs is the end of a row of the resource notes that is refused with an
// error code of RFC 6750, or "unauthorized" for a request without a token.
func refusedAs(code, describes string) func(*row) {
	return func(r *row) {
		r.status, r.errorCode, r.describes = 401, code, describes
		inChallenge := code
		switch code {
		case "unauthorized":
			inChallenge = "" // RFC 6750 section 3.1: none without credentials
		case "invalid_request":
			r.status = 400
		case "insufficient_scope":
			r.status = 403
		}
		r.challenge = challengeFor(inChallenge, "read:notes", notesPRM)
	}
}

func (s *stage) rows(t *testing.T, p protocol) []row {
	good := s.issued(t, notes, "read:notes")
	var rows []row
	add := func(name string, req request, end func(*row)) {
		req.proto = p
		r := row{name: name, request: req}
		end(&r)
		rows = append(rows, r)
	}
	answers := func(status int, header map[string]string) func(*row) {
		return func(r *row) { r.status, r.header = status, header }
	}
	fails := func(status int, code string) func(*row) {
		return func(r *row) { r.status, r.errorCode = status, code }
	}

	prmHeaders := map[string]string{
		"Content-Type": "application/json", "Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*",
	}
	add("PRM", request{path: wellKnown + "/notes"}, answers(200, prmHeaders))
	add("PRM with a slash", request{path: wellKnown + "/notes/"}, answers(200, prmHeaders))
	add("PRM HEAD", request{path: wellKnown + "/notes", method: "HEAD"}, answers(200, prmHeaders))
	add("PRM with a token", request{path: wellKnown + "/notes", header: bearer("garbage")}, answers(200, prmHeaders))
	add("PRM POST", request{path: wellKnown + "/notes", method: "POST"}, func(r *row) {
		r.status, r.errorCode, r.header = 405, "method_not_allowed", map[string]string{"Allow": "GET, HEAD, OPTIONS"}
	})
	add("PRM preflight", request{path: wellKnown + "/notes", method: "OPTIONS", header: headers(
		"Origin", "https://inspector.example.com", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "mcp-protocol-version",
	)}, answers(204, map[string]string{"Access-Control-Allow-Origin": "*"}))
	add("preflight", request{path: "/notes", method: "OPTIONS", header: headers(
		"Origin", "https://inspector.example.com", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type",
	)}, answers(204, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "authorization,content-type"}))

	noToken := refusedAs("unauthorized", "")
	add("OPTIONS that is no preflight", request{path: "/notes", method: "OPTIONS"}, noToken)
	for _, method := range []string{"GET", "POST", "DELETE", "PUT"} {
		add("no token, "+method, request{path: "/notes", method: method}, noToken)
	}
	add("no token, below the resource", request{path: "/notes/x/y?z=1"}, noToken)
	add("no token, upper-case host", request{path: "/notes", host: "MCP.EXAMPLE.COM"}, noToken)
	add("no token, from a browser", request{path: "/notes", header: headers("Origin", "https://inspector.example.com")}, func(r *row) {
		noToken(r)
		r.header = map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "WWW-Authenticate, Mcp-Session-Id"}
	})
	add("no token, no scope required", request{path: "/open"}, func(r *row) {
		noToken(r)
		r.challenge = challengeFor("", "", "https://mcp.example.com"+wellKnown+"/open")
	})
	add("no token, one path at two hosts", request{path: "/shared", host: "B.example.com"}, func(r *row) {
		noToken(r)
		r.challenge = challengeFor("", "", "https://b.example.com"+wellKnown+"/shared")
	})
	add("token in the query", request{path: "/notes?access_token=" + good}, noToken)
	add("another scheme", request{path: "/notes", header: headers("Authorization", "Basic dGVzdDp0ZXN0")}, noToken)
	add("Bearer with nothing after it", request{path: "/notes", header: headers("Authorization", "Bearer")}, noToken)
	add("Bearer with a space after it", request{path: "/notes", header: headers("Authorization", "Bearer ")}, noToken)

	two := refusedAs("invalid_request", " ")
	add("two Authorization headers", request{path: "/notes", header: headers("Authorization", "Bearer "+good, "Authorization", "Bearer "+good)}, two)
	add("Authorization headers of two schemes", request{path: "/notes", header: headers("Authorization", "Basic dGVzdDp0ZXN0", "Authorization", "Bearer "+good)}, two)
	add("two tokens in one header", request{path: "/notes", header: headers("Authorization", "Bearer "+good+", Bearer "+good)}, two)
	add("two tokens in one Bearer", request{path: "/notes", header: headers("Authorization", "Bearer "+good+" "+good)}, two)

	for _, w := range s.wrongTokens(good) {
		add("wrong token: "+w.name, toolCall(p, "/notes", bearer(w.token)), refusedAs("invalid_token", w.describes))
	}
	add("scope missing", request{path: "/notes", header: bearer(s.issued(t, notes, "write:notes"))}, refusedAs("insufficient_scope", "scope"))
	add("no scope at all", request{path: "/notes", header: bearer(s.auth.Mint(authserver.Token{Resource: notes}))}, refusedAs("insufficient_scope", "scope"))
	add("one of two scopes missing", request{path: "/notes/admin", header: bearer(s.issued(t, admin, "read:notes"))}, func(r *row) {
		refusedAs("insufficient_scope", "scope")(r)
		r.challenge = challengeFor("insufficient_scope", "read:notes write:notes", "https://mcp.example.com"+wellKnown+"/notes/admin")
	})
	add("token for the resource above", request{path: "/notes/admin", header: bearer(s.issued(t, notes, "read:notes write:notes"))}, func(r *row) {
		refusedAs("invalid_token", "audience")(r)
		r.challenge = challengeFor("invalid_token", "read:notes write:notes", "https://mcp.example.com"+wellKnown+"/notes/admin")
	})
	add("token for the other host", request{path: "/shared", host: "a.example.com", header: bearer(s.issued(t, shareB, ""))}, func(r *row) {
		refusedAs("invalid_token", "audience")(r)
		r.challenge = challengeFor("invalid_token", "", "https://a.example.com"+wellKnown+"/shared")
	})

	for _, path := range []string{"/", "/notesx", "/other", wellKnown, wellKnown + "/other", "/.well-known/oauth-authorization-server",
		"/.well-known/oauth-authorization-server/notes", "/.well-known/openid-configuration", "/notes/.well-known/openid-configuration"} {
		add("nothing at "+path, request{path: path, header: bearer(good)}, fails(404, "not_found"))
	}
	add("another case", request{path: "/NOTES", header: bearer(good)}, fails(400, "invalid_request"))
	add("unknown host of a path that needs one", request{path: "/shared", host: "c.example.com", header: bearer(good)}, fails(404, "not_found"))
	return rows
}

type wrongToken struct{ name, token, describes string }

// wrongTokens are invalid each for one reason. describes is a word that the
// error description must have.
func (s *stage) wrongTokens(good string) []wrongToken {
	now := time.Now()
	mint := func(t authserver.Token) string {
		t.Resource, t.Scope = notes, "read:notes"
		return s.auth.Mint(t)
	}
	claims := func(c map[string]any) string { return mint(authserver.Token{Claims: c}) }
	header := func(h map[string]any) string { return mint(authserver.Token{Header: h}) }
	parts := strings.Split(good, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + "."
	var set struct{ Keys []json.RawMessage }
	json.Unmarshal(s.auth.KeySet(), &set)
	return []wrongToken{
		{"not a JWT", "garbage", "malformed"},
		{"two parts", parts[0] + "." + parts[1], "malformed"},
		{"signature gone", parts[0] + "." + parts[1] + ".", "signature"},
		{"padding", good + "=", ""},
		{"another payload", parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+s.auth.Issuer()+`","sub":"root","aud":"`+notes+`","exp":9999999999}`)) + "." + parts[2], "signature"},
		{"foreign RSA key", mint(authserver.Token{ForeignKey: true}), "signature"},
		{"foreign EC key", mint(authserver.Token{ForeignKey: true, Algorithm: "ES256"}), "signature"},
		{"its own key in the header", mint(authserver.Token{ForeignKey: true, Header: map[string]any{"jwk": set.Keys[0]}}), "signature"},
		{"unknown key", header(map[string]any{"kid": "unknown"}), "key"},
		{"alg none", unsigned, "algorithm"},
		{"alg HS256", header(map[string]any{"alg": "HS256"}), "algorithm"},
		{"alg of another key", mint(authserver.Token{Header: map[string]any{"alg": "ES256"}}), "key"},
		{"crit", header(map[string]any{"crit": []string{"exp"}}), ""},
		{"identity assertion", header(map[string]any{"typ": "oauth-id-jag+jwt"}), "typ"},
		{"logout token", header(map[string]any{"typ": "logout+jwt"}), "typ"},
		{"iss", claims(map[string]any{"iss": s.auth.Issuer() + "/"}), "issuer"},
		{"aud", claims(map[string]any{"aud": "https://mcp.example.com"}), "audience"},
		{"no aud", claims(map[string]any{"aud": nil}), "names no audience"},
		{"exp", claims(map[string]any{"exp": now.Add(-time.Hour).Unix()}), "expired"},
		{"no exp", claims(map[string]any{"exp": nil}), "expir"},
		{"exp as a string", claims(map[string]any{"exp": strconv.FormatInt(now.Add(time.Hour).Unix(), 10)}), ""},
		{"nbf", claims(map[string]any{"nbf": now.Add(time.Hour).Unix()}), "valid"},
		{"ID token by its typ", claims(map[string]any{"typ": "ID"}), "ID token"},
		{"refresh token", claims(map[string]any{"typ": "Refresh"}), "typ"},
		{"authorization response", claims(map[string]any{"sub": nil, "client_id": nil, "code": "x"}), "neither a subject nor a client"},
		{"ID token", claims(map[string]any{"nonce": "n"}), "ID token"},
		{"bound token", claims(map[string]any{"cnf": map[string]any{"jkt": "x"}}), "bound"},
		{"claim twice", mint(authserver.Token{RawClaims: `{"iss":"` + s.auth.Issuer() + `","aud":"` + notes + `","exp":9999999999,"aud":"` + notes + `"}`}), ""},
	}
}

// TestTable is the table of what each request gets, for all that the gateway
// answers itself.
func TestTable(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for _, g := range s.gateways() {
			for _, p := range protocols {
				for _, r := range s.rows(t, p) {
					t.Run(fmt.Sprintf("%s/%s/%s", g.name, p, r.name), func(t *testing.T) {
						before := s.mcp.Requests()
						a := g.do(t, r.request)
						r.check(t, a)
						if n := s.mcp.Requests() - before; n != 0 {
							t.Errorf("%d requests reached the MCP server", n)
						}
					})
				}
			}
		}
	})
}

func (r row) check(t *testing.T, a *answer) {
	t.Helper()
	if a.status != r.status {
		t.Errorf("status %d, want %d (body %.200q)", a.status, r.status, a.body)
	}
	challenge, description, described := strings.Cut(a.challenge(), `, error_description="`)
	if challenge != r.challenge {
		t.Errorf("challenge\n got %s\nwant %s", challenge, r.challenge)
	}
	if invalid := strings.Contains(r.challenge, "error="); invalid != described {
		t.Errorf("error_description present: %v, want %v", described, invalid)
	} else if !strings.Contains(description, r.describes) {
		t.Errorf("error_description %q does not say %q", description, r.describes)
	}
	if r.request.method != http.MethodHead && a.errorCode() != r.errorCode {
		t.Errorf("body %.200q, want error %q", a.body, r.errorCode)
	}
	if r.errorCode != "" && (a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store") {
		t.Errorf("Content-Type %q, Cache-Control %q", a.header.Get("Content-Type"), a.header.Get("Cache-Control"))
	}
	for name, want := range r.header {
		if got := strings.Join(a.header.Values(name), " | "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
