package examples

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"

	"mcpauth/envoy-example/envoy"
)

// TestCompose: compose.yaml is right by the schema, what it mounts and runs exists, and
// its Envoy is one of those of the tests, with the configuration that TestStatic runs.
func TestCompose(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "envoy-example", "compose.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	inside := map[string]string{} // of the container with Envoy: the file here
	for name, service := range project.Services {
		if service.NetworkMode != "host" {
			t.Errorf("%s: the network %q, where the addresses of envoy.yaml do not lead anywhere", name, service.NetworkMode)
		}
		if image, tag, _ := strings.Cut(service.Image, ":"); image == "" || tag == "" || tag == "latest" {
			t.Errorf("%s: the image %q has no version", name, service.Image)
		}
		for _, v := range service.Volumes {
			if v.Type != "bind" {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !v.ReadOnly {
				t.Errorf("%s: may write %s", name, v.Source)
			}
			if name == "envoy" {
				inside[v.Target] = v.Source
			}
		}
	}
	gateway := project.Services["envoy"]
	if version := strings.TrimPrefix(gateway.Image, "envoyproxy/envoy:v"); !slices.Contains(versions, version) {
		t.Errorf("the image %q is none of the tested versions %v", gateway.Image, versions)
	}
	// The paths that Envoy opens, from the folder that it runs in.
	config := gateway.Command[slices.Index(gateway.Command, "--config-path")+1]
	for path, want := range map[string]string{config: "envoy-example/" + static, "build/mcpauth.wasm": "build/mcpauth.wasm"} {
		if got := inside[filepath.Join(gateway.WorkingDir, path)]; got != filepath.Join(root, want) {
			t.Errorf("Envoy's %s is %q", path, got)
		}
	}
	if !strings.Contains(read(t, "envoy-example/"+static), "filename: build/mcpauth.wasm}") {
		t.Error("envoy.yaml has another path of the plugin")
	}
	servers := project.Services["servers"]
	folder := strings.Replace(servers.WorkingDir, "/src", root, 1)
	if _, err := os.Stat(filepath.Join(folder, servers.Command[len(servers.Command)-1], "main.go")); err != nil {
		t.Error(err)
	}
}
