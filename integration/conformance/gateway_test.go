package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
)

// startTimeout is how long a server may take to listen.
const startTimeout = time.Minute

// startServer runs everything-server and returns its address. The port might be taken
// before the server has it: then it ends, and another one is tried.
func startServer(t *testing.T, stateless bool) string {
	t.Helper()
	binary, err := exec.CommandContext(t.Context(), "go", "tool", "-n", "everything-server").Output()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback.Host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		log, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		cmd := exec.Command(strings.TrimSpace(string(binary)), "-http", address, fmt.Sprintf("-stateless=%v", stateless))
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		exited := make(chan struct{})
		go func() { cmd.Wait(); close(exited) }()
		t.Cleanup(func() { cmd.Process.Kill(); <-exited })
		if listens(t, address, exited) {
			return address
		}
		text, _ := os.ReadFile(log.Name())
		t.Logf("the server did not start:\n%s", text)
	}
	t.Fatal("the server does not start")
	return ""
}

// listens waits until somebody listens at an address; false if the process that should
// has ended.
func listens(t *testing.T, address string, exited <-chan struct{}) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			select {
			case <-exited:
				return false // it is somebody else
			default:
				return true
			}
		}
		select {
		case <-exited:
			return false
		case <-ctx.Done():
			t.Fatal("the server does not listen")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// gateway is an Envoy with mcpauth, and another one before it that adds a token to each
// request, as the suite sends none.
type gateway struct {
	*envoy.Process
	front *envoy.Process
	mcp   envoy.Cluster
}

// startGateway starts a gateway with resources at the paths of its plugin's
// configuration. stops is whether requests wait with their headers, or with their body.
func startGateway(t *testing.T, version string, stops bool, resources map[string]object) *gateway {
	t.Helper()
	auth, err := authserver.Start(authserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { auth.Close() })
	config := object{
		"authorization_servers":           []object{{"issuer": auth.Issuer(), "cluster": "auth"}},
		"allow_on_headers_stop_iteration": stops,
	}
	var all []object
	var audience []string
	for path, r := range resources {
		r["resource"] = "https://mcp.example.com" + path
		audience = append(audience, "https://mcp.example.com"+path)
		all = append(all, r)
	}
	config["resources"] = all
	g := &gateway{mcp: envoy.Cluster{Name: "mcp", Host: loopback.Host, Port: 1, Movable: true}}
	g.Process = startPlugin(t, version, envoy.Options{
		HeadersStopIteration: stops, Upstream: "mcp", Clusters: []envoy.Cluster{g.mcp, envoy.ClusterAt("auth", auth.Addr())},
	}, config)
	token := auth.Mint(authserver.Token{Scope: strings.Join(scopes, " "), Claims: object{"aud": audience, "groups": []string{"staff"}}})
	g.front = start(t, version, envoy.Options{Bootstrap: fmt.Sprintf(front, token, g.Addr()[strings.LastIndex(g.Addr(), ":")+1:])})
	return g
}

// startPlugin starts an Envoy with mcpauth and its configuration.
func startPlugin(t *testing.T, version string, o envoy.Options, config object) *envoy.Process {
	t.Helper()
	plugin, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	o.Plugin = string(plugin)
	if o.Wasm, err = envoy.Wasm(); err != nil {
		t.Fatal(err)
	}
	return start(t, version, o)
}

func start(t *testing.T, version string, o envoy.Options) *envoy.Process {
	t.Helper()
	binary, err := envoy.Binary(t.Context(), version)
	if err != nil {
		t.Fatal(err)
	}
	p, err := envoy.Start(t.Context(), binary, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if log := p.Log(); t.Failed() {
			t.Logf("the end of Envoy's log:\n%s", log[max(0, len(log)-4000):])
		}
		p.Stop()
	})
	return p
}

// front is the configuration of an Envoy that adds a token and passes everything on.
const front = `
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: front
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              request_headers_to_add:
              - header: {key: authorization, value: "Bearer %s"}
                append_action: OVERWRITE_IF_EXISTS_OR_ADD
              routes:
              - match: {prefix: /}
                route: {cluster: gateway, timeout: 0s}
  clusters:
  - name: gateway
    type: STATIC
    load_assignment:
      cluster_name: gateway
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %s}}}}]}]
`

// serve puts a new server behind the gateway: what one run of the suite changes in a
// server would show in the next.
func (g *gateway) serve(t *testing.T, stateless bool) {
	t.Helper()
	const updates = "cluster.mcp.update_success"
	before := g.stat(t, updates)
	next := envoy.ClusterAt(g.mcp.Name, startServer(t, stateless))
	if err := g.MoveCluster(next); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(startTimeout)
	for g.stat(t, updates) == before {
		if time.Now().After(deadline) {
			t.Fatal("Envoy does not see where the server is")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stat returns the sum of the statistics whose names begin with a text.
func (g *gateway) stat(t *testing.T, prefix string) (sum int64) {
	t.Helper()
	all, err := g.Stats(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		sum += n
	}
	return sum
}
