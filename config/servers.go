package config

import (
	"slices"
	"strings"
	"time"

	"mcpauth/jwtlite"
)

// The members of an authorization server.
var (
	serverMembers = []string{
		"issuer", "tenants", "metadata_issuer", "cluster", "jwks_cluster",
		"discovery", "metadata_url", "metadata", "jwks_uri", "jwks", "public_keys",
		"metadata_overrides", "max_stale_seconds",
		"algorithms", "clock_skew_seconds", "max_token_lifetime_seconds", "typ", "scope_claims", "scope_prefix",
		"introspection", "userinfo", "oauth_proxy",
	}

	// sourceMembers say where keys come from. A server has at most one of them.
	sourceMembers = []string{"discovery", "metadata_url", "metadata", "jwks_uri", "jwks", "public_keys"}
)

// serverParser reads the authorization servers of a document. It holds the settings and
// the results that the parsing of resources needs too.
type serverParser struct {
	allowHTTP    bool
	stopsHeaders bool
	unmatched    Unmatched
	list         []*AuthorizationServer

	// issuers are all issuers as written, even invalid ones, so that an error in one is
	// not reported again where a resource names it. paths maps each issuer to its path
	// in the document; it is nil if there is no readable list.
	issuers []string
	paths   map[string]string

	// deferred are the checks that run after all resources are read: they depend on
	// whether a resource serves a server's metadata.
	deferred []func()

	warnings []string
}

// parse reads the member authorization_servers.
func (l *serverParser) parse(v *value) {
	elements := v.nonEmptyArray()
	if len(elements) == 0 {
		return
	}
	l.paths = make(map[string]string)
	for _, element := range elements {
		l.parseServer(element)
	}
}

// parseServer reads one authorization server.
func (l *serverParser) parseServer(v *value) {
	if !v.closedObject(serverMembers) {
		return
	}
	s := &AuthorizationServer{}
	s.Issuer, s.Tenants = l.parseIssuer(v.require("issuer"))
	l.parseTenants(v, s)
	s.Algorithms = parseAlgorithms(v.get("algorithms"))
	skew := v.get("clock_skew_seconds").integer(0, maxClockSkewSeconds, int(DefaultClockSkew/time.Second))
	s.ClockSkew = time.Duration(skew) * time.Second
	lifetime := v.get("max_token_lifetime_seconds").integer(1, maxTokenLifetimeSeconds, 0)
	s.MaxTokenLifetime = time.Duration(lifetime) * time.Second
	if m := v.get("typ"); m != nil {
		m.oneOf("at+jwt")
		s.Type = "at+jwt"
	}
	source := l.parseSource(v, s)
	check := l.parseIntrospection(v, s, source)
	if m := v.get("cluster"); m != nil {
		s.Cluster = m.nonEmptyString()
	} else if s.Source.Kind < Static {
		v.failMember("cluster", "is required: it names the Envoy cluster that keys are fetched through")
	}
	if check != nil {
		l.parseCallout(v, s, check)
	}
	v.scopeNames(s)
	if s.Source.Kind == NoKeys {
		source = check
	}
	l.parseOAuthProxy(v, s)
	l.parseFetching(v, s, source)
	l.checkOverlap(v, s.Issuer)
	l.list = append(l.list, s)
}

// parseFetching reads the members about fetching. It refuses those that have no effect,
// because source is a member with the keys or the metadata themselves.
func (l *serverParser) parseFetching(v *value, s *AuthorizationServer, source *value) {
	overrides, cluster, stale := v.get("metadata_overrides"), v.get("jwks_cluster"), v.get("max_stale_seconds")
	if s.Source.Kind <= MetadataURL || s.discovers() || s.Source.KeepMetadata {
		s.Source.Overrides = l.parseOverrides(overrides, s)
	} else if s.Source.Kind == NoKeys && overrides != nil {
		l.deferred = append(l.deferred, func() {
			if s.Source.KeepMetadata {
				s.Source.Overrides = l.parseOverrides(overrides, s)
			} else {
				overrides.failBeside(source, "no metadata is fetched")
			}
		})
	} else {
		overrides.failBeside(source, "no metadata is fetched")
	}
	if s.Source.Kind >= Static {
		cluster.failBeside(source, "no keys are fetched")
		stale.failBeside(source, "no keys are fetched")
		return
	}
	s.JWKSCluster = s.Cluster
	if cluster != nil {
		s.JWKSCluster = cluster.nonEmptyString()
	}
	s.MaxStale = time.Duration(stale.integer(minStaleSeconds, maxStaleSeconds, int(DefaultMaxStale/time.Second))) * time.Second
}

// failBeside refuses a member, if it is there, that has no meaning beside another.
func (v *value) failBeside(beside *value, why string) {
	if v != nil {
		v.fail("must not stand beside " + beside.name + ": " + why)
	}
}

// parseIssuer reads an issuer. tenants is set if it has a placeholder, but lacks their names.
func (l *serverParser) parseIssuer(v *value) (issuer string, tenants *jwtlite.Tenants) {
	issuer, ok := v.string()
	if !ok {
		return "", nil
	}
	url := issuer
	if hasPlaceholder(issuer) {
		if tenants = parsePlaceholder(issuer); tenants != nil {
			url = issuerOf(tenants, "x")
		}
	}
	if path, twice := l.paths[issuer]; twice {
		v.fail("is the same as " + path)
		return issuer, tenants
	}
	l.paths[issuer] = v.path
	l.issuers = append(l.issuers, issuer)
	if hasPlaceholder(url) {
		v.fail(faultPlaceholder)
	} else {
		l.checkIssuer(v, url)
	}
	return issuer, tenants
}

// checkIssuer checks an issuer (RFC 8414, section 2): a URL without query and fragment. The
// issuer is not normalized, since iss and metadata are compared with it byte for byte.
func (l *serverParser) checkIssuer(v *value, issuer string) {
	if u := v.parseURL(issuer, l.allowHTTP); u != nil && u.Query != "" {
		v.fail(faultQuery)
	}
}

func parseAlgorithms(v *value) []jwtlite.Algorithm {
	if v == nil {
		return []jwtlite.Algorithm{jwtlite.RS256, jwtlite.ES256}
	}
	var list []jwtlite.Algorithm
	for _, name := range uniqueStrings(v.nonEmptyArray(), (*value).algorithmName) {
		alg, _ := jwtlite.ParseAlgorithm(name)
		list = append(list, alg)
	}
	return list
}

// algorithmNames are the names that algorithmName accepts.
const algorithmNames = `"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA" or "Ed25519"`

// algorithmName reads a signature algorithm (RFC 7518, section 3.1) that jwtlite can
// verify. HMAC and "none" are not among them.
func (v *value) algorithmName() string {
	name, ok := v.string()
	if !ok {
		return ""
	}
	if _, ok := jwtlite.ParseAlgorithm(name); !ok {
		v.fail("must be " + algorithmNames)
		return ""
	}
	return name
}

// parseSource reads the member that says where keys come from, and returns it. If there
// are several, it reads the first and refuses the others.
func (l *serverParser) parseSource(v *value, s *AuthorizationServer) *value {
	var m *value
	for _, other := range v.members {
		switch {
		case !slices.Contains(sourceMembers, other.name):
		case m == nil:
			m = other
		default:
			other.failBeside(m, "keys come from one of "+strings.Join(sourceMembers, ", "))
		}
	}
	if m == nil {
		return nil // Discovery, Auto
	}
	source := &s.Source
	switch m.name {
	case "discovery":
		source.Discovery = DiscoveryMode(m.oneOf("auto", "oauth", "oidc"))
	case "metadata_url":
		source.Kind = MetadataURL
		source.MetadataURL = m.url(l.allowHTTP)
	case "jwks_uri":
		source.Kind = JWKSURI
		source.JWKSURI = m.url(l.allowHTTP)
	case "metadata":
		source.Kind = JWKSURI
		source.JWKSURI = l.parseServerMetadata(m, s)
		source.Metadata = strings.Clone(m.json.Raw)
	case "jwks":
		source.Kind = Static
		source.Keys, source.Skipped = m.keySet(s)
	default:
		source.Kind = Static
		source.Keys = m.publicKeys(s.Algorithms)
	}
	return m
}

// parseServerMetadata reads authorization server metadata (RFC 8414, section 2) that is
// in the document, and returns its jwks_uri.
func (l *serverParser) parseServerMetadata(v *value, s *AuthorizationServer) *URL {
	if !v.object() {
		return nil
	}
	v.require("issuer").sameIssuer(s)
	return v.require("jwks_uri").url(l.allowHTTP)
}

// sameIssuer refuses metadata with another issuer (RFC 8414, section 3.3).
func (v *value) sameIssuer(s *AuthorizationServer) {
	issuer, ok := v.string()
	switch {
	case !ok || s.AcceptsIssuer(issuer):
	case s.Tenants != nil:
		v.fail("must be the metadata_issuer of this authorization server, its issuer with any placeholder, or the issuer of one of its tenants")
	default:
		v.fail("must be the same as the issuer of this authorization server")
	}
}

// parseOverrides reads a merge patch (RFC 7396) for fetched metadata, and returns it as
// a JSON text.
func (l *serverParser) parseOverrides(v *value, s *AuthorizationServer) string {
	if !v.object() {
		return ""
	}
	for _, m := range v.members {
		switch m.name {
		case "issuer":
			m.sameIssuer(s)
		case "jwks_uri", "introspection_endpoint":
			m.url(l.allowHTTP)
		default:
			m.uniqueNames()
		}
	}
	return strings.Clone(v.json.Raw)
}
