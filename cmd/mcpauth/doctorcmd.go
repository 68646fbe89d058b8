package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mcpauth/cmd/mcpauth/internal/doctor"
	"mcpauth/cmd/mcpauth/internal/judge"
	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/cmd/mcpauth/internal/source"
)

// doctorFlags are the flags of the doctor beside those of its output.
type doctorFlags struct {
	timeout, loginTimeout     time.Duration
	config, ca, token, whoami string
	passive, register, login  bool
	clientID, browser         string
	port                      int
}

func (a *app) doctorCommand() *cobra.Command {
	var o outputFlags
	var d doctorFlags
	c := &cobra.Command{
		Use:   "doctor URL",
		Short: "Find out why an MCP client cannot sign in",
		Long: `doctor walks a deployment as an MCP client would, from the URL that a user gives to the
client: the gateway and its certificate, the 401 and its challenge, the metadata, the
authorization servers with their metadata and keys, whether the gateway has these keys,
and the preflights of browsers. Each check is one line; a failure has a reason and what
to do. At the end stands the cause to look at first.

Without further flags it needs no account and changes nothing. To see whether the
gateway has keys, it sends a forged token, which the gateway must refuse and logs as
refused; --passive leaves that out.

--register registers a client, to see whether clients can, and with which scopes; it is
removed again where the server can do that. --login signs you in in your browser.
--token tries a token of yours. Tokens are read from files, or from standard input with
-, so that they stand in no history and in no list of processes. None is ever printed.

--config names the gateway's configuration, in any form that mcpauth config reads. The
report then names the lines to change, and says whether the gateway runs it.

The exit status is 0 if no check failed, 1 if one did, and 2 if the walk could not begin.`,
		Example: `  mcpauth doctor https://mcp.example.com/notes
  mcpauth doctor https://mcp.example.com/notes --config envoy.yaml --register
  mcpauth doctor https://mcp.example.com/notes --login
  echo "$TOKEN" | mcpauth doctor https://mcp.example.com/notes --token -
  mcpauth doctor https://mcp.example.com/notes --junit > doctor.xml`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions, // a URL
		RunE: func(c *cobra.Command, args []string) error {
			if err := errors.Join(o.check(), d.check()); err != nil {
				return err
			}
			return a.doctor(c, args[0], &d, &o)
		},
	}
	o.add(c)
	f := c.Flags()
	f.DurationVar(&d.timeout, "timeout", 60*time.Second, "how long the whole walk may take, without the sign-in")
	f.StringVar(&d.config, "config", "", "the gateway's configuration")
	f.StringVar(&d.ca, "ca", "", "a file of certification authorities in PEM, beside those of the system")
	f.BoolVar(&d.passive, "passive", false, "send no forged token")
	f.BoolVar(&d.register, "register", false, "register a client at each authorization server")
	f.StringVar(&d.token, "token", "", "a file with an access token to try; - for standard input")
	f.StringVar(&d.whoami, "whoami", "", "a tool of the MCP server, without arguments, that says who calls")
	f.BoolVar(&d.login, "login", false, "sign in with a browser, refresh the token, and ask for all scopes")
	f.StringVar(&d.clientID, "client-id", "", "with --login: a client that is registered by hand")
	f.IntVar(&d.port, "port", 0, "with --login: the port of the callback on 127.0.0.1; by default any")
	f.StringVar(&d.browser, "browser", "", "with --login: the program that shows a URL; by default the system's browser, none only prints the URL")
	f.DurationVar(&d.loginTimeout, "login-timeout", 5*time.Minute, "with --login: how long you may take")
	c.MarkFlagsMutuallyExclusive("token", "login")
	return c
}

func (d *doctorFlags) check() error {
	switch {
	case d.timeout <= 0 || d.loginTimeout <= 0:
		return errors.New("a timeout must be positive")
	case d.whoami != "" && d.token == "" && !d.login:
		return errors.New("--whoami needs --token or --login")
	case !d.login && (d.clientID != "" || d.port != 0 || d.browser != ""):
		return errors.New("--client-id, --port and --browser need --login")
	case d.token == "-" && d.config == "-":
		return errors.New("--token and --config cannot both be standard input")
	}
	return nil
}

func (a *app) doctor(c *cobra.Command, url string, d *doctorFlags, o *outputFlags) error {
	options := doctor.Options{
		URL: url, Timeout: d.timeout, Passive: d.passive, Register: d.register, Whoami: d.whoami,
	}
	var err error
	if d.token != "" {
		if options.Token, err = a.readToken(d.token); err != nil {
			return fmt.Errorf("--token: %w", err)
		}
	}
	if options.Roots, err = roots(d.ca); err != nil {
		return err
	}
	before := &report.Report{}
	if d.config != "" {
		f, err := a.configOf(d.config, url)
		if err != nil {
			return err
		}
		c, results := lintResults(f)
		if before.Add(results...); c != nil {
			options.Found = f // else the plugin does not run it, and the walk is one without it
		}
	}
	if d.login {
		options.Login = &doctor.Login{ClientID: d.clientID, Port: d.port, Timeout: d.loginTimeout, Open: a.opener(d.browser)}
	}
	return a.walk(c, &options, before, o)
}

// walk runs the doctor after the results in before. For people, each result is written as
// it is found.
func (a *app) walk(c *cobra.Command, options *doctor.Options, before *report.Report, o *outputFlags) error {
	text := o.text(a.out)
	live := isTerminal(a.err) && !o.machine()
	options.Secrets, options.UserAgent = &a.secrets, "mcpauth-doctor/"+version
	options.Progress = func(step string) {
		if live {
			fmt.Fprintf(a.err, "\r\x1b[K%s", a.secrets.Clean(step))
		}
	}
	options.Result = func(r report.Result) {
		if o.machine() {
			return
		}
		options.Progress("")
		r = a.clean(r)
		text.Result(&r)
	}
	for _, r := range before.Results {
		options.Result(r)
	}
	r, err := doctor.Run(c.Context(), options)
	if err != nil {
		return err
	}
	r.Results = append(before.Results, r.Results...)
	if o.machine() {
		return a.write(r, o)
	}
	for i := range r.Results {
		r.Results[i] = a.clean(r.Results[i])
	}
	text.Summary(r)
	if r.Failed() {
		return errFailed
	}
	return nil
}

// roots returns the system's certification authorities and those in a file.
func roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--ca: %s has no certificate in PEM", file)
	}
	return pool, nil
}

// configOf returns the configuration in a file that has a resource for url, else the first.
func (a *app) configOf(file, url string) (*source.Found, error) {
	found, err := source.Read(file, a.in)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if c, err := f.Config(); err == nil {
			if r, _ := judge.Resource(c, url); r != nil {
				return f, nil
			}
		}
	}
	return found[0], nil
}

// opener returns the function that shows a URL to the user.
func (a *app) opener(browser string) func(string) error {
	return func(url string) error {
		fmt.Fprintf(a.err, "Sign in at:\n  %s\n", url)
		var cmd *exec.Cmd
		switch {
		case browser == "none":
			return nil
		case strings.TrimSpace(browser) != "":
			words := strings.Fields(browser)
			cmd = exec.Command(words[0], append(words[1:], url)...)
		case runtime.GOOS == "darwin":
			cmd = exec.Command("open", url)
		case runtime.GOOS == "windows":
			cmd = exec.Command("rundll32", "url.dll,FileProtocolHandler", url)
		default:
			cmd = exec.Command("xdg-open", url)
		}
		if err := cmd.Start(); err != nil {
			if browser == "" {
				return nil // the user has the URL
			}
			return err
		}
		go cmd.Wait()
		return nil
	}
}
