package monitoring

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/integration/load"
)

// Mix tells how many requests of each kind there are, in any unit.
type Mix map[string]int

// Usual is the traffic of a quiet day, with all kinds of requests.
var Usual = Mix{
	"valid": 60, "new": 8, "opaque": 8, "no token": 6, "expired": 5, "audience": 2, "unknown key": 2,
	"scope missing": 4, "origin": 1, "metadata": 2, "elsewhere": 1,
}

// traffic makes the requests.
type traffic struct {
	stage  *Stage
	tokens []string // valid ones
	opaque string

	mu   sync.Mutex
	mix  []string               // as many of each kind as the Mix says
	seen map[string]map[int]int // kind, status
}

func newTraffic(s *Stage) (*traffic, error) {
	t := &traffic{stage: s, seen: map[string]map[int]int{}}
	for range 5 {
		t.tokens = append(t.tokens, t.mint(authserver.Token{}))
	}
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {"read:notes"}}
	req, err := http.NewRequest(http.MethodPost, s.Opaque.Endpoint("token"), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(gatewayClient.ID, gatewayClient.Secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var doc struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || doc.AccessToken == "" {
		return nil, fmt.Errorf("no opaque token: status %d: %w", res.StatusCode, err)
	}
	t.opaque = doc.AccessToken
	return t, nil
}

// mint returns a token for the resource, with the scope that it requires unless another
// is given.
func (t *traffic) mint(token authserver.Token) string {
	token.Algorithm, token.Resource = "ES256", resource
	if token.Scope == "" {
		token.Scope = "read:notes"
	}
	return t.stage.Auth.Mint(token)
}

// next returns a request of a kind that the mix has.
func (t *traffic) next() load.Shot {
	t.mu.Lock()
	defer t.mu.Unlock()
	kind := t.mix[mathrand.IntN(len(t.mix))]
	shot := load.Shot{Kind: kind, Path: "/notes"}
	switch kind {
	case "valid":
		shot.Token = t.tokens[mathrand.IntN(len(t.tokens))]
	case "new":
		shot.Token = t.mint(authserver.Token{})
	case "opaque":
		shot.Token = t.opaque
	case "no token":
	case "expired":
		shot.Token = t.mint(authserver.Token{Claims: map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}})
	case "audience":
		shot.Token = t.mint(authserver.Token{Claims: map[string]any{"aud": "https://other.example.com"}})
	case "unknown key":
		shot.Token = t.mint(authserver.Token{Header: map[string]any{"kid": rand.Text()}})
	case "scope missing":
		shot.Token = t.mint(authserver.Token{Scope: "write:notes"})
	case "origin":
		shot.Header = http.Header{"Origin": {"https://elsewhere.example.com"}}
	case "metadata":
		shot.Path = "/.well-known/oauth-protected-resource/notes"
	case "elsewhere":
		shot.Path = "/elsewhere"
	case "crash": // see plugin/trap.go
		shot.Header = http.Header{"X-Debug-Trap": {"now"}}
	default:
		panic("no requests of kind " + kind)
	}
	return shot
}

func (t *traffic) done(r load.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen[r.Kind] == nil {
		t.seen[r.Kind] = map[int]int{}
	}
	t.seen[r.Kind][r.Status]++
}

// Send begins to send requests to all gateways, so many per second to each.
func (s *Stage) Send(mix Mix, rate int) {
	s.Change(mix)
	for _, g := range s.Gateways {
		s.loads = append(s.loads, load.Start(load.Options{
			Addr: g.Addr(), Host: "mcp.example.com", Clients: 4, Rate: rate,
			Next: func(int) load.Shot { return s.traffic.next() }, Done: s.traffic.done,
		}))
	}
}

// Change changes what is sent.
func (s *Stage) Change(mix Mix) {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(mix)) {
		kinds = append(kinds, slices.Repeat([]string{kind}, mix[kind])...)
	}
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	s.traffic.mix = kinds
}

// Seen returns how many answers of each status the kinds of requests got.
func (s *Stage) Seen() map[string]map[int]int {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	all := map[string]map[int]int{}
	for kind, statuses := range s.traffic.seen {
		all[kind] = maps.Clone(statuses)
	}
	return all
}
