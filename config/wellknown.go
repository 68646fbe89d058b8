package config

import "strings"

// The well-known paths of OAuth, which go between the host and the path of a URL. OpenID
// Connect Discovery 1.0, section 4.1, appends its path to the path of the issuer.
const (
	ProtectedResourceWellKnown   = "/.well-known/oauth-protected-resource"   // RFC 9728, section 3.1
	AuthorizationServerWellKnown = "/.well-known/oauth-authorization-server" // RFC 8414, section 3.1
	OpenIDWellKnown              = "/.well-known/openid-configuration"
)

// MetadataPath returns the path of a protected resource's metadata, without a trailing
// slash. The gateway serves the metadata at the path with a trailing slash too.
func MetadataPath(resource *URL) string {
	return ProtectedResourceWellKnown + strings.TrimSuffix(resource.Path, "/")
}

// IsMetadataPath reports whether clients look for metadata at a canonical path: one of the
// three well-known paths with any path after it, or OpenID Connect's with any path before
// it. A resource cannot have such a path.
func IsMetadataPath(path string) bool {
	if !strings.Contains(path, "/.well-known/") {
		return false
	}
	for _, wellKnown := range [...]string{ProtectedResourceWellKnown, AuthorizationServerWellKnown, OpenIDWellKnown} {
		if rest, ok := strings.CutPrefix(path, wellKnown); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return strings.HasSuffix(path, OpenIDWellKnown)
}
