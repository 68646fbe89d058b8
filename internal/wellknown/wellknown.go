// Package wellknown holds the well-known URLs of OAuth, and the documents there: the
// metadata of a protected resource (RFC 9728) and of an authorization server (RFC
// 8414, OpenID Connect Discovery 1.0). Package config defines the paths, which no
// resource may use.
package wellknown

import (
	"strings"

	"mcpauth/config"
)

// ProtectedResourceURL returns the metadata URL of a protected resource. Its
// host is the resource's own: the Host header of a request never enters it. A
// slash that follows the host is removed, and one that ends a path stays (RFC
// 9728 section 3.1).
func ProtectedResourceURL(resource *config.URL) string {
	path := resource.Path
	if path == "/" {
		path = ""
	}
	return resource.Origin() + config.ProtectedResourceWellKnown + path
}

// AuthorizationServerURLs returns the URLs at which the metadata of an issuer may be,
// in the order of search: that of RFC 8414 section 3.1, then OpenID Connect's
// well-known segment inserted before the path likewise, then appended to the path (OpenID
// Connect Discovery 1.0 section 4.1). The last two are equal for an issuer without a
// path.
func AuthorizationServerURLs(issuer *config.URL, mode config.DiscoveryMode) []*config.URL {
	path := strings.TrimSuffix(issuer.Path, "/")
	paths := [...]string{config.AuthorizationServerWellKnown + path, config.OpenIDWellKnown + path, path + config.OpenIDWellKnown}
	first, last := 0, len(paths)
	if mode == config.OIDC {
		first = 1
	}
	if mode == config.OAuth {
		last = 1
	} else if path == "" {
		last = 2
	}
	var urls []*config.URL
	for _, path := range paths[first:last] {
		u := *issuer
		u.Path = path
		u.Raw = u.Scheme + "://" + u.Authority() + path
		urls = append(urls, &u)
	}
	return urls
}
