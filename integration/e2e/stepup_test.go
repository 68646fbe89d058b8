package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// stepUp is how a client answers a 403 that asks for more scope. The zero value
// does it as MCP has it: it asks its user for that and tries again.
type stepUp struct {
	never         bool // it shows its user the 403
	refreshes     bool // so it does while it has a refresh token, which it uses first
	registersNone bool // it registers without scopes, anew for each sign-in
	offline       bool // it asks for offline_access where the server's metadata lists it
}

// A scopeCase is a kind of authorization server, and a resource that trusts it,
// whose tool add_note needs write:notes.
type scopeCase struct {
	name string
	// lenient lets clients ask for what they have not registered.
	lenient bool
	// refresh gives them refresh tokens; offline only if they ask for offline_access.
	refresh, offline bool
	// all has the first challenge name all scopes; open has it name none.
	all, open bool
	// choosy is a user who grants read:notes alone, the first time.
	choosy bool
	// always has slow clients go there too.
	always bool
}

var scopeCases = []scopeCase{
	{name: "any scope, refresh tokens", lenient: true, refresh: true, always: true},
	{name: "any scope", lenient: true},
	{name: "any scope, none in the challenge", lenient: true, refresh: true, open: true},
	{name: "registered scopes", always: true},
	{name: "registered scopes, none in the challenge", refresh: true, open: true},
	{name: "registered scopes, all in the challenge, refresh tokens", refresh: true, all: true, always: true},
	{name: "registered scopes, all in the challenge, offline_access", refresh: true, offline: true, all: true},
	{name: "registered scopes, all in the challenge, not all granted, refresh tokens", refresh: true, all: true, choosy: true, always: true},
	{name: "registered scopes, all in the challenge, not all granted", all: true, choosy: true},
}

// want returns the scopes that a client asks for, in each authorization request,
// and a pattern for the error that it ends with, "" for none.
func (k *scopeCase) want(c *mcpClient) (asked []string, ending string) {
	const refused, invalid = "403|Forbidden|insufficient_scope|AUTHORIZED without", "invalid_scope|scope is invalid"
	first := "read:notes"
	if k.all || k.open || c.wide || c.scope != "" {
		first = bothScopes
	}
	refresh := k.refresh
	if k.offline {
		if refresh = c.stepUp.offline; refresh {
			first += " offline_access"
		}
	}
	switch {
	case first != "read:notes" && !k.choosy:
		return []string{first}, ""
	case c.stepUp.never, c.stepUp.refreshes && refresh:
		return []string{first}, refused
	case !k.lenient && !k.all && !c.stepUp.registersNone:
		return []string{first, bothScopes}, invalid
	}
	return []string{first, bothScopes}, ""
}

// options are those of the authorization server.
func (k *scopeCase) options(u *choosyUser) authserver.Options {
	o := authserver.Options{LenientScopes: k.lenient, NoRefreshTokens: !k.refresh}
	if k.offline {
		o.Scopes = []string{"read:notes", "write:notes", "offline_access"}
	}
	if k.choosy {
		o.Consent = u.consent
	}
	return o
}

// resource is one that trusts the server.
func (k *scopeCase) resource(url, issuer string) object {
	r := object{
		"resource": url, "authorization_servers": []string{issuer},
		"scopes_supported": []string{"read:notes", "write:notes"}, "tools": object{"add_note": []string{"write:notes"}},
	}
	if !k.open {
		r["required_scopes"] = []string{"read:notes"}
	}
	if k.all {
		r["challenge_scopes"] = "all"
	}
	return r
}

// A choosyUser grants read:notes alone when a client asks first, and all later. A
// client may open one authorization URL twice.
type choosyUser struct {
	mu    sync.Mutex
	first string // the state of the first request
}

func (u *choosyUser) consent(request authserver.Authorization) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.first == "" {
		u.first = request.State
	}
	if u.first == request.State {
		return []string{"read:notes"}
	}
	return request.Scopes
}

func (u *choosyUser) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.first = ""
}

// A visitedCase is a scopeCase at an address.
type visitedCase struct {
	*scopeCase
	url string
}

// TestStepUp: a tool that needs more scope than the client has asked for. Real
// clients follow the 403 to a token with both scopes, and the call succeeds: at
// authorization servers that grant any scope, and by challenge_scopes at those that
// hold clients to the scopes that they registered. Who does not, and where, is
// checked as well.
func TestStepUp(t *testing.T) {
	users := make([]*choosyUser, len(scopeCases))
	servers := make([]*authserver.Server, len(scopeCases))
	for i := range scopeCases {
		users[i] = &choosyUser{}
		var err error
		if servers[i], err = authserver.Start(scopeCases[i].options(users[i])); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { servers[i].Close() })
	}
	visited := map[string][]visitedCase{}
	for version, s := range stages {
		visited[version] = slices.Concat(s.scopeGateway(t, servers, false), s.scopeGateway(t, servers[:1], true))
	}
	for _, c := range mcpClients(t) {
		t.Run(c.name+" "+c.version+" MCP "+c.protocol, func(t *testing.T) {
			for _, u := range users {
				u.forget()
			}
			on(t, c.envoys, func(t *testing.T, s *stage) {
				// What a server does with scopes does not depend on the Envoy: one is
				// enough for that.
				elsewhere := s.version != c.envoys[0]
				c.stepsUp(t, slices.DeleteFunc(slices.Clone(visited[s.version]), func(k visitedCase) bool {
					return k.scopeCase != &scopeCases[0] && elsewhere || !k.always && c.slow
				}))
			})
		})
	}
}

// scopeGateway starts a gateway with a resource for each of the servers.
func (s *stage) scopeGateway(t *testing.T, servers []*authserver.Server, stops bool) []visitedCase {
	t.Helper()
	port := reserve(t)
	o := s.options("")
	var trusted, resources []object
	var visited []visitedCase
	for i, auth := range servers {
		cluster := fmt.Sprint("auth-", i)
		o.Clusters = append(o.Clusters, envoy.ClusterAt(cluster, auth.Addr()))
		trusted = append(trusted, object{"issuer": auth.Issuer(), "cluster": cluster})
		k := visitedCase{&scopeCases[i], fmt.Sprint(port.Origin(), "/mcp/", i)}
		resources = append(resources, k.resource(k.url, auth.Issuer()))
		visited = append(visited, k)
	}
	o.Plugin = toJSON(object{"authorization_servers": trusted, "allow_on_headers_stop_iteration": stops, "resources": resources})
	o.Port, o.HeadersStopIteration = port.Number(), stops
	s.start(t, o)
	return visited
}

// stepsUp has a client call a tool that needs more, in each of the cases.
func (c *mcpClient) stepsUp(t *testing.T, cases []visitedCase) {
	var urls []string
	for _, k := range cases {
		urls = append(urls, k.url)
	}
	trips, err := c.visit(c, `add_note={"text":"hello"} list_notes`, urls...)
	if len(trips) != len(cases) {
		t.Fatalf("the client came back from %d places, want %d: %v", len(trips), len(cases), err)
	}
	for i, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			asked, ending := k.want(c)
			told := trips[i]
			if got := told.Asked; !slices.EqualFunc(got, asked, sameScopes) {
				t.Errorf("it asked for the scopes %q, want %q", got, asked)
			}
			if ending != "" {
				if !regexp.MustCompile(ending).MatchString(told.Error) || len(told.Results) != 0 {
					t.Errorf("error %q, want %s; results %s", told.Error, ending, toJSON(told.Results))
				}
				return
			}
			if told.Error != "" || len(told.Results) != 2 || !strings.Contains(string(told.Results[1].Result), "hello") {
				t.Fatalf("error %q, results %s", told.Error, toJSON(told.Results))
			}
			if want := k.refresh && !c.refuses() && (!k.offline || c.stepUp.offline); told.Refresh != want {
				t.Errorf("refresh token: %v, want %v", told.Refresh, want)
			}
			if got := scopeOf(t, told.Token); !sameScopes(strings.TrimSuffix(got, " offline_access"), bothScopes) {
				t.Errorf("the token has the scopes %q", got)
			}
		})
	}
}

// refuses reports whether the client wants no refresh tokens.
func (c *mcpClient) refuses() bool { return slices.Contains(c.env, "REFRESH=no") }

func sameScopes(a, b string) bool {
	return slices.Equal(slices.Sorted(slices.Values(strings.Fields(a))), slices.Sorted(slices.Values(strings.Fields(b))))
}

// scopeOf is the scope claim of a token.
func scopeOf(t *testing.T, token string) string {
	t.Helper()
	var claims struct{ Scope string }
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%.40q is no JWT", token)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims.Scope
}
