package main

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// A push prints the lines that stand in the manifests that it writes.
func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	repository := strings.TrimPrefix(server.URL, "http://") + "/gateways/mcpauth"
	dir := t.TempDir()
	wasm := filepath.Join(dir, "mcpauth.wasm")
	if err := os.WriteFile(wasm, []byte("\x00asm\x01\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "manifests")
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), options{
		wasm: wasm, out: filepath.Join(dir, "image"),
		push: repository + ":1.0", pushArtifact: repository + ":1.0-artifact",
		example: "../../envoy-example", manifests: out,
	}, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}

	digest := strings.TrimSuffix(stdout.String(), "\n")
	ref, err := name.ParseReference(repository + ":1.0")
	if err != nil {
		t.Fatal(err)
	}
	if desc, err := remote.Get(ref); err != nil || desc.Digest.String() != digest {
		t.Errorf("the registry has %v, %v; printed is %q", desc, err, digest)
	}
	if ref, err = name.ParseReference(repository + ":1.0-artifact"); err != nil {
		t.Fatal(err)
	}
	if desc, err := remote.Get(ref); err != nil || !strings.Contains(stderr.String(), repository+"@"+desc.Digest.String()) {
		t.Errorf("the artifact's digest is not printed: %v, %v", desc, err)
	}

	for file, line := range map[string]string{
		"istio/wasmplugin.yaml":       "  url: oci://" + repository + "@" + digest,
		"istio/trafficextension.yaml": "  url: oci://" + repository + "@" + digest,
		"gatewayapi/policy.yaml":      "  url: " + repository + "@" + digest,
	} {
		text, err := os.ReadFile(filepath.Join(out, file))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(line)) {
			t.Errorf("%s lacks %q", file, line)
		}
		if !regexp.MustCompile("(?m)^" + regexp.QuoteMeta(line) + "$").MatchString(stderr.String()) {
			t.Errorf("%q is not printed:\n%s", line, stderr.String())
		}
	}
}
