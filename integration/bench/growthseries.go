package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"mcpauth/config"
)

// A series is one quantity that grows, and one table of the report.
type series struct {
	Name string // as -only and the heading of the table have it
	Head string // of the first column
	Unit string // one of what grows
	Text string // what is measured
	// zeroApart tells that the first step of the cost of a request, which has none of what
	// grows, is another kind of request, and not a part of the growth.
	zeroApart bool
	scenes    func(*growth) ([]*scene, error)
}

var allSeries = []*series{
	{
		Name: "resources", Head: "resources", Unit: "resource", scenes: (*growth).resources,
		Text: "Protected resources in one configuration. The requests go to all of them in turn, each with a token whose audience is its resource alone. There are as many warm tokens in each row. `jwt_authn` has a rule for each resource. Start-up and memory are those of an Envoy without `jwt_authn`.",
	},
	{
		Name: "rules for tools", Head: "rules", Unit: "rule", scenes: (*growth).rules, zeroApart: true,
		Text: "Members of `tools` of a resource. Each request calls one of the tools, in turn, and the plugin decides on its body. Without rules it does not read the body. One warm token.",
	},
	{
		Name: "claims to headers", Head: "claims", Unit: "claim", scenes: (*growth).claims,
		Text: "Entries of `claim_to_headers`, beside the five identity headers that are always set. The tokens of all rows are the same.",
	},
	{
		Name: "claims in rules", Head: "claims", Unit: "claim", scenes: (*growth).ruleClaims,
		Text: "Rules that require so many different values of the claim `groups`. The tokens of all rows are the same, of 16 KB, with some 290 groups.",
	},
	{
		Name: "bodies", Head: "KB", Unit: "KB", scenes: (*growth).bodies,
		Text: "Bodies of tool calls, with one warm token. With rules, the plugin waits for all of the body and decides on it. `max_body_bytes` and Envoy's limits are higher than the largest body.",
	},
	{
		Name: "tokens", Head: "KB", Unit: "KB", scenes: (*growth).tokens,
		Text: "Tokens of users in many groups. `max_token_bytes` is 65536, its highest value: the largest row is the largest token. `max_request_headers_kb` of Envoy is 96.",
	},
	{
		Name: "token cache", Head: "`max_entries`", Unit: "entry", scenes: (*growth).caches, zeroApart: true,
		Text: "A full cache, and as many tokens in turn as it holds: in brackets where 16 MiB, the bound of a cache, hold fewer than its entries. Without a cache each request is verified. Memory grows with the tokens in turn.",
	},
	{
		Name: "workers", Head: "workers", Unit: "worker", scenes: (*growth).workers,
		Text: "Start-up and memory of an Envoy with so many workers (`--concurrency`).",
	},
}

// A scene is what one Envoy is started with, and the requests that it gets.
type scene struct {
	filters      []string // each in a listener of its own
	routes       []guarded
	cacheEntries int
	workers      int  // 0 is one, on a processor of its own
	process      bool // start-up and memory are recorded, at x
	x            float64
	label        string // of x
	steps        []step
}

// Filters that are measured.
var (
	ours   = []string{"none", "mcpauth"}
	native = []string{"none", "native", "cached"}
)

// filterTitles are the names of filters for readers.
var filterTitles = map[string]string{"none": "no filter", "mcpauth": "mcpauth", "native": "`jwt_authn`", "cached": "`jwt_authn` with cache"}

// guarded is a protected resource.
type guarded struct {
	Path, Resource string
	members        map[string]any // of the configuration
}

// A step is one measurement.
type step struct {
	x           float64
	label, kind string // kind is "" if the series has one only
	items       []item // in turn
	requests    int
	cold        bool     // no token has been sent before
	filters     []string // nil is all of the scene
}

// title is the heading of a column.
func (s *step) title(filter string) string {
	if filter == "native" || s.kind == "" { // warm or cold, it costs the same
		return filterTitles[filter]
	}
	return filterTitles[filter] + ", " + s.kind
}

// An item is a request.
type item struct {
	form  *form
	token string
}

// Sizes of the largest requests.
const (
	growthTokenBytes  = 65536    // the largest max_token_bytes
	growthHeaderKB    = 96       // max_request_headers_kb
	growthBodyBytes   = 2 << 20  // max_body_bytes
	growthBufferBytes = 4 << 20  // per_connection_buffer_limit_bytes
	tokenCacheBytes   = 16 << 20 // bound of internal/tokencache
)

// guardedAt returns a resource with further members of the configuration.
func guardedAt(path string, members map[string]any) guarded {
	return guarded{path, "https://" + host + path, members}
}

// plugin returns the configuration of mcpauth.
func (s *scene) plugin(keySet string) (string, error) {
	var resources []any
	for _, r := range s.routes {
		members := map[string]any{"resource": r.Resource, "required_scopes": []string{"read:notes"}}
		maps.Copy(members, r.members)
		resources = append(resources, members)
	}
	doc, err := json.Marshal(map[string]any{
		"authorization_servers": []any{map[string]any{"issuer": issuer, "jwks": json.RawMessage(keySet), "algorithms": []string{"ES256"}}},
		"resources":             resources,
		"max_token_bytes":       growthTokenBytes,
		"token_cache":           map[string]any{"max_entries": s.cacheEntries},
	})
	if err != nil {
		return "", err
	}
	_, err = config.Parse(doc)
	return string(doc), err
}

// rounded returns a number of requests that all connections share.
func rounded(n int) int { return max(2, n/connections) * connections }

func (g *growth) resources() ([]*scene, error) {
	var scenes []*scene
	for _, n := range g.scale.ends(1, 100, 1000) {
		var routes []guarded
		var forms []*form
		for i := range n {
			routes = append(routes, guardedAt(fmt.Sprintf("/server%04d", i), nil))
			forms = append(forms, &form{http.MethodPost, routes[i].Path, call.body})
		}
		tokens, err := g.mint.signAll(g.scale.Tokens, func(i int) map[string]any { return claimsOf(i, routes[i%n].Resource) })
		if err != nil {
			return nil, err
		}
		st := step{x: float64(n), label: thousands(n), requests: g.scale.Requests}
		for i, token := range tokens {
			st.items = append(st.items, item{forms[i%n], token})
		}
		s := scene{filters: ours, routes: routes, cacheEntries: 2 * len(tokens), process: true, x: st.x, label: st.label, steps: []step{st}}
		beside := s
		beside.filters, beside.process = native, false
		scenes = append(scenes, &s, &beside)
	}
	return scenes, nil
}

func (g *growth) rules() ([]*scene, error) {
	s := &scene{filters: ours, cacheEntries: 2 * g.scale.Warm}
	counts := []int{0, 1, 10, 100, 1000}
	var all []string
	for _, n := range counts {
		tools := map[string]any{}
		for i := range n {
			tools[toolName(i)] = []string{"write:notes"}
		}
		var members map[string]any
		if n > 0 {
			members = map[string]any{"tools": tools}
		}
		s.routes = append(s.routes, guardedAt(fmt.Sprintf("/rules%04d", n), members))
		all = append(all, s.routes[len(s.routes)-1].Resource)
	}
	tokens, err := g.mint.signAll(1, func(i int) map[string]any { return claimsOf(i, all...) })
	if err != nil {
		return nil, err
	}
	for k, n := range counts {
		st := step{x: float64(n), label: thousands(n), requests: g.scale.Requests}
		const calls = 100
		for i := range calls {
			body := strings.Replace(string(call.body), "list_notes", toolName(i*n/calls), 1)
			st.items = append(st.items, item{&form{http.MethodPost, s.routes[k].Path, []byte(body)}, tokens[0]})
		}
		s.steps = append(s.steps, st)
	}
	return []*scene{s}, nil
}

func toolName(i int) string { return fmt.Sprintf("tool_%04d", i) }

func (g *growth) claims() ([]*scene, error) {
	s := &scene{filters: ours, cacheEntries: 2 * g.scale.Warm}
	counts := []int{0, 1, 5, 10, 20}
	name := func(i int) string { return fmt.Sprintf("claim_%02d", i) }
	var all []string
	for _, n := range counts {
		headers := []any{}
		for i := range n {
			headers = append(headers, map[string]string{"claim_name": name(i), "header_name": fmt.Sprintf("x-claim-%02d", i)})
		}
		s.routes = append(s.routes, guardedAt(fmt.Sprintf("/claims%02d", n), map[string]any{"claim_to_headers": headers}))
		all = append(all, s.routes[len(s.routes)-1].Resource)
	}
	tokens, err := g.mint.signAll(g.scale.Warm+g.scale.Tokens, func(i int) map[string]any {
		claims := claimsOf(i, all...)
		for k := range slices.Max(counts) {
			claims[name(k)] = fmt.Sprintf("value %d of user %08d", k, i)
		}
		return claims
	})
	if err != nil {
		return nil, err
	}
	for k, n := range counts {
		s.steps = append(s.steps, g.warmAndCold(float64(n), thousands(n), s.routes[k].Path, tokens)...)
	}
	return []*scene{s}, nil
}

func (g *growth) ruleClaims() ([]*scene, error) {
	s := &scene{filters: ours, cacheEntries: 2 * g.scale.Warm}
	counts := []int{1, 8, config.MaxRuleClaims}
	var all []string
	for _, n := range counts {
		tools := map[string]any{}
		for i := range n {
			tools[toolName(i)] = map[string]any{"claims": map[string]string{"groups": fmt.Sprintf("group %d", i)}}
		}
		s.routes = append(s.routes, guardedAt(fmt.Sprintf("/groups%02d", n), map[string]any{"tools": tools}))
		all = append(all, s.routes[len(s.routes)-1].Resource)
	}
	tokens, err := g.mint.signAll(g.scale.Warm+g.scale.Tokens, func(i int) map[string]any {
		return g.mint.paddedTo(16<<10, claimsOf(i, all...))
	})
	if err != nil {
		return nil, err
	}
	for k, n := range counts {
		s.steps = append(s.steps, g.warmAndCold(float64(n), thousands(n), s.routes[k].Path, tokens)...)
	}
	return []*scene{s}, nil
}

// warmAndCold returns two steps, with the first tokens and with all others.
func (g *growth) warmAndCold(x float64, label, path string, tokens []string) []step {
	f := &form{http.MethodPost, path, call.body}
	warm := step{x: x, label: label, kind: "warm", requests: g.scale.Requests}
	cold := step{x: x, label: label, kind: "cold", requests: g.scale.Tokens, cold: true}
	for i, token := range tokens {
		if i < g.scale.Warm {
			warm.items = append(warm.items, item{f, token})
		} else {
			cold.items = append(cold.items, item{f, token})
		}
	}
	return []step{warm, cold}
}

func (g *growth) bodies() ([]*scene, error) {
	ruled := map[string]any{"max_body_bytes": growthBodyBytes, "tools": map[string]any{"list_notes": []string{"write:notes"}}}
	s := &scene{filters: ours, cacheEntries: 2 * g.scale.Warm, routes: []guarded{guardedAt("/open", nil), guardedAt("/ruled", ruled)}}
	tokens, err := g.mint.signAll(1, func(i int) map[string]any { return claimsOf(i, s.routes[0].Resource, s.routes[1].Resource) })
	if err != nil {
		return nil, err
	}
	for _, kb := range []int{1, 10, 100, 1024} {
		body := bodyOf(kb << 10)
		for i, kind := range []string{"no rules", "with rules"} {
			s.steps = append(s.steps, step{
				x: float64(kb), label: thousands(kb), kind: kind, items: []item{{&form{http.MethodPost, s.routes[i].Path, body}, tokens[0]}},
				requests: rounded(min(g.scale.Requests, g.scale.BodyBytes/len(body))),
			})
		}
	}
	return []*scene{s}, nil
}

// bodyOf returns a tool call of a size, whose arguments are many small objects.
func bodyOf(size int) []byte {
	start, end := strings.CutSuffix(string(call.body), "}}}")
	if !end {
		panic("the call has no arguments at its end")
	}
	var b strings.Builder
	b.WriteString(start + `"notes":[{}`)
	const tail = `],"pad":""}}}`
	for i := 0; ; i++ {
		note := fmt.Sprintf(`,{"id":%d,"title":"Note number %d","text":"Milk, bread and \"the rest\"","done":false,"tags":["home","shop"]}`, i, i)
		if b.Len()+len(note)+len(tail) > size {
			break
		}
		b.WriteString(note)
	}
	pad := strings.Repeat("x", size-b.Len()-len(tail))
	b.WriteString(strings.Replace(tail, `""`, `"`+pad+`"`, 1))
	return []byte(b.String())
}

func (g *growth) tokens() ([]*scene, error) {
	route := guardedAt("/notes", nil)
	s := &scene{filters: ours, routes: []guarded{route}, cacheEntries: 2 * g.scale.Warm}
	beside := &scene{filters: native, routes: s.routes, cacheEntries: 2 * g.scale.Warm}
	for i, size := range []int{512, 1 << 10, 4 << 10, 16 << 10, 64 << 10} {
		first := i * (g.scale.Warm + g.scale.Tokens)
		tokens, err := g.mint.signAll(g.scale.Warm+g.scale.Tokens, func(n int) map[string]any {
			return g.mint.paddedTo(size, claimsOf(first+n, route.Resource))
		})
		if err != nil {
			return nil, err
		}
		kb := float64(size) / 1024
		steps := g.warmAndCold(kb, strings.TrimSuffix(fmt.Sprintf("%.1f", kb), ".0"), route.Path, tokens)
		s.steps = append(s.steps, steps...)
		steps[1].filters = []string{"none", "cached"}
		beside.steps = append(beside.steps, steps...)
	}
	return []*scene{s, beside}, nil
}

func (g *growth) caches() ([]*scene, error) {
	route := guardedAt("/notes", nil)
	tokens, err := g.mint.signAll(g.scale.MaxCycle, func(i int) map[string]any { return claimsOf(i, route.Resource) })
	if err != nil {
		return nil, err
	}
	f := &form{http.MethodPost, route.Path, call.body}
	var all []item
	for _, token := range tokens {
		all = append(all, item{f, token})
	}
	var scenes []*scene
	for _, entries := range g.scale.ends(0, 1000, 10_000, 100_000) {
		// The cache also holds the token of the first requests.
		room := max(0, entries-connections)
		cycle := min(room, cacheHolds(tokens[0]), g.scale.MaxCycle) / connections * connections
		label := thousands(entries)
		if cycle < room {
			label += " (" + thousands(cycle) + ")"
		}
		st := step{x: float64(cycle), label: label, items: all[:cycle], requests: max(g.scale.Requests, cycle)}
		if entries == 0 {
			st.items, st.requests = all[:min(g.scale.Requests, g.scale.MaxCycle)], min(g.scale.Requests, g.scale.MaxCycle)
			st.cold = true
		}
		scenes = append(scenes, &scene{
			filters: ours, routes: []guarded{route}, cacheEntries: entries, process: true, x: st.x, label: label, steps: []step{st},
		})
	}
	return scenes, nil
}

// cacheHolds returns about how many tokens like this one fit into a token cache, with
// some room to spare: an entry is a fixed size, the token and the identity headers.
func cacheHolds(token string) int {
	const fixed, identity = 128, 250
	return tokenCacheBytes / (fixed + len(token) + identity)
}

func (g *growth) workers() ([]*scene, error) {
	route := guardedAt("/notes", nil)
	tokens, err := g.mint.signAll(g.scale.Tokens, func(i int) map[string]any { return claimsOf(i, route.Resource) })
	if err != nil {
		return nil, err
	}
	f := &form{http.MethodPost, route.Path, call.body}
	var items []item
	for _, token := range tokens {
		items = append(items, item{f, token})
	}
	var scenes []*scene
	for _, n := range g.scale.Workers {
		for _, filter := range ours {
			scenes = append(scenes, &scene{
				filters: []string{filter}, routes: []guarded{route}, cacheEntries: config.DefaultCacheEntries,
				workers: n, process: true, x: float64(n), label: thousands(n), steps: []step{{items: items, requests: len(items), cold: true}},
			})
		}
	}
	return scenes, nil
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
