package examples

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/envoy-example/loopback"
	"mcpauth/envoy-example/mcpserver"
)

var versions = []string{"1.40.0", "1.36.4"}

// The names of the examples, from the folder envoy-example.
const (
	static       = "envoy.yaml"
	ldsBootstrap = "envoy-dynamic/lds.yaml"
	ldsListener  = "envoy-dynamic/lds-listener.yaml"
	ecdsFile     = "envoy-dynamic/ecds.yaml"
	ecdsFilter   = "envoy-dynamic/ecds-filter.yaml"
)

// recovery is far more than Envoy takes to compile the plugin on a busy machine.
const recovery = 3 * time.Minute

// onEach runs a test on each version of Envoy.
func onEach(t *testing.T, test func(t *testing.T, binary string)) {
	for _, v := range versions {
		t.Run("envoy-"+v, func(t *testing.T) {
			t.Parallel()
			binary, err := envoy.Binary(t.Context(), v)
			if err != nil {
				t.Fatal(err)
			}
			test(t, binary)
		})
	}
}

// world is what an example needs: its two servers, a port, certificates, and its files
// with the addresses of them all.
type world struct {
	binary, dir, wasm string
	auth              *authserver.Server
	mcp               *mcpserver.Server
	port              *loopback.Port
	pool              *x509.CertPool
	// drain is how long Envoy lets connections of an old listener go on.
	drain time.Duration
}

func newWorld(t *testing.T, binary string) *world {
	t.Helper()
	w := &world{binary: binary, dir: t.TempDir(), drain: 5 * time.Second}
	var err error
	if w.wasm, err = envoy.Wasm(); err != nil {
		t.Fatal(err)
	}
	if w.port, err = loopback.Reserve(0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.port.Release)
	if w.auth, err = authserver.Start(authserver.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.auth.Close() })
	if w.mcp, err = mcpserver.Start(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.mcp.Close() })
	if err := os.Mkdir(filepath.Join(w.dir, "envoy-dynamic"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.certificate(t)
	return w
}

// certificate writes a self-signed certificate of the gateway.
func (w *world) certificate(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.ParseIP(loopback.Host)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, content := range map[string][]byte{
		"tls.crt": certificate, "tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	} {
		if err := os.WriteFile(filepath.Join(w.dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.pool = x509.NewCertPool()
	w.pool.AppendCertsFromPEM(certificate)
}

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// example returns an example with the addresses and files of this world.
func (w *world) example(t *testing.T, name string) string {
	t.Helper()
	return w.adapt(read(t, "envoy-example/"+name))
}

func (w *world) adapt(text string) string {
	number := func(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }
	return strings.NewReplacer(
		"filename: build/mcpauth.wasm", "filename: "+w.wasm,
		"filename: /etc/envoy/mcpauth.wasm", "filename: "+w.wasm,
		"/etc/envoy/tls.", w.dir+"/tls.",
		"/etc/ssl/certs/ca-certificates.crt", w.dir+"/tls.crt",
		"path: envoy-example/", "path: "+w.dir+"/",
		"http://127.0.0.1:9000", w.auth.Issuer(),
		"127.0.0.1:10000/", w.port.Addr()+"/",
		"port_value: 9901", "port_value: 0",
		"port_value: 10000", "port_value: "+number(w.port.Addr()),
		"port_value: 9000", "port_value: "+number(w.auth.Addr()),
		"port_value: 8080", "port_value: "+number(w.mcp.Addr()),
	).Replace(text)
}

// path is where a file of the example is in this world.
func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// put moves a file into place, as the examples tell their readers to do.
func (w *world) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name)+".next", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(w.path(name)+".next", w.path(name)); err != nil {
		t.Fatal(err)
	}
}

func (w *world) start(t *testing.T, bootstrap string) *envoy.Process {
	t.Helper()
	p, err := envoy.Start(t.Context(), w.binary, envoy.Options{Bootstrap: bootstrap, DrainTime: w.drain})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of Envoy:\n%s", p.Log())
		}
		p.Stop()
	})
	return p
}

// client speaks one version of HTTP, and TLS where the URL says so.
func (w *world) client(version int) *http.Client {
	var p http.Protocols
	p.SetHTTP1(version == 1)
	p.SetHTTP2(version == 2)
	p.SetUnencryptedHTTP2(version == 2)
	return &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			Protocols: &p, MaxIdleConnsPerHost: 16,
			TLSClientConfig: &tls.Config{RootCAs: w.pool},
		},
	}
}

// answer is what a request got.
type answer struct {
	status, version int
	header          http.Header
	body            string
}

const whoami = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami","arguments":{}}}`

// call sends a tool call, or a GET if the body is empty.
func call(client *http.Client, url, body string, header http.Header) (*answer, error) {
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return &answer{res.StatusCode, res.ProtoMajor, res.Header, string(text)}, err
}

func mustCall(t *testing.T, client *http.Client, url, body string, header http.Header) *answer {
	t.Helper()
	a, err := call(client, url, body, header)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// token returns an access token of a subject for the example's resource.
func (w *world) token(scheme, subject, scope string) string {
	return w.auth.Mint(authserver.Token{
		Resource: w.resource(scheme), Scope: scope, Claims: map[string]any{"sub": subject, "client_id": "app"},
	})
}

func (w *world) resource(scheme string) string { return scheme + "://" + w.port.Addr() + "/notes" }

// eventually waits until a condition holds. It returns what is wrong, "" if nothing is.
func eventually(t *testing.T, condition func() string) {
	t.Helper()
	deadline := time.Now().Add(recovery)
	for {
		problem := condition()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(problem)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
