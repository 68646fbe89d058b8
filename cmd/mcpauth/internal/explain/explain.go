// Package explain says in words what a configuration of the plugin does.
package explain

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mcpauth/config"
	"mcpauth/internal/wellknown"
)

// Config writes what c does, one paragraph for each resource and each authorization server.
func Config(w io.Writer, c *config.Config) {
	p := &printer{w: w}
	for i, r := range c.Resources {
		if i > 0 {
			p.line("")
		}
		p.resource(c, r)
	}
	for _, s := range c.AuthorizationServers {
		p.line("")
		p.server(s)
	}
	p.line("")
	p.rest(c)
}

type printer struct{ w io.Writer }

func (p *printer) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// item writes one line below a heading.
func (p *printer) item(name, format string, args ...any) {
	p.line("  %-10s %s", name, fmt.Sprintf(format, args...))
}

func (p *printer) resource(c *config.Config, r *config.Resource) {
	p.line("Resource %s", r.Resource.Raw)
	hosts := "any host"
	if len(r.Match.Hosts) > 0 {
		hosts = "the host " + list(r.Match.Hosts, "or")
	}
	paths := make([]string, len(r.Match.PathPrefixes))
	for i, prefix := range r.Match.PathPrefixes {
		paths[i] = prefix + " and everything below it"
		if prefix == "/" {
			paths[i] = "every path"
		}
	}
	p.item("requests", "for %s on %s", list(paths, "or"), hosts)
	root := ""
	if r.RootMetadata {
		root = ", and at the root of the host"
	}
	p.item("metadata", "at %s%s", wellknown.ProtectedResourceURL(r.Resource), root)
	p.item("no token", "401; the client is told to ask for %s", scopes(r.RequestedScopes(r.ChallengeScopes)))
	p.token(r)
	if len(r.RequiredScopes) > 0 {
		p.item("needs", "%s, in every token", scopes(r.RequiredScopes))
	} else {
		p.item("needs", "no scope: every token of these servers for this audience passes")
	}
	for i := range r.RequiredClaims {
		p.item("", "the claim %s", claim(&r.RequiredClaims[i]))
	}
	for _, broad := range sortedKeys(r.ScopeHierarchy) {
		p.item("", "%s counts as %s too", broad, list(r.ScopeHierarchy[broad], "and"))
	}
	for _, rule := range r.Rules {
		p.item("rule", "%s", ruleText(&rule))
	}
	p.public(&r.Public)
	switch r.FilterLists {
	case config.FilterClaims:
		p.item("lists", "leave out what the claims of a token forbid")
	case config.FilterAll:
		p.item("lists", "leave out what a token may not use, by its claims and its scopes")
	}
	p.origins(r)
	p.forwarded(c, r)
}

// public says what needs no token.
func (p *printer) public(public *config.Public) {
	for _, o := range public.Operations {
		what := o.Method
		if o.Name != "" {
			what += " " + o.Name
		}
		p.item("public", "%s needs no token", what)
	}
	if len(public.Paths) > 0 {
		p.item("public", "GET and HEAD of %s need no token", list(public.Paths, "and"))
	}
}

func (p *printer) token(r *config.Resource) {
	issuers := make([]string, len(r.AuthorizationServers))
	for i, s := range r.AuthorizationServers {
		issuers[i] = s.Issuer
	}
	p.item("tokens", "of %s", list(issuers, "or"))
	p.item("audience", "%s", list(append([]string{r.Resource.Raw}, r.Audiences...), "or"))
	if len(r.Clients) > 0 {
		p.item("", "none is needed in tokens of the clients %s", list(r.Clients, "and"))
	}
	p.bound(r)
}

// bound says which tokens may or must be bound to the client.
func (p *printer) bound(r *config.Resource) {
	if r.DPoP != config.BindingOff {
		what := "tokens that are bound to a key need a DPoP proof; others pass without"
		if r.DPoP == config.BindingRequired {
			what = "every token must be bound to a key, and each request needs a DPoP proof"
		}
		p.item("DPoP", "%s", what)
		p.item("", "proofs are signed with %s, and name %s as their host", list(r.DPoPAlgorithmNames(), "or"), r.Resource.Origin())
	}
	switch r.MutualTLS {
	case config.BindingOff:
		return
	case config.BindingAccept:
		p.item("bound", "tokens that are bound to a client certificate need it; others pass without")
	case config.BindingRequired:
		p.item("bound", "every token must be bound to a client certificate, and the client must present it")
	}
	if r.TrustForwardedClientCert {
		p.item("", "the certificate is TAKEN FROM THE HEADER x-forwarded-client-cert (trust_forwarded_client_cert):")
		p.item("", "no client may reach the gateway but through the proxy that sets it")
	} else {
		p.item("", "the certificate is that of the TLS connection to the gateway")
	}
}

func (p *printer) origins(r *config.Resource) {
	switch {
	case r.AllowedOrigins == nil:
		p.item("web pages", "of any origin")
	case len(r.AllowedOrigins) == 0:
		p.item("web pages", "of its own origin only")
	default:
		p.item("web pages", "of its own origin, %s; others get 403", list(r.AllowedOrigins, "and"))
	}
}

func (p *printer) forwarded(c *config.Config, r *config.Resource) {
	token := "without the token"
	if r.Forward {
		token = "with the token"
	}
	headers := slices.Clone(r.IdentityHeaders)
	for _, h := range r.ClaimToHeaders {
		headers = append(headers, h.HeaderName)
	}
	if r.ForwardPayloadHeader != "" {
		headers = append(headers, r.ForwardPayloadHeader)
	}
	if c.VerdictHeader {
		headers = append(headers, config.VerdictHeaderName)
	}
	p.item("server", "gets the request %s, and %s", token, list(headers, "and"))
	if len(r.FilterState) > 0 {
		p.item("", "filter state: %s", list(r.FilterState, "and"))
	}
	if len(r.Rules) > 0 {
		when := "after its headers have reached the server"
		if c.StopsHeaders {
			when = "before anything of the request reaches the server"
		}
		p.item("", "rules that need the body are applied %s; bodies have at most %d bytes", when, r.MaxBodyBytes)
	}
}

func (p *printer) server(s *config.AuthorizationServer) {
	p.line("Authorization server %s", s.Issuer)
	if t := s.Tenants; t != nil {
		if t.Any {
			p.item("tenants", "EVERY tenant of the server, by the claim %s", t.Claim)
		} else {
			p.item("tenants", "%s, by the claim %s", list(t.Names, "and"), t.Claim)
		}
		p.item("", "clients sign in at %s", s.MetadataIssuer)
	}
	p.item("keys", "%s", keySource(s))
	if s.Source.Kind != config.NoKeys {
		names := make([]string, len(s.Algorithms))
		for i, a := range s.Algorithms {
			names[i] = a.String()
		}
		p.item("JWTs", "signed with %s; clocks may differ by %s", list(names, "or"), s.ClockSkew)
	}
	if s.Type != "" {
		p.item("", "of the type %s only", s.Type)
	}
	if s.MaxTokenLifetime > 0 {
		p.item("", "valid for at most %s", s.MaxTokenLifetime)
	}
	if s.MaxStale > 0 {
		p.item("outage", "the last keys are used for %s; then requests get 503", period(s.MaxStale))
	}
	if i := s.Introspection; i != nil {
		what := "opaque tokens"
		if i.JWT {
			what = "all tokens"
		}
		endpoint := "the introspection_endpoint of its metadata"
		if i.Endpoint != nil {
			endpoint = i.Endpoint.WithoutQuery()
		}
		p.item("asks", "about %s at %s, through the cluster %q; an answer is used for %s", what, endpoint, i.Cluster, i.MaxCache)
	} else {
		p.item("opaque", "tokens that are no JWTs are refused")
	}
	if o := s.OAuthProxy; o != nil {
		p.item("proxy", "the gateway stands in for it: clients register with the gateway, and the provider sees the client %q", o.ClientID)
		uris := "none, so that no client can register"
		if len(o.RedirectURIs) > 0 {
			uris = list(o.RedirectURIs, "and")
		}
		p.item("", "redirect URIs: %s; the provider sends users to %s of the gateway", uris, o.IssuerPath+o.PathPrefix+config.CallbackEndpoint)
		if o.IssuerPath != "" {
			p.item("", "to clients it is the issuer at %s of the resource's origin", o.IssuerPath)
		}
		for _, d := range o.ClientDocuments {
			p.item("", "the client ID metadata document %s is accepted, and fetched through the cluster %q", d.URL, d.Cluster)
		}
		asks := "each time"
		if o.ConsentMaxAge > 0 {
			asks = "and remembers the answer in the browser for " + period(o.ConsentMaxAge)
		}
		p.item("", "users are asked about each client, %s; a registration lasts %s", asks, period(o.ClientMaxAge))
		if len(o.Scopes) > 0 {
			p.item("", "clients get no other scopes than %s", list(o.Scopes, "and"))
		}
		if len(o.ExtraScopes) > 0 {
			p.item("", "every request has the scopes %s too", list(o.ExtraScopes, "and"))
		}
		if o.RefreshScope != "" {
			p.item("", "a refresh request without scopes has %s", o.RefreshScope)
		}
	}
}

func keySource(s *config.AuthorizationServer) string {
	k := &s.Source
	through := fmt.Sprintf("through the cluster %q", s.Cluster)
	switch k.Kind {
	case config.Discovery:
		where := map[config.DiscoveryMode]string{
			config.Auto: "RFC 8414 and OpenID Connect", config.OAuth: "RFC 8414", config.OIDC: "OpenID Connect",
		}[k.Discovery]
		if s.JWKSCluster != s.Cluster {
			through += fmt.Sprintf(", keys through %q", s.JWKSCluster)
		}
		return "named by its metadata, which is looked for at the well-known places of " + where + ", " + through
	case config.MetadataURL:
		return "named by its metadata at " + k.MetadataURL.WithoutQuery() + ", " + through
	case config.JWKSURI:
		return "at " + k.JWKSURI.WithoutQuery() + fmt.Sprintf(", through the cluster %q", s.JWKSCluster)
	case config.Static:
		return fmt.Sprintf("%d in the configuration; nothing is fetched", k.Keys.Len())
	}
	return "none: no JWT is verified here"
}

func (p *printer) rest(c *config.Config) {
	if c.Unmatched == config.UnmatchedAllow {
		p.line("Every other request passes WITHOUT A CHECK (unmatched: allow).")
	} else {
		p.line("Every other request gets 404.")
	}
	if c.Audit {
		p.line("Filter state has the audit trail of each request (audit): access logs can name it.")
	}
	if c.AllowInsecureHTTP {
		p.line("http:// URLs are allowed on any host (allow_insecure_http): for closed test networks only.")
	}
	if n := c.DPoPNonce; n != nil {
		p.line("Each DPoP proof needs a nonce of the gateway, which lasts for %s at least (dpop_nonce).", time.Duration(n.LifetimeSeconds)*time.Second)
	}
	p.line("A token has at most %d bytes. %s", c.MaxTokenBytes, cacheText(c))
}

func cacheText(c *config.Config) string {
	if c.TokenCache.MaxEntries == 0 {
		return "Each token is verified anew for each request."
	}
	return fmt.Sprintf("Each worker remembers %d verified tokens.", c.TokenCache.MaxEntries)
}

func ruleText(r *config.Rule) string {
	what := r.Method
	if r.Name != "" {
		what += " " + r.Name
	}
	var needs []string
	if len(r.Scopes) > 0 {
		needs = append(needs, scopes(r.Scopes))
	}
	for i := range r.Claims {
		needs = append(needs, "the claim "+claim(&r.Claims[i]))
	}
	if len(needs) == 0 {
		return what + " needs nothing more"
	}
	return what + " also needs " + list(needs, "and")
}

// claim names a required claim. Its values are in the configuration.
func claim(c *config.RequiredClaim) string {
	name := c.Claim.Name
	if name == "" {
		name = strings.Join(c.Claim.Path, ".")
	}
	if len(c.Values) == 1 {
		return name + " with the one accepted value"
	}
	return fmt.Sprintf("%s with one of %d accepted values", name, len(c.Values))
}

func scopes(list []string) string {
	switch len(list) {
	case 0:
		return "no scope"
	case 1:
		return "the scope " + list[0]
	}
	return "the scopes " + strings.Join(list, " ")
}

func list(items []string, and string) string {
	switch len(items) {
	case 0:
		return "nothing"
	case 1:
		return items[0]
	}
	return strings.Join(items[:len(items)-1], ", ") + " " + and + " " + items[len(items)-1]
}

func sortedKeys(m map[string][]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func period(d time.Duration) string {
	if d == 24*time.Hour {
		return "a day"
	}
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}
