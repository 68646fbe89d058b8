// Package judge decides about tokens as the plugin does, with the plugin's own code, and
// without an Envoy.
package judge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/discovery"
	"mcpauth/internal/gate"
	"mcpauth/internal/keys"
	"mcpauth/internal/route"
	"mcpauth/jwtlite"
)

// A Verdict is what becomes of a request.
type Verdict struct {
	// Passes is set if the request goes on to the server, with Headers set.
	Passes  bool
	Headers [][2]string
	// Status, Error and Description are those of the response otherwise.
	Status             int
	Error, Description string
	// Unchecked is set if the signature was not verified, for want of keys.
	Unchecked bool
}

// sources are the members that say where keys come from, and others that need the network.
var sources = []string{
	"cluster", "jwks_cluster", "discovery", "metadata_url", "metadata", "jwks_uri", "jwks", "public_keys", "metadata_overrides",
	"introspection", "userinfo", "oauth_proxy", "max_stale_seconds",
}

// Decide returns the verdict on a POST request to target with a token. doc is the
// configuration, which the plugin accepts. keySets are JWK sets by issuer, or by
// metadata_issuer where there are tenants. The signature of
// a token of an issuer without one is not verified, unless its keys are in doc.
func Decide(doc []byte, keySets map[string][]byte, target, token string, now time.Time) (Verdict, error) {
	u, err := url.Parse(target)
	if err != nil {
		return Verdict{}, fmt.Errorf("%s is not a URL", target)
	}
	offline, unchecked, err := withKeys(doc, keySets)
	if err != nil {
		return Verdict{}, err
	}
	c, err := config.Parse(offline)
	if err != nil {
		return Verdict{}, fmt.Errorf("the configuration cannot be used without the network: %w", err)
	}
	var t jwtlite.Token
	t.Parse(token)
	var v verifier
	servers := make([]gate.AuthServer, len(c.AuthorizationServers))
	for i, s := range c.AuthorizationServers {
		v.unchecked = v.unchecked || unchecked[s.Issuer] && s.AcceptsIssuer(t.Claims().Issuer)
		d := discovery.New(s, c.AllowInsecureHTTP, noHost{})
		servers[i] = gate.AuthServer{Config: s, Keys: keys.New(s, d, c.AllowInsecureHTTP, noHost{})}
	}
	verdict := gate.New(c, servers, &v).Decide(&gate.Request{
		Method: "POST", Authority: u.Host, Path: pathOf(u),
		Authorization: "Bearer " + token, Authorizations: 1,
	}, now)
	return read(&verdict, v.skipped), nil
}

// read returns a verdict of the gate in another form.
func read(v *gate.Verdict, unchecked bool) Verdict {
	if pass := v.Pass(); pass != nil {
		result := Verdict{Passes: true, Unchecked: unchecked}
		identity := pass.Identity
		for {
			h, ok := identity.Next()
			if !ok {
				return result
			}
			if h.Name != "" {
				result.Headers = append(result.Headers, [2]string{h.Name, h.Value})
			}
		}
	}
	result := Verdict{Unchecked: unchecked}
	if r := v.Response(); r != nil {
		result.Status = int(r.Status)
		var body struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if json.Unmarshal(r.Body, &body) == nil {
			result.Error, result.Description = body.Error, body.Description
		}
	}
	return result
}

// withKeys returns doc with the keys of every server in it, and the issuers whose keys are
// stand-ins.
func withKeys(doc []byte, keySets map[string][]byte) (offline []byte, unchecked map[string]bool, err error) {
	var c map[string]any
	if err := json.Unmarshal(doc, &c); err != nil {
		return nil, nil, err
	}
	unchecked = map[string]bool{}
	valid, err := config.Parse(doc)
	if err != nil {
		return nil, nil, err
	}
	public := map[string]string{} // by issuer: those of servers with tenants differ
	for _, s := range valid.AuthorizationServers {
		public[s.Issuer] = s.PublicIssuer()
	}
	servers, _ := c["authorization_servers"].([]any)
	for _, s := range servers {
		server, ok := s.(map[string]any)
		if !ok {
			continue
		}
		issuer, _ := server["issuer"].(string)
		set := keySets[public[issuer]]
		if set == nil && (server["jwks"] != nil || server["public_keys"] != nil) {
			for _, member := range []string{"introspection", "userinfo", "oauth_proxy"} {
				delete(server, member)
			}
			continue
		}
		for _, member := range sources {
			delete(server, member)
		}
		if set == nil {
			unchecked[issuer] = true
			if set, err = standIn(); err != nil {
				return nil, nil, err
			}
		}
		server["jwks"] = json.RawMessage(set)
	}
	resources, _ := c["resources"].([]any)
	for _, r := range resources {
		if resource, ok := r.(map[string]any); ok {
			delete(resource, "serve_authorization_server_metadata")
		}
	}
	offline, err = json.Marshal(c)
	return offline, unchecked, err
}

// standIn returns a JWK set with keys that nobody signs with.
func standIn() ([]byte, error) {
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	set := jose.JSONWebKeySet{}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &r.PublicKey, Algorithm: alg, Use: "sig"})
	}
	for alg, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		e, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &e.PublicKey, Algorithm: alg, Use: "sig"})
	}
	return json.Marshal(set)
}

// A verifier verifies signatures, unless the keys are stand-ins.
type verifier struct {
	unchecked bool // the token's issuer has stand-ins only
	skipped   bool // a signature was not verified
}

func (v *verifier) Verify(k *jwtlite.Key, a jwtlite.Algorithm, signingInput string, signature []byte) error {
	if v.unchecked {
		v.skipped = true
		return nil
	}
	return jwtlite.Software{}.Verify(k, a, signingInput, signature)
}

// Resource returns the resource of c that a URL belongs to and its index, nil if there is
// none.
func Resource(c *config.Config, target string) (*config.Resource, int) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, 0
	}
	m, err := route.New(c).Find(u.Host, pathOf(u))
	if err != nil || m.Kind != route.Protected {
		return nil, 0
	}
	return c.Resources[m.Resource], m.Resource
}

func pathOf(u *url.URL) string {
	if path := u.EscapedPath(); path != "" {
		return path
	}
	return "/"
}

// noHost is a host without shared data and without a network.
type noHost struct{}

func (noHost) Now() callout.UnixMilli            { return callout.At(time.Now()) }
func (noHost) Load(string) ([]byte, uint32)      { return nil, 0 }
func (noHost) Store(string, []byte, uint32) bool { return true }
func (noHost) Send(string, callout.Request, func(*callout.Response)) error {
	return fmt.Errorf("there is no network")
}
func (noHost) Info(string) {}
func (noHost) Warn(string) {}
