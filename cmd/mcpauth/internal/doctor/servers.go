package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"mcpauth/cmd/mcpauth/internal/probe"
	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/config"
	"mcpauth/internal/wellknown"
	"mcpauth/jwtlite"
)

// serverMetadata is the metadata of an authorization server (RFC 8414, section 2).
type serverMetadata struct {
	Issuer                 string   `json:"issuer"`
	AuthorizationEndpoint  string   `json:"authorization_endpoint"`
	TokenEndpoint          string   `json:"token_endpoint"`
	RegistrationEndpoint   string   `json:"registration_endpoint"`
	IntrospectionEndpoint  string   `json:"introspection_endpoint"`
	JWKSURI                string   `json:"jwks_uri"`
	Scopes                 []string `json:"scopes_supported"`
	ResponseTypes          []string `json:"response_types_supported"`
	GrantTypes             []string `json:"grant_types_supported"`
	AuthMethods            []string `json:"token_endpoint_auth_methods_supported"`
	ChallengeMethods       []string `json:"code_challenge_methods_supported"`
	IssuerParameter        bool     `json:"authorization_response_iss_parameter_supported"`
	ClientMetadataDocument bool     `json:"client_id_metadata_document_supported"`
}

// A server is an authorization server as it was seen.
type server struct {
	issuer   string
	places   []*place
	metadata *serverMetadata // nil if there is none
	keysURL  string
	keys     *probe.Exchange // nil if there is no URL of keys
	keySet   *jwtlite.KeySet
	skipped  []jwtlite.SkippedKey
	keyErr   error
	forged   *probe.Exchange
	trial    *trial
}

func observeServers(ctx context.Context, o *Observation) {
	for _, s := range o.servers {
		o.Progress(s.issuer)
		u, err := config.ParseURL(s.issuer)
		if err != nil {
			continue
		}
		for _, target := range wellknown.AuthorizationServerURLs(u, config.Auto) {
			p := &place{url: target.Raw, exchange: o.client.Do(ctx, http.MethodGet, target.Raw, nil, "Accept", "application/json", "MCP-Protocol-Version", versions[0])}
			s.places = append(s.places, p)
			var m serverMetadata
			if p.err = p.exchange.Object(&m); p.err == nil && s.metadata == nil {
				s.metadata = &m
			}
		}
		if s.keysURL = o.keysURL(s); s.keysURL != "" {
			s.observeKeys(ctx, o)
		}
	}
}

// keysURL returns where the plugin takes the keys of s from: what the configuration says, if
// it is known and says so, else what the metadata says.
func (o *Observation) keysURL(s *server) string {
	if c := o.configured(s); c != nil {
		if c.Source.JWKSURI != nil {
			return c.Source.JWKSURI.Raw
		}
		for _, doc := range []string{c.Source.Overrides, c.Source.Metadata} {
			var m serverMetadata
			if json.Unmarshal([]byte(doc), &m) == nil && m.JWKSURI != "" {
				return m.JWKSURI
			}
		}
	}
	if s.metadata == nil {
		return ""
	}
	return s.metadata.JWKSURI
}

func (s *server) observeKeys(ctx context.Context, o *Observation) {
	s.keys = o.client.Do(ctx, http.MethodGet, s.keysURL, nil, "Accept", "application/json")
	if s.keyErr = s.keys.Document(); s.keyErr == nil {
		s.keySet, s.skipped, s.keyErr = jwtlite.ParseKeySet(s.keys.Body)
	}
}

// serverChecks are run for each authorization server.
var serverChecks = []check{
	{"as-metadata", eachServer(checkServerMetadata)},
	{"as-issuer", eachServer(checkIssuer)},
	{"as-places", eachServer(checkServerPlaces)},
	{"as-endpoints", eachServer(checkEndpoints)},
	{"as-pkce", eachServer(checkPKCE)},
	{"as-keys", eachServer(checkKeys)},
	{"as-clock", eachServer(checkClock)},
	{"as-registration", eachServer(checkRegistrationOffered)},
	{"as-grants", eachServer(checkGrants)},
	{"as-public-clients", eachServer(checkPublicClients)},
	{"as-scopes", eachServer(checkServerScopes)},
	{"as-iss", eachServer(checkIssParameter)},
}

// eachServer runs a check for each authorization server. The server is the subject.
func eachServer(f func(o *Observation, s *server) []report.Result) func(o *Observation) []report.Result {
	return func(o *Observation) []report.Result {
		var all []report.Result
		for _, s := range o.servers {
			for _, r := range f(o, s) {
				r.Subject = s.issuer
				all = append(all, r)
			}
		}
		return all
	}
}

func checkServerMetadata(_ *Observation, s *server) []report.Result {
	if len(s.places) == 0 {
		return one(report.Failure, "the issuer is not a URL that clients can use", "correct issuer", "SERVER.issuer")
	}
	if s.metadata != nil {
		for _, p := range s.places {
			if p.err == nil {
				return pass("metadata at %s", p.url)
			}
		}
	}
	var reasons []string
	for _, p := range s.places {
		reasons = append(reasons, p.url+": "+p.err.Error())
	}
	fix := "correct issuer: it is what tokens have as iss, and the metadata is at its well-known URLs; if the server publishes none, clients of MCP cannot find its endpoints"
	switch first := s.places[0].exchange; {
	case first.Err != nil && first.IsTLSFault():
		fix = "serve the whole chain of a certificate for this name; for an authority of your own, pass --ca"
	case first.Err != nil:
		fix = "clients must reach the authorization server as the gateway does: give issuer the name that it has outside, if this is the name inside"
	}
	return one(report.Failure, "no metadata: "+strings.Join(reasons, "; "), fix, "SERVER.issuer")
}

func checkIssuer(o *Observation, s *server) []report.Result {
	if s.metadata == nil {
		return nil
	}
	if s.metadata.Issuer == s.issuer {
		return pass("the metadata names this issuer, byte for byte")
	}
	if c := o.configured(s); c != nil && c.AcceptsIssuer(s.metadata.Issuer) {
		return one(report.Warning, fmt.Sprintf("the metadata names the issuer %s: the plugin takes it for that of all tenants, and clients that compare it with %s refuse it", s.metadata.Issuer, s.issuer),
			"docs/providers/entra.md names such clients, and two ways to serve them", "SERVER.metadata_issuer")
	}
	hint := ""
	switch named := s.metadata.Issuer; {
	case strings.TrimSuffix(named, "/") == strings.TrimSuffix(s.issuer, "/"):
		hint = ": they differ in a slash at the end"
	case strings.TrimPrefix(named, "https://") == strings.TrimPrefix(s.issuer, "http://") || strings.TrimPrefix(named, "http://") == strings.TrimPrefix(s.issuer, "https://"):
		hint = ": they differ in http and https"
	case strings.Replace(named, "localhost", "127.0.0.1", 1) == strings.Replace(s.issuer, "localhost", "127.0.0.1", 1):
		hint = ": localhost and 127.0.0.1 are different hosts"
	}
	return one(report.Failure, fmt.Sprintf("the metadata names the issuer %s, not %s%s: clients refuse it, and the plugin gets no keys", s.metadata.Issuer, s.issuer, hint),
		"write in issuer what the metadata says; for a server with tenants, such as Entra ID, write its template in issuer, with tenants beside it", "SERVER.issuer")
}

func checkServerPlaces(_ *Observation, s *server) []report.Result {
	if s.metadata == nil {
		return nil
	}
	if first := s.places[0]; first.err != nil {
		return one(report.Note, "none at "+first.url+"; clients of MCP 2025-03-26 and 2025-06-18 may look there only", "", "")
	}
	return nil
}

func checkEndpoints(_ *Observation, s *server) []report.Result {
	if s.metadata == nil {
		return nil
	}
	for _, e := range []struct{ name, url string }{{"authorization_endpoint", s.metadata.AuthorizationEndpoint}, {"token_endpoint", s.metadata.TokenEndpoint}} {
		if e.url == "" {
			return one(report.Failure, "the metadata has no "+e.name+": nobody can sign in", "is this the metadata of an authorization server for users?", "SERVER.issuer")
		}
		if strings.HasPrefix(e.url, "http://") && strings.HasPrefix(s.issuer, "https://") {
			return one(report.Failure, "its "+e.name+" is "+probe.WithoutQuery(e.url)+": a server behind TLS that names itself http", "tell the authorization server its outer URL (X-Forwarded-Proto)", "")
		}
	}
	return nil
}

func checkPKCE(_ *Observation, s *server) []report.Result {
	if s.metadata == nil {
		return nil
	}
	if !slices.Contains(s.metadata.ChallengeMethods, "S256") {
		return one(report.Failure, "the metadata does not list S256 in code_challenge_methods_supported: MCP clients must refuse such a server",
			"switch PKCE on at the provider; if it has it and does not say so, put oauth_proxy before it", "SERVER.oauth_proxy")
	}
	return pass("PKCE with S256")
}

func checkKeys(o *Observation, s *server) []report.Result {
	switch {
	case s.metadata == nil && s.keys == nil:
		return nil
	case s.keys == nil && o.configured(s) != nil && o.configured(s).Source.Kind == config.Static:
		return one(report.Note, "the metadata names no keys; the configuration has them", "", "")
	case s.keys == nil && s.metadata.IntrospectionEndpoint != "":
		return one(report.Note, "the metadata has no jwks_uri: the plugin needs introspection", "", "SERVER.introspection")
	case s.keys == nil:
		return one(report.Failure, "the metadata has no jwks_uri: the plugin has no keys, and answers 503", "set jwks_uri, jwks or public_keys, or introspection for opaque tokens", "SERVER.jwks_uri")
	}
	at := probe.WithoutQuery(s.keysURL)
	var reasons []string
	for _, k := range s.skipped {
		reasons = append(reasons, fmt.Sprintf("%s: %s", quoteID(k.KeyID), strings.TrimPrefix(k.Reason.Error(), "the key is not usable: ")))
	}
	skipped := ""
	if len(reasons) > 0 {
		skipped = "; skipped " + strings.Join(reasons, ", ")
	}
	switch {
	case errors.Is(s.keyErr, jwtlite.ErrNoUsableKey):
		return one(report.Failure, "no key at "+at+" can be used"+skipped, "have the provider sign with one of the algorithms of docs/security.md", "SERVER.algorithms")
	case s.keyErr != nil:
		return one(report.Failure, "no keys at "+at+": "+s.keyErr.Error(), "the plugin needs this document; correct jwks_uri of the provider, or set jwks_uri", "SERVER.jwks_uri")
	}
	accepted := []jwtlite.Algorithm{jwtlite.RS256, jwtlite.ES256}
	if c := o.configured(s); c != nil {
		accepted = c.Algorithms
	}
	var names []string
	usable := 0
	for i := range s.keySet.Len() {
		k := s.keySet.Key(i)
		names = append(names, algorithmsOf(k)+" "+quoteID(k.ID()))
		if slices.ContainsFunc(accepted, k.Allows) {
			usable++
		}
	}
	list := strings.Join(names[:min(len(names), 8)], ", ")
	if usable == 0 {
		return one(report.Failure, "the keys are for algorithms that are not accepted: "+list, "list the algorithm of the tokens in algorithms", "SERVER.algorithms")
	}
	return pass("%d of %d keys can be used (%s)%s", s.keySet.Len(), s.keySet.Len()+len(s.skipped), list, skipped)
}

// algorithmsOf names the algorithms of a key: RS256 or PS256, say, for one that declares none.
func algorithmsOf(k *jwtlite.Key) string {
	var names []string
	for _, a := range jwtlite.Algorithms() {
		if k.Allows(a) {
			names = append(names, a.String())
		}
	}
	return strings.Join(names, "/")
}

func quoteID(id string) string {
	if id == "" {
		return "without kid"
	}
	return fmt.Sprintf("%q", id[:min(len(id), 40)])
}

// configured returns the server in the configuration, nil if that is not known.
func (o *Observation) configured(s *server) *config.AuthorizationServer {
	if o.config != nil {
		for _, c := range o.config.AuthorizationServers {
			if c.PublicIssuer() == s.issuer {
				return c
			}
		}
	}
	return nil
}

// maxDrift is how far clocks may be off without notice.
const maxDrift = 30 * time.Second

// drift returns how far the clock of the server that answered is ahead of this machine's.
func drift(x *probe.Exchange) (time.Duration, bool) {
	t, err := http.ParseTime(x.Header.Get("Date"))
	if err != nil || x.Err != nil {
		return 0, false
	}
	return t.Sub(x.At), true
}

func checkClock(o *Observation, s *server) []report.Result {
	if len(s.places) == 0 {
		return nil
	}
	server, ok := drift(s.places[0].exchange)
	gateway, ok2 := drift(o.bare)
	if !ok || !ok2 {
		return nil
	}
	skew := config.DefaultClockSkew
	if c := o.configured(s); c != nil {
		skew = c.ClockSkew
	}
	apart := (server - gateway).Abs().Round(time.Second)
	switch {
	case apart > skew:
		return one(report.Failure, fmt.Sprintf("its clock and the gateway's are %s apart: tokens seem to have expired, or not to be valid yet", apart),
			"set both clocks by NTP; clock_skew_seconds bridges up to 600 seconds", "SERVER.clock_skew_seconds")
	case apart > maxDrift:
		return one(report.Warning, fmt.Sprintf("its clock and the gateway's are %s apart", apart), "set both clocks by NTP", "SERVER.clock_skew_seconds")
	case server.Abs() > 2*maxDrift:
		return one(report.Note, fmt.Sprintf("the clock of this machine is %s off", server.Abs().Round(time.Second)), "", "")
	}
	return pass("its clock and the gateway's agree")
}

func checkRegistrationOffered(_ *Observation, s *server) []report.Result {
	if s.metadata == nil {
		return nil
	}
	var ways []string
	if s.metadata.ClientMetadataDocument {
		ways = append(ways, "client ID metadata documents")
	}
	if s.metadata.RegistrationEndpoint != "" {
		ways = append(ways, "dynamic registration")
	}
	if len(ways) == 0 {
		return one(report.Warning, "no registration: a client that is not known there cannot sign in",
			"register each client by hand and give it its client ID, or let the gateway register them: oauth_proxy", "SERVER.oauth_proxy")
	}
	return pass("clients register by %s", strings.Join(ways, " and "))
}

func checkGrants(_ *Observation, s *server) []report.Result {
	if s.metadata == nil {
		return nil
	}
	m := s.metadata
	switch {
	case m.ResponseTypes != nil && !slices.ContainsFunc(m.ResponseTypes, func(t string) bool { return t == "code" }):
		return one(report.Failure, "the metadata does not list the response type code", "switch the authorization code flow on at the provider", "")
	case m.GrantTypes != nil && !slices.Contains(m.GrantTypes, "authorization_code"):
		return one(report.Failure, "the metadata does not list the grant type authorization_code", "switch the authorization code flow on at the provider", "")
	case m.GrantTypes != nil && !slices.Contains(m.GrantTypes, "refresh_token"):
		return one(report.Note, "no refresh tokens: users sign in again whenever a token has expired", "", "")
	}
	return nil
}

func checkPublicClients(_ *Observation, s *server) []report.Result {
	if s.metadata == nil || s.metadata.AuthMethods == nil || slices.Contains(s.metadata.AuthMethods, "none") {
		return nil
	}
	return one(report.Note, "the metadata does not list none in token_endpoint_auth_methods_supported: some clients then do not register as public ones",
		"allow public clients with PKCE at the provider", "")
}

func checkServerScopes(o *Observation, s *server) []report.Result {
	if s.metadata == nil || s.metadata.Scopes == nil {
		return nil
	}
	wanted := o.challenge.scopes()
	if len(wanted) == 0 && o.metadata != nil {
		wanted = o.metadata.Scopes
	}
	var missing []string
	for _, scope := range wanted {
		if !slices.Contains(s.metadata.Scopes, scope) {
			missing = append(missing, scope)
		}
	}
	if len(missing) > 0 {
		// A server need not list all of its scopes (RFC 8414, section 2), and Ory Hydra does not.
		return one(report.Note, "it does not list the scopes "+strings.Join(missing, " ")+", which clients are told to ask for; --register shows whether it knows them",
			"", "RESOURCE.required_scopes")
	}
	return nil
}

func checkIssParameter(_ *Observation, s *server) []report.Result {
	if s.metadata == nil {
		return nil
	}
	if !s.metadata.IssuerParameter {
		return one(report.Note, "authorization responses have no iss (RFC 9207): clients cannot tell servers apart by it", "", "")
	}
	return nil
}
