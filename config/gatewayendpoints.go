package config

import "strings"

// The paths of the gateway's endpoints, behind OAuthProxy.IssuerPath and PathPrefix.
const (
	AuthorizeEndpoint = "/authorize"
	TokenEndpoint     = "/token"
	RegisterEndpoint  = "/register"
	RevokeEndpoint    = "/revoke"
	CallbackEndpoint  = "/callback"
)

// GatewayPaths returns the paths that the gateway itself serves for a resource, except
// those of the resource's metadata.
func (r *Resource) GatewayPaths() []string {
	if s := r.ProxiedServer(); s != nil {
		issuer := s.OAuthProxy.IssuerPath
		// The three places where clients look for the metadata of an issuer. Without a path,
		// the last two are one.
		paths := []string{AuthorizationServerWellKnown + issuer, OpenIDWellKnown + issuer, issuer + OpenIDWellKnown}
		for _, name := range [...]string{AuthorizeEndpoint, TokenEndpoint, RegisterEndpoint, RevokeEndpoint, CallbackEndpoint} {
			paths = append(paths, issuer+s.OAuthProxy.PathPrefix+name)
		}
		return paths
	}
	if r.ServeServerMetadata {
		return []string{AuthorizationServerWellKnown, AuthorizationServerWellKnown + strings.TrimSuffix(r.Resource.Path, "/")}
	}
	return nil
}

// reserveEndpoints reads serve_authorization_server_metadata and reserves the paths of
// r at which the gateway serves authorization server metadata and the endpoints of
// oauth_proxy. It refuses a path that two of them, or a resource, would share.
func (l *serverParser) reserveEndpoints(v *value, r *Resource, places reservedPaths) {
	m := v.get("serve_authorization_server_metadata")
	r.ServeServerMetadata = m.bool()
	if r.Resource == nil || len(r.AuthorizationServers) == 0 {
		return
	}
	first, proxied := r.AuthorizationServers[0], r.ProxiedServer()
	if places.reserveIssuers(r.AuthorizationServers, r.GatewayIssuer()) {
		v.failMember("authorization_servers", "must not have an issuer that the gateway is for a resource with oauth_proxy, by default the resource's origin")
	}
	var owner, all string
	switch {
	case proxied != nil:
		if r.ServeServerMetadata {
			m.fail("must not be true: oauth_proxy serves metadata of its own")
			return
		}
		if l.unmatched == UnmatchedAllow && len(r.Match.Hosts) == 0 {
			v.failMember("match", "must have hosts: with unmatched allow, the endpoints of oauth_proxy would take the place of others on every host")
		}
		for _, s := range r.AuthorizationServers {
			if s.OAuthProxy != nil && s != proxied {
				v.failMember("authorization_servers", "must not have several with oauth_proxy: the gateway is one issuer for a resource")
				return
			}
		}
		all = strings.TrimSuffix(l.paths[proxied.Issuer], ".issuer") + ".oauth_proxy"
		if other := places.reserve("gateway "+r.GatewayIssuer(), []string{""}, all); other != "" {
			path := value{path: all + ".issuer_path", errs: v.errs}
			path.fail("must be another than that of " + other + ": the gateway would be the issuer " + r.GatewayIssuer() + " in the place of both")
			return
		}
		owner = all + " as " + r.GatewayIssuer()
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
	for _, path := range r.GatewayPaths() {
		as := all
		if IsMetadataPath(path) {
			as = owner
		}
		if other := places.reserve(path, hosts, as); other != "" {
			v.fail("needs other match.hosts (by default any host) than " + other + ": both are served at " + path)
			return
		}
	}
}

// reserveIssuers reserves the issuers of a resource's servers and, if one of them is
// proxied, the gateway's issuer, which is not empty then. It reports whether the gateway
// shares its issuer with a server: clients could not tell the two apart.
func (o reservedPaths) reserveIssuers(servers []*AuthorizationServer, gateway string) (twice bool) {
	const at = "issuer "
	for _, s := range servers {
		twice = o.reserve(at+strings.TrimSuffix(s.PublicIssuer(), "/"), []string{""}, "itself") != "" || twice
	}
	return gateway != "" && o.reserve(at+gateway, []string{""}, "the gateway") != "" || twice
}
