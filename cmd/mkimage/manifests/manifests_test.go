package manifests_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mcpauth/cmd/mkimage/manifests"
)

var (
	marker = "registry.example.com/mcpauth@sha256:" + strings.Repeat("0", 64)
	pinned = "ghcr.example.com/team/mcpauth@sha256:" + strings.Repeat("a1", 32)
)

// example is the folder of the example's manifests.
var example = filepath.Join("..", "..", "..", "envoy-example")

func read(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// All that differs from the example's manifests is the image.
func TestManifestsOfTheExample(t *testing.T) {
	out := t.TempDir()
	for range 2 { // the second replaces the first
		if err := manifests.Write(example, out, pinned); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range manifests.Folders {
		entries, err := os.ReadDir(filepath.Join(example, folder))
		if err != nil {
			t.Fatal(err)
		}
		filled := 0
		for _, e := range entries {
			was, is := read(t, example, folder, e.Name()), read(t, out, folder, e.Name())
			if want := strings.ReplaceAll(was, marker, pinned); is != want {
				t.Errorf("%s/%s differs from the example by more than the image", folder, e.Name())
			}
			filled += strings.Count(is, pinned)
		}
		if filled == 0 {
			t.Errorf("no manifest in %s names the image", folder)
		}
	}
	for _, file := range []string{"istio/wasmplugin.yaml", "istio/trafficextension.yaml", "gatewayapi/policy.yaml"} {
		if !strings.Contains(read(t, out, file), pinned) {
			t.Errorf("%s does not name the image", file)
		}
	}
}

func TestMissingMarker(t *testing.T) {
	good := map[string]string{
		"istio/wasmplugin.yaml":        "kind: WasmPlugin\nspec: {url: \"oci://" + marker + "\"}\n",
		"istio/identity-provider.yaml": "kind: ServiceEntry # registry.example.com/mcpauth is not here\n",
		"istio/apply.sh":               "echo registry.example.com/mcpauth\n",
		"gatewayapi/policy.yaml":       "kind: EnvoyExtensionPolicy\nurl: " + marker + " # CHANGE\n",
	}
	write := func(t *testing.T, files map[string]string) (folder string) {
		folder = t.TempDir()
		for name, text := range files {
			name = filepath.Join(folder, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return folder
	}
	if err := manifests.Write(write(t, good), t.TempDir(), pinned); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"gatewayapi/policy.yaml":      "kind: EnvoyExtensionPolicy\nurl: registry.example.com/mcpauth:latest\n",
		"istio/wasmplugin.yaml":       "kind: WasmPlugin\n",
		"istio/trafficextension.yaml": "kind: TrafficExtension\nurl: oci://" + marker + "\nsha256: " + strings.Repeat("0", 64) + "\n",
		"istio/envoyfilter.yaml":      "uri: oci://registry.example.com/other\n",
		"istio/further.yaml":          "url: " + marker + "\nother: registry.example.com/mcpauth:1.0\n",
	} {
		files := map[string]string{}
		for n, t := range good {
			files[n] = t
		}
		files[name] = text
		out := t.TempDir()
		err := manifests.Write(write(t, files), out, pinned)
		if !errors.Is(err, manifests.ErrMarker) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %v with the file's name", name, err, manifests.ErrMarker)
		}
		if entries, _ := os.ReadDir(out); len(entries) != 0 {
			t.Errorf("%s: %d files or folders were written", name, len(entries))
		}
	}
}
