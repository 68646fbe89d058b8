package providers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/envoy-example/loopback"
	"mcpauth/integration/install"
)

// OIDCProvider is a running oidc-provider, with the settings in
// oidcprovider/server.mjs.
type OIDCProvider struct {
	*process
	issuer string
	tls    string // the origin for clients with certificates; empty if there is none
	keys   string // the file with the private keys
	set    jose.JSONWebKeySet
	alg    string // signs access tokens
}

// oidcProviderUser is a person in front of oidc-provider's own pages, which are
// for development: any name and password will do.
var oidcProviderUser = user{"login": "alice", "password": "secret"}

// gatewaySecret is the secret of the gateway's client, which introspects.
const gatewaySecret = "the gateway's secret"

// StartOIDCProvider starts oidc-provider for one resource. tokens is "jwt" or
// "opaque"; algorithm, RS256 or ES384, signs the former.
func StartOIDCProvider(ctx context.Context, resource, tokens, algorithm string) (*OIDCProvider, error) {
	return startOIDCProvider(ctx, resource, tokens, algorithm, nil)
}

// A TLSClient is a client that authenticates to oidc-provider by mutual TLS, with a
// certificate that no authority has signed. Its ID is "robot", and it may use the client
// credentials grant.
type TLSClient struct {
	Certificate *x509.Certificate

	// The files of oidc-provider's own certificate and key, in PEM.
	ServerCertificate, ServerKey string
}

// StartOIDCProviderWithTLS is StartOIDCProvider for a client with a certificate, to which
// oidc-provider binds its tokens: RFC 8705.
func StartOIDCProviderWithTLS(ctx context.Context, resource, tokens string, client TLSClient) (*OIDCProvider, error) {
	return startOIDCProvider(ctx, resource, tokens, "RS256", &client)
}

// Issuer returns the issuer of the tokens.
func (s *OIDCProvider) Issuer() string { return s.issuer }

// TLSTokenEndpoint returns the token endpoint for clients with certificates.
func (s *OIDCProvider) TLSTokenEndpoint() string { return s.tls + "/token" }

func startOIDCProvider(ctx context.Context, resource, tokens, algorithm string, client *TLSClient) (*OIDCProvider, error) {
	// 1. Install the package, at the version that package-lock.json pins.
	dir, err := folder("providers", "oidcprovider")
	if err != nil {
		return nil, err
	}
	if _, err := install.NodeModules(ctx, dir); err != nil {
		return nil, err
	}
	// 2. Make a signing key.
	home, err := os.MkdirTemp("", "mcpauth-oidc-provider-")
	if err != nil {
		return nil, err
	}
	s := &OIDCProvider{keys: filepath.Join(home, "keys.json"), alg: algorithm}
	if err := s.AddKey(); err != nil {
		return nil, err
	}
	// 3. Start it.
	err = onFreePorts(2, func(port []int) error {
		s.issuer = fmt.Sprintf("http://%s:%d", loopback.Host, port[0])
		env := []string{
			"ISSUER=" + s.issuer,              // what is in the tokens
			"RESOURCE=" + resource,            // the resource of the plugin's configuration
			"TOKEN_FORMAT=" + tokens,          // jwt or opaque
			"ALGORITHM=" + algorithm,          // signs access tokens
			"KEYS=" + s.keys,                  // a JWK set
			"COOKIE_KEY=" + rand.Text(),       // signs the cookies
			"GATEWAY_SECRET=" + gatewaySecret, // the plugin has it, too
			"GATEWAY_CALLBACK=" + callbackOf(resource),
		}
		if client != nil {
			s.tls = fmt.Sprintf("https://%s:%d", loopback.Host, port[1])
			jwk, err := json.Marshal(jose.JSONWebKey{Key: client.Certificate.PublicKey, Certificates: []*x509.Certificate{client.Certificate}})
			if err != nil {
				return err
			}
			env = append(env, fmt.Sprint("TLS_PORT=", port[1]), "TLS_CERT="+client.ServerCertificate, "TLS_KEY="+client.ServerKey, "CLIENT_CERT="+string(jwk))
		}
		s.process, err = start(ctx, s.issuer+"/.well-known/openid-configuration", env, "node", filepath.Join(dir, "server.mjs"))
		return err
	})
	if err != nil {
		os.RemoveAll(home)
		return nil, err
	}
	return s, nil
}

// callbackOf returns where oauth_proxy of a gateway has users sent back to.
func callbackOf(resource string) string {
	u, err := url.Parse(resource)
	if err != nil {
		panic(err)
	}
	return u.Scheme + "://" + u.Host + "/callback"
}

// AddKey puts a new signing key before the others. oidc-provider signs with the
// first that fits, and publishes all.
func (s *OIDCProvider) AddKey() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048) // of ID tokens, too
	if err != nil {
		return err
	}
	add := func(key any, algorithm string) {
		jwk := jose.JSONWebKey{Key: key, KeyID: rand.Text(), Algorithm: algorithm, Use: "sig"}
		s.set.Keys = append([]jose.JSONWebKey{jwk}, s.set.Keys...)
	}
	add(key, "RS256")
	if s.alg == "ES384" {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			return err
		}
		add(key, s.alg)
	}
	return s.writeKeys()
}

// RemoveOldKeys leaves only the key that signs.
func (s *OIDCProvider) RemoveOldKeys() error {
	s.set.Keys = s.set.Keys[:1]
	return s.writeKeys()
}

// writeKeys writes the file of keys, and makes the server read it if it runs.
func (s *OIDCProvider) writeKeys() error {
	document, err := json.Marshal(s.set)
	if err != nil {
		return err
	}
	// By a rename: the server may be reading the file.
	if err := os.WriteFile(s.keys+".new", document, 0o600); err != nil {
		return err
	}
	if err := os.Rename(s.keys+".new", s.keys); err != nil || s.process == nil {
		return err
	}
	return s.Signal(syscall.SIGHUP)
}

// Stop ends the server.
func (s *OIDCProvider) Stop() {
	s.process.Stop()
	os.RemoveAll(filepath.Dir(s.keys))
}
