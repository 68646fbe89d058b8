package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"mcpauth/cmd/mcpauth/internal/report"
)

// outputFlags choose how a report is written.
type outputFlags struct {
	json, sarif, junit, quiet bool
	colour                    string
}

func (o *outputFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "write the report as JSON")
	f.BoolVar(&o.sarif, "sarif", false, "write the report as SARIF 2.1.0, for code hosts")
	f.BoolVar(&o.junit, "junit", false, "write the report as JUnit XML, for build servers")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "show warnings and failures only")
	f.StringVar(&o.colour, "color", "auto", "colour: auto, always or never")
	c.MarkFlagsMutuallyExclusive("json", "sarif", "junit")
	c.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
}

// machine reports whether a program reads the report.
func (o *outputFlags) machine() bool { return o.json || o.sarif || o.junit }

func (o *outputFlags) check() error {
	switch o.colour {
	case "auto", "always", "never":
		return nil
	}
	return errors.New("--color must be auto, always or never")
}

// text returns the writer of a report for people.
func (o *outputFlags) text(w io.Writer) *report.Text {
	return &report.Text{W: w, Quiet: o.quiet, Colour: o.colour == "always" || o.colour == "auto" && isTerminal(w) && os.Getenv("NO_COLOR") == ""}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// clean removes secrets and control characters from a result.
func (a *app) clean(r report.Result) report.Result {
	for _, s := range []*string{&r.Subject, &r.Message, &r.Fix, &r.Setting, &r.File} {
		*s = a.secrets.Clean(*s)
	}
	return r
}

// write writes a whole report, and returns errFailed if a check failed.
func (a *app) write(r *report.Report, o *outputFlags) error {
	r.Target = a.secrets.Clean(r.Target)
	for i := range r.Results {
		r.Results[i] = a.clean(r.Results[i])
	}
	var err error
	switch {
	case o.json:
		err = report.JSON(a.out, r)
	case o.sarif:
		err = report.SARIF(a.out, r, version)
	case o.junit:
		err = report.JUnit(a.out, r)
	default:
		t := o.text(a.out)
		for i := range r.Results {
			t.Result(&r.Results[i])
		}
		t.Summary(r)
	}
	if err == nil && r.Failed() {
		err = errFailed
	}
	return err
}
