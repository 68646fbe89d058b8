// Command servers runs the two servers of the example, for an Envoy that you start
// yourself with envoy.yaml or one of the examples in envoy-dynamic: an authorization
// server on port 9000 and an MCP server without any authentication code on port 8080.
//
//	go run ./cmd/servers [-resource URL] [-auth ADDRESS] [-mcp ADDRESS]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/mcpserver"
)

// client uses the client credentials grant, which fits into one curl command.
var client = authserver.Client{ID: "demo", Secret: "demo-secret"}

func main() {
	resource := flag.String("resource", "http://127.0.0.1:10000/notes", "the `URL` that clients use for the MCP server")
	authAddress := flag.String("auth", "127.0.0.1:9000", "where the authorization server listens")
	mcpAddress := flag.String("mcp", "127.0.0.1:8080", "where the MCP server listens")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *authAddress, *mcpAddress, *resource); err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
		os.Exit(1)
	}
}

// run runs both servers until ctx is done.
func run(ctx context.Context, out io.Writer, authAddress, mcpAddress, resource string) error {
	l, err := net.Listen("tcp", authAddress)
	if err != nil {
		return fmt.Errorf("authorization server: %w", err)
	}
	auth, err := authserver.Start(authserver.Options{
		Listener: l, Resources: []string{resource}, DefaultResource: resource, Clients: []authserver.Client{client},
	})
	if err != nil {
		l.Close()
		return err
	}
	defer auth.Close()
	if l, err = net.Listen("tcp", mcpAddress); err != nil {
		return fmt.Errorf("MCP server: %w", err)
	}
	mcp, err := mcpserver.Start(l)
	if err != nil {
		return err
	}
	defer mcp.Close()
	fmt.Fprintf(out, `authorization server: %s
MCP server:           http://%s, for %s
a token:              curl -s %s -u %s:%s -d grant_type=client_credentials -d scope=read:notes -d resource=%s
Ctrl-C ends both.
`, auth.Issuer(), mcp.Addr(), resource, auth.Endpoint("token"), client.ID, client.Secret, resource)
	<-ctx.Done()
	return nil
}
