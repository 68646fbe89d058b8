package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/envoy-example/mcpserver"
)

// versions are the Envoys that everything is tested on: the newest, and one
// whose Wasm host lacks poll_oneoff, where Go's collector needs special care.
// ENVOYS names others, with spaces between them: see make test-matrix.
var versions = func() []string {
	if named := strings.Fields(os.Getenv("ENVOYS")); len(named) > 0 {
		return named
	}
	return []string{"1.40.0", "1.36.4"}
}()

// lacksPoll reports whether the Wasm host of a version lacks poll_oneoff.
func lacksPoll(version string) bool { return before(version, 39) }

// before reports whether a version is older than 1.minor.
func before(version string, minor int) bool {
	var of int
	if _, err := fmt.Sscanf(version, "1.%d.", &of); err != nil {
		panic("ENVOYS: " + version + " is no version of Envoy")
	}
	return of < minor
}

var wasm string

// stages are started once: Envoy takes seconds to compile the plugin.
var stages = map[string]*stage{}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if wasm, err = envoy.Wasm(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	failed := false
	for _, v := range versions {
		wg.Go(func() {
			s, err := newStage(v)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				fmt.Fprintf(os.Stderr, "Envoy %s: %v\n", v, err)
				failed = true
			}
			stages[v] = s
		})
	}
	wg.Wait()
	defer func() {
		for _, s := range stages {
			s.stop()
		}
	}()
	if failed {
		return 1
	}
	return m.Run()
}

// onEach runs a test on every version, all at once.
func onEach(t *testing.T, test func(t *testing.T, s *stage)) { on(t, versions, test) }

// on runs a test on some versions.
func on(t *testing.T, versions []string, test func(t *testing.T, s *stage)) {
	for _, v := range versions {
		t.Run("envoy-"+v, func(t *testing.T) {
			t.Parallel()
			test(t, stages[v])
		})
	}
}

// stage is everything that one version of Envoy is tested with.
type stage struct {
	version string
	binary  string
	auth    *authserver.Server
	other   *authserver.Server // trusted for /second only
	mcp     *mcpserver.Server
	// strict has Envoy's own path and header checks, lenient does not.
	strict, lenient *gateway
	port            *loopback.Port // of strict
}

// gateway is one running Envoy.
type gateway struct {
	*envoy.Process
	name string
}

func newStage(version string) (*stage, error) {
	s := &stage{version: version}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	err := func() (err error) {
		if s.binary, err = envoy.Binary(ctx, version); err != nil {
			return err
		}
		if s.port, err = loopback.Reserve(0); err != nil {
			return err
		}
		// The TypeScript SDK 1.17 and the Python SDK 1.30 write a root with a slash.
		known := []string{s.clientResource(), s.rootResource(), s.rootResource() + "/", s.port.Origin() + "/first", notes, admin, open, shareA, shareB}
		if s.auth, err = authserver.Start(authserver.Options{Path: "/tenant1", Resources: known, Clients: []authserver.Client{testClient}}); err != nil {
			return err
		}
		if s.other, err = authserver.Start(authserver.Options{Resources: []string{s.port.Origin() + "/second"}}); err != nil {
			return err
		}
		if s.mcp, err = mcpserver.Start(nil); err != nil {
			return err
		}
		o := s.options(s.tableConfig())
		o.Port = s.port.Number()
		if s.strict, err = startGateway(ctx, s.binary, "strict", o); err != nil {
			return err
		}
		o.Port, o.Lenient = 0, true
		s.lenient, err = startGateway(ctx, s.binary, "lenient", o)
		return err
	}()
	return s, err
}

func (s *stage) stop() {
	if s == nil {
		return
	}
	for _, g := range []*gateway{s.strict, s.lenient} {
		if g != nil {
			g.Stop()
		}
	}
	if s.mcp != nil {
		s.mcp.Close()
	}
	for _, a := range []*authserver.Server{s.auth, s.other} {
		if a != nil {
			a.Close()
		}
	}
	if s.port != nil {
		s.port.Release()
	}
}

func (s *stage) gateways() []*gateway { return []*gateway{s.strict, s.lenient} }

// options are those of a gateway between the stage's two servers.
func (s *stage) options(plugin string) envoy.Options {
	o := envoy.Options{
		Wasm: wasm, Plugin: plugin, Upstream: "mcp",
		Clusters: []envoy.Cluster{envoy.ClusterAt("mcp", s.mcp.Addr()), envoy.ClusterAt("auth", s.auth.Addr())},
	}
	if s.other != nil {
		o.Clusters = append(o.Clusters, envoy.ClusterAt("other", s.other.Addr()))
	}
	return o
}

func startGateway(ctx context.Context, binary, name string, o envoy.Options) (*gateway, error) {
	p, err := envoy.Start(ctx, binary, o)
	if err != nil {
		return nil, err
	}
	return &gateway{p, name}, nil
}

// start runs a gateway for one test. Its log is shown if the test fails.
func (s *stage) start(t *testing.T, o envoy.Options) *gateway {
	t.Helper()
	g, err := startGateway(t.Context(), s.binary, "own", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of Envoy %s:\n%s", s.version, tail(g.Log(), 8000))
		}
		g.Stop()
	})
	return g
}

func tail(s string, n int) string {
	if len(s) > n {
		return "...\n" + s[len(s)-n:]
	}
	return s
}

// object is a JSON object.
type object = map[string]any

func toJSON(v any) string {
	doc, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(doc)
}

// testClient may use the client credentials grant.
var testClient = authserver.Client{ID: "test-client", Secret: "test-secret", AuthMethod: "client_secret_post"}

// Resources of tableConfig.
const (
	notes  = "https://mcp.example.com/notes"       // requires read:notes
	admin  = "https://mcp.example.com/notes/admin" // requires two scopes, lies below notes
	open   = "https://mcp.example.com/open"        // requires no scope, forwards the token
	shareA = "https://a.example.com/shared"        // one path, two hosts
	shareB = "https://b.example.com/shared"
)

// clientResource is one that real clients use, at its true address.
func (s *stage) clientResource() string { return s.port.Origin() + "/mcp" }

// rootResource is the same gateway under another name of its host.
func (s *stage) rootResource() string { return fmt.Sprintf("http://localhost:%d", s.port.Number()) }

func (s *stage) tableConfig() string {
	read, both := []string{"read:notes"}, []string{"read:notes", "write:notes"}
	resources := []object{
		{
			"resource": notes, "scopes_supported": both, "required_scopes": read,
			"forward_payload_header": "x-token-payload",
			"claim_to_headers":       []object{{"claim_name": "tenant", "header_name": "x-tenant"}},
		},
		{"resource": admin, "required_scopes": both},
		{"resource": open, "forward": true, "metadata": object{"resource_name": "Open notes"}},
		{"resource": shareA, "match": object{"hosts": []string{"a.example.com"}}},
		{"resource": shareB, "match": object{"hosts": []string{"b.example.com"}}},
		{"resource": s.clientResource(), "scopes_supported": both, "required_scopes": read, "dpop": "accept"}, // two challenges, of which all clients read the first
		{"resource": s.rootResource(), "match": object{"hosts": []string{fmt.Sprintf("localhost:%d", s.port.Number())}}, "scopes_supported": both, "required_scopes": read},
		{"resource": s.port.Origin() + "/first", "scopes_supported": both, "required_scopes": read},
	}
	for _, r := range resources {
		r["authorization_servers"] = []string{s.auth.Issuer()}
	}
	resources = append(resources, object{
		"resource": s.port.Origin() + "/second", "scopes_supported": both, "required_scopes": []string{"write:notes"},
		"authorization_servers": []string{s.other.Issuer()},
	})
	return toJSON(object{
		"authorization_servers": []object{{"issuer": s.auth.Issuer(), "cluster": "auth"}, {"issuer": s.other.Issuer(), "cluster": "other"}},
		"resources":             resources,
	})
}
