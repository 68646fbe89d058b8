package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mcpauth/cmd/mcpauth/internal/attach"
	"mcpauth/cmd/mcpauth/internal/source"
)

func (a *app) attachCommand() *cobra.Command {
	var o attach.Options
	var scopes string
	var whole, write bool
	c := &cobra.Command{
		Use:   "attach FILE",
		Short: "Put the plugin into the configuration of a gateway",
		Long: `attach puts the plugin into FILE, which is an Envoy configuration, or has a Gateway of
Istio or of the Gateway API: the filter or the manifests, the guard, the way to the
authorization server, and the settings that belong to them. It inserts lines and changes
none. It prints the change as a diff; --print prints the whole file, and --write writes
it. What remains to be done by hand it says on standard error.`,
		Example: `  mcpauth attach envoy.yaml --issuer https://auth.example.com --resource https://mcp.example.com/notes --scope read:notes
  mcpauth attach gateway.yaml --issuer https://auth.example.com --resource https://mcp.example.com/notes \
      --image registry.example.com/mcpauth@sha256:… --print | kubectl apply -f -
  mcpauth attach envoy.yaml … --write && mcpauth config envoy.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if write && args[0] == "-" {
				return errors.New("--write needs a file, not standard input")
			}
			o.Scopes = strings.Fields(scopes)
			return a.attach(args[0], &o, whole, write)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Issuer, "issuer", "", "the issuer of the authorization server (required)")
	f.StringVar(&o.Resource, "resource", "", "the URL that users give to MCP clients (required)")
	f.StringVar(&scopes, "scope", "", "the scopes that every token needs, with spaces between them")
	f.StringVar(&o.Cluster, "cluster", "", "a cluster that leads to the authorization server; by default one is added")
	f.StringVar(&o.Wasm, "wasm", "/etc/envoy/mcpauth.wasm", "Envoy: the path of the plugin")
	f.StringVar(&o.TrustedCA, "trusted-ca", "/etc/ssl/certs/ca-certificates.crt", "Envoy: the path of the certification authorities")
	f.StringVar(&o.Listener, "listener", "", "Envoy: the name of the listener, if there are several")
	f.StringVar(&o.Image, "image", "", "Istio, Envoy Gateway: the plugin's image, with its digest")
	f.StringSliceVar(&o.Routes, "route", nil, "Envoy Gateway: an HTTPRoute of the MCP server, beside those of FILE")
	f.BoolVar(&whole, "print", false, "print the whole file")
	f.BoolVar(&write, "write", false, "write the file")
	c.MarkFlagRequired("issuer")
	c.MarkFlagRequired("resource")
	c.MarkFlagsMutuallyExclusive("print", "write")
	return c
}

func (a *app) attach(name string, o *attach.Options, whole, write bool) error {
	before, err := source.ReadFile(name, a.in)
	if err != nil {
		return err
	}
	r, err := attach.Attach(before, o)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(a.err, "note:", n)
	}
	switch {
	case write:
		if err := replaceFile(name, r.Text); err != nil {
			return err
		}
		fmt.Fprintf(a.err, "%s is changed: check it with `mcpauth config %s`\n", name, name)
		return nil
	case whole:
		_, err = a.out.Write(r.Text)
		return err
	}
	diff, err := r.Diff(filepath.ToSlash(name), before)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(a.out, diff)
	return err
}

// replaceFile writes a file in one step, with the permissions that it has.
func replaceFile(name string, text []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
