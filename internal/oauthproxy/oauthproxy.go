// Package oauthproxy plays an authorization server for MCP clients in the place
// of one that registers no clients by itself: to clients it is an authorization
// server that registers every one, to the provider it is one client, which an
// operator registered there by hand.
//
// It keeps no state: registration answers with the configured client, the
// authorization endpoint redirects to the provider, and the token and the
// revocation endpoint pass forms on with the client's secret added. A client is
// sent back only to a redirect URI that is configured, and must use PKCE with
// S256.
//
// [Proxy.Authorize] and [Proxy.Register] answer at once; [Proxy.Exchange] and
// [Proxy.Revoke] begin a [Call], which [Proxy.Tick] sends. The outside is reached
// through a [introspect.Host] only.
package oauthproxy

import (
	"github.com/tidwall/gjson"

	"mcpauth/config"
	"mcpauth/internal/introspect"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/wellknown"
)

const (
	// MaxBody is the size in bytes above which no form and no registration is
	// read.
	MaxBody = 64 << 10

	// RetryAfter is how many seconds to wait when the provider did not answer.
	RetryAfter = 5

	maxQuery = 8 << 10 // of an authorization request: it goes into a header
)

// Proxy stands for one authorization server, in one worker.
type Proxy struct {
	server   *config.AuthorizationServer
	how      *config.OAuthProxy
	insecure bool
	source   *keys.Source // of the metadata
	host     introspect.Host
	client   introspect.Credentials
	secret   introspect.Secret
	notice   introspect.Notice // on single requests of clients
	report   introspect.Report // on exchanges
	answers  introspect.Report // on what the provider sends clients back with

	metadata                 string // from which these were read
	names                    bool   // the provider names itself in all that it sends clients back with (RFC 9207)
	authorize, token, revoke *config.URL

	calls []*Call // under way
	queue []*Call // of them, those not sent yet
}

// New returns the Proxy of a server that has an OAuthProxy. source has its
// metadata; it may be nil where all endpoints are configured. insecure allows
// endpoints found in metadata to be http.
func New(server *config.AuthorizationServer, source *keys.Source, insecure bool, host introspect.Host) *Proxy {
	how := server.OAuthProxy
	return &Proxy{
		server:    server,
		how:       how,
		insecure:  insecure,
		source:    source,
		host:      host,
		client:    introspect.NewCredentials(how.Auth, how.ClientID, how.Secret),
		secret:    introspect.NewSecret(how.Secret),
		notice:    introspect.NewNotice(host, server.Issuer, "oauth_proxy"),
		report:    introspect.NewReport(host, server.Issuer, "codes and refresh tokens", "exchanged"),
		answers:   introspect.NewReport(host, server.Issuer, "authorization responses", "accepted by every client"),
		authorize: how.AuthorizationEndpoint,
		token:     how.TokenEndpoint,
		revoke:    how.RevocationEndpoint,
	}
}

// An Answer is one to a client.
type Answer struct {
	Status   uint32
	Location string // of a redirect
	Body     []byte // JSON; nil for none

	// Code and Description are those of an error that has no Body (RFC 6749,
	// section 5.2).
	Code, Description string

	Challenge  string // a WWW-Authenticate header; empty for none
	RetryAfter string // a Retry-After header; empty for none

	Outcome metrics.Outcome
}

// refuse is the answer to a request with a mistake.
func refuse(code, description string) *Answer {
	return &Answer{Status: 400, Code: code, Description: description, Outcome: metrics.ProxyRefused}
}

// Ready reports whether the provider's endpoints are known.
func (p *Proxy) Ready() bool {
	if p.source != nil {
		if text := p.source.Metadata(); text != p.metadata {
			p.metadata = text
			p.read(gjson.Parse(text))
		}
	}
	return p.authorize != nil && p.token != nil
}

// read takes from metadata the endpoints that are not configured. One that is
// not there, or of no use, is none.
func (p *Proxy) read(metadata gjson.Result) {
	for _, e := range [...]struct {
		name       string
		configured *config.URL
		endpoint   **config.URL
	}{
		{"authorization_endpoint", p.how.AuthorizationEndpoint, &p.authorize},
		{"token_endpoint", p.how.TokenEndpoint, &p.token},
		{"revocation_endpoint", p.how.RevocationEndpoint, &p.revoke},
	} {
		if e.configured != nil {
			continue
		}
		u, err := wellknown.Endpoint(metadata, e.name, p.insecure)
		if *e.endpoint = u; err != nil && e.endpoint != &p.revoke {
			p.report.Say(err.Error())
		}
	}
	named := ""
	p.names = wellknown.Member(p.metadata, "authorization_response_iss_parameter_supported") == "true"
	if p.names && !p.how.Callback {
		named = "the provider names itself in them (RFC 9207), where clients expect the gateway: set callback"
	}
	p.answers.Say(named)
}

// Source has the metadata; nil where all endpoints are configured.
func (p *Proxy) Source() *keys.Source { return p.source }

// Revokes reports whether the provider has a revocation endpoint.
func (p *Proxy) Revokes() bool { return p.revoke != nil }

// Document returns the metadata of the authorization server at the origin of a
// resource.
func (p *Proxy) Document(r *config.Resource) []byte {
	return wellknown.ProxyDocument(r, p.how, p.Revokes())
}
