package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mcpauth/cmd/mcpauth/internal/doctor"
	"mcpauth/cmd/mcpauth/internal/explain"
	"mcpauth/cmd/mcpauth/internal/lint"
	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/cmd/mcpauth/internal/source"
	"mcpauth/config"
)

func (a *app) configCommand() *cobra.Command {
	var o outputFlags
	var explained bool
	var against, ca string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "config FILE...",
		Short: "Check configurations of the plugin with the plugin's own code",
		Long: `config checks the plugin's configuration in each FILE, without a gateway and without
the network. It finds the configuration in plain JSON or YAML, in an Envoy
configuration, and in a WasmPlugin, TrafficExtension or EnvoyExtensionPolicy; - stands
for standard input. The plugin's own parser reads it. In an Envoy configuration, the
clusters, the order of the filters, the environment variables and the settings that
belong together are checked too.

--against also compares the configuration with the live deployment at a URL: whether the
gateway runs it, and the issuer, the keys and the scopes of the authorization servers.
` + "`mcpauth doctor --config`" + ` checks more.`,
		Example: `  mcpauth config envoy.yaml
  mcpauth config --explain wasmplugin.yaml
  kubectl get envoyextensionpolicy mcpauth -o yaml | mcpauth config -
  mcpauth config envoy.yaml --against https://mcp.example.com/notes
  mcpauth config --sarif deploy/*.yaml > mcpauth.sarif`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if against != "" && len(args) > 1 {
				return errors.New("--against takes one FILE")
			}
			if explained && o.machine() {
				return errors.New("--explain is for people: leave --json, --sarif and --junit out")
			}
			r, words, err := a.config(args, explained)
			if err != nil {
				return err
			}
			if against != "" {
				return a.compare(c, r, args[0], &doctor.Options{URL: against, Timeout: timeout, MetadataOnly: true}, ca, &o)
			}
			err = a.write(r, &o)
			if words.Len() > 0 {
				fmt.Fprintf(a.out, "\n%s", words.Bytes())
			}
			return err
		},
	}
	o.add(c)
	f := c.Flags()
	f.BoolVar(&explained, "explain", false, "say in words what the configuration does")
	f.StringVar(&against, "against", "", "the URL of a resource at the gateway that runs the configuration")
	f.DurationVar(&timeout, "timeout", time.Minute, "with --against: how long it may take")
	f.StringVar(&ca, "ca", "", "with --against: a file of certification authorities in PEM, beside those of the system")
	c.MarkFlagsMutuallyExclusive("explain", "against")
	return c
}

// config checks files, and returns what the configurations do in words, if that is wanted.
func (a *app) config(files []string, explained bool) (*report.Report, *bytes.Buffer, error) {
	r, words := &report.Report{Target: files[0]}, &bytes.Buffer{}
	for _, file := range files {
		found, err := source.Read(file, a.in)
		if errors.Is(err, source.ErrNone) && len(files) > 1 {
			r.Add(report.Result{Check: "config-found", Status: report.Skipped, Subject: file, Message: "no configuration of mcpauth in it", File: file})
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, f := range found {
			c, results := lintResults(f)
			r.Add(results...)
			if c != nil && explained {
				explain.Config(words, c)
			}
		}
	}
	return r, words, nil
}

// lintResults returns the configuration of f, nil if it is not valid, and what the checks
// without the network find, with f as the subject.
func lintResults(f *source.Found) (*config.Config, []report.Result) {
	c, results := lint.Check(f)
	for i := range results {
		results[i].Subject = fmt.Sprintf("%s, line %d: %s", f.File, f.Line, f.Name)
	}
	return c, results
}

// compare adds to r how the live deployment differs from a configuration, and writes it.
func (a *app) compare(c *cobra.Command, r *report.Report, file string, options *doctor.Options, ca string, o *outputFlags) error {
	if r.Failed() {
		return a.write(r, o) // the plugin does not run it
	}
	if file == "-" {
		return errors.New("--against needs a file, not standard input")
	}
	var err error
	if options.Roots, err = roots(ca); err != nil {
		return err
	}
	if options.Found, err = a.configOf(file, options.URL); err != nil {
		return err
	}
	return a.walk(c, options, r, o)
}
