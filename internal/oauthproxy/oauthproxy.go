// Package oauthproxy stands in for an authorization server that registers no clients
// dynamically. MCP clients see an authorization server that registers every client;
// the provider sees all of them as one client, which an operator has registered there.
//
// The proxy keeps no state. All that it must know later it seals (see sealer) and gives to
// the client or to the browser: a client ID is the registration itself. Only the states that
// were used stand in memory that the workers share, for minutes.
//
// A sign-in goes through these steps:
//
//	[Proxy.Register]   the client gets its ID, unless that is the URL of a document
//	[Proxy.Authorize]  the user sees a page that names the client, and the browser gets a cookie
//	[Proxy.Decide]     the user agrees; the browser goes to the provider
//	[Proxy.Callback]   the provider sends the browser back, and the gateway sends it to the client
//	[Proxy.Exchange]   the client exchanges the code, with the client's secret added
//
// These answer at once, except that [Proxy.Exchange] and [Proxy.Revoke] begin a [Call], and
// [Proxy.Authorize] and [Proxy.Decide] may need a [Fetch], which [Proxy.Tick] sends. A Proxy reaches the outside through a [callout.Host] only.
package oauthproxy

import (
	"strings"

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

	maxQuery = 8 << 10 // of an authorization request: the Location header repeats parts of it
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
	sealer      sealer
	random      func([]byte) bool // fills its argument, as New says
	exchangeLog callout.StateLog  // tells whether codes can be exchanged

	// These tell of single requests, each of a kind.
	requestLog, registrationLog, formLog, consentLog, callbackLog, tokenLog, documentLog callout.EventLog

	metadata                 string // from which the members below were read
	sendsIssuer              bool   // the provider names itself in each authorization response (RFC 9207)
	authorize, token, revoke *config.URL

	sources []*documentSource // of documents of clients
	fetches bool              // a Fetch is to be sent

	calls []*Call // under way
	queue []*Call // those of calls that are not sent yet
}

// New returns the Proxy of a server that has an OAuthProxy. source has the server's
// metadata; it may be nil if the configuration names all endpoints. insecure allows
// endpoints in metadata to be http. random fills its argument with random bytes that nobody
// can guess, or reports false.
func New(server *config.AuthorizationServer, source *keys.Source, insecure bool, host callout.Host, random func([]byte) bool) *Proxy {
	cfg := server.OAuthProxy
	log := func(kind string) callout.EventLog { return callout.NewEventLog(host, server.Issuer, kind) }
	p := &Proxy{
		server:      server,
		cfg:         cfg,
		insecure:    insecure,
		source:      source,
		host:        host,
		credentials: callout.NewCredentials(cfg.Auth, cfg.ClientID, cfg.Secret),
		secret:      newClientSecret(cfg.Secret),
		sealer:      sealer{cfg.SigningKeys, server.Issuer},
		random:      random,
		exchangeLog: callout.NewStateLog(host, server.Issuer, "codes and refresh tokens", "exchanged"),

		requestLog:      log("oauth_proxy"),
		registrationLog: log("oauth_proxy.register"),
		formLog:         log("oauth_proxy.form"),
		consentLog:      log("oauth_proxy.consent"),
		callbackLog:     log("oauth_proxy.callback"),
		tokenLog:        log("oauth_proxy.token"),
		documentLog:     log("oauth_proxy.document"),

		authorize: cfg.AuthorizationEndpoint,
		token:     cfg.TokenEndpoint,
		revoke:    cfg.RevocationEndpoint,
	}
	for i := range cfg.ClientDocuments {
		p.sources = append(p.sources, &documentSource{ClientDocument: &cfg.ClientDocuments[i]})
	}
	return p
}

// A Response is sent to a client.
type Response struct {
	Status   uint32
	Location string // of a redirect
	Body     []byte // JSON; nil for none
	HTML     []byte // a page for the user; nil for none
	Cookie   string // a Set-Cookie header; empty for none

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
	p.sendsIssuer = wellknown.Member(p.metadata, "authorization_response_iss_parameter_supported") == "true"
}

// Source returns the source of the metadata; nil if the configuration names all
// endpoints.
func (p *Proxy) Source() *keys.Source { return p.source }

// Revokes reports whether the provider has a revocation endpoint.
func (p *Proxy) Revokes() bool { return p.revoke != nil }

// Document returns the metadata of the authorization server that the gateway is for a
// resource.
func (p *Proxy) Document(r *config.Resource) []byte {
	return wellknown.ProxyDocument(r, p.cfg, p.Revokes())
}

// originOf returns the origin of the gateway as an issuer, which may have a path.
func (p *Proxy) originOf(issuer string) string { return strings.TrimSuffix(issuer, p.cfg.IssuerPath) }
