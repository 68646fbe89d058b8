// Command mcpauth answers why an MCP client cannot sign in, checks configurations of the
// plugin, makes test tokens, and puts the plugin into configurations of gateways.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/spf13/cobra"

	"mcpauth/cmd/mcpauth/internal/redact"
)

// version is set by the linker.
var version = "dev"

// The exit statuses.
const (
	statusOK     = 0
	statusFailed = 1 // a check failed
	statusError  = 2 // the command could not do its work
)

// errFailed reports that a check failed. The report has been written.
var errFailed = errors.New("a check failed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	status := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

// An app is one run of the program.
type app struct {
	in       io.Reader
	out, err io.Writer
	secrets  redact.Redactor
}

// run runs the program and returns its exit status.
func (a *app) run(ctx context.Context, args []string) (status int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintln(a.err, "mcpauth: internal error:", a.secrets.Clean(fmt.Sprint(p)))
			if os.Getenv("MCPAUTH_DEBUG") != "" {
				fmt.Fprintln(a.err, string(debug.Stack()))
			}
			status = statusError
		}
	}()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
		return statusOK
	case errors.Is(err, errFailed):
		return statusFailed
	default:
		fmt.Fprintln(a.err, "mcpauth:", a.secrets.Clean(err.Error()))
		return statusError
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mcpauth",
		Short: "Find out why an MCP client cannot sign in, and check and try mcpauth",
		Long: `mcpauth answers the question why an MCP client cannot sign in at a gateway with
mcpauth.wasm. It also checks the plugin's configuration without a gateway, makes
tokens to try the plugin without an authorization server, and puts the plugin into
the configuration of a gateway.

The exit status is 0 if all is well, 1 if a check failed, and 2 if the command could
not do its work. No command prints a secret or a token that it was given.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("mcpauth {{.Version}}\n")
	root.AddCommand(a.doctorCommand(), a.configCommand(), a.tokenCommand(), a.attachCommand(), a.manCommand())
	return root
}
