package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mcpauth/cmd/mcpauth/internal/explain"
	"mcpauth/cmd/mcpauth/internal/lint"
	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/cmd/mcpauth/internal/source"
)

func (a *app) configCommand() *cobra.Command {
	var o outputFlags
	var explained bool
	c := &cobra.Command{
		Use:   "config FILE...",
		Short: "Check configurations of the plugin with the plugin's own code",
		Long: `config checks the plugin's configuration in each FILE, without a gateway and without
the network. It finds the configuration in plain JSON or YAML, in an Envoy
configuration, and in a WasmPlugin, TrafficExtension or EnvoyExtensionPolicy; - stands
for standard input. The plugin's own parser reads it. In an Envoy configuration, the
clusters, the order of the filters, the environment variables and the settings that
belong together are checked too.`,
		Example: `  mcpauth config envoy.yaml
  mcpauth config --explain wasmplugin.yaml
  kubectl get envoyextensionpolicy mcpauth -o yaml | mcpauth config -
  mcpauth config --sarif deploy/*.yaml > mcpauth.sarif`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if explained && o.machine() {
				return errors.New("--explain is for people: leave --json, --sarif and --junit out")
			}
			return a.config(args, explained, &o)
		},
	}
	o.add(c)
	c.Flags().BoolVar(&explained, "explain", false, "say in words what the configuration does")
	return c
}

func (a *app) config(files []string, explained bool, o *outputFlags) error {
	r := &report.Report{Target: files[0]}
	var words bytes.Buffer
	for _, file := range files {
		found, err := source.Read(file, a.in)
		if errors.Is(err, source.ErrNone) && len(files) > 1 {
			r.Add(report.Result{Check: "config-found", Status: report.Skipped, Subject: file, Message: "no configuration of mcpauth in it", File: file})
			continue
		}
		if err != nil {
			return err
		}
		for _, f := range found {
			c, results := lint.Check(f)
			for i := range results {
				results[i].Subject = fmt.Sprintf("%s, line %d: %s", file, f.Line, f.Name)
			}
			r.Add(results...)
			if c != nil && explained {
				explain.Config(&words, c)
			}
		}
	}
	err := a.write(r, o)
	if words.Len() > 0 {
		fmt.Fprintf(a.out, "\n%s", words.Bytes())
	}
	return err
}
