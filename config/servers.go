package config

import (
	"slices"
	"strings"
	"time"

	"mcpauth/jwtlite"
)

// Members of an authorization server and of a public key.
var (
	serverMembers = []string{
		"issuer", "cluster",
		"discovery", "metadata_url", "metadata", "jwks_uri", "jwks", "public_keys",
		"algorithms", "clock_skew_seconds", "max_token_lifetime_seconds", "typ",
	}
	serverUnsupported = []string{"introspection", "metadata_overrides"}

	// sourceMembers say where keys come from; at most one may be there.
	sourceMembers = []string{"discovery", "metadata_url", "metadata", "jwks_uri", "jwks", "public_keys"}
)

// serverList collects the authorization servers of a document.
type serverList struct {
	allowHTTP bool
	list      []*AuthorizationServer
	byIssuer  map[string]*AuthorizationServer

	// issuers are all issuers as written, those with faults too, so that a
	// fault in one is not reported again where a resource names it. paths
	// has where each is; nil if there is no readable list.
	issuers []string
	paths   map[string]string
}

func (l *serverList) parse(v value) {
	elements, ok := v.nonEmptyArray()
	if !ok {
		return
	}
	l.paths = make(map[string]string)
	l.byIssuer = make(map[string]*AuthorizationServer)
	for _, element := range elements {
		l.parseServer(element)
	}
}

func (l *serverList) parseServer(v value) {
	o, ok := v.closedObject(serverMembers, serverUnsupported...)
	if !ok {
		return
	}
	s := &AuthorizationServer{
		Algorithms: []jwtlite.Algorithm{jwtlite.RS256, jwtlite.ES256},
		ClockSkew:  DefaultClockSkew,
	}
	if m, ok := o.require("issuer"); ok {
		s.Issuer = l.parseIssuer(m)
	}
	if m, ok := o.get("algorithms"); ok {
		s.Algorithms = parseAlgorithms(m)
	}
	if m, ok := o.get("clock_skew_seconds"); ok {
		s.ClockSkew = time.Duration(m.integer(0, maxClockSkewSeconds)) * time.Second
	}
	if m, ok := o.get("max_token_lifetime_seconds"); ok {
		s.MaxTokenLifetime = time.Duration(m.integer(1, maxTokenLifetimeSeconds)) * time.Second
	}
	if m, ok := o.get("typ"); ok {
		m.oneOf("at+jwt")
		s.Type = "at+jwt"
	}
	s.Source = l.parseSource(o, s)
	if m, ok := o.get("cluster"); ok {
		s.Cluster, _ = m.text()
	} else if s.Source.Kind != Static {
		o.absent("cluster").fail("is required: it names the Envoy cluster that keys are fetched through")
	}
	l.list = append(l.list, s)
	l.byIssuer[s.Issuer] = s
}

func (l *serverList) parseIssuer(v value) string {
	issuer, ok := v.string()
	if !ok {
		return ""
	}
	if path, twice := l.paths[issuer]; twice {
		v.fail("is the same as " + path)
		return issuer
	}
	l.paths[issuer] = v.path
	l.issuers = append(l.issuers, issuer)
	// RFC 8414, section 2: no query and no fragment. Nothing is normalised,
	// since iss and metadata are compared byte for byte.
	if u, ok := v.url(l.allowHTTP); ok && u.Query != "" {
		v.fail("must be a URL without a query (?)")
	}
	return issuer
}

func parseAlgorithms(v value) []jwtlite.Algorithm {
	elements, _ := v.nonEmptyArray()
	var list []jwtlite.Algorithm
	for _, name := range texts(elements, value.algorithmName) {
		alg, _ := jwtlite.ParseAlgorithm(name)
		list = append(list, alg)
	}
	return list
}

// algorithmName reads a signature algorithm (RFC 7518, section 3.1) that
// jwtlite can verify. HMAC and "none" are no such algorithms.
func (v value) algorithmName() (string, bool) {
	name, ok := v.string()
	if !ok {
		return "", false
	}
	if _, ok := jwtlite.ParseAlgorithm(name); !ok {
		v.fail(`must be "RS256" or "ES256"`)
		return "", false
	}
	return name, true
}

// parseSource reads the member that says where keys come from. Of several it
// reads the first, and refuses the others.
func (l *serverList) parseSource(o object, s *AuthorizationServer) KeySource {
	var source *member
	for i, m := range o.members {
		if !slices.Contains(sourceMembers, m.name) {
			continue
		}
		if source != nil {
			m.fail("must not stand beside " + source.name + ": keys come from one of " + strings.Join(sourceMembers, ", "))
			continue
		}
		source = &o.members[i]
	}
	if source == nil {
		return KeySource{Kind: Discovery, Discovery: Auto}
	}
	switch source.name {
	case "discovery":
		return KeySource{Discovery: DiscoveryMode(source.oneOf("auto", "oauth", "oidc"))}
	case "metadata_url":
		u, _ := source.url(l.allowHTTP)
		return KeySource{Kind: MetadataURL, MetadataURL: u}
	case "jwks_uri":
		u, _ := source.url(l.allowHTTP)
		return KeySource{Kind: JWKSURI, JWKSURI: u}
	case "metadata":
		return KeySource{Kind: JWKSURI, JWKSURI: l.parseServerMetadata(source.value, s.Issuer)}
	case "jwks":
		return KeySource{Kind: Static, Keys: source.keySet(s.Algorithms)}
	default:
		return KeySource{Kind: Static, Keys: source.publicKeys(s.Algorithms)}
	}
}

// parseServerMetadata reads authorization server metadata written by hand
// (RFC 8414, section 2), of which only the issuer and the place of the keys
// matter here.
func (l *serverList) parseServerMetadata(v value, issuer string) *URL {
	o, ok := v.object()
	if !ok {
		return nil
	}
	if m, ok := o.require("issuer"); ok {
		if s, ok := m.string(); ok && s != issuer {
			m.fail("must be the same as the issuer of this authorization server")
		}
	}
	m, ok := o.require("jwks_uri")
	if !ok {
		return nil
	}
	u, _ := m.url(l.allowHTTP)
	return u
}
