package providers

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
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
	keys   string // the file with the private keys
	set    jose.JSONWebKeySet
}

// oidcProviderUser is a person in front of oidc-provider's own pages, which are
// for development: any name and password will do.
var oidcProviderUser = user{"login": "alice", "password": "secret"}

// gatewaySecret is the secret of the gateway's client, which introspects.
const gatewaySecret = "the gateway's secret"

// StartOIDCProvider starts oidc-provider for one resource. tokens is "jwt" or
// "opaque".
func StartOIDCProvider(ctx context.Context, resource, tokens string) (*OIDCProvider, error) {
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
	s := &OIDCProvider{keys: filepath.Join(home, "keys.json")}
	if err := s.AddKey(); err != nil {
		return nil, err
	}
	// 3. Start it.
	err = onFreePorts(1, func(port []int) error {
		s.issuer = fmt.Sprintf("http://%s:%d", loopback.Host, port[0])
		s.process, err = start(ctx, s.issuer+"/.well-known/openid-configuration", []string{
			"ISSUER=" + s.issuer,              // what is in the tokens
			"RESOURCE=" + resource,            // the resource of the plugin's configuration
			"TOKEN_FORMAT=" + tokens,          // jwt or opaque
			"KEYS=" + s.keys,                  // a JWK set
			"COOKIE_KEY=" + rand.Text(),       // signs the cookies
			"GATEWAY_SECRET=" + gatewaySecret, // the plugin has it, too
			"GATEWAY_CALLBACK=" + callbackOf(resource),
		}, "node", filepath.Join(dir, "server.mjs"))
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
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: rand.Text(), Algorithm: "RS256", Use: "sig"}
	s.set.Keys = append([]jose.JSONWebKey{jwk}, s.set.Keys...)
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
