// Package oauthproxy stands in for an authorization server that registers no clients
// dynamically. MCP clients see an authorization server that registers every client;
// the provider sees all of them as one client, which an operator has registered there.
//
// The proxy keeps no state. Registration answers with the configured client. The
// authorization endpoint redirects to the provider. The token and revocation endpoints
// pass forms on, with the client's secret added. The proxy redirects users only to
// configured redirect URIs, and requires PKCE with S256.
//
// [Proxy.Authorize], [Proxy.Callback] and [Proxy.Register] answer at once.
// [Proxy.Exchange] and [Proxy.Revoke] begin a [Call], which [Proxy.Tick] sends. A Proxy
// reaches the outside through a [callout.Host] only.
package oauthproxy

import (
	"github.com/tidwall/gjson"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/wellknown"
)

const (
	// MaxBody is the size in bytes up to which a form or a registration is read.
	MaxBody = 64 << 10

	// RetryAfter is the number of seconds after which a client may try again when the
	// provider did not answer.
	RetryAfter = 5

	maxQuery = 8 << 10 // of an authorization request: the Location header repeats it
)

// Proxy stands in for one authorization server, the provider, in one worker.
type Proxy struct {
	server      *config.AuthorizationServer
	cfg         *config.OAuthProxy
	insecure    bool // endpoints in metadata may be http
	source      *keys.Source
	host        callout.Host
	credentials callout.Credentials
	secret      clientSecret
	requestLog  callout.EventLog // tells of single requests of clients
	exchangeLog callout.StateLog // tells whether codes can be exchanged
	responseLog callout.StateLog // tells whether clients accept authorization responses

	metadata                 string // from which the members below were read
	sendsIssuer              bool   // the provider names itself in each authorization response (RFC 9207)
	authorize, token, revoke *config.URL

	calls []*Call // under way
	queue []*Call // those of calls that are not sent yet
}

// New returns the Proxy of a server that has an OAuthProxy. source has the server's
// metadata; it may be nil if the configuration names all endpoints. insecure allows
// endpoints in metadata to be http.
func New(server *config.AuthorizationServer, source *keys.Source, insecure bool, host callout.Host) *Proxy {
	cfg := server.OAuthProxy
	return &Proxy{
		server:      server,
		cfg:         cfg,
		insecure:    insecure,
		source:      source,
		host:        host,
		credentials: callout.NewCredentials(cfg.Auth, cfg.ClientID, cfg.Secret),
		secret:      newClientSecret(cfg.Secret),
		requestLog:  callout.NewEventLog(host, server.Issuer, "oauth_proxy"),
		exchangeLog: callout.NewStateLog(host, server.Issuer, "codes and refresh tokens", "exchanged"),
		responseLog: callout.NewStateLog(host, server.Issuer, "authorization responses", "accepted by every client"),
		authorize:   cfg.AuthorizationEndpoint,
		token:       cfg.TokenEndpoint,
		revoke:      cfg.RevocationEndpoint,
	}
}

// A Response is sent to a client.
type Response struct {
	Status   uint32
	Location string // of a redirect
	Body     []byte // JSON; nil for none

	// Code and Description are those of an error without a Body (RFC 6749, section
	// 5.2).
	Code, Description string

	Challenge  string // a WWW-Authenticate header; empty for none
	RetryAfter string // a Retry-After header; empty for none

	Outcome metrics.Outcome
}

// refuse returns the response to a request with a mistake.
func refuse(code, description string) *Response {
	return &Response{Status: 400, Code: code, Description: description, Outcome: metrics.ProxyRefused}
}

// Ready reports whether the provider's endpoints are known.
func (p *Proxy) Ready() bool {
	if p.source != nil {
		if metadata := p.source.Metadata(); metadata != p.metadata {
			p.metadata = metadata
			p.readMetadata(gjson.Parse(metadata))
		}
	}
	return p.authorize != nil && p.token != nil
}

// readMetadata takes the endpoints that are not configured from metadata. An endpoint
// that is missing or unusable becomes nil.
func (p *Proxy) readMetadata(metadata gjson.Result) {
	for _, e := range [...]struct {
		name       string
		configured *config.URL
		endpoint   **config.URL
		required   bool
	}{
		{"authorization_endpoint", p.cfg.AuthorizationEndpoint, &p.authorize, true},
		{"token_endpoint", p.cfg.TokenEndpoint, &p.token, true},
		{"revocation_endpoint", p.cfg.RevocationEndpoint, &p.revoke, false},
	} {
		if e.configured != nil {
			continue
		}
		u, err := wellknown.Endpoint(metadata, e.name, p.insecure)
		if *e.endpoint = u; err != nil && e.required {
			p.exchangeLog.Set(err.Error())
		}
	}
	problem := ""
	p.sendsIssuer = wellknown.Member(p.metadata, "authorization_response_iss_parameter_supported") == "true"
	if p.sendsIssuer && !p.cfg.Callback {
		problem = "the provider names itself in them (RFC 9207), where clients expect the gateway: set callback"
	}
	p.responseLog.Set(problem)
}

// Source returns the source of the metadata; nil if the configuration names all
// endpoints.
func (p *Proxy) Source() *keys.Source { return p.source }

// Revokes reports whether the provider has a revocation endpoint.
func (p *Proxy) Revokes() bool { return p.revoke != nil }

// Document returns the metadata of the authorization server at the origin of a
// resource.
func (p *Proxy) Document(r *config.Resource) []byte {
	return wellknown.ProxyDocument(r, p.cfg, p.Revokes())
}
