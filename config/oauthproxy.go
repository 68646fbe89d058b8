package config

import (
	"strings"

	"mcpauth/internal/percent"
)

var oauthProxyMembers = []string{
	"client_id", "client_secret", "client_secret_env", "auth", "redirect_uris", "scopes",
	"authorization_endpoint", "token_endpoint", "revocation_endpoint", "cluster", "path_prefix", "callback",
	"omit_resource",
}

// OAuthProxy says how the gateway stands for an authorization server that
// registers no clients: it is an authorization server of its own to clients, and
// one client, which was registered by hand, to the provider.
type OAuthProxy struct {
	// ClientID and Secret are those of that client. Secret is empty until
	// [Config.ReadSecrets] has been called if it is to come from the environment.
	// Auth is how the gateway authenticates: with a client secret.
	ClientID, Secret string
	Auth             IntrospectionAuth

	// RedirectURIs are those that clients may use, at least one, compared byte
	// for byte; http ones are loopback and stand for themselves with any port
	// (RFC 8252, section 7.3). An https one that ends in "/*" stands for every
	// URI with a plain path behind that slash.
	RedirectURIs []string

	// Scopes are published, and asked for where a client asks for none.
	Scopes []string

	// The endpoints of the provider; nil for those that its metadata names.
	AuthorizationEndpoint, TokenEndpoint, RevocationEndpoint *URL

	// Cluster is the Envoy cluster that leads to the last two.
	Cluster string

	// PathPrefix stands before the names of the gateway's own endpoints; it is
	// empty or a canonical path with no slash at its end.
	PathPrefix string

	// Callback has the provider send users back to the gateway, which sends them
	// on to the client.
	Callback bool

	// OmitResource keeps the resource parameter of clients (RFC 8707) from a
	// provider that refuses it.
	OmitResource bool

	environment environment
}

// Origin returns scheme, host and port, as an issuer or an Origin header has
// them.
func (u *URL) Origin() string { return u.Scheme + "://" + u.Authority() }

// Proxied returns the one of the resource's servers that the gateway stands for;
// nil if there is none.
func (r *Resource) Proxied() *AuthorizationServer {
	for _, s := range r.AuthorizationServers {
		if s.OAuthProxy != nil {
			return s
		}
	}
	return nil
}

// The names of the gateway's own endpoints, behind OAuthProxy.PathPrefix.
const (
	AuthorizeName = "/authorize"
	TokenName     = "/token"
	RegisterName  = "/register"
	RevokeName    = "/revoke"
	CallbackName  = "/callback"
)

// OwnPaths returns the paths at which the gateway itself answers for a resource,
// beside those of the resource's own metadata.
func (r *Resource) OwnPaths() []string {
	if s := r.Proxied(); s != nil {
		paths := []string{AuthorizationServerPlace}
		for _, name := range [...]string{AuthorizeName, TokenName, RegisterName, RevokeName, CallbackName} {
			if name != CallbackName || s.OAuthProxy.Callback {
				paths = appendText(paths, s.OAuthProxy.PathPrefix+name)
			}
		}
		return paths
	}
	if r.ServeServerMetadata {
		return []string{AuthorizationServerPlace, AuthorizationServerPlace + strings.TrimSuffix(r.Resource.Path, "/")}
	}
	return nil
}

// parseOAuthProxy reads oauth_proxy of the server at server.
func (l *serverList) parseOAuthProxy(server *value, s *AuthorizationServer) {
	v := server.get("oauth_proxy")
	if !v.closedObject(oauthProxyMembers) {
		return
	}
	p := &OAuthProxy{}
	s.OAuthProxy = p
	if !l.stopsHeaders {
		v.fail("needs allow_on_headers_stop_iteration: without it, requests with a secret in their body would go on to the MCP server")
	}
	p.ClientID = v.require("client_id").text()
	p.Auth = IntrospectionAuth(v.get("auth").oneOf("client_secret_basic", "client_secret_post"))
	p.environment, _ = v.secret("client_secret", &p.Secret)
	p.RedirectURIs = texts(v.require("redirect_uris").nonEmptyArray(), (*value).redirectURI)
	p.Scopes = texts(v.get("scopes").array(), (*value).proxyScope)
	p.PathPrefix = strings.TrimSuffix(v.get("path_prefix").pathPrefix(), "/")
	p.Callback = v.get("callback").bool()
	p.OmitResource = v.get("omit_resource").bool()
	p.Cluster = s.Cluster
	if m := v.get("cluster"); m != nil {
		p.Cluster = m.text()
	} else if server.get("cluster") == nil {
		v.failAbsent("cluster", "is required: it names the Envoy cluster that leads to the token endpoint")
	}
	l.parseEndpoints(server, v, s)
}

// parseEndpoints reads the endpoints of the provider, and finds out whether its
// metadata is needed for those that are left out.
func (l *serverList) parseEndpoints(server, v *value, s *AuthorizationServer) {
	p, metadata := s.OAuthProxy, server.get("metadata")
	missing := false
	for i, u := range [...]**URL{&p.AuthorizationEndpoint, &p.TokenEndpoint, &p.RevocationEndpoint} {
		name := oauthProxyMembers[6+i]
		m, needed := v.get(name), u != &p.RevocationEndpoint
		switch *u = m.url(l.allowHTTP); {
		case m != nil:
		case metadata != nil && needed:
			*u = metadata.require(name).url(l.allowHTTP)
		case metadata != nil:
			*u = metadata.get(name).url(l.allowHTTP)
		case !needed:
		case s.Source.Kind == JWKSURI || s.Source.Kind == Static:
			v.failAbsent(name, "is required: no metadata is fetched that could name it")
		default:
			missing = true
		}
	}
	if missing {
		l.keepMetadata(s, server)
	}
}

// keepMetadata has the metadata of a server fetched and kept.
func (l *serverList) keepMetadata(s *AuthorizationServer, server *value) {
	s.Source.KeepMetadata = true
	if s.Cluster == "" && server.get("cluster") == nil && s.Source.Kind == NoKeys {
		server.failAbsent("cluster", "is required: it names the Envoy cluster that metadata is fetched through")
	}
}

// redirectURI reads a URI that a client may be sent back to (OAuth 2.1, section
// 2.3.1): https, http on loopback, or a private-use scheme (RFC 8252).
func (v *value) redirectURI() string {
	s, ok := v.string()
	if !ok {
		return ""
	}
	fault := redirectFault(s)
	if prefix, ok := strings.CutSuffix(s, "/*"); ok && fault == faultWildcard {
		fault = redirectPrefixFault(prefix)
	}
	if fault == "" && hasResponseParameter(s) {
		fault = "must not have a parameter of an authorization response in its query, such as code, state, iss or error: the client could not tell it from the provider's"
	}
	if fault != "" {
		v.fail(fault)
		return ""
	}
	return s
}

const faultWildcard = "must be a whole URI: there are no wildcards, but loopback URIs stand for any port, " +
	"and an https URI with a path may end in /* to stand for all below it"

// redirectPrefixFault is what is wrong with the URI before a "/*" at the end: an https URL
// with at least one segment, which no parser turns into another.
func redirectPrefixFault(s string) string {
	u, err := ParseURL(s)
	switch {
	case strings.IndexByte(s, '*') >= 0 || err != nil || u.Scheme != "https" || u.Query != "" || u.Path == "" || strings.HasSuffix(s, "/") ||
		strings.IndexByte(s, '%') >= 0 || !IsPlainURI(s, false):
		return faultWildcard
	}
	return ""
}

// responseParameters are the parameters of authorization responses (RFC 6749,
// sections 4.1.2, 4.1.2.1 and 4.2.2; RFC 9207; JARM; OpenID Connect Core).
const responseParameters = " code state iss error error_description error_uri response session_state " +
	"id_token access_token token_type expires_in scope refresh_token "

// hasResponseParameter reports whether the query of a URI has one of
// [responseParameters], in a spelling that some server takes for it: in another
// case, percent-encoded, as an array, or with another character for "_".
func hasResponseParameter(uri string) bool {
	_, query, _ := strings.Cut(uri, "?")
	for query != "" {
		end := strings.IndexAny(query, "&;")
		if end < 0 {
			end = len(query) - 1
		}
		name, _, _ := strings.Cut(strings.TrimRight(query[:end+1], "&;"), "=")
		query = query[end+1:]
		for range 3 {
			name = unescaped(name)
		}
		name, _, _ = strings.Cut(name, "[")
		name = replace(HeaderKey(strings.TrimSpace(name)), '-', '_')
		if name != "" && strings.Contains(responseParameters, " "+name+" ") {
			return true
		}
	}
	return false
}

// unescaped decodes a name in a query whose percent-encodings are complete, if it
// was encoded once.
func unescaped(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		if decoded, ok := percent.Decode(s[i:]); ok {
			c = decoded
			i += 2
		} else if c == '+' {
			c = ' '
		}
		b = append(b, c)
	}
	return string(b)
}

// browserSchemes are those that a browser acts on itself.
const browserSchemes = " javascript data vbscript file blob filesystem about view-source ws wss ftp mailto intent "

func redirectFault(s string) string {
	scheme, rest, _ := strings.Cut(s, ":")
	switch {
	case strings.IndexByte(s, '*') >= 0:
		return faultWildcard
	case scheme == "https" || scheme == "http":
		u, err := ParseURL(s)
		if err != nil {
			return err.Error()
		}
		if scheme == "http" && !u.IsLoopback() {
			return "must use https, unless the host is loopback"
		}
		return ""
	case rest == "" || !isScheme(scheme) || len(s) > maxURLLength:
		return "must be an absolute URI of at most " + maxURLText + " bytes, with its scheme in lower case"
	case strings.Contains(browserSchemes, " "+scheme+" "):
		return "must not have a scheme that browsers act on"
	case strings.IndexByte(s, '#') >= 0:
		return faultFragment
	case !isURLText(rest, "/?"):
		return faultEncoding
	}
	return ""
}

// isScheme is scheme of RFC 3986, section 3.1, in lower case.
func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || i > 0 && (isDigit(c) || strings.IndexByte("+-.", c) >= 0)) {
			return false
		}
	}
	return s != ""
}

// publish reads what the gateway serves at the resource's origin for
// authorization servers, and refuses what would be ambiguous there.
func (l *serverList) publish(v *value, r *Resource, places occupied) {
	m := v.get("serve_authorization_server_metadata")
	r.ServeServerMetadata = m.bool()
	if r.Resource == nil || len(r.AuthorizationServers) == 0 {
		return
	}
	first, proxied := r.AuthorizationServers[0], r.Proxied()
	if places.issuers(r.AuthorizationServers, proxied, r.Resource.Origin()) {
		v.failAbsent("authorization_servers", "must not have an issuer at the origin of a resource with oauth_proxy: there the gateway is the issuer")
	}
	var owner, all string
	switch {
	case proxied != nil:
		if r.ServeServerMetadata {
			m.fail("must not be true: oauth_proxy serves metadata of its own")
			return
		}
		if l.unmatched == UnmatchedAllow && len(r.Match.Hosts) == 0 {
			v.failAbsent("match", "must have hosts: with unmatched allow, the endpoints of oauth_proxy would take the place of others on every host")
		}
		for _, s := range r.AuthorizationServers {
			if s.OAuthProxy != nil && s != proxied {
				v.failAbsent("authorization_servers", "must not have several with oauth_proxy: the resource's origin is one issuer")
				return
			}
		}
		all = strings.TrimSuffix(l.paths[proxied.Issuer], ".issuer") + ".oauth_proxy"
		owner = all + " as " + r.Resource.Origin()
	case !r.ServeServerMetadata:
		return
	default:
		switch k := &first.Source; {
		case k.Metadata != "":
		case k.Kind == JWKSURI || k.Kind == Static:
			m.fail("must not be true: no metadata is fetched of " + first.Issuer + ", since its keys are configured")
			return
		case k.Kind == NoKeys && first.Cluster == "":
			m.fail("needs a cluster for " + first.Issuer + ", through which its metadata is fetched")
		default:
			k.KeepMetadata = true
		}
		owner = "the metadata of " + first.Issuer
		all = owner
	}
	hosts := r.Match.Hosts
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	for _, path := range r.OwnPaths() {
		as := all
		if path == AuthorizationServerPlace {
			as = owner
		}
		if other := places.occupy(path, hosts, as); other != "" {
			v.fail("needs other match.hosts (by default any host) than " + other + ": both are served at " + path)
			return
		}
	}
}

// issuers takes down the servers of a resource at an origin, and reports whether
// one of theirs, or of those before, is the issuer that the gateway is at an
// origin: clients could not tell the two apart.
func (o occupied) issuers(servers []*AuthorizationServer, proxied *AuthorizationServer, origin string) (twice bool) {
	const at = "issuer "
	for _, s := range servers {
		twice = o.occupy(at+strings.TrimSuffix(s.Issuer, "/"), []string{""}, "itself") != "" || twice
	}
	return proxied != nil && o.occupy(at+origin, []string{""}, "the gateway") != "" || twice
}
