//go:build controlplane

package istio

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/controlplane"
)

const script = "envoy-example/istio/apply.sh"

// checkout writes apply.sh, the manifests as a user has changed them and the page's route
// into a folder, as they lie in the repository.
func (m *mesh) checkout(t testing.TB, edits map[string][]edit) string {
	t.Helper()
	dir := t.TempDir()
	put := func(path, text string) {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range append([]string{"guard.yaml", "identity-provider.yaml"}, kinds...) {
		put("envoy-example/istio/"+file, m.manifest(t, file, edits[file]...))
	}
	put(script, controlplane.Manifest(t, "istio/apply.sh"))
	put("notes-route.yaml", route)
	return dir
}

// shell runs a command of a user in a folder.
func (m *mesh) shell(dir, line string) (string, error) {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "KUBECONFIG="+m.k.Kubeconfig, "PATH="+filepath.Dir(controlplane.Kubectl.Path())+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (m *mesh) testApply(t *testing.T) {
	right := m.checkout(t, nil)
	m.start(t, proxyOptions{}).awaitReady(t)
	m.poll(t)
	run := func(t *testing.T, line string) {
		t.Helper()
		if out, err := m.shell(right, line); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}

	// The commands of the page, in their order.
	t.Run("page", func(t *testing.T) {
		applied, requests := 0, 0
		for _, line := range strings.Split(strings.TrimSpace(strings.Join(blocks("sh"), "")), "\n") {
			command, status, request := strings.Cut(line, "  # ")
			switch {
			case strings.HasPrefix(line, "make image PUSH="):
				// The world has pushed it. Tests in cmd run the command.
			case strings.HasPrefix(line, "sh "+script+" "):
				applied++
				run(t, line)
			case request && strings.HasPrefix(command, "curl -si "):
				requests++
				if out, err := m.shell(right, command); err != nil || !strings.HasPrefix(out, "HTTP/2 "+status+" ") {
					t.Errorf("%s: %v\n%s", line, err, out)
				}
			default:
				t.Errorf("the page has the command %q", line)
			}
		}
		if applied != 1 || requests != 2 {
			t.Errorf("the page applies %d times and has %d requests", applied, requests)
		}
		m.pass(t)
	})
	t.Run("options", func(t *testing.T) {
		m.clean(t)
		run(t, "cd /; sh "+right+"/"+script+" -p envoyfilter.yaml -c test -a 127.0.0.4:443 "+notesURL+" "+right+"/notes-route.yaml")
		m.pass(t)
		run(t, "sh "+script+" -d envoy-example/istio -p envoyfilter.yaml "+notesURL+" -")
		m.pass(t)
	})
	t.Run("usage", func(t *testing.T) {
		for _, arguments := range []string{"", notesURL, "-x " + notesURL + " -", notesURL + " missing.yaml"} {
			if out, err := m.shell(right, "sh "+script+" "+arguments); err == nil || !strings.Contains(out, "usage: ") && !strings.Contains(out, "there is no file") {
				t.Errorf("%q: %v %s", arguments, err, out)
			}
		}
	})

	// What goes wrong, and that the route is not applied then.
	for _, c := range []struct {
		name  string
		edits map[string][]edit
		says  string
	}{
		{"labels of the guard", map[string][]edit{"guard.yaml": {serverLabel}}, "answers 404, not 403"},
		{"labels of the plugin", map[string][]edit{"wasmplugin.yaml": {serverLabel}}, "answers 403, not 401"},
		{"digest", map[string][]edit{"wasmplugin.yaml": {wrongDigest}}, "is the digest right?"},
		{"configuration", map[string][]edit{"wasmplugin.yaml": {mistake, anotherName}}, "The plugin refuses its configuration."},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.clean(t)
			out, err := m.shell(m.checkout(t, c.edits), "sh "+script+" -t 3 "+notesURL+" notes-route.yaml")
			if err == nil || !strings.Contains(out, c.says) || !strings.Contains(out, "The route is not applied.") {
				t.Errorf("%v\n%s", err, out)
			}
			if names := m.k.Kubectl(t, "get", "virtualservices", "-A", "-o", "name"); names != "" {
				t.Errorf("there is %s", names)
			}
		})
	}
}

// istioctl finds no mistake in the manifests.
func TestValidate(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "envoy-example/istio/*.yaml"))
	if err != nil || len(files) != 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		cmd := exec.Command(controlplane.Istioctl.Path(), "validate", "-f", file)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		t.Log(controlplane.Run(t, cmd))
	}
}
