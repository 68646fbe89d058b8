package istiofetch

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"istio.io/istio/pkg/util/sets"
	"istio.io/istio/pkg/wasm"

	"mcpauth/cmd/mkimage/image"
)

// plugin returns the bytes of the built plugin.
func plugin(t *testing.T) []byte {
	t.Helper()
	path := os.Getenv("MCPAUTH_WASM")
	if path == "" {
		path = filepath.Join("..", "..", "build", "mcpauth.wasm")
	}
	module, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\nrun `make build` at the root of the repository, or name the plugin in MCPAUTH_WASM", err)
	}
	return module
}

// serve starts a registry, with basic authentication if credentials, "user:password", are
// given, and returns its host.
func serve(t *testing.T, credentials string) (host string) {
	t.Helper()
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); credentials != "" && user+":"+password != credentials {
			// Istio refuses a realm that is no URL of a public host.
			w.Header().Set("WWW-Authenticate", `Basic realm="https://registry.example.com/"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// dockerConfig returns docker's configuration with the credentials for host, which is
// also what a pull secret of type kubernetes.io/dockerconfigjson holds.
func dockerConfig(host, credentials string) []byte {
	return fmt.Appendf(nil, `{"auths": {%q: {"auth": %q}}}`, host, base64.StdEncoding.EncodeToString([]byte(credentials)))
}

// images returns what mkimage makes of module.
func images(t *testing.T, module []byte) map[string]v1.Image {
	t.Helper()
	img, err := image.FromWasm(module)
	if err != nil {
		t.Fatal(err)
	}
	artifact, err := image.Artifact(module)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]v1.Image{"image": img, "artifact": artifact}
}

// Istio gets the plugin's bytes out of both, by tag and by digest, and takes the digest of
// the manifest for the checksum.
func TestIstioFetchesWhatIsPushed(t *testing.T) {
	module := plugin(t)
	for name, img := range images(t, module) {
		for _, credentials := range []string{"", "robot:example-password"} {
			t.Run(fmt.Sprintf("%s/credentials=%t", name, credentials != ""), func(t *testing.T) {
				host := serve(t, credentials)
				secret := dockerConfig(host, credentials)
				docker := t.TempDir()
				t.Setenv("DOCKER_CONFIG", docker)
				if credentials != "" {
					if err := os.WriteFile(filepath.Join(docker, "config.json"), secret, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				repository, err := image.Push(t.Context(), host+"/gateways/mcpauth:1.0", img)
				if err != nil {
					t.Fatal(err)
				}
				t.Setenv("DOCKER_CONFIG", t.TempDir()) // the gateway has the pull secret only
				digest, err := img.Digest()
				if err != nil {
					t.Fatal(err)
				}

				cache := wasm.NewLocalFileCache(t.TempDir(), wasm.Options{
					InsecureRegistries: sets.New(host), ModuleExpiry: time.Hour, PurgeInterval: time.Hour,
					HTTPRequestTimeout: 10 * time.Second, HTTPRequestMaxRetries: 2,
				})
				t.Cleanup(cache.Cleanup)
				get := func(reference, checksum string, secret []byte) (string, error) {
					return cache.Get("oci://"+reference, wasm.GetOptions{
						Checksum: checksum, PullSecret: secret,
						ResourceName: t.Name(), ResourceVersion: "1", RequestTimeout: 10 * time.Second,
					})
				}
				if credentials != "" {
					if _, err := get(repository+":1.0", "", []byte("{}")); err == nil {
						t.Error("fetched without credentials")
					}
				} else {
					secret = nil
				}
				if _, err := get(repository+":1.0", strings.Repeat("0", 64), secret); err == nil {
					t.Error("fetched in spite of another checksum")
				}
				for _, reference := range []string{repository + "@" + digest.String(), repository + ":1.0"} {
					file, err := get(reference, digest.Hex, secret)
					if err != nil {
						t.Fatalf("%s: %v", reference, err)
					}
					got, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got, module) {
						t.Errorf("%s: %d bytes differ from the plugin's %d", reference, len(got), len(module))
					}
				}
			})
		}
	}
}
