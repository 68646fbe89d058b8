package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/providers"
)

// A certificate of a client, of a server or of an authority.
type certificate struct {
	der []byte
	key *ecdsa.PrivateKey
}

// newCertificate returns a certificate that issuer has signed, or itself if that is nil.
func newCertificate(t *testing.T, name string, issuer *certificate) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{`Acme; "Notes", Inc.`}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: issuer == nil,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	if issuer != nil {
		template.KeyUsage = x509.KeyUsageDigitalSignature
	}
	parent, signer := template, key
	if issuer != nil {
		if parent, err = x509.ParseCertificate(issuer.der); err != nil {
			t.Fatal(err)
		}
		signer = issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return &certificate{der, key}
}

func (c *certificate) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.der}))
}

// write writes the certificate and its key into files.
func (c *certificate) write(t *testing.T, dir, name string) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{name + ".crt": c.pem(), name + ".key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// bound returns the claim of a token that is bound to the certificate.
func (c *certificate) bound() object {
	digest := sha256.Sum256(c.der)
	return object{"cnf": object{"x5t#S256": base64.RawURLEncoding.EncodeToString(digest[:])}}
}

// xfcc returns the header by which Envoy names the certificate.
func (c *certificate) xfcc() string {
	digest := sha256.Sum256(c.der)
	return "Hash=" + hex.EncodeToString(digest[:])
}

// tlsClient is a client with a TLS connection of its own, and with a certificate unless
// that is nil. Its sessions can be resumed.
type tlsClient struct {
	http    *http.Client
	tls     *tls.Config
	resumed bool // the last request was sent on a connection that resumed a session
}

func newTLSClient(p protocol, authority *certificate, c *certificate) *tlsClient {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority.pem()))
	config := &tls.Config{RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	if c != nil {
		// Go's own choice leaves out certificates that the server does not ask for.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{c.der}, PrivateKey: c.key}, nil
		}
	}
	var protocols http.Protocols
	protocols.SetHTTP1(p == http1)
	protocols.SetHTTP2(p == http2)
	return &tlsClient{tls: config, http: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{Protocols: &protocols, TLSClientConfig: config, MaxIdleConnsPerHost: 1}}}
}

// call calls a tool of notes, and returns the status and the description of an error.
func (c *tlsClient) call(t *testing.T, g *gateway, token string, header http.Header) (status int, description string) {
	t.Helper()
	return c.callAt(t, g, "/notes", token, header)
}

func (c *tlsClient) callAt(t *testing.T, g *gateway, path, token string, header http.Header) (status int, description string) {
	t.Helper()
	r := toolCall(http1, path, bearer(token))
	for name, values := range header {
		r.header[name] = values
	}
	u := &url.URL{Scheme: "https", Host: g.Addr(), Path: r.path}
	res, err := c.http.Do(&http.Request{Method: r.method, URL: u, Host: "mcp.example.com", Header: r.header, Body: io.NopCloser(strings.NewReader(r.body)), ContentLength: int64(len(r.body))})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	c.resumed = res.TLS.DidResume
	if res.StatusCode == http.StatusUnauthorized && !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), `Bearer error="invalid_token"`) {
		t.Errorf("challenge %s", res.Header.Get("WWW-Authenticate"))
	}
	_, description, _ = strings.Cut(string(body), `"error_description":"`)
	description, _, _ = strings.Cut(description, `"`)
	return res.StatusCode, description
}

// want calls a tool. It expects status 200 if describes is empty, and else 401 with a
// description that has it.
func (c *tlsClient) want(t *testing.T, g *gateway, token, describes string, header http.Header) {
	t.Helper()
	switch status, description := c.call(t, g, token, header); {
	case describes == "" && status != http.StatusOK:
		t.Errorf("status %d, %s", status, description)
	case describes != "" && (status != http.StatusUnauthorized || !strings.Contains(description, describes)):
		t.Errorf("status %d, %q, want 401 about %q", status, description, describes)
	}
}

// plainNotes is a resource that takes tokens for notes, but none that is bound.
const plainNotes = "https://mcp.example.com/plain"

const (
	noCertificate    = "client certificate, and the client presented none"
	otherCertificate = "bound to another client certificate"
)

// tlsWorld is what the tests of mutual TLS share: the certificates and their files.
type tlsWorld struct {
	authority, issued, other, selfSigned *certificate
	dir                                  string
	own                                  *stage
}

func newTLSWorld(t *testing.T, s *stage) *tlsWorld {
	t.Helper()
	w := &tlsWorld{dir: t.TempDir(), own: keyStage(t, s, authserver.Options{})}
	w.authority = newCertificate(t, "authority", nil)
	w.issued, w.other = newCertificate(t, "issued", w.authority), newCertificate(t, "other", w.authority)
	w.selfSigned = newCertificate(t, "self-signed", nil)
	w.authority.write(t, w.dir, "clients")
	newCertificate(t, "server", w.authority).write(t, w.dir, "server")
	return w
}

// documented returns a block of the page in YAML, with the files of the world.
func (w *tlsWorld) documented(t *testing.T, heading string, index, count int) object {
	t.Helper()
	blocks := fenced(section(t, "bound-tokens.md", heading), "yaml")
	if len(blocks) != count {
		t.Fatalf("bound-tokens.md, %s: %d blocks, want %d", heading, len(blocks), count)
	}
	return parseYAML(t, strings.ReplaceAll(blocks[index], "/etc/envoy", w.dir)).(object)
}

// transportSocket is that of the documentation. If untrusted is set, it also accepts
// certificates that no authority has signed.
func (w *tlsWorld) transportSocket(t *testing.T, untrusted bool) any {
	t.Helper()
	socket := w.documented(t, "## Mutual TLS", 0, 2)
	if untrusted {
		member(socket, "common_tls_context").(object)["validation_context"] = w.documented(t, "## Mutual TLS", 1, 2)["validation_context"]
	}
	return socket["transport_socket"]
}

// gateway starts a gateway with a resource that has these members. change changes its
// filter chain and its connection manager.
func (w *tlsWorld) gateway(t *testing.T, resource object, change func(chain, manager object)) *gateway {
	t.Helper()
	return w.gatewayOf(t, object{"issuer": w.own.auth.Issuer(), "cluster": "auth"}, w.own.auth.Addr(), resource, change)
}

// gatewayOf is gateway for another authorization server, at an address.
func (w *tlsWorld) gatewayOf(t *testing.T, server object, address string, resource object, change func(chain, manager object)) *gateway {
	t.Helper()
	all := object{"resource": notes, "required_scopes": []string{"read:notes"}}
	for name, value := range resource {
		all[name] = value
	}
	o := w.own.options(toJSON(object{"authorization_servers": []object{server}, "resources": []object{
		all, {"resource": plainNotes, "audiences": []string{notes}},
	}}))
	for i := range o.Clusters {
		if o.Clusters[i].Name == "auth" {
			o.Clusters[i] = envoy.ClusterAt("auth", address)
		}
	}
	o.PluginEnv = map[string]string{"GATEWAY_SECRET": "the gateway's secret"}
	text, err := envoy.Bootstrap(o, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bootstrap := parseYAML(t, text).(object)
	chain := member(bootstrap, "filter_chains").([]any)[0].(object)
	change(chain, chain["filters"].([]any)[0].(object)["typed_config"].(object))
	// One worker: each request comes to the same cache.
	return w.own.start(t, envoy.Options{Bootstrap: toJSON(bootstrap), Workers: 1})
}

func (w *tlsWorld) mint(claims object) string {
	return w.own.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes", Claims: claims})
}

// ready waits until the gateway has its keys.
func (w *tlsWorld) ready(t *testing.T, g *gateway) {
	t.Helper()
	c := newTLSClient(http1, w.authority, nil)
	eventually(t, recovery, func() string {
		if status, description := c.call(t, g, w.mint(w.issued.bound()), nil); status != http.StatusUnauthorized {
			return fmt.Sprint(status, description)
		}
		return ""
	})
}

// TestMutualTLS: a token that is bound to a certificate is of use to the client with that
// certificate alone, over each protocol, and whoever has used it before.
func TestMutualTLS(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		w := newTLSWorld(t, s)
		for name, untrusted := range map[string]bool{"signed by the authority": false, "accept untrusted": true} {
			g := w.gateway(t, object{"mutual_tls": "accept"}, func(chain, _ object) { chain["transport_socket"] = w.transportSocket(t, untrusted) })
			w.ready(t, g)
			owner := w.issued
			if untrusted {
				owner = w.selfSigned
			}
			for _, p := range protocols {
				t.Run(name+", "+string(p), func(t *testing.T) {
					bound, plain := w.mint(owner.bound()), w.mint(nil)
					holder, without, another := newTLSClient(p, w.authority, owner), newTLSClient(p, w.authority, nil), newTLSClient(p, w.authority, w.other)
					// The first request fills the cache; the thief comes before and after.
					without.want(t, g, bound, noCertificate, nil)
					for range 3 {
						holder.want(t, g, bound, "", nil)
						without.want(t, g, bound, noCertificate, nil)
						another.want(t, g, bound, otherCertificate, nil)
						newTLSClient(p, w.authority, nil).want(t, g, bound, noCertificate, nil)
					}
					for _, c := range []*tlsClient{holder, without, another} {
						c.want(t, g, plain, "", nil)
					}
					// Nobody asked the header.
					forged := headers("X-Forwarded-Client-Cert", owner.xfcc())
					without.want(t, g, bound, noCertificate, forged)
					another.want(t, g, bound, otherCertificate, forged)
					// What one resource accepts another one does not.
					for _, c := range []*tlsClient{holder, without} {
						if status, description := c.callAt(t, g, "/plain", bound, nil); status != http.StatusUnauthorized || !strings.Contains(description, "bound to a proof") {
							t.Errorf("a resource without mutual_tls: %d, %s", status, description)
						}
					}
					holder.want(t, g, w.mint(object{"cnf": object{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}), "bound to a proof", nil)
				})
			}
			for version, number := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
				t.Run(name+", resumed, "+version, func(t *testing.T) {
					bound := w.mint(owner.bound())
					holder, another := newTLSClient(http1, w.authority, owner), newTLSClient(http1, w.authority, w.other)
					for _, c := range []*tlsClient{holder, another} {
						c.tls.MinVersion, c.tls.MaxVersion = number, number
						want := ""
						if c == another {
							want = otherCertificate
						}
						c.want(t, g, bound, want, nil)
						for range 2 {
							c.http.CloseIdleConnections()
							c.want(t, g, bound, want, nil)
							if !c.resumed {
								t.Error("the session was not resumed")
							}
						}
					}
				})
			}
		}
	})
}

// TestForwardedClientCertificate: behind a proxy that ends TLS, the header counts, if both
// connection managers have what the documentation says. Otherwise no bound token passes.
func TestForwardedClientCertificate(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		w := newTLSWorld(t, s)
		const heading = "### Behind another proxy"
		front, back := w.documented(t, heading, 0, 2), w.documented(t, heading, 1, 2)
		trusting := object{"mutual_tls": "required", "trust_forwarded_client_cert": true}
		set := func(with object) func(chain, manager object) {
			return func(_, manager object) {
				for name, value := range with {
					manager[name] = value
				}
			}
		}
		forwarding := w.gateway(t, trusting, set(back))
		sanitizing := w.gateway(t, trusting, set(nil))
		bound := w.mint(w.issued.bound())
		for _, tt := range []struct {
			name    string
			front   object
			gateway *gateway
			client  *certificate
			forged  *certificate // in the client's own header
			want    string
		}{
			{"the holder", front, forwarding, w.issued, nil, ""},
			{"the holder, forging", front, forwarding, w.issued, w.other, ""},
			{"another client", front, forwarding, w.other, nil, otherCertificate},
			{"another client, forging", front, forwarding, w.other, w.issued, otherCertificate},
			{"no certificate", front, forwarding, nil, nil, noCertificate},
			{"no certificate, forging", front, forwarding, nil, w.issued, noCertificate},
			{"the gateway removes the header", front, sanitizing, w.issued, nil, noCertificate},
			{"the proxy removes the header", object{}, forwarding, w.issued, nil, noCertificate},
			{"the proxy appends", object{"forward_client_cert_details": "APPEND_FORWARD"}, forwarding, w.other, w.issued, noCertificate},
			{"the proxy appends to nothing", object{"forward_client_cert_details": "APPEND_FORWARD"}, forwarding, w.issued, nil, ""},
		} {
			t.Run(tt.name, func(t *testing.T) {
				hop := w.hop(t, tt.gateway, tt.front)
				for _, p := range protocols {
					header := http.Header{}
					if tt.forged != nil {
						header = headers("X-Forwarded-Client-Cert", tt.forged.xfcc(), "X_Forwarded_Client_Cert", tt.forged.xfcc())
					}
					c := newTLSClient(p, w.authority, tt.client)
					eventually(t, recovery, func() string {
						if status, _ := c.call(t, hop, bound, header); status == http.StatusServiceUnavailable {
							return "no keys yet"
						}
						return ""
					})
					for range 2 {
						c.want(t, hop, bound, tt.want, header)
					}
				}
			})
		}
		t.Run("plain token", func(t *testing.T) {
			newTLSClient(http1, w.authority, w.issued).want(t, w.hop(t, forwarding, front), w.mint(nil), "not bound to a client certificate", nil)
		})
	})
}

// hop starts an Envoy without the plugin that ends TLS in front of a gateway. Its connection
// manager has more members.
func (w *tlsWorld) hop(t *testing.T, g *gateway, more object) *gateway {
	t.Helper()
	host, port, err := net.SplitHostPort(g.Addr())
	if err != nil {
		t.Fatal(err)
	}
	address := func(host string, port any) object {
		return object{"socket_address": object{"address": host, "port_value": port}}
	}
	manager := object{
		"@type":       "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
		"stat_prefix": "front", "codec_type": "AUTO",
		"set_current_client_cert_details": object{"subject": true, "uri": true, "dns": true, "cert": true, "chain": true},
		"http_filters":                    []object{{"name": "router", "typed_config": object{"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}},
		"route_config":                    object{"virtual_hosts": []object{{"name": "all", "domains": []string{"*"}, "routes": []object{{"match": object{"prefix": "/"}, "route": object{"cluster": "gateway"}}}}}},
	}
	for name, value := range more {
		manager[name] = value
	}
	return w.own.start(t, envoy.Options{Workers: 1, Bootstrap: toJSON(object{
		"node": object{"id": "front", "cluster": "front"}, "admin": object{"address": address("127.0.0.1", 0)},
		"static_resources": object{
			"listeners": []object{{"name": "gateway", "address": address("127.0.0.1", 0), "filter_chains": []object{{
				"transport_socket": w.transportSocket(t, false),
				"filters":          []object{{"name": "manager", "typed_config": manager}},
			}}}},
			"clusters": []object{{"name": "gateway", "type": "STATIC", "connect_timeout": "2s", "load_assignment": object{"cluster_name": "gateway",
				"endpoints": []object{{"lb_endpoints": []object{{"endpoint": object{"address": address(host, parseYAML(t, port))}}}}}}}},
		},
	})})
}

// TestMutualTLSWithOIDCProvider: oidc-provider binds a token to the certificate by which its
// client has authenticated, and the gateway takes the token from that client alone: a JWT,
// and an opaque token about which it asks.
func TestMutualTLSWithOIDCProvider(t *testing.T) {
	on(t, versions[:1], func(t *testing.T, s *stage) {
		w := newTLSWorld(t, s)
		robot, err := x509.ParseCertificate(w.selfSigned.der)
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"jwt", "opaque"} {
			t.Run(format, func(t *testing.T) {
				provider, err := providers.StartOIDCProviderWithTLS(t.Context(), notes, format,
					providers.TLSClient{Certificate: robot, ServerCertificate: filepath.Join(w.dir, "server.crt"), ServerKey: filepath.Join(w.dir, "server.key")})
				if err != nil {
					t.Fatal(err)
				}
				defer provider.Stop()
				holder, another, without := newTLSClient(http1, w.authority, w.selfSigned), newTLSClient(http1, w.authority, w.other), newTLSClient(http1, w.authority, nil)
				token := w.ofOIDCProvider(t, provider, holder)
				server := object{"issuer": provider.Issuer(), "cluster": "auth"}
				if format == "opaque" {
					server["introspection"] = object{"client_id": "gateway", "client_secret_env": "GATEWAY_SECRET"}
				}
				g := w.gatewayOf(t, server, strings.TrimPrefix(provider.Issuer(), "http://"), object{"mutual_tls": "required"}, func(chain, _ object) {
					chain["transport_socket"] = w.transportSocket(t, true)
				})
				eventually(t, recovery, func() string {
					status, description := holder.call(t, g, token, nil)
					if status != http.StatusOK {
						return fmt.Sprint(status, description)
					}
					return ""
				})
				for range 2 {
					without.want(t, g, token, noCertificate, nil)
					another.want(t, g, token, otherCertificate, nil)
					holder.want(t, g, token, "", nil)
				}
			})
		}
	})
}

// ofOIDCProvider gets a token for a client that authenticates by its certificate.
func (w *tlsWorld) ofOIDCProvider(t *testing.T, provider *providers.OIDCProvider, client *tlsClient) string {
	t.Helper()
	res, err := client.http.PostForm(provider.TLSTokenEndpoint(), url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"robot"}, "resource": {notes}, "scope": {"read:notes"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var document struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || json.Unmarshal(body, &document) != nil || document.Token == "" || document.Type != "Bearer" {
		t.Fatalf("no token: status %d, %s, %v\n%s", res.StatusCode, body, err, provider.Log())
	}
	return document.Token
}
