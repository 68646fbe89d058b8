package oauthproxy

import (
	"strings"

	"mcpauth/internal/callout"
	"mcpauth/internal/metrics"
)

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
	c, refused := p.parseForm(f, r.parameters(), &r.ClientID)
	if refused != nil {
		return refused, nil
	}
	// The request that the provider gets has the parameters of its grant type alone.
	to := tokenRequest{GrantType: r.GrantType, Resources: r.Resources}
	if p.cfg.OmitResource {
		to.Resources = nil
	}
	var g grant
	switch r.GrantType {
	case "authorization_code":
		switch {
		case r.Code == "":
			return refuse("invalid_request", "code is missing"), nil
		case !hasCodeSyntax(r.CodeVerifier, 43, 128):
			return refuse("invalid_request", "code_verifier is missing or none"), nil
		}
		var problem string
		if g, problem = p.openCode(&r, &c, f.Issuer); problem != "" {
			return p.refuseGrant(&c, problem), nil
		}
		to.Code, to.RedirectURI, to.CodeVerifier = g.text, p.callbackURI(f.Issuer), r.CodeVerifier
	case "refresh_token":
		if r.RefreshToken == "" {
			return refuse("invalid_request", "refresh_token is missing"), nil
		}
		var own bool
		if g, own, _ = p.openRefreshToken(r.RefreshToken, &c, f.Issuer); !own {
			return p.refuseGrant(&c, "the refresh token is not one that this client got here"), nil
		}
		to.RefreshToken, to.Scope = g.text, p.refreshScope(r.Scope, g.scopes)
		if r.Scope != "" && to.Scope == "" {
			return refuse("invalid_scope", noScope), nil
		}
	default:
		return refuse("unsupported_grant_type", "grant_type must be authorization_code or refresh_token"), nil
	}
	if !g.covers(to.Resources, p.originOf(f.Issuer)) {
		return refuse("invalid_target", wrongResource), nil
	}
	return p.begin(&Call{endpoint: p.token, form: encode(to.parameters()), client: c.hash(), issuer: f.Issuer, agreed: g.agreed})
}

// refreshScope returns the scope parameter of a refresh request, empty for none. It returns
// none for scopes that the client may not have, or that the user has not agreed to.
func (p *Proxy) refreshScope(requested, agreed string) string {
	if requested == "" {
		return p.cfg.RefreshScope
	}
	var scopes []string
	for _, scope := range p.limitScopes(requested) {
		if strings.Contains(" "+agreed+" ", " "+scope+" ") {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 {
		return ""
	}
	return strings.Join(p.withExtraScopes(scopes), " ")
}

// Revoke does the same for a revocation request. A token that the gateway has not sealed is
// an access token, which is the provider's own.
func (p *Proxy) Revoke(f *FormRequest) (*Response, *Call) {
	var r revocationRequest
	c, refused := p.parseForm(f, r.parameters(), &r.ClientID)
	if refused != nil {
		return refused, nil
	}
	if r.Token == "" {
		return refuse("invalid_request", "token is missing"), nil
	}
	if g, own, sealed := p.openRefreshToken(r.Token, &c, f.Issuer); own {
		r.Token = g.text
	} else if sealed { // RFC 7009, section 2.1
		return p.refuseGrant(&c, "the token is of another client"), nil
	}
	to := revocationRequest{Token: r.Token, TokenTypeHint: r.TokenTypeHint}
	return p.begin(&Call{endpoint: p.revoke, form: encode(to.parameters()), revokes: true})
}

// parseForm reads a form into parameters, one of which is clientID, and returns the client,
// or the Response to a form that it refuses. Clients are public: the proxy ignores their
// authentication.
func (p *Proxy) parseForm(f *FormRequest, parameters []parameter, clientID *string) (c client, refused *Response) {
	if !callout.IsMediaType(f.ContentType, callout.FormMediaType) {
		return c, refuse("invalid_request", "the body must be application/x-www-form-urlencoded")
	}
	if !parse(f.Body, parameters) {
		return c, refuse("invalid_request", malformed)
	}
	problem := wrongClient
	if id := *clientID; isDocumentID(id) {
		// Codes and refresh tokens are bound to what the document said when the user agreed.
		if p.sourceOf(id) != nil {
			return client{id: id}, nil
		}
		problem = wrongDocument
	} else if c, ok := p.registeredClient(id, f.Issuer); ok {
		return c, nil
	}
	refused = refuse("invalid_client", problem)
	refused.Outcome = metrics.ProxyWrongClient
	if f.Basic { // RFC 6749, section 5.2
		refused.Status, refused.Challenge = 401, `Basic realm="token endpoint"`
		refused.Description = "clients have no secret here: client_id must be in the body"
	}
	return c, refused
}
