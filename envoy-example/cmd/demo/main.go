// Command demo runs the example: an authorization server, an MCP server without
// any authentication code and, in front of it, Envoy with mcpauth. It walks
// through what clients see, checks every answer, and then stays up so that you
// can try for yourself.
//
//	go run ./cmd/demo [-once] [-gateway-port N] [-auth-port N]
//
// With -once it ends after the walk, with status 0 only if every step went as
// it should.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"syscall"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/envoy-example/mcpserver"
)

// The default ports: the port of Envoy's own examples, and one that is easy to remember.
const (
	usualGatewayPort = 10000
	usualAuthPort    = 9000
)

// otherResource is another resource that the authorization server knows.
const otherResource = "https://other.example.com/mcp"

// demoClient uses the client credentials grant, which fits into one curl command.
var demoClient = authserver.Client{ID: "demo", Secret: "demo-secret"}

func main() {
	once := flag.Bool("once", false, "end after the walk; status 0 only if every step went as it should")
	gatewayPort := flag.Int("gateway-port", 0, "port of the gateway (default 10000, or a free one if that is taken)")
	authPort := flag.Int("auth-port", 0, "port of the authorization server (default 9000, or a free one if that is taken)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *once, *gatewayPort, *authPort); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, once bool, gatewayPort, authPort int) error {
	term := newTerminal(out)
	term.title("Starting")
	d, err := start(ctx, term, gatewayPort, authPort)
	if err != nil {
		return err
	}
	defer d.stop()
	d.walk(ctx)
	if failed := term.failed; failed > 0 {
		return fmt.Errorf("%d checks failed\nlog of Envoy:\n%s", failed, d.gateway.Log())
	}
	term.title("All checks passed")
	if once {
		return nil
	}
	d.invite()
	select {
	case <-ctx.Done():
		return nil
	case <-d.gateway.Exited():
		return fmt.Errorf("envoy ended\n%s", d.gateway.Log())
	}
}

// demo holds the running parts.
type demo struct {
	term     *terminal
	auth     *authserver.Server
	mcp      *mcpserver.Server
	gateway  *envoy.Process
	ports    []*loopback.Port
	origin   string // of the gateway
	resource string // the URL of the MCP server at the gateway
}

func start(ctx context.Context, term *terminal, gatewayPort, authPort int) (d *demo, err error) {
	d = &demo{term: term}
	defer func() {
		if err != nil {
			d.stop()
		}
	}()
	wasm, err := envoy.Wasm()
	if err != nil {
		return nil, err
	}
	gateway, err := d.reserve("gateway-port", gatewayPort, usualGatewayPort)
	if err != nil {
		return nil, err
	}
	auth, err := d.reserve("auth-port", authPort, usualAuthPort)
	if err != nil {
		return nil, err
	}
	d.origin = gateway.Origin()
	d.resource = d.origin + "/notes"
	listener, err := auth.Listen()
	if err != nil {
		return nil, err
	}
	if d.auth, err = authserver.Start(authserver.Options{
		Listener: listener, DefaultResource: d.resource, Resources: []string{d.resource, otherResource}, Clients: []authserver.Client{demoClient},
	}); err != nil {
		return nil, err
	}
	term.row("authorization server", d.auth.Issuer())
	if d.mcp, err = mcpserver.Start(nil); err != nil {
		return nil, err
	}
	term.row("MCP server", "http://"+d.mcp.Addr()+"  (no authentication code)")
	binary, err := envoy.Find(ctx)
	if err != nil {
		return nil, err
	}
	if d.gateway, err = envoy.Start(ctx, binary, envoy.Options{
		Wasm: wasm, Plugin: d.pluginConfig(), Port: gateway.Number(), Upstream: "notes", Pages: []string{"*"}, HeadersStopIteration: true,
		Clusters: []envoy.Cluster{envoy.ClusterAt("notes", d.mcp.Addr()), envoy.ClusterAt("auth", d.auth.Addr())},
	}); err != nil {
		return nil, err
	}
	term.row("gateway", fmt.Sprintf("%s  (Envoy %s, two workers, mcpauth.wasm)", d.resource, version(binary)))
	term.text("\nThe whole configuration of the plugin:\n" + d.pluginConfig())
	return d, nil
}

func (d *demo) pluginConfig() string {
	return fmt.Sprintf(`{
  "authorization_servers": [
    { "issuer": %q, "cluster": "auth" }
  ],
  "allow_on_headers_stop_iteration": true,
  "resources": [
    {
      "resource": %q,
      "scopes_supported": ["read:notes", "write:notes"],
      "required_scopes": ["read:notes"],
      "challenge_scopes": "all",
      "tools": { "add_note": ["write:notes"] }
    }
  ]
}`, d.auth.Issuer(), d.resource)
}

// reserve reserves the port that the user asks for, which must be free. By default it
// reserves the usual port or, if that is taken, any.
func (d *demo) reserve(flagName string, asked, usual int) (*loopback.Port, error) {
	number := asked
	if number == 0 {
		number = usual
	}
	port, err := loopback.Reserve(number)
	if errors.Is(err, syscall.EADDRINUSE) {
		if asked != 0 {
			return nil, fmt.Errorf("port %d is in use: choose another with -%s", asked, flagName)
		}
		port, err = loopback.Reserve(0)
		if err == nil {
			d.term.note(fmt.Sprintf("port %d is in use, so this run takes %d (choose with -%s)", usual, port.Number(), flagName))
		}
	}
	if err != nil {
		return nil, err
	}
	d.ports = append(d.ports, port)
	return port, nil
}

func (d *demo) stop() {
	if d.gateway != nil {
		d.gateway.Stop()
	}
	if d.mcp != nil {
		d.mcp.Close()
	}
	if d.auth != nil {
		d.auth.Close()
	}
	for _, p := range d.ports {
		p.Release()
	}
}

// version asks an Envoy binary for its version number.
func version(binary string) string {
	out, err := exec.Command(binary, "--version").Output()
	if err != nil {
		return "of unknown version"
	}
	return regexp.MustCompile(`\d+\.\d+\.\d+`).FindString(string(out))
}
