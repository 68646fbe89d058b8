package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mcpauth/integration/install"
)

// suiteTimeout is for one run of the suite, which takes six seconds on an idle machine.
const suiteTimeout = 5 * time.Minute

// object is a JSON object.
type object = map[string]any

// report has the checks of each scenario that the suite has run.
type report map[string][]object

// suite returns a command of the suite that writes its report into a folder.
func suite(t *testing.T, out, command string, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := install.NodeModules(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(modules, "@modelcontextprotocol", "conformance", "dist", "index.js")
	ctx, cancel := context.WithTimeout(t.Context(), suiteTimeout)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, node(modules), append([]string{program, command, "--output-dir", out}, args...)...)
	cmd.Dir, cmd.WaitDelay = out, time.Second
	return cmd
}

// runSuite runs the suite as a client of the server at a URL. passed says whether the
// server does what its arguments require.
func runSuite(t *testing.T, server string, args ...string) (r report, passed bool) {
	t.Helper()
	out := t.TempDir()
	timeout := strconv.FormatInt(suiteTimeout.Milliseconds(), 10)
	log, err := suite(t, out, "server", append([]string{"--url", server, "--timeout", timeout}, args...)...).CombinedOutput()
	if exit := new(exec.ExitError); err != nil && (!errors.As(err, &exit) || !exit.Exited()) {
		t.Fatalf("the suite: %v\n%s", err, log)
	}
	if r = readReport(t, out, server); len(r) == 0 {
		t.Fatalf("the suite ran no scenario:\n%s", log)
	}
	return r, err == nil
}

// node returns the Node.js of package.json, else the one on the PATH, which must be 22 or
// newer.
func node(modules string) string {
	found, err := filepath.Glob(filepath.Join(modules, "node-linux-*", "bin", "node"))
	if err != nil || len(found) != 1 {
		return "node"
	}
	return found[0]
}

// scenarioFolder is the form of the folders that the suite writes.
var scenarioFolder = regexp.MustCompile(`^(?:authorization-)?server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$`)

func readReport(t *testing.T, dir, server string) report {
	t.Helper()
	folders, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	// Where the server is differs, and is no part of the result.
	address := strings.NewReplacer(server, "URL", u.Host, "HOST")
	r := report{}
	for _, f := range folders {
		name := scenarioFolder.FindStringSubmatch(f.Name())
		if name == nil || r[name[1]] != nil {
			t.Fatalf("unexpected folder %s of the suite", f.Name())
		}
		doc, err := os.ReadFile(filepath.Join(dir, f.Name(), "checks.json"))
		if err != nil {
			t.Fatal(err)
		}
		var checks []object
		if err := json.Unmarshal([]byte(address.Replace(string(doc))), &checks); err != nil {
			t.Fatal(err)
		}
		for _, c := range checks {
			delete(c, "timestamp")
			delete(c, "specReferences")
			normalize(c)
		}
		r[name[1]] = checks
	}
	return r
}

// ownOfEachRun are members whose values no two runs share.
var ownOfEachRun = []string{"sessionId", "sessionIdSent", "mcp-session-id", "subscriptionId", "io.modelcontextprotocol/subscriptionId"}

// ofEnvoy are the response headers that Envoy sets or replaces, and the time.
var ofEnvoy = []string{"connection", "date", "server", "x-envoy-upstream-service-time"}

// normalize takes out of a value what differs between any two runs.
func normalize(v any) {
	switch v := v.(type) {
	case []any:
		for _, each := range v {
			normalize(each)
		}
	case object:
		for _, name := range ownOfEachRun {
			if _, there := v[name]; there {
				v[name] = "…"
			}
		}
		if headers, ok := v["headers"].(object); ok {
			for _, name := range ofEnvoy {
				delete(headers, name)
			}
		}
		for _, each := range v {
			normalize(each)
		}
	}
}

// differences returns what is not the same in two reports, by scenario. Everything that
// the suite has noted of a check counts, not its status alone.
func differences(direct, through report) map[string]string {
	all := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(direct)) {
		if !reflect.DeepEqual(direct[name], through[name]) {
			all[name] = fmt.Sprintf("directly:\n%s\nthrough the gateway:\n%s", summary(direct[name], through[name]), summary(through[name], direct[name]))
		}
	}
	for name := range through {
		if _, there := direct[name]; !there {
			all[name] = "only through the gateway"
		}
	}
	return all
}

// check returns the check of a name that a report has, nil if it has none.
func (r report) check(name string) object {
	for _, checks := range r {
		for _, c := range checks {
			if c["name"] == name {
				return c
			}
		}
	}
	return nil
}

// summary is those of the checks that are not among the others.
func summary(checks, others []object) string {
	var b strings.Builder
	for _, c := range checks {
		if slices.ContainsFunc(others, func(o object) bool { return reflect.DeepEqual(c, o) }) {
			continue
		}
		doc, err := json.MarshalIndent(c, "  ", " ")
		if err != nil {
			doc = []byte(err.Error())
		}
		fmt.Fprintf(&b, "  %s\n", doc)
	}
	return b.String()
}
