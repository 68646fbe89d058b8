package config

import "strings"

// The well-known places of OAuth. The segment goes between the host and the
// path of a URL; OpenID Connect Discovery 1.0, section 4.1, also appends its own
// to the path.
const (
	ProtectedResourceWellKnown   = "/.well-known/oauth-protected-resource"   // RFC 9728, section 3.1
	AuthorizationServerWellKnown = "/.well-known/oauth-authorization-server" // RFC 8414, section 3.1
	OpenIDWellKnown              = "/.well-known/openid-configuration"
)

// MetadataPath returns the path of the metadata URL of a protected resource with
// no slash at the end. The metadata is at the same path with one too.
func MetadataPath(resource *URL) string {
	return ProtectedResourceWellKnown + strings.TrimSuffix(resource.Path, "/")
}

// IsMetadataPath reports whether path, in canonical form, is one at which clients
// look for metadata: the three well-known places with any path behind them, and
// OpenID Connect's with any path before it. No resource can be there.
func IsMetadataPath(path string) bool {
	if !strings.Contains(path, "/.well-known/") {
		return false
	}
	for _, place := range [...]string{ProtectedResourceWellKnown, AuthorizationServerWellKnown, OpenIDWellKnown} {
		if rest, ok := strings.CutPrefix(path, place); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return strings.HasSuffix(path, OpenIDWellKnown)
}
