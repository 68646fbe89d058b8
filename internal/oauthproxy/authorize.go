package oauthproxy

import (
	"strings"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
)

const (
	malformed     = "a parameter is malformed or there twice"
	wrongClient   = "client_id is not the one that registration gives"
	wrongRedirect = "redirect_uri is none of those that are allowed"
	queryTooLong  = "the query is too long"
)

// Authorize answers an authorization request, a query without the "?", made to the
// gateway as issuer. It redirects to the provider or, if something is wrong, back to
// the client. It does not redirect if the redirect URI is not allowed.
func (p *Proxy) Authorize(query, issuer string) *Response {
	var r authorizationRequest
	switch {
	case len(query) > maxQuery:
		return refuse("invalid_request", queryTooLong)
	case !parse(query, r.parameters()):
		return refuse("invalid_request", malformed)
	case r.ClientID != p.cfg.ClientID:
		return refuse("invalid_client", wrongClient)
	case !p.allowsRedirectURI(r.RedirectURI):
		p.logRefusedURI("at the authorization endpoint", r.RedirectURI)
		return refuse("invalid_request", wrongRedirect)
	}
	if code, description := r.check(); code != "" {
		back := authorizationResponse{Error: code, ErrorDescription: description, State: r.State, Issuer: issuer}
		return redirect(encode(back.parameters()).AddTo(r.RedirectURI), metrics.ProxyRefused)
	}
	if p.cfg.Callback {
		// The state carries the client's redirect URI, up to the first space: no URI
		// has a space.
		r.State = r.RedirectURI + " " + r.State
		r.RedirectURI = p.callbackURI(issuer)
	}
	return redirect(p.providerURI(&r), metrics.ProxyRedirected)
}

// check returns the error (RFC 6749, section 4.1.2.1) of a request whose redirect URI
// is allowed; empty if the provider may get it.
func (r *authorizationRequest) check() (code, description string) {
	switch {
	case r.ResponseType != "code":
		return "unsupported_response_type", "response_type must be code"
	case strings.Contains(strings.ToLower(r.Prompt), "none"):
		// The provider sees all MCP clients as one client, to which the user has
		// consented. A lenient provider may take "NONE" or "none login" for "none".
		return "consent_required", "the user must be asked"
	case r.CodeChallengeMethod != "S256" || !hasCodeSyntax(r.CodeChallenge, 43, 43):
		return "invalid_request", "PKCE with S256 is required"
	}
	return "", ""
}

// providerURI returns the URI at which the provider asks the user. Parameters in the
// query of the provider's endpoint take precedence over those of the client, so that
// an operator can make the provider ask for consent each time.
func (p *Proxy) providerURI(r *authorizationRequest) string {
	if r.Scope == "" {
		r.Scope = strings.Join(p.cfg.Scopes, " ")
	}
	if p.cfg.OmitResource {
		r.Resources = nil
	}
	var form callout.Form
	for _, q := range r.parameters() {
		if !strings.Contains("&"+p.authorize.Query, "&"+q.name+"=") {
			q.addTo(&form)
		}
	}
	return form.AddTo(p.authorize.Raw)
}

// callbackURI returns the redirect URI at which the provider sends users back to the
// gateway as issuer.
func (p *Proxy) callbackURI(issuer string) string {
	return issuer + p.cfg.PathPrefix + config.CallbackEndpoint
}

// Callback answers the provider's authorization response, a query without the "?". It
// redirects to the client, with the gateway as issuer.
//
// The state says where to redirect. Nothing seals it: the redirect URI must be an
// allowed one, for which any client could have asked as well.
func (p *Proxy) Callback(query, issuer string) *Response {
	if len(query) > maxQuery {
		return refuse("invalid_request", queryTooLong)
	}
	var r authorizationResponse
	parameters := r.parameters()
	if !parse(query, parameters) {
		return refuse("invalid_request", malformed)
	}
	for _, q := range parameters {
		if p.secret.in(*q.value) {
			p.requestLog.Log("an authorization response with the client's secret was refused")
			return refuse("invalid_request", "the response must not be passed on")
		}
	}
	uri, state, _ := strings.Cut(r.State, " ")
	switch {
	case !p.allowsRedirectURI(uri):
		p.logRefusedURI("at the callback", uri)
		return refuse("invalid_request", wrongRedirect)
	case !p.server.AcceptsIssuer(r.Issuer) && (r.Issuer != "" || p.sendsIssuer): // RFC 9207, section 2.4
		return refuse("invalid_request", "the response is of another issuer")
	}
	r.State, r.Issuer = state, issuer
	return redirect(encode(parameters).AddTo(uri), metrics.ProxyReturned)
}

func redirect(location string, o metrics.Outcome) *Response {
	return &Response{Status: 302, Location: location, Outcome: o}
}
