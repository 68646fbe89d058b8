// Package config turns the plugin's JSON configuration into a validated
// [Config].
//
// [Parse] accepts a document, or refuses it with all of its errors, each with its
// JSON path ([Errors]). Parse is strict, since a gateway must not guess what it
// protects: it refuses an unknown or repeated member, a wrong type, an issuer that is
// not an https URL, and two resources that match the same requests.
//
// A Config shares no memory with the document and has all defaults filled in. It is
// immutable: nobody may write to the slices and pointers in it.
//
// schema.json has the same rules as far as JSON Schema (draft 2020-12) can state them.
// Rules about members of different objects, such as "each resource at most once", are
// only in Parse.
package config

import (
	"time"

	"mcpauth/jwtlite"
)

// Limits and defaults.
const (
	// MaxDocumentSize is the size in bytes of the largest document that Parse
	// reads.
	MaxDocumentSize = 1 << 20

	// DefaultClockSkew is the default of clock_skew_seconds.
	DefaultClockSkew = 60 * time.Second

	// DefaultMaxStale is the default of max_stale_seconds.
	DefaultMaxStale = 24 * time.Hour

	// DefaultCacheEntries is the default of token_cache.max_entries.
	DefaultCacheEntries = 4096

	// DefaultTokenBytes is the default of max_token_bytes.
	DefaultTokenBytes = 16 << 10

	minTokenBytes           = 1 << 10
	maxClockSkewSeconds     = 600
	maxTokenLifetimeSeconds = 365 * 24 * 60 * 60
	minStaleSeconds         = 60
	maxStaleSeconds         = 365 * 24 * 60 * 60
	maxCacheEntries         = 100_000
)

// Config is a valid configuration. It has at least one authorization server and at
// least one resource.
type Config struct {
	// AuthorizationServers are in the order of the document. No two have the same
	// issuer.
	AuthorizationServers []*AuthorizationServer

	// Resources are in the order of the document. No two have the same identifier,
	// nor the same path prefix on the same host.
	Resources []*Resource

	// Unmatched says what happens to a request that matches no resource.
	Unmatched Unmatched

	// AllowInsecureHTTP permits http URLs for hosts that are not loopback. Parse
	// applies it to the document. Its callers apply it to URLs in fetched metadata.
	AllowInsecureHTTP bool

	// StopsHeaders means that the plugin may stop a request's headers and still see
	// its body: allow_on_headers_stop_iteration is set in Envoy too.
	StopsHeaders bool

	// VerdictHeader sets [VerdictHeaderName] on every request that the plugin lets on.
	VerdictHeader bool

	// Audit sets filter state that says what became of each request.
	Audit bool

	// DPoPNonce says how DPoP proofs get a nonce; nil if they need none.
	DPoPNonce *DPoPNonce

	// MaxTokenBytes is the size of the longest accepted token, 1024 to 65536.
	MaxTokenBytes int

	TokenCache TokenCache

	// Warnings describe members that are valid but dangerous, each with its JSON
	// path.
	Warnings []string
}

// Unmatched says what happens to a request that matches no resource.
type Unmatched uint8

const (
	UnmatchedDeny  Unmatched = iota // answered with 404; the default
	UnmatchedAllow                  // passed on unchecked
)

// TokenCache bounds the cache of verified tokens that each worker has.
type TokenCache struct {
	// MaxEntries is the number of tokens. 0 disables the cache.
	MaxEntries int
}

// AuthorizationServer is an issuer of access tokens.
type AuthorizationServer struct {
	// Issuer is the issuer identifier as configured, byte for byte. Tokens have it
	// in iss, and metadata in issuer (RFC 8414, section 2). It is an https URL
	// without query and fragment. With Tenants it has a placeholder, and tokens and
	// metadata have the issuer of a tenant.
	Issuer string

	// Tenants are the tenants of an issuer with a placeholder; nil without one.
	// MetadataIssuer is then the issuer that stands for all of them: see
	// [AuthorizationServer.PublicIssuer].
	Tenants        *jwtlite.Tenants
	MetadataIssuer string

	// Cluster is the Envoy cluster that keys and metadata are fetched through. It is
	// empty only if neither is fetched.
	Cluster string

	// JWKSCluster is the Envoy cluster that keys are fetched through: jwks_cluster,
	// by default Cluster.
	JWKSCluster string

	// Source says where the keys come from.
	Source KeySource

	// Introspection says how opaque tokens are checked. It is nil if opaque tokens
	// are refused.
	Introspection *Introspection

	// OAuthProxy configures the gateway as authorization server in front of this one;
	// nil if it is not.
	OAuthProxy *OAuthProxy

	// MaxStale is how long keys are used after their fetch if no later fetch
	// succeeds: a minute to a year. It is 0 if Source.Kind is Static or NoKeys.
	MaxStale time.Duration

	// Algorithms are the accepted values of alg in a token's header: at least one,
	// without duplicates.
	Algorithms []jwtlite.Algorithm

	// ClockSkew is how far the server's clock may be off, 0 to 10 minutes.
	ClockSkew time.Duration

	// MaxTokenLifetime bounds the time from iat to exp. 0 is no bound.
	MaxTokenLifetime time.Duration

	// Type is "at+jwt" for the strict profile of RFC 9068, else empty.
	Type string

	// ScopeClaims are the claims that may have a token's scopes; the first that is there
	// counts. nil stands for those of [jwtlite.Claims.HasScope]. They do not apply to
	// answers of a userinfo endpoint.
	ScopeClaims []Claim

	// ScopePrefix is what clients put before a scope to request it, and tokens do not
	// have; empty for nothing.
	ScopePrefix string
}

// KeySource says where the keys of an authorization server come from. Kind decides
// which of the other fields are set.
type KeySource struct {
	Kind SourceKind

	// Discovery says at which well-known URLs metadata is found, if Kind is
	// Discovery, or if it is NoKeys and MetadataURL is nil.
	Discovery DiscoveryMode

	// MetadataURL is the URL of the metadata, if Kind is MetadataURL. It may be set
	// if Kind is NoKeys.
	MetadataURL *URL

	// Overrides is a merge patch (RFC 7396), a JSON object, for fetched metadata;
	// empty for none. If it has an issuer, AcceptsIssuer accepts it. If it has a
	// jwks_uri, it is a valid URL.
	Overrides string

	// Metadata is metadata by hand, a JSON object; empty for none.
	Metadata string

	// KeepMetadata means that fetched metadata is needed for more than its
	// jwks_uri.
	KeepMetadata bool

	// JWKSURI is the URL of the key set, if Kind is JWKSURI.
	JWKSURI *URL

	// Keys are the configured keys, if Kind is Static. Skipped are the unusable keys
	// of an inline JWK set.
	Keys    *jwtlite.KeySet
	Skipped []jwtlite.SkippedKey
}

// SourceKind is the kind of a [KeySource].
type SourceKind uint8

const (
	Discovery   SourceKind = iota // jwks_uri of the metadata at a well-known URL of the issuer
	MetadataURL                   // jwks_uri of the metadata at a configured URL
	JWKSURI                       // a configured URL
	Static                        // in the configuration
	NoKeys                        // none: no JWT is verified, and metadata serves introspection only
)

// DiscoveryMode says at which well-known URLs of an issuer its metadata is looked
// for.
type DiscoveryMode uint8

const (
	// Auto tries OAuth's URL and then both URLs of OpenID Connect, in the order of
	// the MCP specification.
	Auto DiscoveryMode = iota

	// OAuth is /.well-known/oauth-authorization-server, inserted between
	// host and path (RFC 8414, section 3.1).
	OAuth

	// OIDC is /.well-known/openid-configuration, inserted between host and
	// path (RFC 8414, section 5) or appended to the issuer (OpenID Connect
	// Discovery 1.0, section 4).
	OIDC
)

// Resource is a protected resource: its published metadata (RFC 9728), the requests
// that it matches, and the demands on their tokens.
type Resource struct {
	// Resource is the resource identifier (RFC 9728, section 1.2). Resource.Raw is
	// published and is an accepted audience. The path is canonical, but may end with
	// a slash; no other resource differs from it by that slash alone.
	Resource *URL

	// AuthorizationServers are trusted for this resource: at least one, each of them
	// also in Config.AuthorizationServers.
	AuthorizationServers []*AuthorizationServer

	// Match says which requests the resource matches.
	Match Match

	// Audiences are accepted besides the resource identifier. A URL without a path
	// matches with and without a trailing slash.
	Audiences []string

	// Clients are the IDs of clients whose tokens need no audience, if they have no "aud"
	// at all. They do not apply to answers of a userinfo endpoint, nor to JWTs of a
	// server with Type.
	Clients []string

	// ScopesSupported are published. A token must have all RequiredScopes. A required
	// scope need not be published: RFC 9728, section 2, lets a resource leave scopes
	// out, and with some providers clients request a scope under another name than
	// the token has.
	ScopesSupported []string
	RequiredScopes  []string

	// ScopePrefix is that of all AuthorizationServers: see [Resource.RequestedScopes].
	ScopePrefix string

	// RequiredClaims must all hold for a token.
	RequiredClaims []RequiredClaim

	// ChallengeScopes are the scopes in the challenge of a 401, in this order.
	// Clients register with them and request them first. By default they are the
	// RequiredScopes that no other required scope implies.
	ChallengeScopes []string

	// ScopeHierarchy says which scopes imply which others.
	ScopeHierarchy ScopeHierarchy

	// MutualTLS says whether tokens may or must be bound to the client's certificate. With
	// TrustForwardedClientCert, the certificate is that which the header
	// X-Forwarded-Client-Cert names, and not that of the connection.
	MutualTLS                Binding
	TrustForwardedClientCert bool

	// Metadata are further published members, in the order of the document.
	Metadata []Member

	// RootMetadata also serves the metadata at the root of the host, for clients that
	// look nowhere else. By default it is set if it cannot hide other metadata: there
	// is one resource, and no unmatched request is passed on.
	RootMetadata bool

	// ServeServerMetadata serves the metadata of AuthorizationServers[0] at the
	// resource's origin, for clients that do not know RFC 9728. That server then has
	// Source.Metadata or Source.KeepMetadata.
	ServeServerMetadata bool

	// AllowedOrigins are the origins of web pages that may call the resource, as
	// patterns for [MatchesOrigin]: an origin, "null", or an origin with "*." before
	// the host, for one or more labels. nil allows any origin. The resource's own
	// origin is always allowed, even if the list is empty.
	AllowedOrigins []string

	// Rules say which operations need more than RequiredScopes and RequiredClaims. Of the
	// matching rules with a Name and the same Method, only the most specific one
	// applies: the exact one, else the one with the longest prefix. The same holds for
	// the rules without a Name. All rules together have at most [MaxRuleScopes] different scopes, and
	// [MaxRuleClaims] different required claims.
	Rules []Rule

	// Public says what needs no token.
	Public Public

	// TrustMCPHeaders lets the gateway decide by the headers of MCP 2026-07-28 and
	// later alone, without reading the body.
	TrustMCPHeaders bool

	// MaxBodyBytes bounds the body of a request whose operation is read from the
	// body, and the answers whose lists are filtered: 1 KiB to 16 MiB.
	MaxBodyBytes int

	// FilterLists says which tools, prompts and resources are left out of the lists in
	// answers.
	FilterLists FilterLists

	// DPoP says whether tokens may, or must, be bound to a key (RFC 9449). Proofs are
	// signed with one of the DPoPAlgorithms, of which there are some unless it is off.
	DPoP           Binding
	DPoPAlgorithms []jwtlite.Algorithm

	// Forward passes the Authorization header on to the MCP server, and the DPoP header
	// with it.
	Forward bool

	// ForwardPayloadHeader is the lower-case name of the header that passes the
	// token's payload to the MCP server; empty for none.
	ForwardPayloadHeader string

	// ClaimToHeaders are the claims that are passed to the MCP server as headers.
	ClaimToHeaders []ClaimToHeader

	// IdentityHeaders are the names of the identity headers that are set; by default all.
	// Each name is IdentityHeaderPrefix and one of IdentityNames.
	IdentityHeaders []string

	// FilterState are the names of the identity headers whose values are also in
	// Envoy's filter state, for other filters and access logs. Each name is
	// IdentityHeaderPrefix and one of IdentityNames.
	FilterState []string
}

// Public says which requests to a resource need no token. The zero value is none.
type Public struct {
	// Operations have no scopes and claims. They take part in the choice of the most
	// specific rule: see Resource.Rules. No rule has the same pattern as one of them. A
	// pattern for methods matches none of the methods that have rules with a Name.
	Operations []Rule

	// Paths are canonical paths, or end with "/*", which stands for all that is under
	// them. GET and HEAD of them need no token. The resource matches them, and none of
	// them is the path of the resource itself.
	Paths []string
}

// IdentityHeaderPrefix is the prefix of the headers that pass the caller's identity to
// the MCP server.
const IdentityHeaderPrefix = "x-mcpauth-"

// VerdictHeaderName is the header that says, to a guard behind the plugin, that the
// plugin has let a request on. It begins with [IdentityHeaderPrefix]: it is removed from
// every request of a client, and nothing in the configuration can name it.
const VerdictHeaderName = IdentityHeaderPrefix + "verdict"

// IdentityNames are the names of these headers without the prefix.
var IdentityNames = []string{"subject", "client", "scope", "issuer", "expires"}

// Match says which requests a resource matches.
type Match struct {
	// Hosts are in the form host or host:port, in lower case, with IPv6 addresses in
	// brackets. "*.example.com" matches one or more labels before ".example.com", as
	// in the domains of Envoy's virtual hosts. A host without a port matches every
	// port, and an empty list every host.
	Hosts []string

	// PathPrefixes are canonical absolute paths without a trailing slash, except for
	// "/" itself; at least one. They match whole segments: "/notes" matches
	// "/notes/1" but not "/notes1".
	PathPrefixes []string
}

// Member is a member of a JSON object.
type Member struct {
	Name string // decoded
	Raw  string // the value as JSON text
}

// ClaimToHeader copies a claim of the token into a request header.
type ClaimToHeader struct {
	Claim      Claim
	HeaderName string // lower case
}
