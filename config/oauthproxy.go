package config

import (
	"strings"
	"time"
)

var oauthProxyMembers = []string{
	"client_id", "client_secret", "client_secret_env", "auth", "redirect_uris", "scopes",
	"authorization_endpoint", "token_endpoint", "revocation_endpoint", "cluster", "path_prefix", "callback",
	"omit_resource", "signing_key", "signing_key_env", "client_max_age_seconds", "consent_max_age_seconds",
	"consent_page", "extra_scopes", "refresh_scope", "client_id_metadata_documents", "issuer_path",
}

const (
	// minSigningKey is the size in bytes of the shortest key that nobody can guess.
	minSigningKey = 32

	defaultClientMaxAge  = 365 * 24 * 60 * 60
	minClientMaxAge      = 60 * 60
	maxClientMaxAge      = 5 * 365 * 24 * 60 * 60
	defaultConsentMaxAge = 30 * 24 * 60 * 60
	maxConsentMaxAge     = 365 * 24 * 60 * 60
)

// OAuthProxy configures the gateway as an authorization server in front of a
// provider that does not register clients. MCP clients register with the gateway.
// The provider sees all of them as one client, which was registered by hand.
type OAuthProxy struct {
	// ClientID and Secret are the credentials of that client. A Secret from the
	// environment is empty until [Config.ReadSecrets] has been called. Auth is
	// ClientSecretBasic or ClientSecretPost.
	ClientID, Secret string
	Auth             ClientAuth

	// RedirectURIs are the redirect URIs that clients may use; at least one, unless there
	// are ClientDocuments. Without any, no client can register. They are compared byte for byte, with two exceptions. The host of an http URI is
	// loopback, and the URI matches any port (RFC 8252, section 7.3). An https URI
	// that ends in "/*" matches every URI with a plain path below that slash.
	RedirectURIs []string

	// ClientDocuments are the clients that need not register, since their ID is the URL of
	// a document about them. They may also use the redirect URIs of that document that
	// are on loopback or at the origin of the URL. The first that matches a client counts.
	ClientDocuments []ClientDocument

	// SigningKeys sign what the gateway gives to clients and browsers: client IDs, cookies,
	// states, codes and refresh tokens. There are one or two, of at least 32 bytes. The
	// first signs, and all verify. Those from the environment are empty until
	// [Config.ReadSecrets] has been called.
	SigningKeys []string

	// ClientMaxAge is how long a registration lasts. ConsentMaxAge is how long the gateway
	// remembers that a user has agreed; 0 makes it ask each time.
	ClientMaxAge, ConsentMaxAge time.Duration

	// Page is what users see.
	Page ConsentPage

	// Scopes are published, and requested if a client requests none. A client gets no
	// others, unless the list is empty.
	Scopes []string

	// ExtraScopes are requested in addition, whatever a client requests. RefreshScope is
	// the scope parameter of refresh requests in which a client names none; empty for no
	// parameter.
	ExtraScopes  []string
	RefreshScope string

	// The endpoints of the provider; nil for an endpoint that its metadata names.
	AuthorizationEndpoint, TokenEndpoint, RevocationEndpoint *URL

	// Cluster is the Envoy cluster of the token and the revocation endpoint.
	Cluster string

	// IssuerPath is the path of the gateway's issuer, whose origin is that of the resource.
	// PathPrefix stands between the issuer and the names of the gateway's endpoints. Each
	// is empty, or a canonical path without a trailing slash.
	IssuerPath, PathPrefix string

	// OmitResource drops the resource parameter (RFC 8707) from what clients send
	// to a provider that refuses it.
	OmitResource bool

	environment     environment
	keyEnvironments []environment // of SigningKeys; nil if they are in the document
}

// ProxiedServer returns the authorization server of the resource that has an
// OAuthProxy, or nil.
func (r *Resource) ProxiedServer() *AuthorizationServer {
	for _, s := range r.AuthorizationServers {
		if s.OAuthProxy != nil {
			return s
		}
	}
	return nil
}

// GatewayIssuer returns the issuer that the gateway is in the place of ProxiedServer; empty
// if there is none.
func (r *Resource) GatewayIssuer() string {
	if s := r.ProxiedServer(); s != nil {
		return r.Resource.Origin() + s.OAuthProxy.IssuerPath
	}
	return ""
}

// parseOAuthProxy reads the member oauth_proxy of server into s.
func (l *serverParser) parseOAuthProxy(server *value, s *AuthorizationServer) {
	v := server.get("oauth_proxy")
	if !v.closedObject(oauthProxyMembers) {
		return
	}
	p := &OAuthProxy{}
	s.OAuthProxy = p
	if !l.stopsHeaders {
		v.fail("needs allow_on_headers_stop_iteration: without it, requests with a secret in their body would go on to the MCP server; " + whereHeadersStop + ", as docs/oauth-proxy.md says")
	}
	p.ClientID = v.require("client_id").nonEmptyString()
	p.Auth = ClientAuth(v.get("auth").oneOf("client_secret_basic", "client_secret_post"))
	p.environment, _ = v.secret("client_secret", &p.Secret)
	p.ClientDocuments = v.get("client_id_metadata_documents").clientDocuments()
	uris := v.get("redirect_uris")
	if uris == nil && len(p.ClientDocuments) == 0 {
		v.failMember("redirect_uris", "is required, or client_id_metadata_documents")
	}
	p.RedirectURIs = uniqueStrings(uris.nonEmptyArray(), (*value).redirectURI)
	p.Scopes = uniqueStrings(v.get("scopes").array(), (*value).serverScope)
	p.ExtraScopes = uniqueStrings(v.get("extra_scopes").array(), (*value).serverScope)
	p.RefreshScope = v.get("refresh_scope").scopeParameter()
	v.signingKeys(p)
	seconds := func(name string, low, high, absent int) time.Duration {
		return time.Duration(v.get(name).integer(low, high, absent)) * time.Second
	}
	p.ClientMaxAge = seconds("client_max_age_seconds", minClientMaxAge, maxClientMaxAge, defaultClientMaxAge)
	p.ConsentMaxAge = seconds("consent_max_age_seconds", 0, maxConsentMaxAge, defaultConsentMaxAge)
	p.Page = v.get("consent_page").consentPage()
	p.PathPrefix = strings.TrimSuffix(v.get("path_prefix").pathPrefix(), "/")
	p.IssuerPath = strings.TrimSuffix(v.get("issuer_path").pathPrefix(), "/")
	if m := v.get("callback"); m != nil && !m.bool() {
		m.fail("must be true, or be left out: the provider always sends users back to /callback of the gateway; register that redirect URI with the provider")
	}
	p.OmitResource = v.get("omit_resource").bool()
	p.Cluster = s.Cluster
	if m := v.get("cluster"); m != nil {
		p.Cluster = m.nonEmptyString()
	} else if server.get("cluster") == nil {
		v.failMember("cluster", "is required: it names the Envoy cluster that leads to the token endpoint")
	}
	l.parseEndpoints(server, v, s)
}

// signingKeys reads signing_key or signing_key_env: one value, or a list of two while a
// key is replaced.
func (v *value) signingKeys(p *OAuthProxy) {
	keys, names := v.get("signing_key"), v.get("signing_key_env")
	switch {
	case keys != nil:
		names.failBeside(keys, "there is one source of keys")
		p.SigningKeys = uniqueStrings(keys.oneOrTwo(), (*value).signingKey)
	case names != nil:
		for _, m := range names.oneOrTwo() {
			if e := m.variable(); e.variable != "" {
				p.keyEnvironments = append(p.keyEnvironments, e)
			}
		}
		p.SigningKeys = make([]string, len(p.keyEnvironments))
	default:
		v.failMember("signing_key", "is required, or signing_key_env: oauth_proxy signs with it what it gives to clients and browsers; "+makeKey)
	}
}

const makeKey = "openssl rand -base64 32 prints one"

// oneOrTwo returns the elements of an array of one or two, or v itself if it is no array.
func (v *value) oneOrTwo() []*value {
	if !v.json.IsArray() {
		return []*value{v}
	}
	list := v.children()
	if len(list) < 1 || len(list) > 2 {
		v.fail("must have one key, or two while the first replaces the second")
	}
	return list
}

// signingKey reads a key. It returns "" if it refuses the key.
func (v *value) signingKey() string {
	s := v.nonEmptyString()
	if s != "" {
		v.checkSigningKey(s)
	}
	return s
}

func (v *value) checkSigningKey(key string) {
	if len(key) < minSigningKey {
		v.fail("must have at least 32 bytes: " + makeKey)
	}
}

// readSigningKeys reads the keys that are in environment variables.
func (p *OAuthProxy) readSigningKeys(getenv func(string) (string, bool), errs *Errors) {
	for i, e := range p.keyEnvironments {
		v := e.read(getenv, &p.SigningKeys[i], errs)
		switch key := p.SigningKeys[i]; {
		case key == "": // read has reported it
		case len(key) < minSigningKey:
			v.fail("the environment variable must have at least 32 bytes: " + makeKey)
		case i == 1 && key == p.SigningKeys[0]:
			v.fail("the environment variable has the same key as " + p.keyEnvironments[0].path)
		}
	}
}

// parseEndpoints reads the provider's endpoints. If one that is required is neither
// in v nor in metadata by hand, the provider's metadata is fetched and kept.
func (l *serverParser) parseEndpoints(server, v *value, s *AuthorizationServer) {
	p, metadata := s.OAuthProxy, server.get("metadata")
	fetch := false
	for _, endpoint := range [...]struct {
		name     string
		url      **URL
		required bool
	}{
		{"authorization_endpoint", &p.AuthorizationEndpoint, true},
		{"token_endpoint", &p.TokenEndpoint, true},
		{"revocation_endpoint", &p.RevocationEndpoint, false},
	} {
		m := v.get(endpoint.name)
		switch {
		case m != nil:
			*endpoint.url = m.url(l.allowHTTP)
		case metadata != nil && endpoint.required:
			*endpoint.url = metadata.require(endpoint.name).url(l.allowHTTP)
		case metadata != nil:
			*endpoint.url = metadata.get(endpoint.name).url(l.allowHTTP)
		case !endpoint.required:
		case s.Source.Kind == JWKSURI || s.Source.Kind == Static:
			v.failMember(endpoint.name, "is required: no metadata is fetched that could name it")
		default:
			fetch = true
		}
	}
	if fetch {
		l.keepMetadata(s, server)
	}
}

// keepMetadata makes the plugin fetch and keep the metadata of a server.
func (l *serverParser) keepMetadata(s *AuthorizationServer, server *value) {
	s.Source.KeepMetadata = true
	if s.Cluster == "" && server.get("cluster") == nil && s.Source.Kind == NoKeys {
		server.failMember("cluster", "is required: it names the Envoy cluster that metadata is fetched through")
	}
}
