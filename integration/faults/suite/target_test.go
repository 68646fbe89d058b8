//go:build faults

package suite

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/faults"
	"mcpauth/integration/load"
)

const host = "mcp.example.com"

// target is a protected resource with an authorization server of its own.
type target struct {
	name   string
	server *faults.Server

	mu     sync.RWMutex
	epochs []time.Time       // when the signing keys changed
	fixed  map[string]string // valid tokens that are sent again and again, by algorithm
}

func newTarget(t *testing.T, name string) *target {
	t.Helper()
	server, err := faults.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	g := &target{name: name, server: server, fixed: map[string]string{}}
	g.mintFixed()
	return g
}

func (g *target) resource() string { return "https://" + host + "/" + g.name }
func (g *target) cluster() string  { return "auth-" + g.name }

// endpoint is the cluster at the server's address of now.
func (g *target) endpoint() envoy.Cluster {
	c := envoy.ClusterAt(g.cluster(), g.server.Addr())
	c.Movable = true
	return c
}

// rekey changes the keys that the server signs with. Tokens that are answered
// after it and were made before may be good or not: that depends on what becomes
// of their keys.
func (g *target) rekey(t *testing.T, change func() error) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := change(); err != nil {
		t.Fatal(err)
	}
	g.epochs = append(g.epochs, time.Now())
	g.mintFixed()
}

func (g *target) mintFixed() {
	for _, algorithm := range []string{"ES256", "RS256"} {
		g.fixed[algorithm] = g.bearer(authserver.Token{Algorithm: algorithm})
	}
}

// epochAt returns the number of changes of signing keys until a time.
func (g *target) epochAt(when time.Time) int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	n := 0
	for _, change := range g.epochs {
		if change.Before(when) {
			n++
		}
	}
	return n
}

// kind is a kind of token.
type kind struct {
	name   string
	weight int
	valid  bool
	// keyless tokens are refused for what they are, with keys or without.
	keyless bool
	// refetches tells that such a token makes the plugin fetch the keys.
	refetches bool
	// refusal is the status of such a request, if it is neither valid nor refused for
	// its token.
	refusal int
	body    string
	mint    func(g *target) string
}

// bearer is a good token with changes.
func (g *target) bearer(t authserver.Token) string {
	if t.Resource == "" {
		t.Resource = g.resource()
	}
	if t.Algorithm == "" {
		t.Algorithm = "ES256" // signs in a tenth of the time of RS256
	}
	return g.server.Auth.Mint(t)
}

type object = map[string]any

// kinds are sent in proportion to their weights.
var kinds = []kind{
	{name: "valid, seen before", weight: 3, valid: true, mint: func(g *target) string { return g.fixed["ES256"] }},
	{name: "valid RS256, seen before", weight: 2, valid: true, mint: func(g *target) string { return g.fixed["RS256"] }},
	{name: "valid, new", weight: 3, valid: true, mint: func(g *target) string { return g.bearer(authserver.Token{}) }},
	{name: "expired", weight: 1, mint: func(g *target) string {
		return g.bearer(authserver.Token{Claims: object{"exp": time.Now().Add(-time.Hour).Unix()}})
	}},
	{name: "bad signature", weight: 1, refetches: true, mint: func(g *target) string {
		return g.bearer(authserver.Token{ForeignKey: true})
	}},
	{name: "unknown kid", weight: 1, refetches: true, mint: func(g *target) string {
		return g.bearer(authserver.Token{ForeignKey: true, Header: object{"kid": rand.Text()}})
	}},
	{name: "another audience", weight: 1, mint: func(g *target) string {
		return g.bearer(authserver.Token{Resource: "https://mcp.example.com/elsewhere"})
	}},
	{name: "another issuer", weight: 1, keyless: true, mint: func(g *target) string {
		return g.bearer(authserver.Token{Claims: object{"iss": "https://other.example.com"}})
	}},
	{name: "alg none", weight: 1, keyless: true, mint: func(g *target) string {
		return g.bearer(authserver.Token{Header: object{"alg": "none"}})
	}},
	{name: "none", weight: 1, keyless: true, mint: func(*target) string { return "" }},
}

// quiet are those kinds that do not make the plugin fetch.
func quiet() []kind {
	var list []kind
	for _, k := range kinds {
		if !k.refetches {
			list = append(list, k)
		}
	}
	return list
}

// toolRules are members of a resource whose tool delete_note needs a scope.
var toolRules = object{"tools": object{"delete_note": []string{"write:notes"}}}

// ruled are kinds of requests that toolRules decide by their bodies.
var ruled = []kind{
	{name: "tool, granted", weight: 2, valid: true, body: toolCall(`"name":"delete_note"`),
		mint: func(g *target) string { return g.bearer(authserver.Token{Scope: "write:notes"}) }},
	{name: "tool, not granted", weight: 2, refusal: http.StatusForbidden, body: toolCall(`"name":"delete_note"`),
		mint: func(g *target) string { return g.bearer(authserver.Token{Scope: "read:notes"}) }},
	{name: "tool, two names", weight: 1, refusal: http.StatusBadRequest, body: toolCall(`"name":"read_note","name":"delete_note"`),
		mint: func(g *target) string { return g.bearer(authserver.Token{Scope: "read:notes"}) }},
}

func toolCall(params string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{` + params + `,"arguments":{"text":"` + strings.Repeat("x", 2000) + `"}}}`
}

func kindOf(name string) *kind {
	for _, list := range [][]kind{kinds, ruled} {
		for i := range list {
			if list[i].name == name {
				return &list[i]
			}
		}
	}
	panic("no kind of token " + name)
}

// shot is a request of a kind. The header tells the upstream what it is.
func (g *target) shot(k *kind) load.Shot {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return load.Shot{
		Target: g.name, Kind: k.name, Epoch: len(g.epochs), Path: "/" + g.name, Token: k.mint(g), Body: k.body,
		Header: map[string][]string{labelHeader: {label(g.name, k.name)}},
	}
}
