// Command vulncheck looks for known vulnerabilities in what a release holds: the plugin and
// the tools of cmd. Where the vulnerability database is out of reach it says so, and lists
// the linked modules that are retracted, deprecated or have newer versions.
//
//	go run ./internal/build/vulncheck [-db URL] [-required]
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	db := flag.String("db", "https://vuln.go.dev", "the vulnerability database: an https or file URL")
	required := flag.Bool("required", false, "fail if the database is out of reach")
	flag.Parse()
	root, err := os.Getwd()
	if err == nil {
		err = check(os.Stdout, root, *db, *required, targets)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vulncheck:", err)
		os.Exit(1)
	}
}

// A target is what is built from a folder.
type target struct {
	name, folder, packages string
	env                    []string
	scan                   string // -scan of govulncheck
}

// targets are what a release holds. govulncheck cannot see which functions of the plugin
// run, since Envoy calls them: there, every package that is linked counts.
var targets = []target{
	{"the plugin", ".", "./plugin", []string{"GOOS=wasip1", "GOARCH=wasm"}, "package"},
	{"the tools", "cmd", "./...", nil, "symbol"},
}

// check fails if it finds a vulnerability in one of the targets.
func check(out io.Writer, root, db string, required bool, targets []target) error {
	if err := reach(db); err != nil {
		if required {
			return err
		}
		fmt.Fprintf(out, "NOT CHECKED for vulnerabilities: %v\n", err)
		for _, t := range targets {
			t.outdated(out, root)
		}
		return nil
	}
	govulncheck, err := run(root, nil, "go", "tool", "-n", "-modfile="+filepath.Join(root, ".ci", "tools.mod"), "govulncheck")
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range targets {
		fmt.Fprintf(out, "vulnerabilities in %s:\n", t.name)
		text, err := run(filepath.Join(root, t.folder), t.env, govulncheck, "-db", db, "-scan", t.scan, t.packages)
		fmt.Fprintln(out, text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.name, err))
		}
	}
	return errors.Join(errs...)
}

// reach returns an error if there is no vulnerability database at db.
func reach(db string) error {
	u, err := url.Parse(db)
	if err != nil {
		return err
	}
	u = u.JoinPath("index", "db.json")
	if u.Scheme == "file" {
		_, err := os.Stat(u.Path)
		return err
	}
	client := &http.Client{Timeout: 20 * time.Second}
	res, err := client.Get(u.String())
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", u, res.Status)
	}
	return nil
}

// outdated lists the modules of a target that have newer versions. It is no check: a
// module proxy that does not answer is no failure.
func (t *target) outdated(out io.Writer, root string) {
	dir := filepath.Join(root, t.folder)
	list, err := run(dir, t.env, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{if not .Replace}}{{.Path}}{{end}}{{end}}{{end}}", t.packages)
	modules := strings.Fields(list)
	if err != nil || len(modules) == 0 {
		fmt.Fprintf(out, "the modules of %s: %v\n", t.name, err)
		return
	}
	slices.Sort(modules)
	const format = `{{if or .Update .Retracted .Deprecated}}  {{.Path}} {{.Version}}` +
		`{{with .Update}}, newest {{.Version}}{{end}}{{with .Retracted}}, retracted: {{.}}{{end}}{{with .Deprecated}}, deprecated: {{.}}{{end}}{{"\n"}}{{end}}`
	text, err := run(dir, t.env, "go", append([]string{"list", "-m", "-e", "-u", "-retracted", "-f", format}, slices.Compact(modules)...)...)
	if err != nil {
		text = err.Error()
	}
	fmt.Fprintf(out, "modules in %s that are not the newest:\n", t.name)
	for line := range strings.Lines(text + "\n") {
		if strings.TrimSpace(line) != "" {
			fmt.Fprint(out, line)
		}
	}
}

// run returns what a command prints, also if it fails.
func run(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, errOut.Bytes())
	}
	return strings.TrimRight(out.String(), "\n"), err
}
