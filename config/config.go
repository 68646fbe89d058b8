// Package config turns the plugin's JSON configuration into a validated
// [Config].
//
// [Parse] accepts a whole document or refuses it with every error that it
// found, each with its JSON path ([Errors]). It is strict on purpose: an
// unknown or a repeated member, a wrong type, an issuer that is no https URL,
// or two resources that answer for the same URLs are refused, since the
// gateway would otherwise guess what it protects.
//
// What Parse returns shares no memory with the document, has all defaults
// filled in, and is immutable: the slices and pointers in it must not be
// written to, and may therefore be read from anywhere.
//
// The same rules, as far as JSON Schema (draft 2020-12) can state them, are in
// schema.json beside this file. Rules that relate members of different
// objects, such as "each resource at most once", are only in Parse.
package config

import (
	"time"

	"mcpauth/jwtlite"
)

// Limits and defaults of the contract.
const (
	// MaxDocumentSize is the size in bytes above which Parse refuses a
	// document unread.
	MaxDocumentSize = 1 << 20

	// DefaultClockSkew is used where clock_skew_seconds is left out.
	DefaultClockSkew = 60 * time.Second

	// DefaultMaxStale is used where max_stale_seconds is left out.
	DefaultMaxStale = 24 * time.Hour

	// DefaultCacheEntries is used where token_cache.max_entries is left out.
	DefaultCacheEntries = 4096

	// DefaultTokenBytes is used where max_token_bytes is left out.
	DefaultTokenBytes = 16 << 10

	minTokenBytes           = 1 << 10
	maxClockSkewSeconds     = 600
	maxTokenLifetimeSeconds = 365 * 24 * 60 * 60
	minStaleSeconds         = 60
	maxStaleSeconds         = 365 * 24 * 60 * 60
	maxCacheEntries         = 100_000
)

// Config is a whole, valid configuration. It has at least one authorization
// server and at least one resource.
type Config struct {
	// AuthorizationServers, in the order of the document; no two have the
	// same issuer.
	AuthorizationServers []*AuthorizationServer

	// Resources, in the order of the document; no two have the same
	// identifier, nor the same path prefix with the same entry in
	// Match.Hosts.
	Resources []*Resource

	// Unmatched says what happens to a request that belongs to no resource.
	Unmatched Unmatched

	// AllowInsecureHTTP permits http URLs for hosts that are not loopback.
	// Parse has applied it to the document; it holds for URLs in fetched
	// metadata too.
	AllowInsecureHTTP bool

	// StopsHeaders tells that Envoy lets the plugin stop a request's headers
	// and still see its body: allow_on_headers_stop_iteration.
	StopsHeaders bool

	// MaxTokenBytes is the length in bytes of the longest token that is accepted,
	// 1024 to 65536.
	MaxTokenBytes int

	TokenCache TokenCache

	// Warnings are about what is allowed, but dangerous, each with its JSON path.
	Warnings []string
}

// Unmatched is what happens to a request that belongs to no resource.
type Unmatched uint8

const (
	UnmatchedDeny  Unmatched = iota // answered with 404; the default
	UnmatchedAllow                  // passed on without a check
)

// TokenCache bounds the tokens that a worker remembers as verified.
type TokenCache struct {
	// MaxEntries is the number of tokens; 0 switches the cache off.
	MaxEntries int
}

// AuthorizationServer is one issuer of access tokens and where its keys come
// from.
type AuthorizationServer struct {
	// Issuer is the issuer identifier byte for byte as configured: tokens
	// must carry it in iss, and metadata repeats it (RFC 8414, section 2).
	// It is an https URL without query and fragment.
	Issuer string

	// Cluster is the name of the Envoy cluster that fetches go to. It is
	// empty only when neither keys nor metadata are fetched.
	Cluster string

	// JWKSCluster is the same for the fetches of keys: Cluster, unless
	// jwks_cluster is given.
	JWKSCluster string

	// Source says where the keys come from.
	Source KeySource

	// Introspection says how tokens that are no JWTs are checked; nil if they
	// are not accepted.
	Introspection *Introspection

	// OAuthProxy says how the gateway stands for the server; nil if it does not.
	OAuthProxy *OAuthProxy

	// MaxStale is how long fetched keys are used, counted from the fetch that
	// brought them, while no other succeeds: a minute to a year. It is 0 when
	// Source.Kind is Static or NoKeys.
	MaxStale time.Duration

	// Algorithms accepted in a token's header; at least one, no duplicates.
	Algorithms []jwtlite.Algorithm

	// ClockSkew is how far the server's clock may be off, 0 to 10 minutes.
	ClockSkew time.Duration

	// MaxTokenLifetime bounds the time between iat and exp; 0 is no bound.
	MaxTokenLifetime time.Duration

	// Type is "at+jwt" for the strict profile of RFC 9068, else empty.
	Type string
}

// KeySource says where the keys of an authorization server come from. Kind
// decides which of the other fields is set.
type KeySource struct {
	Kind SourceKind

	// Discovery is how metadata is found, when Kind is Discovery, or NoKeys
	// and there is no MetadataURL.
	Discovery DiscoveryMode

	// MetadataURL is where the metadata is, when Kind is MetadataURL, and
	// perhaps when it is NoKeys.
	MetadataURL *URL

	// Overrides is a merge patch (RFC 7396), a JSON object, for the metadata
	// that is fetched; empty for none, and when none is fetched. If it has an
	// issuer, that is the configured one; if it has a jwks_uri, a URL.
	Overrides string

	// Metadata is the metadata, a JSON object, where it is in the document.
	Metadata string

	// KeepMetadata says that fetched metadata is needed for more than its
	// jwks_uri.
	KeepMetadata bool

	// JWKSURI is where the key set is, when Kind is JWKSURI.
	JWKSURI *URL

	// Keys are the configured keys, when Kind is Static, and Skipped those of
	// the JWK set in the document that cannot be used.
	Keys    *jwtlite.KeySet
	Skipped []jwtlite.SkippedKey
}

// SourceKind is the kind of a [KeySource].
type SourceKind uint8

const (
	Discovery   SourceKind = iota // metadata at the well-known URLs of the issuer
	MetadataURL                   // metadata at a URL of its own
	JWKSURI                       // no metadata needed, only the key set is fetched
	Static                        // nothing is fetched
	NoKeys                        // no JWT is verified; metadata is for introspection
)

// DiscoveryMode says which well-known URLs of an issuer are asked for its
// metadata.
type DiscoveryMode uint8

const (
	// Auto tries OAuth's URL and then both of OpenID Connect, in the order
	// that the MCP specification gives.
	Auto DiscoveryMode = iota

	// OAuth is /.well-known/oauth-authorization-server, inserted between
	// host and path (RFC 8414, section 3.1).
	OAuth

	// OIDC is /.well-known/openid-configuration, inserted between host and
	// path (RFC 8414, section 5) or appended to the issuer (OpenID Connect
	// Discovery 1.0, section 4).
	OIDC
)

// Resource is one protected resource: what is published about it (RFC 9728),
// which requests belong to it and what their tokens must carry.
type Resource struct {
	// Resource is the resource identifier (RFC 9728, section 1.2). Its Raw
	// is published and is an accepted audience. Its path is canonical, but
	// may end with a slash: no other resource differs by that slash alone.
	Resource *URL

	// AuthorizationServers trusted for this resource: at least one, each
	// of them also in Config.AuthorizationServers.
	AuthorizationServers []*AuthorizationServer

	// Match says which requests belong to the resource.
	Match Match

	// Audiences accepted beside the resource identifier itself. A URL that has
	// no path stands for itself with and without a slash.
	Audiences []string

	// ScopesSupported is published; RequiredScopes must all be in a token.
	// A required scope need not be published (RFC 9728, section 2: a
	// resource may leave scopes out), and a provider's requestable name may
	// differ from the one in the token.
	ScopesSupported []string
	RequiredScopes  []string

	// ChallengeScopes are those that the challenge of a 401 names, in this
	// order: what clients register with and first ask for. Where the document
	// does not say, they are the RequiredScopes that no other of them implies.
	ChallengeScopes []string

	// ScopeHierarchy says which scopes imply others.
	ScopeHierarchy ScopeHierarchy

	// Metadata are further members to publish, in the order of the document.
	Metadata []Member

	// RootMetadata serves the metadata not only at its own URL but also at
	// the root of the host, for clients that look nowhere else. Where the
	// document does not say, it is set if no other resource can be meant:
	// there is none, and no unmatched request is let through, perhaps to a
	// server with metadata of its own.
	RootMetadata bool

	// ServeServerMetadata serves the metadata of the first of
	// AuthorizationServers at the resource's origin, for clients that know no
	// metadata of resources. It is there, or fetched and kept.
	ServeServerMetadata bool

	// AllowedOrigins are the origins of the web pages that may call, as
	// patterns for [MatchesOrigin]: an origin, "null", or one with "*." in
	// front of the host, for one or more labels. nil stands for any origin,
	// and an empty list that is not nil for none but the resource's own, which
	// is always allowed.
	AllowedOrigins []string

	// Rules say which operations need more than RequiredScopes. Of those with
	// the same Method and a Name the most specific counts, alone: the exact
	// one, else the one with the longest prefix; so it is among those without
	// a Name. They have at most [MaxRuleScopes] different scopes.
	Rules []Rule

	// TrustMCPHeaders lets the headers of MCP 2026-07-28 and later decide
	// alone, with no look at the body.
	TrustMCPHeaders bool

	// MaxBodyBytes bounds the body of a request whose operation is looked for
	// in it: 1 KiB to 16 MiB.
	MaxBodyBytes int

	// Forward keeps the Authorization header on the way to the server.
	Forward bool

	// ForwardPayloadHeader is the lower-case name of the header that gets
	// the token's payload; empty for none.
	ForwardPayloadHeader string

	// ClaimToHeaders are claims that the server gets as headers.
	ClaimToHeaders []ClaimToHeader

	// FilterState are the names of those headers, of HeaderPrefix and one of
	// CallerNames, whose values the proxy's other filters and its access logs
	// get too.
	FilterState []string
}

// HeaderPrefix begins the names of the headers that tell the server who calls.
const HeaderPrefix = "x-mcpauth-"

// CallerNames are what these headers tell, by the rest of their names.
var CallerNames = []string{"subject", "client", "scope", "issuer", "expires"}

// Match says which requests belong to a resource.
type Match struct {
	// Hosts, as host or host:port in lower case, IPv6 addresses in brackets.
	// "*.example.com" stands for every host of one or more labels before
	// ".example.com", as in the domains of Envoy's virtual hosts. An entry
	// without a port stands for every port, and no entry at all for every
	// host.
	Hosts []string

	// PathPrefixes are canonical absolute paths without a trailing slash,
	// except for "/" itself; at least one. They are meant on segment
	// borders: "/notes" is a prefix of "/notes/1" but not of "/notes1".
	PathPrefixes []string
}

// Member is a member of a JSON object.
type Member struct {
	Name string // decoded
	Raw  string // the value as JSON text
}

// ClaimToHeader copies a claim of the token into a request header.
type ClaimToHeader struct {
	// ClaimName is a top-level member of the payload, decoded. It is empty where
	// the configuration gives the path.
	ClaimName string

	// Path is where the claim is if there is no member ClaimName: that name, split
	// at its dots, or the path that the configuration gives.
	Path MemberPath

	HeaderName string // lower case
}
