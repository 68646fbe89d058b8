package image_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"mcpauth/cmd/mkimage/image"
)

// Push takes the credentials that `docker login` stores.
func TestPushWithCredentials(t *testing.T) {
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "robot" || password != "example-password" {
			w.Header().Set("WWW-Authenticate", `Basic realm="https://registry.example.com/"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	img := wrap(t, []byte("\x00asm\x01\x00\x00\x00"))

	folder := t.TempDir()
	t.Setenv("DOCKER_CONFIG", folder)
	if _, err := image.Push(t.Context(), host+"/mcpauth:1.0", img); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without credentials: %v", err)
	}
	config := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, base64.StdEncoding.EncodeToString([]byte("robot:example-password")))
	if err := os.WriteFile(filepath.Join(folder, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := image.Push(t.Context(), host+"/mcpauth:1.0", img); err != nil {
		t.Errorf("with credentials: %v", err)
	}
}

// The registry's library would fall back to plain HTTP for a private address.
func TestPushByPlainHTTPToThisMachineOnly(t *testing.T) {
	var requests atomic.Int32
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		images.ServeHTTP(w, r)
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())

	// All names and addresses lead to the server.
	before := remote.DefaultTransport
	defer func() { remote.DefaultTransport = before }()
	remote.DefaultTransport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	img := wrap(t, []byte("\x00asm\x01\x00\x00\x00"))
	for _, host := range []string{"10.1.2.3", "192.168.1.2", "registry.local", "registry.example.com"} {
		if _, err := image.Push(t.Context(), host+":"+port+"/mcpauth:1.0", img); err == nil || requests.Load() != 0 {
			t.Errorf("%s: %v, after %d requests; want an error and no request", host, err, requests.Load())
		}
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if _, err := image.Push(t.Context(), host+":"+port+"/mcpauth:1.0", img); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}
