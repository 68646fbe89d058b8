// Package wellknown knows the well-known URLs of OAuth: where the metadata of
// a protected resource (RFC 9728) and of an authorization server (RFC 8414,
// OpenID Connect Discovery 1.0) stand, and what is in them.
package wellknown

import (
	"strings"

	"mcpauth/config"
)

const (
	protectedResource   = "/.well-known/oauth-protected-resource"
	authorizationServer = "/.well-known/oauth-authorization-server"
	openIDConfiguration = "/.well-known/openid-configuration"
)

// ProtectedResourcePath returns the path of the metadata URL of a protected
// resource: the well-known segment goes between host and path, and a slash
// that ends the path is removed (RFC 9728 section 3.1).
func ProtectedResourcePath(resource *config.URL) string {
	return protectedResource + strings.TrimSuffix(resource.Path, "/")
}

// ProtectedResourceURL returns the metadata URL of a protected resource. Its
// host is the resource's own: the Host header of a request never enters it.
func ProtectedResourceURL(resource *config.URL) string {
	return resource.Scheme + "://" + resource.Authority() + ProtectedResourcePath(resource)
}

// IsDiscovery reports whether path, in canonical form, is one at which clients
// look for metadata: the three well-known places with any path behind them,
// and OpenID Connect's with any path before it.
func IsDiscovery(path string) bool {
	if !strings.Contains(path, "/.well-known/") {
		return false
	}
	for _, place := range [...]string{protectedResource, authorizationServer, openIDConfiguration} {
		if rest, ok := strings.CutPrefix(path, place); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return strings.HasSuffix(path, openIDConfiguration)
}

// AuthorizationServerURLs returns the places where the metadata of an issuer
// may stand, in the order in which they are to be asked: RFC 8414 section 3.1,
// then OpenID Connect's well-known segment inserted likewise, then appended as
// OpenID Connect Discovery 1.0 section 4.1 has it. The last two are one for an
// issuer with no path.
func AuthorizationServerURLs(issuer *config.URL, mode config.DiscoveryMode) []*config.URL {
	path := strings.TrimSuffix(issuer.Path, "/")
	at := func(path string) *config.URL {
		u := *issuer
		u.Path = path
		u.Raw = u.Scheme + "://" + u.Authority() + path
		return &u
	}
	var urls []*config.URL
	if mode != config.OIDC {
		urls = append(urls, at(authorizationServer+path))
	}
	if mode != config.OAuth {
		urls = append(urls, at(openIDConfiguration+path))
		if path != "" {
			urls = append(urls, at(path+openIDConfiguration))
		}
	}
	return urls
}
