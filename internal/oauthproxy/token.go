package oauthproxy

import "mcpauth/internal/callout"

// A FormRequest is a POST request with a form, made to the gateway as issuer.
type FormRequest struct {
	ContentType, Body, Issuer string

	// Basic is set if the client authenticates by HTTP Basic.
	Basic bool
}

// Exchange begins to pass a token request on, or returns the Response to a request
// that it refuses. It requires that [Proxy.Ready] has reported true.
func (p *Proxy) Exchange(f *FormRequest) (*Response, *Call) {
	var r tokenRequest
	if refused := p.parseForm(f, r.parameters(), &r.ClientID); refused != nil {
		return refused, nil
	}
	// The request that the provider gets has the parameters of its grant type alone.
	to := tokenRequest{GrantType: r.GrantType, Resources: r.Resources}
	if p.cfg.OmitResource {
		to.Resources = nil
	}
	switch r.GrantType {
	case "authorization_code":
		switch {
		case r.Code == "":
			return refuse("invalid_request", "code is missing"), nil
		case r.RedirectURI != "" && !p.allowsRedirectURI(r.RedirectURI): // OAuth 2.1 has no redirect_uri here
			p.logRefusedURI("at the token endpoint", r.RedirectURI)
			return refuse("invalid_grant", wrongRedirect), nil
		case !hasCodeSyntax(r.CodeVerifier, 43, 128):
			return refuse("invalid_request", "code_verifier is missing or none"), nil
		}
		to.Code, to.RedirectURI, to.CodeVerifier = r.Code, r.RedirectURI, r.CodeVerifier
		if p.cfg.Callback {
			to.RedirectURI = p.callbackURI(f.Issuer)
		}
	case "refresh_token":
		if r.RefreshToken == "" {
			return refuse("invalid_request", "refresh_token is missing"), nil
		}
		to.RefreshToken, to.Scope = r.RefreshToken, r.Scope
	default:
		return refuse("unsupported_grant_type", "grant_type must be authorization_code or refresh_token"), nil
	}
	return p.begin(&Call{endpoint: p.token, form: encode(to.parameters())})
}

// Revoke does the same for a revocation request.
func (p *Proxy) Revoke(f *FormRequest) (*Response, *Call) {
	var r revocationRequest
	if refused := p.parseForm(f, r.parameters(), &r.ClientID); refused != nil {
		return refused, nil
	}
	if r.Token == "" {
		return refuse("invalid_request", "token is missing"), nil
	}
	to := revocationRequest{Token: r.Token, TokenTypeHint: r.TokenTypeHint}
	return p.begin(&Call{endpoint: p.revoke, form: encode(to.parameters()), revokes: true})
}

// parseForm reads a form into parameters, one of which is clientID. It returns the
// Response to a form that it refuses. Clients are public: the proxy ignores their
// authentication.
func (p *Proxy) parseForm(f *FormRequest, parameters []parameter, clientID *string) *Response {
	if !callout.IsMediaType(f.ContentType, callout.FormMediaType) {
		return refuse("invalid_request", "the body must be application/x-www-form-urlencoded")
	}
	if !parse(f.Body, parameters) {
		return refuse("invalid_request", malformed)
	}
	if *clientID == p.cfg.ClientID {
		return nil
	}
	refused := refuse("invalid_client", wrongClient)
	if f.Basic { // RFC 6749, section 5.2
		refused.Status, refused.Challenge = 401, `Basic realm="token endpoint"`
		refused.Description = "clients have no secret here: client_id must be in the body"
	}
	return refused
}
