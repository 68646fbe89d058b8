package config

import "strings"

var oauthProxyMembers = []string{
	"client_id", "client_secret", "client_secret_env", "auth", "redirect_uris", "scopes",
	"authorization_endpoint", "token_endpoint", "revocation_endpoint", "cluster", "path_prefix", "callback",
	"omit_resource",
}

// OAuthProxy configures the gateway as an authorization server in front of a
// provider that does not register clients. MCP clients register with the gateway.
// The provider sees all of them as one client, which was registered by hand.
type OAuthProxy struct {
	// ClientID and Secret are the credentials of that client. A Secret from the
	// environment is empty until [Config.ReadSecrets] has been called. Auth is
	// ClientSecretBasic or ClientSecretPost.
	ClientID, Secret string
	Auth             ClientAuth

	// RedirectURIs are the redirect URIs that clients may use; at least one. They
	// are compared byte for byte, with two exceptions. The host of an http URI is
	// loopback, and the URI matches any port (RFC 8252, section 7.3). An https URI
	// that ends in "/*" matches every URI with a plain path below that slash.
	RedirectURIs []string

	// Scopes are published, and requested if a client requests none.
	Scopes []string

	// The endpoints of the provider; nil for an endpoint that its metadata names.
	AuthorizationEndpoint, TokenEndpoint, RevocationEndpoint *URL

	// Cluster is the Envoy cluster of the token and the revocation endpoint.
	Cluster string

	// PathPrefix is the common prefix of the gateway's endpoints: empty, or a
	// canonical path without a trailing slash.
	PathPrefix string

	// Callback makes the provider redirect users to the gateway, which redirects
	// them to the client.
	Callback bool

	// OmitResource drops the resource parameter (RFC 8707) from what clients send
	// to a provider that refuses it.
	OmitResource bool

	environment environment
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
	p.RedirectURIs = uniqueStrings(v.require("redirect_uris").nonEmptyArray(), (*value).redirectURI)
	p.Scopes = uniqueStrings(v.get("scopes").array(), (*value).serverScope)
	p.PathPrefix = strings.TrimSuffix(v.get("path_prefix").pathPrefix(), "/")
	p.Callback = v.get("callback").bool()
	p.OmitResource = v.get("omit_resource").bool()
	p.Cluster = s.Cluster
	if m := v.get("cluster"); m != nil {
		p.Cluster = m.nonEmptyString()
	} else if server.get("cluster") == nil {
		v.failMember("cluster", "is required: it names the Envoy cluster that leads to the token endpoint")
	}
	l.parseEndpoints(server, v, s)
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
