package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mcpauth/cmd/mcpauth/internal/advice"
	"mcpauth/cmd/mcpauth/internal/judge"
	"mcpauth/cmd/mcpauth/internal/redact"
	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/cmd/mcpauth/internal/source"
	"mcpauth/jwtlite"
)

func (a *app) tokenShowCommand() *cobra.Command {
	var o outputFlags
	var file, target string
	c := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Decode a token, and say what a configuration does with it",
		Long: `show reads a token from FILE or standard input, and prints its header and its claims, but
not the token. With --config, it says for each resource of the configuration what the
plugin does with the token, by the plugin's own code. Nothing is fetched: a signature is
verified only if the keys are in the configuration. ` + "`mcpauth doctor --token`" + ` also asks
the authorization server and the gateway.`,
		Example: `  echo "$TOKEN" | mcpauth token show
  mcpauth token show token.txt --config envoy.yaml
  mcpauth token show token.txt --config envoy.yaml --url https://mcp.example.com/notes`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			name := "-"
			if len(args) > 0 {
				name = args[0]
			}
			if target != "" && file == "" {
				return errors.New("--url needs --config")
			}
			return a.show(name, file, target, &o)
		},
	}
	o.add(c)
	c.Flags().StringVar(&file, "config", "", "a configuration of the plugin, in any form that `mcpauth config` reads")
	c.Flags().StringVar(&target, "url", "", "the URL of a request; by default each resource of the configuration")
	return c
}

// readToken reads a token from a file, - for standard input. Nothing prints it from then on.
func (a *app) readToken(name string) (string, error) {
	text, err := source.ReadFile(name, a.in)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if scheme, rest, ok := strings.Cut(token, " "); ok && strings.EqualFold(scheme, "bearer") {
		token = strings.TrimSpace(rest)
	}
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", errors.New("there must be one token, and nothing else")
	}
	a.secrets.Add(token)
	if parts := strings.Split(token, "."); len(parts) == 3 {
		a.secrets.Add(parts[0]+"."+parts[1], parts[2])
	}
	return token, nil
}

func (a *app) show(name, file, target string, o *outputFlags) error {
	token, err := a.readToken(name)
	if err != nil {
		return err
	}
	now := time.Now()
	var t jwtlite.Token
	parseErr := t.Parse(token)
	if !o.machine() {
		a.printToken(token, &t, parseErr, now)
	}
	r := &report.Report{Target: "token"}
	if parseErr != nil {
		r.Add(a.refusal("token-form", "", parseErr.Error(), report.Failure))
	}
	if file != "" {
		found, err := source.Read(file, a.in)
		if err != nil {
			return err
		}
		for _, f := range found {
			results, err := verdicts(f, target, token, now)
			if err != nil {
				return err
			}
			r.Add(results...)
		}
	}
	if len(r.Results) == 0 && !o.machine() {
		return nil
	}
	return a.write(r, o)
}

// printToken writes the header and the claims, but no signature.
func (a *app) printToken(token string, t *jwtlite.Token, parseErr error, now time.Time) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		fmt.Fprintf(a.out, "not a JWT: an opaque token of %d bytes\n", len(token))
		return
	}
	printPart(a.out, "header", parts[0])
	printPart(a.out, "claims", parts[1])
	if parseErr != nil {
		return
	}
	c := t.Claims()
	for _, d := range []struct {
		name string
		date jwtlite.NumericDate
	}{{"issued", c.IssuedAt}, {"not before", c.NotBefore}, {"expires", c.Expires}} {
		if d.date.Set {
			at := d.date.Time()
			fmt.Fprintf(a.out, "%-10s %s (%s)\n", d.name, at.UTC().Format(time.RFC3339), relative(at.Sub(now)))
		}
	}
	fmt.Fprintln(a.out, "signature  not verified")
}

func printPart(w io.Writer, name, part string) {
	text, err := base64.RawURLEncoding.DecodeString(part)
	var members map[string]json.RawMessage
	if err != nil || json.Unmarshal(text, &members) != nil {
		fmt.Fprintf(w, "%s: not readable\n", name)
		return
	}
	names := make([]string, 0, len(members))
	for n := range members {
		names = append(names, n)
	}
	slices.Sort(names)
	fmt.Fprintf(w, "%s\n", name)
	for _, n := range names {
		fmt.Fprintf(w, "  %s: %s\n", redact.Printable(n), redact.Printable(string(members[n])))
	}
}

func relative(d time.Duration) string {
	if d < 0 {
		return (-d).Round(time.Second).String() + " ago"
	}
	return "in " + d.Round(time.Second).String()
}

// verdicts returns what a configuration does with a token, for a URL or for each resource.
func verdicts(f *source.Found, target, token string, now time.Time) ([]report.Result, error) {
	c, err := f.Config()
	if err != nil {
		return nil, fmt.Errorf("%s: the plugin refuses the configuration: see `mcpauth config`", f.File)
	}
	targets := []string{target}
	if target == "" {
		targets = nil
		for _, r := range c.Resources {
			targets = append(targets, r.Resource.Raw)
		}
	}
	var results []report.Result
	for _, u := range targets {
		v, err := judge.Decide(f.JSON, nil, u, token, now)
		if err != nil {
			return nil, err
		}
		resource, index := judge.Resource(c, u)
		r := verdictResult(&v)
		r.Subject, r.File = u, f.File
		if resource != nil {
			r.Setting = placeOf(r.Setting, index, 0)
			r.Line = f.LineOf(r.Setting)
		}
		results = append(results, r)
	}
	return results, nil
}

// placeOf fills in the paths of a Setting of package advice.
func placeOf(setting string, resource, server int) string {
	return strings.NewReplacer("RESOURCE", fmt.Sprintf("resources[%d]", resource), "SERVER", fmt.Sprintf("authorization_servers[%d]", server)).Replace(setting)
}

func verdictResult(v *judge.Verdict) report.Result {
	r := report.Result{Check: "token-verdict"}
	if v.Passes {
		names := make([]string, len(v.Headers))
		for i, h := range v.Headers {
			names[i] = h[0]
		}
		r.Message = "the plugin lets the request on, with " + strings.Join(names, ", ")
		if v.Unchecked {
			r.Message += "; the signature was not verified, since the keys are not in the configuration"
		}
		return r
	}
	r.Status = report.Failure
	r.Message = fmt.Sprintf("the plugin answers %d %s: %s", v.Status, v.Error, v.Description)
	if known, ok := advice.Refusal(v.Description); ok {
		r.Fix, r.Setting = known.Fix, known.Setting
	} else if v.Error == "insufficient_scope" {
		r.Fix, r.Setting = "grant the scopes that the resource requires", "RESOURCE.required_scopes"
	}
	return r
}

// refusal returns a result about a token that is refused.
func (a *app) refusal(check, subject, description string, s report.Status) report.Result {
	r := report.Result{Check: check, Subject: subject, Status: s, Message: description}
	if known, ok := advice.Refusal(description); ok {
		r.Fix = known.Fix
	}
	return r
}
