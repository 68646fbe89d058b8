package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"mcpauth/cmd/mkimage/image"
)

// plugin returns the bytes of the built plugin.
func plugin(t *testing.T) []byte {
	t.Helper()
	path := os.Getenv("MCPAUTH_WASM")
	if path == "" {
		path = filepath.Join("..", "..", "..", "build", "mcpauth.wasm")
	}
	module, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\nrun `make build` at the root of the repository, or name the plugin in MCPAUTH_WASM", err)
	}
	return module
}

func wrap(t *testing.T, module []byte) v1.Image {
	t.Helper()
	img, err := image.FromWasm(module)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func digest(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// checkLoadable holds an image to what Istio (pkg/wasm/imagefetcher.go) and Envoy
// Gateway (internal/wasm/imagefetcher.go) accept of the "compat" variant, and its
// one file to module.
func checkLoadable(t *testing.T, img v1.Image, module []byte) {
	t.Helper()
	if err := validate.Image(img); err != nil {
		t.Errorf("digests, sizes and media types do not agree: %v", err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.MediaType != types.OCIManifestSchema1 {
		t.Errorf("manifest is %s", manifest.MediaType)
	}
	if manifest.Config.MediaType != types.OCIConfigJSON {
		t.Errorf("config is %s", manifest.Config.MediaType)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 1 {
		t.Fatalf("%d layers, want 1", len(layers))
	}
	if mt, err := layers[0].MediaType(); err != nil || mt != "application/vnd.oci.image.layer.v1.tar+gzip" {
		t.Errorf("layer is %s, %v", mt, err)
	}

	compressed, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer compressed.Close()
	gz, err := gzip.NewReader(compressed)
	if err != nil {
		t.Fatal(err)
	}
	if !gz.ModTime.IsZero() || gz.Name != "" {
		t.Errorf("gzip header has time %v, name %q", gz.ModTime, gz.Name)
	}
	archive := tar.NewReader(gz)
	header, err := archive.Next()
	if err != nil {
		t.Fatal(err)
	}
	if header.Name != "plugin.wasm" || header.Typeflag != tar.TypeReg || header.Mode != 0o644 {
		t.Errorf("entry %q, type %q, mode %o", header.Name, header.Typeflag, header.Mode)
	}
	if header.ModTime.Unix() != 0 || header.Uid != 0 || header.Gid != 0 || header.Uname != "" || header.Gname != "" {
		t.Errorf("entry tells who built it, or when: %+v", header)
	}
	got, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, module) {
		t.Errorf("%d bytes of module in the image differ from the %d wrapped", len(got), len(module))
	}
	if _, err := archive.Next(); err != io.EOF {
		t.Errorf("after the module: %v, want the end of the archive", err)
	}
}

func TestPulledImageHoldsThePlugin(t *testing.T) {
	module := plugin(t)
	img := wrap(t, module)

	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	reference := strings.TrimPrefix(server.URL, "http://") + "/gateways/mcpauth:test"
	repository, err := image.Push(t.Context(), reference, img)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSuffix(reference, ":test"); repository != want {
		t.Errorf("pushed to %q, want %q", repository, want)
	}

	tag, err := name.NewTag(reference)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	checkLoadable(t, pulled, module)
	if got, want := digest(t, pulled), digest(t, img); got != want {
		t.Errorf("the registry has %s, built was %s", got, want)
	}
}

func TestLayoutHoldsThePlugin(t *testing.T) {
	module := plugin(t)
	img := wrap(t, module)
	dir := filepath.Join(t.TempDir(), "image")
	// An earlier build of another module is to leave nothing behind.
	if err := image.WriteLayout(dir, image.Entry{Name: "old", Image: wrap(t, []byte("\x00asm\x01\x00\x00\x00"))}); err != nil {
		t.Fatal(err)
	}
	artifact, err := image.Artifact(module)
	if err != nil {
		t.Fatal(err)
	}
	if err := image.WriteLayout(dir, image.Entry{Name: "image", Image: img}, image.Entry{Name: "artifact", Image: artifact}); err != nil {
		t.Fatal(err)
	}

	path, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		name  string
		image v1.Image
	}{{"image", img}, {"artifact", artifact}} {
		if len(manifest.Manifests) != 2 || manifest.Manifests[i].Digest.String() != digest(t, want.image) ||
			manifest.Manifests[i].Annotations["org.opencontainers.image.ref.name"] != want.name {
			t.Fatalf("index lists %v, want %s %s at %d of 2", manifest.Manifests, want.name, digest(t, want.image), i)
		}
	}
	stored, err := path.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	checkLoadable(t, stored, module)
	// Manifest, configuration and layer of the image, and with a second layer of the artifact.
	if blobs, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256")); err != nil || len(blobs) != 7 {
		t.Errorf("%d blobs, %v; want 7", len(blobs), err)
	}
}

func TestLayoutReplacesNothingElse(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(precious, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := image.WriteLayout(dir, image.Entry{Name: "image", Image: wrap(t, []byte("\x00asm\x01\x00\x00\x00"))}); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(precious); err != nil || string(got) != "keep" {
		t.Errorf("after the refusal the file is %q, %v", got, err)
	}
}

func TestSameModuleSameDigest(t *testing.T) {
	module := plugin(t)
	first, second := wrap(t, module), wrap(t, bytes.Clone(module))
	if digest(t, first) != digest(t, second) {
		t.Errorf("%s, then %s", digest(t, first), digest(t, second))
	}
	other := append(bytes.Clone(module), 0x00, 0x01, 0x00) // an empty custom section
	if digest(t, first) == digest(t, wrap(t, other)) {
		t.Error("another module has the same digest")
	}
}

func TestFromWasmRefusesOtherFiles(t *testing.T) {
	for _, file := range []string{
		"",
		"\x00asm",
		"\x00asm\x0d\x00\x01\x00", // a component, which Envoy cannot run
		"<!doctype html>",
	} {
		if _, err := image.FromWasm([]byte(file)); !errors.Is(err, image.ErrNotWasm) {
			t.Errorf("%q: %v, want %v", file, err, image.ErrNotWasm)
		}
	}
}

// A reference without a registry would go to Docker Hub, one without a tag to
// "latest": both are to be asked for.
func TestPushWantsAFullReference(t *testing.T) {
	img := wrap(t, []byte("\x00asm\x01\x00\x00\x00"))
	for _, reference := range []string{"", "mcpauth", "mcpauth:1.0", "registry.example.com/mcpauth"} {
		if _, err := image.Push(t.Context(), reference, img); err == nil || !strings.HasPrefix(err.Error(), "image reference ") {
			t.Errorf("%q: %v", reference, err)
		}
	}
}

func TestAnnotations(t *testing.T) {
	version, err := os.ReadFile(filepath.Join("..", "..", "..", "VERSION"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"org.opencontainers.image.title":       "mcpauth",
		"org.opencontainers.image.description": "Envoy filter that makes a gateway an OAuth 2.1 protected resource for MCP servers",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.created":     "1970-01-01T00:00:00Z", // the same for all builds
		"org.opencontainers.image.version":     strings.TrimSpace(string(version)),
		"org.opencontainers.image.source":      "https://git.example.com/mcpauth",
	}
	source := image.WithSource(want["org.opencontainers.image.source"])
	img, err := image.FromWasm(plugin(t), source)
	if err != nil {
		t.Fatal(err)
	}
	artifact, err := image.Artifact(plugin(t), source)
	if err != nil {
		t.Fatal(err)
	}
	for name, img := range map[string]v1.Image{"image": img, "artifact": artifact} {
		manifest, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(manifest.Annotations, want) {
			t.Errorf("%s: annotations are %q, want %q", name, manifest.Annotations, want)
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(config.Config.Labels, want) {
		t.Errorf("labels are %q, want %q", config.Config.Labels, want)
	}
	if config.Created.Unix() != 0 {
		t.Errorf("created %v", config.Created)
	}

	manifest, err := wrap(t, plugin(t)).Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if source, found := manifest.Annotations["org.opencontainers.image.source"]; found {
		t.Errorf("without WithSource the source is %q", source)
	}
}

func TestArtifact(t *testing.T) {
	module := plugin(t)
	first, err := image.Artifact(module)
	if err != nil {
		t.Fatal(err)
	}
	second, err := image.Artifact(bytes.Clone(module))
	if err != nil {
		t.Fatal(err)
	}
	if digest(t, first) != digest(t, second) {
		t.Errorf("%s, then %s", digest(t, first), digest(t, second))
	}
	if err := validate.Image(first); err != nil {
		t.Error(err)
	}
	manifest, err := first.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var layers []types.MediaType
	for _, l := range manifest.Layers {
		layers = append(layers, l.MediaType)
	}
	if want := []types.MediaType{"application/vnd.module.wasm.config.v1+json", "application/vnd.module.wasm.content.layer.v1+wasm"}; !slices.Equal(layers, want) {
		t.Errorf("layers are %q, want %q", layers, want)
	}
	if _, err := image.Artifact([]byte("<!doctype html>")); !errors.Is(err, image.ErrNotWasm) {
		t.Errorf("of a page: %v, want %v", err, image.ErrNotWasm)
	}
}

func TestVersion(t *testing.T) {
	const empty = "\x00asm\x01\x00\x00\x00"
	for module, want := range map[string]string{
		empty: "",
		empty + "\x00\x16\x0fmcpauth.version1.2.30":         "1.2.30",
		empty + "\x00\x02\x01a\x00\x11\x0fmcpauth.version1": "1",
	} {
		if got, err := image.Version([]byte(module)); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", module, got, err, want)
		}
	}
	for _, module := range []string{empty + "\x00", empty + "\x00\x05\x01a", empty + "\x00\x02\x05a", empty + "\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if _, err := image.FromWasm([]byte(module)); err == nil {
			t.Errorf("%q: no error", module)
		}
	}
}
