package controlplane

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"mcpauth/cmd/mkimage/image"
	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// The resource of the manifests, its scopes, and the image.
const (
	Issuer   = "https://" + AuthHost
	Resource = "https://" + MCPHost + "/notes"
	Image    = RegistryHost + "/mcpauth"
)

// World is what stands around the gateway.
type World struct {
	// Auth is the authorization server, at [Issuer].
	Auth *authserver.Server
	// AuthFront and Registry are its TLS listener and that of the registry. A test can
	// take them down and bring them back.
	AuthFront, Registry *Front
	// RegistryAuth, if set, is "user:password": the registry refuses requests without.
	RegistryAuth func(string)
	// Digest is the digest of the image's manifest, without "sha256:".
	Digest string
	// Wasm is the path of the built file.
	Wasm string
	// Upstream stands before the MCP server and sees every request that reaches it.
	Upstream *Upstream
}

// NewWorld starts the servers. The MCP server listens on upstreamAddr, for example
// "127.0.0.1:8080". They end with the test.
func NewWorld(t testing.TB, upstreamAddr string) *World {
	t.Helper()
	w := &World{}
	var err error
	if w.Wasm, err = envoy.Wasm(); err != nil {
		t.Fatal(err)
	}
	if w.Auth, err = authserver.Start(authserver.Options{
		Origin: Issuer, Resources: []string{Resource},
		Clients: []authserver.Client{{ID: "gateway", Secret: GatewaySecret, RedirectURIs: []string{"https://" + MCPHost + "/oauth/callback"}}},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Auth.Close() })
	w.AuthFront = newFront(t, AuthHost, w.Auth)

	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	var mu sync.Mutex
	credentials := ""
	w.RegistryAuth = func(c string) { mu.Lock(); credentials = c; mu.Unlock() }
	w.Registry = newFront(t, RegistryHost, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		want := credentials
		mu.Unlock()
		if user, password, _ := r.BasicAuth(); want != "" && user+":"+password != want {
			// Istio 1.31 refuses every realm that is not a URL, though it needs one only of
			// a Bearer challenge.
			rw.Header().Set("WWW-Authenticate", `Basic realm="https://`+RegistryHost+`"`)
			http.Error(rw, "unauthorized", http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(rw, r)
	}))
	module, err := os.ReadFile(w.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	w.Digest = w.PushImage(t, module, "latest")
	w.Upstream = newUpstream(t, upstreamAddr)
	return w
}

// GatewaySecret is the secret of the client "gateway", for oauth_proxy.
const GatewaySecret = "example-secret-of-the-gateway"

// PushImage pushes a module under a tag of [Image] and returns the digest of the image,
// without "sha256:".
func (w *World) PushImage(t testing.TB, module []byte, tag string) string {
	t.Helper()
	img, err := image.FromWasm(module)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(Image+":"+tag, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.Hex
}

// Token returns a valid access token for [Resource] with the scopes.
func (w *World) Token(scope string) string {
	return w.Auth.Mint(authserver.Token{Resource: Resource, Scope: scope})
}

// Front is a TLS listener on port 443 of a host's address.
type Front struct {
	host    string
	handler http.Handler

	mu     sync.Mutex
	server *http.Server
}

func newFront(t testing.TB, host string, handler http.Handler) *Front {
	t.Helper()
	f := &Front{host: host, handler: handler}
	f.Up(t)
	t.Cleanup(f.Down)
	return f
}

// Up listens, unless it does already.
func (f *Front) Up(t testing.TB) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.server != nil {
		return
	}
	config, err := TestCA().serverTLS(f.host)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", net.JoinHostPort(Address(f.host), "443"), config)
	if err != nil {
		t.Fatal(err)
	}
	f.server = &http.Server{Handler: f.handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go f.server.Serve(l)
}

// Down closes the listener and all connections, as if the server had been killed.
func (f *Front) Down() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.server != nil {
		f.server.Close()
		f.server = nil
	}
}

// within returns a context that ends with the test or after d.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}
